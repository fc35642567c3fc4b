"""The files that the paths of a command line mean."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rnnlint.records import dataclass
from rnnlint.results import Origin

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

SUFFIXES = (".py", ".ipynb")

ALWAYS_EXCLUDED = frozenset(
    {
        ".git",
        ".hg",
        ".venv",
        "venv",
        "__pycache__",
        ".mypy_cache",
        ".ipynb_checkpoints",
        "node_modules",
        ".tox",
    }
)
"""Folders that hold nobody's own program."""


@dataclass(frozen=True, slots=True)
class Target:
    """A file to look at, and how it came to be one."""

    path: Path
    origin: Origin


def discover(
    paths: Sequence[Path],
    exclude: Sequence[str] = (),
    root: Path | None = None,
    *,
    force_exclude: bool = False,
) -> list[Target]:
    """The files named, and those in the folders named, each once, folders in alphabetical order.

    ``exclude`` holds patterns in the manner of ``.gitignore``, relative to ``root``; they and the
    ``.gitignore`` files found on the way concern folders alone: a file that is named is looked at, unless
    ``force_exclude`` makes ``exclude`` hold for it too.
    """
    targets: dict[Path, Target] = {}
    forced = _ignore((root or Path()).absolute(), exclude) if force_exclude and exclude else None
    for path in paths:
        if path.is_dir():
            found = [Target(file, Origin.FOUND) for file in sorted(_walk(path, exclude, root or path))]
        elif forced is not None and forced.matches(path.absolute(), is_folder=False):
            found = []
        else:
            found = [Target(path, Origin.NAMED)]
        for target in found:
            key = target.path.absolute()
            if key not in targets or target.origin is Origin.NAMED:
                targets[key] = target
    return list(targets.values())


@dataclass(frozen=True, slots=True)
class _Ignore:
    """Patterns and the folder they are relative to."""

    folder: Path
    spec: GitIgnoreSpec

    def matches(self, path: Path, *, is_folder: bool) -> bool:
        if not path.is_relative_to(self.folder):
            return False
        relative = path.relative_to(self.folder).as_posix()
        return self.spec.match_file(relative + "/" if is_folder else relative)


def _walk(top: Path, exclude: Sequence[str], root: Path) -> Iterator[Path]:
    base = top.absolute()
    ignores = [*_gitignores_above(base)]
    if exclude:
        ignores.append(_ignore(root.absolute(), exclude))
    yield from (top / file.relative_to(base) for file in _files(base, tuple(ignores), frozenset()))


def _files(folder: Path, ignores: tuple[_Ignore, ...], inside: frozenset[tuple[int, int]]) -> Iterator[Path]:
    """``inside`` holds the folders that we are in (device and inode), so that a link to one of them ends."""
    try:
        status = folder.stat()
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:  # unreadable, or gone: a folder that nobody named
        return
    identity = (status.st_dev, status.st_ino)
    if identity in inside:
        return
    own = folder / ".gitignore"
    if own.is_file():
        ignores = (*ignores, _gitignore(own))
    for entry in entries:
        path = folder / entry.name
        is_folder = path.is_dir()  # a link that leads in a circle is neither folder nor file
        if entry.name in ALWAYS_EXCLUDED or (not is_folder and path.suffix not in SUFFIXES):
            continue
        if any(ignore.matches(path, is_folder=is_folder) for ignore in ignores):
            continue
        if is_folder:
            yield from _files(path, ignores, inside | {identity})
        elif path.is_file():
            yield path


def _gitignores_above(folder: Path) -> Iterator[_Ignore]:
    """The ``.gitignore`` files of the folders above, up to the top of the repository."""
    if (folder / ".git").exists():
        return
    above: list[Path] = []
    for parent in folder.parents:
        above.append(parent)
        if (parent / ".git").exists():
            yield from (_gitignore(each / ".gitignore") for each in above if (each / ".gitignore").is_file())
            return


def _gitignore(file: Path) -> _Ignore:
    return _ignore(file.parent, file.read_text(encoding="utf-8", errors="replace").splitlines())


def _ignore(folder: Path, patterns: Iterable[str]) -> _Ignore:
    from pathspec import GitIgnoreSpec

    return _Ignore(folder, GitIgnoreSpec.from_lines(patterns))


_NONLINEARITIES = (b"tanh", b"sigm", b"logistic", b"expit", b"relu", b"lstm", b"gru", b"rnn")
_NONLINEARITY_IN_USE = re.compile(
    rb"tanh(?<!arctanh)\s*[(=]|sigmoid\w*\s*[(=]|sigm\s*[(=]|logistic\s*[(=]|expit\s*[(=]|relu\s*[(=]"
    rb"|lstm\w*\s*[(=]|gru(?<![a-z]gru)\w*\s*[(=]|rnn\w*\s*[(=]|class \w*(?:lstm|gru|rnn)"
)
"""Called, defined or given a second name; ``sigma`` and ``arctanh`` are other people's words. Each way begins
with a letter, so that the search leaps from one such letter to the next."""
_PASSES = (b"backward", b"bptt", b"backprop", b"grad", b"lossfun", b"delta", b"diff", b"train", b"softmax")
_DERIVATIVES = re.compile(rb"(?<![A-Za-z0-9_])d_?[WUVhCcb](?![a-z]{3})")


def may_hold_backward_pass(path: Path) -> bool:
    """As :func:`speaks_of_backward_pass`, of the files of a folder.

    A file that cannot be read is let through: the reader has the sentence for it.
    """
    try:
        text = path.read_bytes()
    except OSError:
        return True
    return speaks_of_backward_pass(text)


def speaks_of_backward_pass(text: bytes) -> bool:
    """A look at the words alone: whether parsing could find anything.

    A hand-written backward pass of a recurrent network names its nonlinearity somewhere and has
    either a word for what it is or a derivative's name (``dW``, ``dh``). The plain words come first: they are
    looked for at the speed of memory, and few files have them all.
    """
    if not speaks_of_nonlinearity(text):
        return False
    lower = text.lower()
    return any(word in lower for word in _PASSES) or _DERIVATIVES.search(text) is not None


def speaks_of_nonlinearity(text: bytes) -> bool:
    """Whether some word says that a nonlinearity is computed or called here."""
    lower = text.lower()
    return any(word in lower for word in _NONLINEARITIES) and _NONLINEARITY_IN_USE.search(lower) is not None
