"""How training starts: what the parameters are initialised with, and what the learning rates are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum

from rnnlint.model.code_blocks import CodeBlock, last_word, place_of
from rnnlint.records import dataclass
from rnnlint.syntax import tree

_WEIGHT = re.compile(r"^_*(W|U|V|w_|weights?|kernel)", re.ASCII)
_BIAS = re.compile(r"^_*b(ias)?(?![a-z]{3})|^_*bias|_bias$|^b_", re.ASCII)
_FORGET_BIAS = re.compile(
    r"^_*(b|bias)_?(f|forget)(_?gate)?_*$|^_*(f|forget)(_gate)?_?(b|bias)$", re.IGNORECASE
)
_NOT_A_PARAMETER = re.compile(
    r"^d[A-Z_]|^d[wbu]|grad|delta|_d$|^[mvs]_?d?[WUVb]|mem|cache|velocity|moment|accum|adam"
)
_NOT_A_SETUP = re.compile(
    r"backward|bptt|grad|loss|adam|momentum|rms|velocity|zero_|reset|optimi|test|check", re.IGNORECASE
)
_RANDOM = frozenset({"randn", "rand", "random", "normal", "standard_normal", "random_sample", "uniform"})
_LEARNING_RATE = re.compile(r"^_*(lr|l_?rate|learning_?rate|eta|step_size)_*$", re.IGNORECASE)


class Start(StrEnum):
    """What an array starts with."""

    ZEROS = "zeros"
    ONES = "ones"
    RANDOM = "random"


@dataclass(frozen=True, slots=True)
class Initialisation:
    """A parameter's first value, made by ``call``; ``name`` is what a person would call the parameter.

    ``is_scaled`` says that something multiplies or divides the call's value, or is given to it as a scale.
    """

    block: CodeBlock
    place: str
    name: str
    start: Start
    call: tree.Call
    is_scaled: bool

    @property
    def is_weight(self) -> bool:
        """A matrix of weights, by its name and by the number of its axes."""
        return _WEIGHT.search(self.name) is not None and self._is_matrix

    @property
    def is_forget_bias(self) -> bool:
        """The bias of a forget gate, by its name."""
        return _FORGET_BIAS.search(self.name) is not None

    @property
    def is_stacked_bias(self) -> bool:
        """A bias of four gates in one array: a size is four times another."""
        return _BIAS.search(self.name) is not None and any(_is_times_four(node) for node in self.call.walk())

    @property
    def _is_matrix(self) -> bool:
        sizes = self.call.arguments
        if len(sizes) == 1 and isinstance(sizes[0], tree.Sequence):
            sizes = sizes[0].items
        for each in self.call.keywords:
            if each.name in ("size", "shape") and isinstance(each.value, tree.Sequence):
                sizes = each.value.items
        return len(sizes) == 2 and not any(
            isinstance(each, tree.Constant) and each.value == 1 for each in sizes
        )


@dataclass(frozen=True, slots=True)
class LearningRate:
    """A learning rate that is written as a number."""

    block: CodeBlock
    number: tree.Constant


def initialisations(block: CodeBlock) -> Iterator[Initialisation]:
    """The parameters that a block sets up with zeros, ones or random numbers, each assigned once there."""
    function = block.function.name if block.function else ""
    if _NOT_A_SETUP.search(function) or block.module.path.stem.startswith("test"):
        return
    for place, value in _named_values(block):
        name = last_word(place)
        call = _maker(block, value)
        set_once = len(block.assigned.get(place, (value,))) == 1
        if call and set_once and not any(_NOT_A_PARAMETER.search(word) for word in re.findall(r"\w+", place)):
            scaled = call is not value or _has_scale(block, call)
            yield Initialisation(block, place, name, _start_of(block, call), call, scaled)


def learning_rates(block: CodeBlock) -> Iterator[LearningRate]:
    """Every number that is assigned to, defaulted to or passed as a learning rate."""
    parameters = block.function.parameters if block.function else ()
    pairs = [(each.name, each.default) for each in parameters if each.default]
    pairs += [(last_word(place), value) for place, value in _named_values(block)]
    for node in block.of_kind(tree.Keyword):
        if node.name:
            pairs.append((node.name, node.value))
    for name, value in pairs:
        if (
            _LEARNING_RATE.search(name)
            and isinstance(value, tree.Constant)
            and isinstance(value.value, int | float)
        ):
            yield LearningRate(block, value)


def _named_values(block: CodeBlock) -> Iterator[tuple[str, tree.Expression]]:
    """What is assigned to names, attributes and entries, a dict display's entries among them."""
    for node in block.nodes:
        match node:
            case tree.Assign(targets=targets, value=value):
                for target in targets:
                    pairs = [(target, value)]
                    if isinstance(target, tree.Sequence) and isinstance(value, tree.Sequence):
                        pairs = list(zip(target.items, value.items, strict=False))
                    yield from ((place, each) for name, each in pairs if (place := _whole_place(name)))
            case tree.Mapping(keys=keys, values=values):
                for key, value in zip(keys, values, strict=True):
                    if isinstance(key, tree.Constant) and isinstance(key.value, str):
                        yield key.value, value


def _whole_place(target: tree.Expression) -> str | None:
    """A target's place, None where only a part of an array is written."""
    if isinstance(target, tree.Subscript) and not (
        len(target.indices) == 1
        and isinstance(target.indices[0], tree.Constant)
        and isinstance(target.indices[0].value, str)
    ):
        return None
    return place_of(target)


def _maker(block: CodeBlock, value: tree.Expression) -> tree.Call | None:
    """The call that makes an array of zeros, ones or random numbers, under factors and divisors."""
    match value:
        case tree.Call() if block.called(value) in _RANDOM | {"zeros", "ones"}:
            return value
        case tree.Binary(operator="*" | "/" | "-" | "+", left=left, right=right):
            return _maker(block, left) or _maker(block, right)
        case tree.Unary(operand=operand):
            return _maker(block, operand)
        case tree.Call(function=tree.Attribute(value=inner)):
            return _maker(block, inner)  # np.random.randn(…).astype(…)
    return None


def _start_of(block: CodeBlock, call: tree.Call) -> Start:
    name = block.called(call)
    return Start(name) if name in ("zeros", "ones") else Start.RANDOM


def _has_scale(block: CodeBlock, call: tree.Call) -> bool:
    """Whether ``normal`` or ``uniform`` were told how wide to draw."""
    if block.called(call) not in ("normal", "uniform"):
        return False
    return len(call.arguments) > 1 or any(each.name in ("scale", "low", "high") for each in call.keywords)


def _is_times_four(node: tree.Node) -> bool:
    match node:
        case tree.Binary(operator="*", left=left, right=right):
            return any(isinstance(each, tree.Constant) and each.value == 4 for each in (left, right))
    return False
