"""What a command imports: the part of its time that does not depend on the machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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


def test_the_host_never_loads_the_code_that_it_checks() -> None:
    assert not inside(modules_of_rnnlint(str(PROGRAM)), "backward", "forward", "utils", "train")
