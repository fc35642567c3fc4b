"""A program's statements written so that every expression hands its value to a watcher as it is computed.

``f = sigmoid(W @ z + b)`` becomes ``f = _watch(5, sigmoid(_watch(4, (_watch(2, …) + _watch(3, b)))))``. What
is watched are expressions as the author wrote them, each with a number; what they compute stays the same.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from enum import StrEnum

from rnnlint.diagnosis.program_text import ProgramText
from rnnlint.diagnosis.suspects import Function, Suspect, targets, value_of
from rnnlint.findings import Edit, Span
from rnnlint.fixes import apply_edits
from rnnlint.records import dataclass, field, replace

WATCHER = "_rnnlint_watch"
_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
    ast.MatMult: "@",
}


class Part(StrEnum):
    """What a watched expression is in its statement."""

    RESULT = "result"  # what the statement computes, or one of several
    ARGUMENT = "argument"  # of a call of NumPy
    PASSED = "passed"  # to a function of the project, or into a stack
    OPERAND = "operand"  # of an operation whose derivative follows from its operands
    AFTER = "after"  # the target of an augmented assignment, once it is made
    GIVEN = "given"  # a parameter on entry, or what a step finds of the step before


@dataclass(frozen=True, slots=True)
class Watched:
    """One expression, the statement it stands in, and the numbers of its operands in order."""

    number: int
    part: Part
    node: ast.expr | None
    statement: Suspect
    operands: tuple[int, ...] = ()
    text: str = ""
    first: int = 0  # the number of the first expression inside it

    @property
    def is_read(self) -> bool:
        """Whether it is a variable, an attribute or an item, as it stands."""
        match self.node:
            case ast.Subscript(value=ast.BinOp() | ast.Call()):
                return False  # a part of something computed
            case ast.Name() | ast.Subscript():
                return True
            case _:
                return isinstance(self.node, ast.Attribute) and self.node.attr != "T"


@dataclass
class WatchedProgram:
    """The edits that make statements watched, and what each number stands for.

    ``changes`` are edits of the same text that are made too: a statement is watched as they leave it.
    """

    changes: Sequence[Edit] = ()
    watched: list[Watched] = field(default_factory=list)
    _edits: list[Edit] = field(default_factory=list)
    _taken_up: set[Edit] = field(default_factory=set)

    @property
    def edits(self) -> list[Edit]:
        """All edits, the changes with them."""
        return [*self._edits, *(edit for edit in self.changes if edit not in self._taken_up)]

    def add(self, statements: Sequence[Suspect], *, entries: bool = False) -> None:
        """Watch these statements, with ``entries`` also what a function is given and what a loop's step
        finds.
        """
        prefixes = dict(_entries(statements)) if entries else {}
        for statement in statements:
            span = statement.program.span(statement.node)
            inside = [edit for edit in self.changes if stands_in(edit, statement)]
            changed = edited_statement(statement, inside) if inside else statement
            if changed is not None and value_of(changed.node) is not None:
                self._taken_up |= set(inside)
                text = self._written(changed, prefixes.get(id(statement.node), ()))
                self._edits.append(Edit(statement.path, span, text))

    def _written(self, statement: Suspect, names_before: Sequence[str]) -> str:
        program, node = statement.program, statement.node
        value = value_of(node)
        assert value is not None
        writer = _Writer(self.watched, statement)
        prefix = "".join(f"{name} = {writer.given(name)}; " for name in names_before)
        span, inner = program.span(node), program.outer_span(value)
        if inner < span:
            inner = program.span(value)
        start = Span(span.line, span.column, inner.line, inner.column)
        end = Span(inner.end_line, inner.end_column, span.end_line, span.end_column)
        text = f"{prefix}{program.between(start)}{writer.result(value)}{program.between(end)}"
        if isinstance(node, ast.AugAssign):
            text += "".join(f"; {writer.after(target)}" for target in _wholes(node.target))
        return text


def edited_statement(statement: Suspect, edits: Sequence[Edit]) -> Suspect | None:
    """The statement as the edits leave it, in a program of its own; None where that is no such statement."""
    origin = statement.program.span(statement.node)
    text = apply_edits(statement.program.source(statement.node), [_moved(edit, origin) for edit in edits])
    try:
        (node,) = ast.parse(text).body
    except (SyntaxError, ValueError):
        return None
    return replace(statement, program=ProgramText(statement.path, text), node=node)


def stands_in(edit: Edit, statement: Suspect) -> bool:
    """Whether an edit changes nothing but this statement."""
    return edit.path == statement.path and _is_within(edit.span, statement.program.span(statement.node))


def _is_within(inner: Span, outer: Span) -> bool:
    start, end = (outer.line, outer.column), (outer.end_line, outer.end_column)
    return start <= (inner.line, inner.column) < end and (inner.end_line, inner.end_column) <= end


def _moved(edit: Edit, origin: Span) -> Edit:
    """An edit of the file as one of the statement's own text."""
    span, shift = edit.span, origin.column - 1
    column = span.column - (shift if span.line == origin.line else 0)
    end_column = span.end_column - (shift if span.end_line == origin.line else 0)
    first = origin.line - 1
    return Edit(edit.path, Span(span.line - first, column, span.end_line - first, end_column), edit.text)


