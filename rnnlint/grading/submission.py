"""A submission's files as they were handed in, and as modules to be run with the teacher's beside them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath

from rnnlint.gradients.redefinitions import as_first_meant
from rnnlint.grading.clips import Clips
from rnnlint.grading.plan import Plan
from rnnlint.records import dataclass
from rnnlint.sandbox.job import Module
from rnnlint.source import Source, UnreadableSourceError, decode_source, imports_of, tree_of

ROOT = Path("/submission")
"""Where a submission's files are said to lie: nowhere."""
_CLIPPING = re.compile("clip|clamp", re.IGNORECASE)


class UnusableFileError(Exception):
    """A file that cannot be graded; the message is one sentence, ``is_syntax`` tells which kind it is."""

    def __init__(self, message: str, *, is_syntax: bool) -> None:
        super().__init__(message)
        self.is_syntax = is_syntax


@dataclass(frozen=True)
class Program:
    """A submission, decoded: the files that are judged (``asked``) and what they may import."""

    asked: tuple[str, ...]
    sources: Mapping[str, Source]
    provided: Mapping[str, str]
    teachers: Clips

    @staticmethod
    def of(files: Mapping[str, bytes], plan: Plan) -> Program:
        """Decode a submission's files; those of the teacher take the place of its own.

        Files beside the ones asked for are taken along where they are Python. Raises
        :class:`UnusableFileError`.
        """
        sources: dict[str, Source] = {}
        for name, raw in files.items():
            if name in plan.provided:
                continue
            try:
                source = decode_source(ROOT / name, raw)
            except UnreadableSourceError as error:
                if name not in plan.files:
                    continue
                said = str(error).replace(f"{ROOT}/", "")
                raise UnusableFileError(said, is_syntax=False) from None
            if source.problem is None:
                sources[name] = source
            elif name in plan.files:
                problem = source.problem
                raise UnusableFileError(f"{name}, line {problem.line}: {problem.message}.", is_syntax=True)
        return Program(plan.files, sources, plan.provided, plan.clips)

    @cached_property
    def modules(self) -> tuple[Module, ...]:
        """All files, the judged and the provided, as the guest takes them."""
        own = [
            Module(name, as_first_meant(source.text), _dotted(name), _is_package(name), source.python2)
            for name, source in self.sources.items()
        ]
        return (*own, *(Module(name, text, _dotted(name)) for name, text in self.provided.items()))

    @cached_property
    def clips(self) -> Clips:
        """What clips gradients in its own files."""
        return Clips.of(self._clipping)

    @cached_property
    def left_out(self) -> tuple[str, ...]:
        """The clipping that does nothing here: NumPy's, and the teacher's where it is that still."""
        return (*self.clips.of_numpy, *self.teachers.of_numpy, *self.teachers.unchanged_in(self._clipping))

    @cached_property
    def _clipping(self) -> dict[Path, ast.Module]:
        sources = self.sources.values()
        return {each.path: tree_of(each.text) for each in sources if _CLIPPING.search(each.text)}

    @cached_property
    def reached(self) -> Mapping[str, Source]:
        """The files that are judged and those that they import; what else lies beside them is never run."""
        found: dict[str, Source] = {}
        edge = [name for name in self.asked if name in self.sources]
        while edge:
            found |= {name: self.sources[name] for name in edge}
            imported = {word for name in edge for word in _words_imported(self.sources[name])}
            edge = [
                name
                for name in self.sources
                if name not in found and not imported.isdisjoint(PurePosixPath(name).with_suffix("").parts)
            ]
        return found

    @cached_property
    def unprovided(self) -> tuple[str, ...]:
        """The top-level names that its files import and that are none of them."""
        own = {PurePosixPath(name).parts[0].removesuffix(".py") for name in (*self.sources, *self.provided)}
        names: dict[str, None] = {}
        for source in self.sources.values():
            for statement in imports_of(source.text):
                if isinstance(statement, ast.Import):
                    names |= dict.fromkeys(alias.name.partition(".")[0] for alias in statement.names)
                elif not statement.level and statement.module:
                    names[statement.module.partition(".")[0]] = None
        return tuple(name for name in names if name not in own and name != "numpy")


def _words_imported(source: Source) -> Iterator[str]:
    """Every word of the names that a file imports: of modules, of packages, of what is in them."""
    for statement in imports_of(source.text):
        module = getattr(statement, "module", None) or ""
        yield from (word for alias in statement.names for word in f"{module}.{alias.name}".split("."))


def _dotted(name: str) -> tuple[str, ...]:
    parts = list(PurePosixPath(name).with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    return (".".join(parts),) if parts else ()


def _is_package(name: str) -> bool:
    return PurePosixPath(name).name == "__init__.py"
