"""Bugs put into right programs: one small slip in the backward pass, its line known.

Independent of :mod:`rnnlint.diagnosis`, which has to find them: it shares no code and no list of slips with
it.
A slip need not change a gradient; :func:`slips` only knows the text, who uses it measures.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

GATE_SCHEMES = ("f i g o", "f i c o", "f i cbar o", "z r h", "z r h_hat", "ft it cct ot")


@dataclass(frozen=True)
class Mutant:
    """A program with ``slips`` in it: (line, what was done), in the order of the text."""

    text: str
    slips: tuple[tuple[int, str], ...]

    @property
    def lines(self) -> tuple[int, ...]:
        return tuple(line for line, _ in self.slips)


@dataclass(frozen=True)
class Slip:
    """Characters ``start`` to ``end`` of a text become ``new``."""

    start: int
    end: int
    new: str
    line: int
    kind: str


def mutant_of(text: str, *chosen: Slip) -> Mutant:
    """The program with these slips in it."""
    return _applied(text, tuple(sorted(chosen, key=lambda slip: slip.start)))


def slips(text: str, functions: tuple[str, ...], after: str = "") -> list[Slip]:
    """Every slip in the named functions, without those whose text does not parse or stays the same."""
    body = _Body(text, functions, after)
    found = {
        (slip.start, slip.end, slip.new): slip
        for make in (
            _shifted_indices,
            _transposes,
            _accumulations,
            _products,
            _sums,
            _derivatives,
            _gates,
            _partners,
            _slices,
            _carries,
        )
        for slip in make(body)
    }
    return [slip for slip in found.values() if _changes(text, slip)]


class _Body:
    """The statements of the backward pass, with text and offsets."""

    def __init__(self, text: str, functions: tuple[str, ...], after: str) -> None:
        self.text = text
        tree = ast.parse(text)
        starts = [0]
        for line in text.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))
        self._starts = starts
        first = next((n for n, line in enumerate(text.splitlines(), 1) if after and after in line), 0)
        self.statements: list[ast.stmt] = []
        self.loop_names: set[str] = set()
        self.loops: list[ast.For | ast.While] = []
        for function in _functions(tree, functions):
            for node in ast.walk(function):
                if isinstance(node, ast.For) and node.lineno >= first:
                    self.loop_names |= {n.id for n in ast.walk(node.target) if isinstance(n, ast.Name)}
                if isinstance(node, ast.For | ast.While) and node.lineno >= first:
                    self.loops.append(node)
                simple = isinstance(node, ast.Assign | ast.AugAssign | ast.Return)
                if simple and node.lineno >= first and node.value is not None:
                    self.statements.append(node)

    def at(self, node: ast.AST) -> tuple[int, int]:
        return (
            self._starts[node.lineno - 1] + node.col_offset,
            self._starts[node.end_lineno - 1] + node.end_col_offset,
        )

    def source(self, node: ast.AST) -> str:
        start, end = self.at(node)
        return self.text[start:end]

    def slip(self, node: ast.AST, new: str, kind: str) -> Slip:
        return Slip(*self.at(node), new, node.lineno, kind)

    def values(self) -> Iterator[tuple[ast.stmt, ast.AST]]:
        for statement in self.statements:
            for node in ast.walk(statement.value):
                yield statement, node


def _functions(tree: ast.Module, names: tuple[str, ...]) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name in names:
            yield node


def _shifted_indices(body: _Body) -> Iterator[Slip]:
    for _, node in body.values():
        if not isinstance(node, ast.Subscript):
            continue
        members = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        for member in members:
            match member:
                case ast.Name(id=name) if name in body.loop_names:
                    yield body.slip(member, f"{name} - 1", "index")
                    yield body.slip(member, f"{name} + 1", "index")
                case ast.BinOp(left=ast.Name(id=name), right=ast.Constant(value=1)) if (
                    name in body.loop_names
                ):
                    yield body.slip(member, name, "index")


def _transposes(body: _Body) -> Iterator[Slip]:
    for _, node in body.values():
        if isinstance(node, ast.Attribute) and node.attr == "T":
            yield body.slip(node, body.source(node.value), "transpose")


def _accumulations(body: _Body) -> Iterator[Slip]:
    for statement in body.statements:
        if isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Add):
            start = body.at(statement.target)[1]
            end = body.at(statement.value)[0]
            between = body.text[start:end]
            yield Slip(start, end, between.replace("+=", "="), statement.lineno, "overwrite")
            yield Slip(start, end, between.replace("+=", "-="), statement.lineno, "sign")


def _products(body: _Body) -> Iterator[Slip]:
    for _, node in body.values():
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            yield body.slip(node, _enclosed(body, node.left), "dropped factor")
            if not (isinstance(node.left, ast.BinOp) and isinstance(node.left.op, ast.Mult)):
                yield body.slip(node, _enclosed(body, node.right), "dropped factor")
            if isinstance(node.left, ast.Subscript | ast.Name) and "1 -" in body.source(node.right):
                yield body.slip(
                    node.left, f"{body.source(node.left)} * {body.source(node.left)}", "extra factor"
                )


def _sums(body: _Body) -> Iterator[Slip]:
    for _, node in body.values():
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
            if any(isinstance(side, ast.Constant) for side in (node.left, node.right)):
                continue
            yield body.slip(node, _enclosed(body, node.left), "dropped term")
            if isinstance(node.op, ast.Add):
                if not (isinstance(node.left, ast.BinOp) and isinstance(node.left.op, ast.Add)):
                    yield body.slip(node, _enclosed(body, node.right), "dropped term")
                between = (body.at(node.left)[1], body.at(node.right)[0])
                sign = body.text[slice(*between)].replace("+", "-")
                yield Slip(*between, sign, node.right.lineno, "sign")


def _derivatives(body: _Body) -> Iterator[Slip]:
    for _, node in body.values():
        match node:
            case ast.BinOp(
                left=ast.Constant(value=1), op=ast.Sub(), right=ast.BinOp(left=base, op=ast.Pow())
            ):
                name = body.source(base)
                yield body.slip(node, f"1 - {name}", "derivative")
                yield body.slip(node, f"{name} * (1 - {name})", "derivative")
                if not isinstance(base, ast.Call):
                    yield body.slip(node, f"1 - np.tanh({name}) ** 2", "derivative")
                elif base.args:
                    yield body.slip(base, body.source(base.args[0]), "derivative")
            case ast.BinOp(
                left=ast.Constant(value=1), op=ast.Sub(), right=ast.Name() | ast.Subscript() as base
            ):
                yield body.slip(node, f"1 - {body.source(base)} ** 2", "derivative")
                yield body.slip(node, body.source(base), "derivative")
            case ast.Call(func=ast.Name() | ast.Attribute(), args=[inner], keywords=[]) if (
                "tanh" in body.source(node.func)
            ):
                yield body.slip(node, body.source(inner), "dropped nonlinearity")
            case ast.Call(keywords=[ast.keyword(arg="derivative")], args=[inner]):
                yield body.slip(node, f"{body.source(node.func)}({body.source(inner)})", "derivative")


def _gates(body: _Body) -> Iterator[Slip]:
    """One gate's name for another's, wherever the other's exists in the pass."""
    known = {body.source(node) for _, node in body.values() if isinstance(node, ast.Name | ast.Attribute)}
    targets = {body.source(statement.target) for statement in body.statements if hasattr(statement, "target")}
    for scheme in (scheme.split() for scheme in GATE_SCHEMES):
        for _, node in body.values():
            if not isinstance(node, ast.Name | ast.Attribute):
                continue
            name = body.source(node)
            for gate, other in zip(scheme, [*scheme[1:], scheme[0]], strict=True):
                renamed = re.sub(rf"(?<=[Wd_.]){gate}$|^{gate}(?=s?$)", other, name)
                if renamed != name and renamed in known | targets:
                    yield body.slip(node, renamed, "wrong gate")