class _Writer:
    """Writes one statement's expressions."""

    def __init__(self, watched: list[Watched], statement: Suspect) -> None:
        self._all = watched
        self._statement = statement
        self._program = statement.program

    def given(self, name: str) -> str:
        return self._call(Part.GIVEN, None, (), name, name)

    def after(self, target: ast.expr) -> str:
        source = self._program.source(target)
        return self._call(Part.AFTER, target, (), source, source)

    def result(self, value: ast.expr) -> str:
        """A statement's value: one result, or those that a tuple, list or dict is written out of."""
        match value:
            case ast.Tuple(elts=elements) if not any(isinstance(e, ast.Starred) for e in elements):
                return f"({''.join(self.result(e) + ', ' for e in elements)})"
            case ast.List(elts=elements) if not any(isinstance(e, ast.Starred) for e in elements):
                return f"[{', '.join(self.result(e) for e in elements)}]"
            case ast.Dict(keys=keys, values=values) if all(keys):
                pairs = [
                    f"{self._program.source(key)}: {self.result(item)}"
                    for key, item in zip(keys, values, strict=True)
                    if key is not None
                ]
                return f"{{{', '.join(pairs)}}}"
            case _:
                return self.of(value, Part.RESULT)[0]

    def of(self, node: ast.expr, part: Part) -> tuple[str, int | None]:
        """The text of a watched expression, and its number."""
        first = len(self._all)
        source = self._program.source(node)
        inner: list[tuple[str, int | None]] = []
        match node:
            case ast.Subscript(value=ast.BinOp() | ast.Call() as whole, slice=index):
                inner = [self.of(whole, Part.ARGUMENT)]
                text = f"{inner[0][0]}[{self._program.source(index)}]"
            case ast.Name() | ast.Subscript():
                text = source
            case ast.Attribute(value=value, attr="T"):
                inner = [self.of(value, Part.OPERAND)]
                text = f"{inner[0][0]}.T"
            case ast.Attribute():
                text = source
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                inner = [self.of(left, Part.OPERAND), self.of(right, Part.OPERAND)]
                text = f"({inner[0][0]} {_OPERATORS[type(op)]} {inner[1][0]})"
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = [self.of(operand, Part.OPERAND)]
                text = f"(-{inner[0][0]})"
            case ast.Call() if not any(isinstance(a, ast.Starred) for a in node.args):
                text, inner = self._of_call(node)
            case ast.Constant():
                return source, None
            case _:
                text = f"({source})"
        operands = tuple(-1 if number is None else number for _, number in inner)
        written = self._call(part, node, operands, text, source, first)
        return written, len(self._all) - 1

    def _of_call(self, node: ast.Call) -> tuple[str, list[tuple[str, int | None]]]:
        """A call with its arguments watched."""
        function = node.func
        part = Part.OPERAND if is_product(node) else Part.ARGUMENT
        given = Part.PASSED if part is Part.ARGUMENT and not _is_of_numpy(function) else part
        inner: list[tuple[str, int | None]] = []
        if isinstance(function, ast.Attribute) and not _is_name_of_module(function.value):
            if function.attr in _METHODS_OF_ARRAYS:
                held = self.of(function.value, part)
                inner.append(held)
                called = f"{held[0]}.{function.attr}"
            else:
                called = self._program.source(function)
        else:
            called = self._program.source(function)
        written: list[str] = []
        for argument in node.args:
            match argument:
                case ast.List(elts=elements) | ast.Tuple(elts=elements) if not any(
                    isinstance(e, ast.Starred | ast.List | ast.Tuple) for e in elements
                ):
                    members = [self.of(element, Part.PASSED) for element in elements]
                    inner += members
                    texts = [text for text, _ in members]
                    written.append(
                        f"[{', '.join(texts)}]"
                        if isinstance(argument, ast.List)
                        else f"({''.join(t + ', ' for t in texts)})"
                    )
                case _:
                    held = self.of(argument, given)
                    inner.append(held)
                    written.append(held[0])
        written += [
            f"{keyword.arg}={self._program.source(keyword.value)}"
            if keyword.arg
            else f"**{self._program.source(keyword.value)}"
            for keyword in node.keywords
        ]
        return f"{called}({', '.join(written)})", inner

    def _call(
        self,
        part: Part,
        node: ast.expr | None,
        operands: tuple[int, ...],
        text: str,
        source: str,
        first: int | None = None,
    ) -> str:
        number = len(self._all)
        start = number if first is None else first
        self._all.append(Watched(number, part, node, self._statement, operands, source, start))
        return f"{WATCHER}({number}, {text})"


