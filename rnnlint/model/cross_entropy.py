"""Losses that take the log of a probability: where they do, of what, and over what they average."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rnnlint.model.code_blocks import CodeBlock, last_word, method_called, place_of
from rnnlint.records import dataclass
from rnnlint.syntax import tree

_LOGS = frozenset({"log", "log2", "log10"})
_LOSS_WORD = re.compile(r"loss|cost|nll|entropy|error|objective|perplexity|(^|_)ce($|_)", re.IGNORECASE)
_SIZE_WORD = re.compile(r"size|len|num|count|vocab|^n_|_n$|(?-i:^[A-Z]$)|dim|steps?$", re.IGNORECASE)
_PROBABILITY_WORD = re.compile(
    r"prob|y_?hat|y_?pred|pred|output|softmax|sigmoid|^ps?$|^ys?$|^[aA]\d?$|^AL$|^out$", re.IGNORECASE
)
_FLOORING = frozenset({"clip", "maximum", "fmax", "where", "nan_to_num"})


@dataclass(frozen=True, slots=True)
class LogTerm:
    """``log(p)`` in a loss.

    ``is_named_probability`` says that the name, or what is assigned to it, makes ``p`` a probability; the
    shape of a cross-entropy is there in any case.
    """

    block: CodeBlock
    call: tree.Call
    statement: tree.Statement
    is_named_probability: bool

    @property
    def argument(self) -> tree.Expression:
        """What the log is taken of."""
        return self.call.arguments[0]

    @property
    def has_floor(self) -> bool:
        """Whether an eps, a clip or a condition, here or where it is set, keeps the argument from 0."""
        return self._is_guarded or any(
            _adds_floor(self.block, each) for each in (self.argument, *self._values)
        )

    @property
    def lost_floor(self) -> tree.Binary | None:
        """A ``1 - eps`` that is exactly 1 in float64, where the argument is one minus what it bounds."""
        if not _one_minus(self.argument):
            return None
        bounds = (node for value in self._values for node in value.walk() if isinstance(node, tree.Binary))
        return next((node for node in bounds if _is_lost(node)), None)

    @property
    def _values(self) -> tuple[tree.Expression, ...]:
        return self.block.values_of(_logged(self.block, self.argument))

    @property
    def _is_guarded(self) -> bool:
        place = place_of(_logged(self.block, self.argument))
        tests = (
            outer.test
            for outer in self.block.module.ancestors(self.call)
            if isinstance(outer, tree.Conditional | tree.If)
        )
        return any(place_of(node) == place for test in tests for node in test.walk())


def log_terms(block: CodeBlock) -> Iterator[LogTerm]:
    """Every log of a variable in ``block`` that is part of a cross-entropy."""
    for call in block.of_kind(tree.Call):
        if block.called(call) not in _LOGS or len(call.arguments) != 1:
            continue
        statement = block.module.statement_of(call)
        if statement and _may_be_probability(block, call.arguments[0]) and _is_loss(block, call, statement):
            yield LogTerm(block, call, statement, _is_named_probability(block, call.arguments[0]))


def averaging(term: LogTerm) -> tree.Expression | None:
    """What makes the loss of ``term`` an average: a ``mean`` around it, or a division of the sum."""
    inner: tree.Node = term.call
    for outer in term.block.module.ancestors(term.call):
        if isinstance(outer, tree.Statement):
            break
        method = method_called(outer)
        if term.block.called(outer) in ("mean", "average") or (method and method[0] == "mean"):
            return outer if isinstance(outer, tree.Expression) else None
        if isinstance(outer, tree.Binary) and outer.operator == "/" and outer.left is inner:
            return outer
        inner = outer
    return None


def _may_be_probability(block: CodeBlock, argument: tree.Expression) -> bool:
    read = _logged(block, argument)
    if isinstance(read, tree.Call):
        return _names_probability(read)
    place = place_of(read)
    if place is None or (not isinstance(read, tree.Subscript) and _SIZE_WORD.search(last_word(place))):
        return False
    values = block.values_of(read)
    return not any(isinstance(value, tree.Constant) or _is_count(value) for value in values)


def _is_count(value: tree.Expression) -> bool:
    return (
        isinstance(value, tree.Call) and isinstance(value.function, tree.Name) and value.function.id == "len"
    )


def _is_named_probability(block: CodeBlock, argument: tree.Expression) -> bool:
    read = _logged(block, argument)
    place = place_of(read)
    if place is None or _PROBABILITY_WORD.search(last_word(place)):
        return True
    return any(_names_probability(value) for value in block.values_of(read))


def _names_probability(value: tree.Expression) -> bool:
    if not isinstance(value, tree.Call):
        return False
    name = place_of(value.function) or ""
    return re.search(r"softmax|sigmoid|expit", name, re.IGNORECASE) is not None


def _logged(block: CodeBlock, argument: tree.Expression) -> tree.Expression:
    """``p`` of ``p``, ``p + eps``, ``1 - p + eps`` and ``np.clip(p, eps, 1)``."""
    match argument:
        case tree.Binary(operator="+", left=left, right=right) if _is_small(left) or _is_small(right):
            return _logged(block, right if _is_small(left) else left)
        case tree.Call(arguments=(first, *_)) if block.called(argument) in _FLOORING:
            return _logged(block, first)
    return _one_minus(argument) or argument


def _one_minus(argument: tree.Expression) -> tree.Expression | None:
    """``p`` of ``1 - p``."""
    match argument:
        case tree.Binary(operator="-", left=tree.Constant(value=1), right=subtracted) if place_of(subtracted):
            return subtracted
    return None


def _is_loss(block: CodeBlock, call: tree.Call, statement: tree.Statement) -> bool:
    """Whether the log is negated on its way, is subtracted, or ends in something that is called a loss."""
    inner: tree.Node = call
    for outer in block.module.ancestors(call):
        match outer:
            case tree.Unary(operator="-"):
                return True
            case tree.Binary(operator="-", right=right) if right is inner:
                return True
            case tree.Binary(operator="*", left=left, right=right) if _is_negative(left) or _is_negative(
                right
            ):
                return True
            case tree.AugmentedAssign(operator="-"):
                return True
            case tree.Statement():
                break
        inner = outer
    return _is_called_loss(block, statement)


def _is_called_loss(block: CodeBlock, statement: tree.Statement) -> bool:
    match statement:
        case tree.Return():
            return block.function is not None and _LOSS_WORD.search(block.function.name) is not None
        case tree.Assign(targets=(target, *_)) | tree.AugmentedAssign(target=target):
            place = place_of(target)
            return place is not None and (
                _LOSS_WORD.search(place) is not None or _is_negated_later(block, place)
            )
    return False


def _is_negated_later(block: CodeBlock, place: str) -> bool:
    """Whether ``-np.sum(place)`` or the like stands somewhere in the block."""
    return any(
        node.operator == "-" and any(place_of(each) == place for each in node.operand.walk())
        for node in block.of_kind(tree.Unary)
    )


def _is_negative(expression: tree.Expression) -> bool:
    match expression:
        case tree.Constant(value=int() | float() as value):
            return value < 0
        case tree.Binary(operator="/" | "*", left=left):
            return _is_negative(left)
        case tree.Unary(operator="-"):
            return True
    return False


def _adds_floor(block: CodeBlock, expression: tree.Expression) -> bool:
    for node in expression.walk():
        match node:
            case tree.Binary(operator="+", left=left, right=right) if _is_small(left) or _is_small(right):
                return True
            case tree.Call():
                method = method_called(node)
                if block.called(node) in _FLOORING or (method and method[0] in _FLOORING):
                    return True
                if (
                    isinstance(node.function, tree.Name)
                    and node.function.id == "max"
                    and len(node.arguments) > 1
                ):
                    return True
            case tree.Conditional():
                return True
    return False


def _is_small(expression: tree.Expression) -> bool:
    """A positive constant, or a name for one (``eps``, ``self.epsilon``, ``np.finfo(float).eps``)."""
    match expression:
        case tree.Constant(value=int() | float() as value):
            return value > 0
        case tree.Name() | tree.Attribute():
            name = expression.attr if isinstance(expression, tree.Attribute) else expression.id
            return re.search(r"eps|tiny|delta|small|1e|stab", name, re.IGNORECASE) is not None
    return False


def _is_lost(node: tree.Binary) -> bool:
    match node:
        case tree.Binary(
            operator="-", left=tree.Constant(value=1), right=tree.Constant(value=float() as eps)
        ):
            return eps > 0 and 1 - eps == 1
    return False
