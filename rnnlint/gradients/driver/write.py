"""Writes a slice into its file's text as a function of its own, every kept line where it stood."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from rnnlint.gradients.driver.names import bound_in, last_word, name_of, root_of, statements_in, targets_of
from rnnlint.gradients.driver.opened import names_opened
from rnnlint.gradients.driver.slice import Slice

WATCHED = "_watched"
RECORD = "_record"
TAKEN = "_taken"

_Replaced = dict[ast.AST, str]


def written(text: str, slice_: Slice) -> str:
    """The file's text with the slice as a function in place of its driver."""
    return _Writer(text, slice_).text()


class _Writer:
    """Blanks the driver's region, then writes what is kept back on its lines."""

    def __init__(self, text: str, slice_: Slice) -> None:
        self._slice = slice_
        self._driver = slice_.driver
        self._indent = 8 if self._driver.owner is not None else 4
        self._replaced: _Replaced = {**slice_.opened, **self._records(), **self._counts()}
        self._source = _spliced(text.split("\n"), [*self._splices(), *self._watches()])
        self._lines = list(self._source)

    def text(self) -> str:
        slice_ = self._slice
        start, end = self._region()
        self._blank(start, end)
        for statement in slice_.superseded:
            self._blank(statement.lineno, _end(statement))
        body = sorted([*slice_.before, *slice_.body], key=_place)
        trailing = list(dict.fromkeys(u.statement for u in slice_.records if not _inside(u.statement, body)))
        for statement in [*body, *sorted([*trailing, *slice_.resets], key=_place)]:
            self._put(statement)
        for line, text in slice_.counters:
            self._lines[line - 1] = " " * self._indent + text
        first = min([s.lineno for s in body] + [line for line, _ in slice_.counters])
        last = max(_end(s) for s in [*body, *trailing])
        closing = " " * self._indent
        taken = f"{TAKEN}({self._variables()}, {' '.join(slice_.holes)!r}{self._more()})"
        if slice_.resets:
            self._insert_after(max(_end(s) for s in slice_.resets), f"{closing}return _result")
            self._insert_after(last, f"{closing}_result = {taken}")
        else:
            self._insert_after(last, f"{closing}return {taken}")
        self._insert_before(first, start, self._opening())
        if slice_.in_place and self._sizes():
            line = min(s.lineno for s in slice_.in_place) - 1
            self._lines[line] = f"{'; '.join(f'{name} = 2' for name in self._sizes())}; {self._lines[line]}"
        return "\n".join(self._lines)

    def _sizes(self) -> list[str]:
        """Variables for the sizes that the driver itself chose."""
        counts = sorted(set(self._counts().values()))
        return [*self._slice.sizes, *names_opened(self._slice.opened), *counts]

    def _records(self) -> _Replaced:
        return {
            node: "; ".join(
                f"{RECORD}({f'd{last_word(u.parameter)}'!r}, {ast.unparse(u.gradient)})" for u in updates
            )
            for node, updates in groupby(self._slice.records, key=lambda u: u.statement)
        }

    def _counts(self) -> _Replaced:
        """``Net(len(words))`` and ``zeros(x.shape[1])`` read sizes of their own."""
        return {
            node: size
            for statement, name in self._slice.counted
            for node in ast.walk(statement)
            if (size := _size_of(node, name))
        }

    def _splices(self) -> Iterator[_Splice]:
        kept = [*self._slice.before, *self._slice.body, *(u.statement for u in self._slice.records)]
        for statement in [*kept, *self._slice.in_place]:
            yield from _outermost(statement, self._replaced)

    def _watches(self) -> Iterator[_Splice]:
        """Forward loops tell what they computed at each step."""
        for statement in self._slice.body:
            if isinstance(statement, ast.For):
                bound = bound_in([statement])
                names = sorted(n for n in bound if not self._is_gradient(n))
                if names and len(names) == len(bound):
                    node = statement.iter
                    yield node.lineno, node.col_offset, node.lineno, node.col_offset, f"{WATCHED}("
                    line, column = node.end_lineno or 0, node.end_col_offset or 0
                    yield line, column, line, column, f", {' '.join(names)!r})"

    def _is_gradient(self, name: str) -> bool:
        return name in {root_of(a) for a in self._driver.accumulators}

    def _variables(self) -> str:
        return "{**vars(self), **locals()}" if self._driver.owner is not None else "locals()"

    def _region(self) -> tuple[int, int]:
        driver = self._driver
        scope = driver.scope
        if isinstance(scope, ast.FunctionDef):
            return min([scope.lineno, *(d.lineno for d in scope.decorator_list)]), _end(scope)
        if driver.levels:
            outermost = driver.levels[0].block[driver.levels[0].position]
            return outermost.lineno, _end(outermost)
        kept = driver.block[driver.first :]
        return kept[0].lineno, _end(kept[-1])

    def _opening(self) -> list[str]:
        outer = " " * (self._indent - 4)
        lines: list[str] = []
        own = ["self"] if self._driver.owner is not None else []
        sizes = () if self._slice.in_place else self._sizes()
        made = [" ".join(self._rendered(s).split("\n")) for s in self._slice.setup]
        if own and made:
            parameters = ", ".join([*own, *sizes])
            lines.append(f"{outer}def {self._driver.name}_setup({parameters}): {'; '.join(made)}")
        elif not own and (made or sizes):
            lines.append("; ".join([*(f"{name} = 2" for name in sizes), *made]))
        lines.append(f"{outer}def {self._driver.name}({', '.join([*own, *self._slice.holes])}):")
        if self._slice.shared:
            lines.append(f"{outer}    global {', '.join(self._slice.shared)}")
        return lines

    def _more(self) -> str:
        """Gradients that are no locals of the iteration."""
        kept = [*self._slice.before, *self._slice.body]
        local = (bound_in(kept) | set(self._slice.holes)) - set(self._slice.shared)
        names = sorted(
            n for n in self._driver.accumulators if "." not in n and "[" not in n and n not in local
        )
        bound = {name_of(t) for s in statements_in(kept) for t in targets_of(s)}
        return "".join(f", {n}={n}" for n in names if n in bound)

    def _put(self, statement: ast.stmt) -> None:
        """Write a statement back on its lines, at the iteration's indentation."""
        start, end = statement.lineno, _end(statement)
        before = self._source[start - 1][: _column(self._source[start - 1], statement.col_offset)]
        if before.strip() or self._shares_end(statement):
            held = self._lines[start - 1]
            text = self._rendered(statement)
            self._lines[start - 1] = f"{held}; {text}" if held.strip() else " " * self._indent + text
            return
        shift = self._indent - len(before)
        for number in range(start, end + 1):
            self._lines[number - 1] = _shifted(self._source[number - 1], shift)

    def _shares_end(self, statement: ast.stmt) -> bool:
        """Whether another statement follows on the same line."""
        return any(
            other.lineno == _end(statement)
            and other.col_offset > statement.col_offset
            and other is not statement
            for block in (self._driver.block, *(level.block for level in self._driver.levels))
            for other in block
            if not _inside(other, [statement])
        )

    def _rendered(self, statement: ast.stmt) -> str:
        """The statement written out anew, with what is replaced in it."""
        if statement in self._replaced:
            return self._replaced[statement]
        return ast.unparse(_Exchange(self._replaced).visit(_copied(statement, self._replaced)))

    def _blank(self, start: int, end: int) -> None:
        for number in range(start, end + 1):
            self._lines[number - 1] = ""

    def _insert_before(self, line: int, start: int, texts: Sequence[str]) -> None:
        """Directly above a line: on blank lines of the region as far as there are any."""
        position = line - 1
        for text in reversed(texts):
            if position - 1 >= start - 1 and not self._lines[position - 1].strip():
                position -= 1
                self._lines[position] = text
            else:
                self._lines.insert(position, text)
                self._drop_blank(range(position - 1, -1, -1))
                position = next(i for i, held in enumerate(self._lines) if held is text)

    def _insert_after(self, line: int, text: str) -> None:
        if line < len(self._lines) and not self._lines[line].strip():
            self._lines[line] = text
        else:
            self._lines.insert(line, text)
            self._drop_blank(range(line + 1, len(self._lines)))

    def _drop_blank(self, positions: range) -> None:
        """Take out the nearest blank line, so that the lines beyond it keep their numbers."""
        for position in positions:
            if not self._lines[position].strip():
                del self._lines[position]
                return


