"""What a command imports: the part of its time that does not depend on the machine."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from rnnlint.api import Request, check
from rnnlint.cli import command_line
from rnnlint.config import Config
from rnnlint.results import RunOptions
from rnnlint.source import tree_of

PROGRAM = Path(__file__).parents[1] / "fixtures" / "article" / "backward.py"


def modules_of(statement: str) -> frozenset[str]:
    """The dotted names of all modules that are loaded once a statement has run, in a process of its own."""
    program = (
        f"import sys\ntry:\n    {statement}\nexcept SystemExit:\n    pass\n"
        "print('LOADED', *sorted(sys.modules))\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return frozenset(ran.stdout.rpartition("LOADED")[2].split())


def modules_of_rnnlint(*words: str) -> frozenset[str]:
    """Those of a run of the command line."""
    return modules_of(f"from rnnlint.cli import main; main({list(words)!r})")


def inside(modules: frozenset[str], *packages: str) -> set[str]:
    """The modules that are one of the packages or in it."""
    return {name for name in modules for each in packages if name == each or name.startswith(f"{each}.")}


def test_version_loads_neither_parser_nor_model() -> None:
    loaded = modules_of_rnnlint("--version")
    assert "rnnlint.cli" in loaded
    heavy = (
        "numpy",
        "rich",
        "nbformat",
        "pathspec",
        "rnnlint.model",
        "rnnlint.rules",
        "rnnlint.api",
    )
    assert not inside(loaded, *heavy)


def test_reading_alone_loads_no_numbers_and_no_sandbox() -> None:
    loaded = modules_of_rnnlint("--no-run", str(PROGRAM))
    assert "rnnlint.rules.engine" in loaded
    heavy = ("numpy", "rnnlint.gradients", "rnnlint.sandbox", "rnnlint.guest", "rich", "nbformat", "pathspec")
    assert not inside(loaded, *heavy)


def test_reading_alone_loads_nothing_of_other_ways_to_work(tmp_path: Path) -> None:
    """Keeping and repairing, many processes, Python 2: each where it is used."""
    program = tmp_path / "backward.py"
    program.write_text(PROGRAM.read_text(encoding="utf-8"), encoding="utf-8")
    loaded = modules_of_rnnlint("--no-run", str(program))
    elsewhere = (
        "libcst",
        "multiprocessing",
        "concurrent",
        "pickle",
        "difflib",
        "tempfile",
        "shutil",
        "rnnlint.atomic",
        "rnnlint.beside",
        "rnnlint.findings_cache",
        "rnnlint.fixes",
        "rnnlint.parallel",
        "rnnlint.python2.conversion",
    )
    assert not inside(loaded, *elsewhere)


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that are parsed, as often as they are."""
    parse, found = ast.parse, []

    def noted(text: str, *words: object, **named: object) -> ast.Module:
        found.append(text)
        return parse(text, *words, **named)

    monkeypatch.setattr("rnnlint.source.ast.parse", noted)
    tree_of.cache_clear()
    return found


def test_every_file_of_a_program_is_parsed_once(parsed: list[str]) -> None:
    check([Request(PROGRAM)], RunOptions(run=False), Config(PROGRAM.parent))
    texts = [path.read_text(encoding="utf-8") for path in PROGRAM.parent.glob("*.py")]
    assert parsed.count(texts[0]) <= 1
    assert len(parsed) == len(set(parsed)) >= 3


def test_of_a_folder_only_what_speaks_of_a_backward_pass_is_parsed(
    parsed: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(20):
        tmp_path.joinpath(f"other_{number}.py").write_text(f"import numpy\nx = {number}\n", encoding="utf-8")
    text = (PROGRAM.parents[1] / "correct" / "gru_class.py").read_text(encoding="utf-8")
    tmp_path.joinpath("gru.py").write_text(text, encoding="utf-8")
    assert command_line.main(["--no-run", "--no-cache", str(tmp_path)], standalone_mode=False) == 0
    assert parsed == [text]


def test_the_host_never_loads_the_code_that_it_checks() -> None:
    assert not inside(modules_of_rnnlint(str(PROGRAM)), "backward", "forward", "utils", "train")