def _partners(body: _Body) -> Iterator[Slip]:
    """Two factors of neighbouring statements change places in one of them."""
    products = [
        statement
        for statement in body.statements
        if isinstance(statement, ast.Assign)
        and isinstance(statement.value, ast.BinOp)
        and isinstance(statement.value.op, ast.Mult)
        and isinstance(statement.value.right, ast.Name | ast.Subscript)
    ]
    for first, second in pairwise(products):
        ours, theirs = first.value.right, second.value.right
        yield body.slip(ours, body.source(theirs), "wrong partner")
        yield body.slip(theirs, body.source(ours), "wrong partner")


def _slices(body: _Body) -> Iterator[Slip]:
    for _, node in body.values():
        if isinstance(node, ast.Slice) and (node.upper is None) != (node.lower is None):
            edge = body.source(node.upper or node.lower)
            start, end = body.at(node)
            if edge.isidentifier():
                new = f"{edge}:" if node.upper is not None else f":{edge}"
                yield Slip(start, end, new, node.lineno, "slice")


def _carries(body: _Body) -> Iterator[Slip]:
    """The last assignment of a loop to a name that the loop reads before: it goes to another name."""
    for loop in body.loops:
        for statement in loop.body:
            match statement:
                case ast.Assign(targets=[ast.Name(id=name) as target]) if _read_before(loop, statement, name):
                    yield body.slip(target, f"{name}_sent", "dropped carry")


def _read_before(loop: ast.For | ast.While, statement: ast.Assign, name: str) -> bool:
    read = [
        node.lineno
        for node in ast.walk(loop)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id == name
    ]
    return bool(read) and min(read) < statement.lineno <= loop.end_lineno and max(read) < statement.lineno


def _enclosed(body: _Body, node: ast.expr) -> str:
    text = body.source(node)
    loose = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub)
    return f"({text})" if loose else text


def _changes(text: str, slip: Slip) -> bool:
    if text[slip.start : slip.end] == slip.new:
        return False
    try:
        ast.parse(_applied(text, (slip,)).text)
    except SyntaxError:
        return False
    return True


def _applied(text: str, chosen: tuple[Slip, ...]) -> Mutant:
    changed = text
    for slip in sorted(chosen, key=lambda slip: slip.start, reverse=True):
        changed = changed[: slip.start] + slip.new + changed[slip.end :]
    return Mutant(changed, tuple((slip.line, slip.kind) for slip in chosen))