_Splice = tuple[int, int, int, int, str]
"""First line and column, last line and column, and the text that comes there; columns in bytes."""


def _spliced(lines: Sequence[str], splices: Sequence[_Splice]) -> list[str]:
    """The lines with the splices made; their number stays."""
    made = list(lines)
    for first, column, last, end_column, text in sorted(
        set(splices), key=lambda s: (s[0], s[1], s[3]), reverse=True
    ):
        before = made[first - 1][: _column(made[first - 1], column)]
        after = made[last - 1][_column(made[last - 1], end_column) :]
        made[first - 1] = before + text + after
        made[first:last] = [""] * (last - first)
    return made


def _size_of(node: ast.AST, name: str) -> str:
    match node:
        case ast.Call(func=ast.Name(id="len"), args=[ast.Name(id=measured)]) if measured == name:
            return f"{name}_size"
        case ast.Subscript(
            value=ast.Attribute(value=ast.Name(id=measured), attr="shape"),
            slice=ast.Constant(value=int(axis)),
        ) if measured == name:
            return f"{name}_{axis}_size"
        case _:
            return ""


def _outermost(node: ast.AST, replaced: Mapping[ast.AST, str]) -> Iterator[_Splice]:
    if node in replaced and isinstance(node, ast.stmt | ast.expr):
        yield node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0, replaced[node]
        return
    for child in ast.iter_child_nodes(node):
        yield from _outermost(child, replaced)


class _Exchange(ast.NodeTransformer):
    def __init__(self, replaced: Mapping[ast.AST, str]) -> None:
        self._replaced = replaced

    def visit(self, node: ast.AST) -> ast.AST:
        original = getattr(node, "original", node)
        if original in self._replaced:
            made = ast.parse(self._replaced[original]).body[0]
            return made.value if isinstance(made, ast.Expr) and isinstance(node, ast.expr) else made
        visited: ast.AST = super().generic_visit(node)
        return visited


def _copied(node: ast.stmt, replaced: Mapping[ast.AST, str]) -> ast.stmt:
    """A copy whose nodes know the replaced ones that they are copies of."""
    made = copy.deepcopy(node)
    for original, twin in zip(ast.walk(node), ast.walk(made), strict=True):
        if original in replaced:
            twin.original = original  # type: ignore[attr-defined]
    return made


def _place(statement: ast.stmt) -> tuple[int, int]:
    return statement.lineno, statement.col_offset


def _end(statement: ast.stmt) -> int:
    return statement.end_lineno or statement.lineno


def _inside(statement: ast.stmt, statements: Sequence[ast.stmt]) -> bool:
    return any(inner is statement for inner in statements_in(statements))


def _column(line: str, offset: int) -> int:
    """A column in characters from one in bytes."""
    return len(line.encode()[:offset].decode(errors="ignore"))


def _shifted(line: str, shift: int) -> str:
    if shift >= 0:
        return " " * shift + line if line.strip() else line
    blank = len(line) - len(line.lstrip())
    return line[min(-shift, blank) :]