_METHODS_OF_ARRAYS = frozenset(
    "dot sum mean reshape transpose copy ravel flatten squeeze astype clip dtype".split()
)


def is_product(node: ast.Call) -> bool:
    """Whether a call is a product of its two operands, whose derivative follows from them."""
    match node:
        case ast.Call(
            func=ast.Attribute(
                value=ast.Name(id="np" | "numpy"), attr="dot" | "matmul" | "outer" | "multiply"
            ),
            args=[_, _],
            keywords=[],
        ):
            return True
        case ast.Call(func=ast.Attribute(value=ast.expr() as value, attr="dot"), args=[_], keywords=[]):
            return not _is_name_of_module(value)
        case _:
            return False


def _wholes(target: ast.expr) -> Iterator[ast.expr]:
    """What an augmented assignment changes, and the array of which that is a part."""
    yield target
    while isinstance(target, ast.Subscript) and not isinstance(target.slice, ast.Constant):
        target = target.value
        yield target


def _is_of_numpy(function: ast.expr) -> bool:
    while isinstance(function, ast.Attribute):
        if function.attr in _METHODS_OF_ARRAYS or function.attr == "append":
            return True
        function = function.value
    return _is_name_of_module(function)


def _is_name_of_module(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("np", "numpy", "math", "cp")


def _entries(statements: Sequence[Suspect]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """For a function's first statement its parameters, for a loop's first the names that a step takes from
    the one before.
    """
    functions: dict[int, Function] = {}
    loops: dict[int, ast.For | ast.While] = {}
    names: dict[int, tuple[str, ...]] = {}
    for statement in statements:
        if statement.function is not None and id(statement.function) not in functions:
            functions[id(statement.function)] = statement.function
            names[id(statement.node)] = tuple(_parameters(statement.function))
        for loop in statement.loops:
            if id(loop) not in loops and statement.node in loop.body:
                loops[id(loop)] = loop
                names[id(statement.node)] = names.get(id(statement.node), ()) + tuple(_taken_over(loop))
    yield from names.items()


def _parameters(function: Function) -> Iterator[str]:
    given = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    yield from (each.arg for each in given if each.arg not in ("self", "cls"))


def _taken_over(loop: ast.For | ast.While) -> Iterator[str]:
    """Names that the loop's body reads before it sets them."""
    read: dict[str, None] = {}
    stored: dict[str, None] = {}
    for statement in loop.body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in stored:
                read[node.id] = None
        for target in targets(statement):
            if isinstance(target, ast.Name):
                stored[target.id] = None
    yield from (name for name in read if name in stored)
