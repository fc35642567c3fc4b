"""The statements that may make a gradient wrong: those of the backward pass and of what it alone calls."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from rnnlint.diagnosis.program_text import ProgramText, program_text
from rnnlint.model.project import Project
from rnnlint.records import dataclass, replace
from rnnlint.verdicts import GradientCheck

Function = ast.FunctionDef | ast.AsyncFunctionDef
Simple = ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Return | ast.Expr

MOST_FUNCTIONS = 12
_BACKWARD = re.compile(r"back|bptt|grad|deriv|prime|^d_?(sigmoid|tanh)")
_NOT_BACKWARD = re.compile(
    r"forward|predict|sample|loss|cost|sigmoid|softmax|tanh|relu|clip|update|optim|step|adam|sgd|init|train"
)


@dataclass(frozen=True)
class Suspect:
    """One statement of the backward pass, the function it stands in (None: the file's own body) and its
    loops.

    A statement that computes several things at once is a suspect for each ``part``.
    """

    program: ProgramText
    function: Function | None
    node: ast.stmt
    loops: tuple[ast.For | ast.While, ...] = ()
    part: ast.expr | None = None
    bound: ast.expr | None = None

    @property
    def value(self) -> ast.expr | None:
        """What it computes."""
        return self.part if self.part is not None else value_of(self.node)

    @property
    def targets(self) -> tuple[ast.expr, ...]:
        """What it binds or changes, tuples taken apart."""
        return (self.bound,) if self.bound is not None else tuple(targets(self.node))

    @property
    def path(self) -> Path:
        return self.program.path

    @property
    def line(self) -> int:
        return self.part.lineno if self.part is not None else self.node.lineno


@dataclass(frozen=True)
class BackwardText:
    """The part of one function (or of a file's body) that belongs to the backward pass, in the order of its
    lines.
    """

    program: ProgramText
    function: Function | None
    suspects: tuple[Suspect, ...]

    @property
    def loops(self) -> tuple[ast.For | ast.While, ...]:
        """Its loops, outermost first."""
        return tuple(dict.fromkeys(loop for suspect in self.suspects for loop in suspect.loops))


def backward_texts(project: Project, check: GradientCheck) -> tuple[BackwardText, ...]:
    """The function that ``check`` ran as backward pass, then the project functions that it calls, nearest
    first.
    """
    programs = {program.path: program for program in reachable_programs(project, check.path)}
    home = programs.get(check.path)
    if home is None:
        return ()
    start = enclosing(home.tree, check.line)
    if start is None:
        return _with_suspects(BackwardText(home, None, tuple(_suspects(home, None))))
    found: dict[int, BackwardText] = {}
    waiting: list[tuple[ProgramText, Function]] = [(home, start)]
    while waiting and len(found) < MOST_FUNCTIONS:
        program, function = waiting.pop(0)
        if id(function) in found:
            continue
        text = BackwardText(program, function, tuple(_suspects(program, function)))
        found[id(function)] = text
        for name in dict.fromkeys(_called(text.suspects)):
            waiting += functions_named(programs, name)
    return tuple(text for text in found.values() if text.suspects)


def _with_suspects(text: BackwardText) -> tuple[BackwardText, ...]:
    return (text,) if text.suspects else ()


def reachable_programs(project: Project, path: Path) -> Iterator[ProgramText]:
    """The file, what it imports, then the rest of the project."""
    for each in dict.fromkeys((path, *project.closure(path), *project.files)):
        if each in project.files and project.files[each].problem is None:
            yield program_text(each, project.files[each].text)


def enclosing(tree: ast.Module, line: int) -> Function | None:
    """The innermost function round ``line``, decorators not counted."""
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, Function) and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    return max(around, key=lambda function: function.lineno, default=None)


def functions_named(programs: dict[Path, ProgramText], name: str) -> Iterator[tuple[ProgramText, Function]]:
    plain = name.lower().strip("_")
    if _NOT_BACKWARD.search(plain) and not _BACKWARD.search(plain):
        return
    for program in programs.values():
        for node in program.functions.get(name, ()):
            yield program, node


def _called(suspects: tuple[Suspect, ...]) -> Iterator[str]:
    nodes: list[ast.AST] = [suspect.node for suspect in suspects]
    nodes += [loop.iter for suspect in suspects for loop in suspect.loops if isinstance(loop, ast.For)]
    for top in nodes:
        for node in ast.walk(top):
            match node:
                case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
                    yield name


def statements_of(program: ProgramText, function: Function | None) -> Iterator[Suspect]:
    """The simple statements of a function or of a file's body, in the order of the lines."""
    body = function.body if function is not None else program.tree.body
    yield from _simple(program, function, body, ())


def first_backward_line(program: ProgramText, function: Function | None) -> int:
    """Where the backward part of a function begins: the line after its last loop that runs forward, or 0."""
    return _first_backward_line(program, function.body if function is not None else program.tree.body)


def _suspects(program: ProgramText, function: Function | None) -> Iterator[Suspect]:
    start = first_backward_line(program, function)
    for statement in statements_of(program, function):
        if statement.line >= start:
            yield from _by_parts(statement)


def _simple(
    program: ProgramText,
    function: Function | None,
    body: list[ast.stmt],
    loops: tuple[ast.For | ast.While, ...],
) -> Iterator[Suspect]:
    for statement in body:
        match statement:
            case ast.For(body=inner, orelse=after) | ast.While(body=inner, orelse=after):
                yield from _simple(program, function, [*inner, *after], (*loops, statement))
            case ast.If(body=inner, orelse=after):
                yield from _simple(program, function, [*inner, *after], loops)
            case ast.With(body=inner) | ast.Try(body=inner):
                yield from _simple(program, function, inner, loops)
            case ast.Assign() | ast.AugAssign() | ast.AnnAssign() | ast.Return() | ast.Expr():
                if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
                    yield Suspect(program, function, statement, loops)


def _first_backward_line(program: ProgramText, body: list[ast.stmt]) -> int:
    """Where one function runs forward and then backward: the line after its last loop that runs forward."""
    first = 0
    for loops in _loop_levels(body):
        back = next((n for n, loop in enumerate(loops) if runs_backward(program, loop)), None)
        if back:
            first = max(first, (loops[back - 1].end_lineno or 0) + 1)
    return first


def _loop_levels(body: list[ast.stmt]) -> Iterator[list[ast.For | ast.While]]:
    loops = [statement for statement in body if isinstance(statement, ast.For | ast.While)]
    yield loops
    for statement in body:
        if isinstance(statement, ast.For | ast.While | ast.If | ast.With | ast.Try):
            yield from _loop_levels(statement.body)


def runs_backward(program: ProgramText, loop: ast.For | ast.While) -> bool:
    """Whether the text of the loop's head (or a while's last steps) goes back in time."""
    if isinstance(loop, ast.While):
        return any(
            isinstance(node, ast.AugAssign)
            and isinstance(node.op, ast.Sub)
            and isinstance(node.value, ast.Constant)
            for node in loop.body
        )
    head = program.source(loop.iter).replace(" ", "")
    return "reversed(" in head or "::-1" in head or head.endswith(",-1)")


def _by_parts(suspect: Suspect) -> Iterator[Suspect]:
    """A suspect for each quantity that the statement computes."""
    value, bound = suspect.value, suspect.targets
    parts = list(slots(value)) if value is not None else []
    if len(parts) < 2:
        yield suspect
        return
    one_each = isinstance(value, ast.Tuple) and len(bound) == len(parts)
    for number, part in enumerate(parts):
        yield replace(suspect, part=part, bound=bound[number] if one_each else None)


def value_of(statement: ast.stmt) -> ast.expr | None:
    """What a statement computes."""
    match statement:
        case ast.Assign(value=value) | ast.AugAssign(value=value) | ast.Expr(value=value):
            return value
        case ast.AnnAssign(value=optional) | ast.Return(value=optional):
            return optional
        case _:
            return None


def targets(statement: ast.stmt) -> Iterator[ast.expr]:
    """What a statement binds or changes, tuples taken apart."""
    waiting: list[ast.expr]
    match statement:
        case ast.Assign(targets=given):
            waiting = list(given)
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
            waiting = [target]
        case _:
            waiting = []
    while waiting:
        bound = waiting.pop(0)
        if isinstance(bound, ast.Tuple | ast.List):
            waiting[:0] = bound.elts
        else:
            yield bound


def slots(value: ast.expr) -> Iterator[ast.expr]:
    """The expressions of a statement that hold one quantity each: its value, or the members it is stacked
    from.
    """
    match value:
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            for element in elements:
                yield from slots(element)
        case ast.Dict(values=values):
            for element in values:
                yield from slots(element)
        case ast.Call(
            func=ast.Attribute(attr="hstack" | "vstack" | "concatenate" | "stack"), args=[parts, *_]
        ):
            yield from slots(parts)
        case ast.Attribute(attr="T", value=inner):
            yield from slots(inner)
        case _:
            yield value
