"""A file or notebook as a program's text, with the way back to the bytes it came from.

Everything downstream (syntax, model, guest) reads :attr:`Source.text`: Python 3, newlines as ``\\n``, for a
notebook its code cells joined. Lines are kept one to one, so a line of the program is a line of the file or
of a cell.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from functools import lru_cache
from pathlib import Path

from rnnlint.nesting import line_nested_too_deeply
from rnnlint.records import dataclass, replace

LARGEST_BYTES = 8_000_000
"""Larger files are data, not somebody's program."""
LARGEST_NOTEBOOK_BYTES = 100_000_000
"""Most of a notebook's bytes are pictures among its outputs, which are not read."""


class UnreadableSourceError(Exception):
    """The file cannot be read as a program; the message is one sentence that names it."""


@dataclass(frozen=True, slots=True)
class SyntaxProblem:
    """Why a text cannot be read as Python: what the parser said, and where (1-based).

    ``is_depth`` says that it may be Python, but nested more deeply than anybody reads.
    """

    message: str
    line: int
    column: int
    is_depth: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """A notebook's code cell inside the joined program.

    ``index`` counts all cells of the notebook from 0 (the JSON's own order), ``number`` code cells from 1
    (what a reader counts); the cell's first line is line ``first_line`` of the program. ``skipped`` says
    why a cell was blanked, else None.
    """

    index: int
    number: int
    first_line: int
    line_count: int
    skipped: str | None = None
    unfinished: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """A line as its reader knows it: of the file, or of the notebook's code cell ``cell``."""

    line: int
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """One program: its text as Python 3 and how it was stored.

    ``original`` is the decoded file (for a notebook its JSON) with its own newlines. ``python2`` is set where
    the text was converted from Python 2, line by line. ``problem`` is set where no Python could be made of
    it; ``text`` is then what was read.
    """

    path: Path
    text: str
    original: str
    encoding: str = "utf-8"
    byte_order_mark: bool = False
    newline: str = "\n"
    cells: tuple[Cell, ...] = ()
    notebook: bool = False
    python2: bool = False
    problem: SyntaxProblem | None = None

    @property
    def skipped_cells(self) -> tuple[Cell, ...]:
        """Cells that do not parse and were left out."""
        return tuple(cell for cell in self.cells if cell.skipped)

    def place(self, line: int) -> Place:
        """The reader's name for a line of :attr:`text`."""
        for cell in self.cells:
            if cell.first_line <= line < cell.first_line + cell.line_count:
                return Place(line - cell.first_line + 1, cell.number)
        return Place(line)

    def label(self, line: int) -> str:
        """A line as a reader is told it: ``26``, or ``cell 3:12`` in a notebook."""
        place = self.place(line)
        return str(place.line) if place.cell is None else f"cell {place.cell}:{place.line}"

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done to read it, in whole sentences: blanks of an exercise that were filled."""
        return tuple(
            f"Code cell {cell.number} has blanks (line {_listed(filled)}); "
            "the standard equations stand in for them."
            for cell in self.cells
            if (filled := [n for n in cell.unfinished if not self._is_blank(cell.first_line + n - 1)])
        )

    def _is_blank(self, line: int) -> bool:
        return self.line_text(line).partition("#")[0].rstrip().endswith("= ...")

    def line_text(self, line: int) -> str:
        """Line ``line`` (1-based) of the program, without its newline; empty beyond the end."""
        lines = self.text.split("\n")
        return lines[line - 1] if 0 < line <= len(lines) else ""

    def with_text(self, text: str) -> Source:
        """The same file with another program text (a fix applied in memory)."""
        return replace(self, text=text, problem=syntax_problem(text))


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))


def read_source(path: Path) -> Source:
    """Read a ``.py`` file or ``.ipynb`` notebook.

    Raises :class:`UnreadableSourceError` with one sentence where it is missing, a directory, too large,
    binary, or a notebook that is not one. Text that is not Python is not an error here:
    :attr:`Source.problem` says so.
    """
    limit = LARGEST_NOTEBOOK_BYTES if path.suffix == ".ipynb" else LARGEST_BYTES
    try:
        if path.is_fifo() and path.parent != Path("/dev/fd"):  # nobody may ever write to it
            raise UnreadableSourceError(f"{path}: is a pipe, not a file. Standard input is read with: -")
        with path.open("rb") as file:
            raw = file.read(limit + 1)  # a device has no size of its own
    except FileNotFoundError:
        raise UnreadableSourceError(f"{path}: there is no such file.") from None
    except IsADirectoryError:
        raise UnreadableSourceError(f"{path}: is a directory, not a file.") from None
    except OSError as error:
        raise UnreadableSourceError(f"{path}: cannot be read ({error.strerror or error}).") from None
    if len(raw) > limit:
        raise UnreadableSourceError(f"{path}: is too large for a program (limit {limit:,} bytes).")
    return decode_source(path, raw)


def decode_source(path: Path, raw: bytes) -> Source:
    """As :func:`read_source`, for bytes at hand (standard input, an archive's member)."""
    if b"\0" in raw and not raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UnreadableSourceError(f"{path}: is binary, not Python source.")
    original, encoding, byte_order_mark = _decode(path, raw)
    newline = _newline_of(original)
    if path.suffix == ".ipynb":
        from rnnlint.notebook_cells import read_notebook

        source = read_notebook(path, original)
    else:
        source = _program(path, unified_newlines(original), original)
    return replace(source, encoding=encoding, byte_order_mark=byte_order_mark, newline=newline)


def source_of_text(path: Path, text: str) -> Source:
    """The program ``text``, not stored yet, as it would be at ``path``: what an editor holds."""
    return replace(_program(path, unified_newlines(text), text), newline=_newline_of(text))


def _program(path: Path, text: str, original: str) -> Source:
    converted = as_python3(text)
    if converted is not None:
        return Source(path, converted, original, python2=True)
    return Source(path, text, original, problem=syntax_problem(text))


def as_python3(text: str) -> str | None:
    """``text`` as Python 3 where it was written for Python 2, even if it happens to parse as it stands."""
    from rnnlint.python2 import convert, is_python2

    if syntax_problem(text) is None and not is_python2(text):
        return None
    converted = convert(text)
    return converted if converted is not None and syntax_problem(converted) is None else None


def _decode(path: Path, raw: bytes) -> tuple[str, str, bool]:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = raw.decode("utf-16", errors="replace")
        if "\0" in text or "\ufffd" in text:
            raise UnreadableSourceError(f"{path}: is binary, not Python source.")
        return text, "utf-16", True
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
    except SyntaxError:
        encoding = "utf-8"  # a declared codec that does not exist, or stray bytes in the first two lines
    mark = encoding == "utf-8-sig"
    for candidate in (encoding, "utf-8"):
        try:
            return raw.decode(candidate), "utf-8" if mark else candidate, mark
        except (UnicodeError, LookupError):  # bytes of another encoding; a codec that makes no text
            continue
    return raw.decode("latin-1"), "latin-1", False


def _newline_of(text: str) -> str:
    match = re.search(r"\r\n|\r|\n", text)
    return match.group() if match else "\n"


def unified_newlines(text: str) -> str:
    """``text`` with every newline as ``\\n``."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


@lru_cache(maxsize=16)
def tree_of(text: str) -> ast.Module:
    """The syntax tree of a program: one for all who read it, so nobody may change it.

    Raises what :func:`ast.parse` raises.
    """
    return ast.parse(text)


@lru_cache(maxsize=16)
def nodes_of(text: str) -> tuple[ast.AST, ...]:
    """Every node of :func:`tree_of`, in the order of :func:`ast.walk`, in half its time."""
    nodes: list[ast.AST] = [tree_of(text)]
    for node in nodes:
        for name in node._fields:
            held = getattr(node, name, None)
            if isinstance(held, ast.AST):
                nodes.append(held)
            elif isinstance(held, list):
                nodes += [each for each in held if isinstance(each, ast.AST)]
    return tuple(nodes)


@lru_cache(maxsize=16)
def imports_of(text: str) -> tuple[ast.Import | ast.ImportFrom, ...]:
    """The import statements of a program, wherever they stand."""
    return tuple(node for node in nodes_of(text) if isinstance(node, ast.Import | ast.ImportFrom))


@lru_cache(maxsize=16)
def syntax_problem(text: str) -> SyntaxProblem | None:
    """Why ``text`` is not Python 3, or None where it is."""
    try:
        line = line_nested_too_deeply(tree_of(text), text)
    except SyntaxError as error:
        return SyntaxProblem(error.msg, error.lineno or 1, max(error.offset or 1, 1))
    except (RecursionError, MemoryError):
        return _too_deep(1)
    except ValueError as error:
        return SyntaxProblem(str(error), 1, 1)
    return None if line is None else _too_deep(line)


def _too_deep(line: int) -> SyntaxProblem:
    return SyntaxProblem("nested too deeply", line, 1, is_depth=True)
