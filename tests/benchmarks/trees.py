"""Folders: 400 files of numerical libraries, and files full of recurrent networks."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.timing import ROOT, Command, Row, print_table, seconds_of, side_by_side

ROUNDS = 5
LIBRARIES = ("numpy", "scipy", "sklearn")
FILES = 400
RNNLINT = (sys.executable, "-m", "rnnlint", "check", "--no-run", "--exit-zero")
PARSE = """
import sys
from pathlib import Path
import libcst
for path in Path(sys.argv[1]).rglob("*.py"):
    libcst.parse_module(path.read_text())
"""
"""What a tree of recurrent networks is measured against: libcst alone."""


def library_files() -> list[Path]:
    """400 files of the installed ones of :data:`LIBRARIES`, evenly from an alphabetical list."""
    specs = [spec for name in LIBRARIES if (spec := importlib.util.find_spec(name)) is not None]
    folders = [Path(spec.origin).parent for spec in specs if spec.origin is not None]
    found = [path for folder in folders for path in sorted(folder.rglob("*.py")) if path.stat().st_size]
    return [found[number * len(found) // FILES] for number in range(min(FILES, len(found)))]


def laid_out(files: list[Path], top: Path) -> Path:
    """Copies of the files, each under its package's folders."""
    for path in files:
        package = next(parent for parent in path.parents if parent.name in LIBRARIES)
        place = top / path.relative_to(package.parent)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    return top


def recurrent_files() -> Iterator[Path]:
    """The right and the buggy programs of the fixtures."""
    for folder in ("correct", "buggy"):
        yield from (path for path in sorted((ROOT / "fixtures" / folder).rglob("*.py")) if _is_python3(path))


def _is_python3(path: Path) -> bool:
    return "python2" not in path.name


def rows() -> list[Row]:
    """Whole processes; the trees lie in a temporary folder, each file of the fixtures in one of its own."""
    with tempfile.TemporaryDirectory() as folder:
        libraries = laid_out(library_files(), Path(folder, "libraries"))
        networks = Path(folder, "networks")
        for number, path in enumerate(recurrent_files()):
            place = networks / f"{number:03}" / path.name
            place.parent.mkdir(parents=True)
            shutil.copyfile(path, place)
        count = sum(1 for _ in networks.rglob("*.py"))
        commands = {
            "libraries": Command((*RNNLINT, "--no-cache", str(libraries))),
            "networks": Command((*RNNLINT, "--no-cache", str(networks))),
            "networks, parsed": Command((sys.executable, "-c", PARSE, str(networks))),
            "networks, again": Command((*RNNLINT, str(networks))),
        }
        seconds = side_by_side(
            {title: lambda command=command: seconds_of(command) for title, command in commands.items()},
            ROUNDS,
        )
    parse = seconds["networks, parsed"]
    return [
        Row(f"{FILES} files of {', '.join(LIBRARIES)}", seconds["libraries"], target="≤ 1 s"),
        Row(f"{count} files full of RNN code", seconds["networks"], seconds["networks"] / parse, "≤ 1.6 ×"),
        Row("the same, libcst.parse_module alone", parse, 1.0),
        Row("the same, read a second time", seconds["networks, again"], seconds["networks, again"] / parse),
    ]


def main() -> None:
    """Print the table."""
    print_table("Folders, by reading alone", rows())


if __name__ == "__main__":
    main()
