"""Products and sums as flat chains, each member with its place in the text."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from rnnlint.diagnosis.edits.candidate import Candidate, Kind
from rnnlint.diagnosis.program_text import ProgramText, precedence, precedence_of_text
from rnnlint.findings import Edit, Span
from rnnlint.records import dataclass


@dataclass(frozen=True)
class Chain:
    """The members of ``a * b * c`` or ``a + b - c``, left to right; a single expression is a chain of one."""

    program: ProgramText
    whole: ast.expr
    members: tuple[ast.expr, ...]
    signs: tuple[int, ...]
    product: bool

    def dropped(self, index: int, kind: Kind, rank: float) -> Candidate:
        """Without member ``index``; there must be another."""
        spans = [self.program.outer_span(member) for member in self.members]
        if index == 0:
            first, second = spans[0], spans[1]
            span = Span(first.line, first.column, second.line, second.column)
            edit = Edit(self.program.path, span, "-" if self.signs[1] < 0 else "")
        else:
            before, this = spans[index - 1], spans[index]
            edit = Edit(
                self.program.path,
                Span(before.end_line, before.end_column, this.end_line, this.end_column),
                "",
            )
        kept = [member for n, member in enumerate(self.members) if n != index]
        if len(kept) == 1:
            return self._alone(kept[0], kind, rank)
        return self._candidate(edit, kind, rank, self._joined(index))

    def replaced(self, first: int, last: int, new: str, kind: Kind, rank: float) -> Candidate:
        """With members ``first`` to ``last`` replaced by ``new``, in parentheses where needed."""
        start, end = (self.program.outer_span(self.members[n]) for n in (first, last))
        span = Span(start.line, start.column, end.end_line, end.end_column)
        if precedence_of_text(new) < precedence(self.whole) and len(self.members) > last - first + 1:
            new = f"({new})"
        return Candidate(
            kind, (Edit(self.program.path, span, new),), span, self.program.between(span), new, rank
        )

    def with_factor(self, factor: str, kind: Kind, rank: float) -> Candidate:
        """Multiplied by ``factor``."""
        text = self.program.operand(self.whole)
        loose = precedence_of_text(factor) < precedence_of_text("a * b")
        new = f"{text} * ({factor})" if loose else f"{text} * {factor}"
        span = self.program.span(self.whole)
        edit = self.program.replacement(self.whole, new)
        return Candidate(kind, (edit,), span, self.program.source(self.whole), new, rank)

    def with_term(self, term: str, rank: float) -> Candidate:
        """With ``term`` added."""
        own = (
            " ".join(self.program.source(self.whole).split())
            if "\n" in self.program.source(self.whole)
            else self.program.source(self.whole)
        )
        new = f"{own} + {term}"
        span = self.program.span(self.whole)
        edit = self.program.replacement(self.whole, new)
        return Candidate(Kind.MISSING_TERM, (edit,), span, self.program.source(self.whole), new, rank)

    def _joined(self, without: int) -> str:
        operator = " * " if self.product else " + "
        texts = [self.program.between(self.program.outer_span(member)) for member in self.members]
        return operator.join(text for n, text in enumerate(texts) if n != without)

    def _alone(self, kept: ast.expr, kind: Kind, rank: float) -> Candidate:
        new = self.program.source(kept)
        if self.members.index(kept) > 0 and self.signs[-1] < 0:
            new = f"-{self.program.operand(kept)}"
        return self._candidate(self.program.replacement(self.whole, new), kind, rank, new)

    def _candidate(self, edit: Edit, kind: Kind, rank: float, after: str) -> Candidate:
        return Candidate(
            kind, (edit,), self.program.span(self.whole), self.program.source(self.whole), after, rank
        )


def products_in(program: ProgramText, value: ast.expr) -> Iterator[Chain]:
    """Every product of two or more factors."""
    yield from _chains(program, value, (ast.Mult,))


def sums_in(program: ProgramText, value: ast.expr) -> Iterator[Chain]:
    """Every sum or difference of two or more terms, indices not among them."""
    yield from _chains(program, value, (ast.Add, ast.Sub))


def single(program: ProgramText, node: ast.expr, product: bool) -> Chain:
    """``node`` as a chain of one."""
    return Chain(program, node, (node,), (1,), product)


def _chains(
    program: ProgramText, value: ast.expr, operators: tuple[type[ast.operator], ...]
) -> Iterator[Chain]:
    waiting: list[ast.AST] = [value]
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.BinOp) and isinstance(node.op, operators):
            members, signs = _flat(node, operators)
            yield Chain(program, node, tuple(members), tuple(signs), product=operators == (ast.Mult,))
            waiting += members
        elif isinstance(node, ast.Subscript):
            waiting.append(node.value)
        else:
            waiting += ast.iter_child_nodes(node)


def _flat(node: ast.expr, operators: tuple[type[ast.operator], ...]) -> tuple[list[ast.expr], list[int]]:
    """Down the left side only: what stands in parentheses on the right is a chain of its own."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, operators):
        members, signs = _flat(node.left, operators)
        return [*members, node.right], [*signs, -1 if isinstance(node.op, ast.Sub) else 1]
    return [node], [1]
