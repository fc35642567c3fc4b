"""Who may import whom. The walls: rules without numbers, a guest without answers, reports without engines."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import reference_impl
import rnnlint

RNNLINT = Path(rnnlint.__file__).parent
REFERENCE = Path(reference_impl.__file__).parent


def programs(folder: Path) -> list[Path]:
    files = [folder] if folder.is_file() else sorted(folder.rglob("*.py"))
    assert files, f"{folder} holds no program: this test would hold nothing"
    return files


def imports(file: Path) -> Iterator[tuple[str, int]]:
    """Absolute dotted names that a file imports, anywhere in it, type checking included."""
    root = REFERENCE if file.is_relative_to(REFERENCE) else RNNLINT
    package = [root.name, *file.relative_to(root).parent.parts]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, node.module] if node.module else above)
            yield base, node.lineno
            yield from ((f"{base}.{alias.name}", node.lineno) for alias in node.names)


def offenders(folder: Path, *forbidden: str) -> list[str]:
    """``file:line: name`` of every import at or below one of the forbidden names."""
    return [
        f"{file.relative_to(folder.parent)}:{line}: {name}"
        for file in programs(folder)
        for name, line in imports(file)
        if any(name == wall or name.startswith(f"{wall}.") for wall in forbidden)
    ]


def outside(folder: Path, *allowed: str) -> list[str]:
    """Imports that are neither of the standard library nor at or below an allowed name."""
    return [
        f"{file.relative_to(folder.parent)}:{line}: {name}"
        for file in programs(folder)
        for name, line in imports(file)
        if name.partition(".")[0] not in sys.stdlib_module_names
        and not any(name == each or name.startswith(f"{each}.") for each in allowed)
    ]


def test_the_reference_imports_numpy_alone() -> None:
    typing_only = "_typeshed"
    assert outside(REFERENCE, "numpy", "reference_impl", typing_only) == []


def test_the_guest_imports_the_standard_library_and_numpy_alone() -> None:
    assert outside(RNNLINT / "guest", "numpy", "rnnlint.guest") == []


@pytest.mark.parametrize("layer", ["model", "rules", "syntax"])
def test_reading_knows_no_numbers_and_no_screen(layer: str) -> None:
    walls = ("gradients", "sandbox", "guest", "diagnosis", "report", "cli", "api")
    assert offenders(RNNLINT / layer, "numpy", "reference_impl", *(f"rnnlint.{wall}" for wall in walls)) == []


def test_the_model_knows_no_rules() -> None:
    assert offenders(RNNLINT / "model", "rnnlint.rules") == []


def test_syntax_knows_no_meaning() -> None:
    assert offenders(RNNLINT / "syntax", "rnnlint.model", "rnnlint.rules") == []


def test_reports_import_findings_and_plain_results_alone() -> None:
    plain = (
        "records",
        "findings",
        "fingerprints",
        "hunks",
        "legible",
        "verdicts",
        "results",
        "grading.results",
        "source",
        "stored_places",
    )
    libraries = ("jinja2", "markupsafe", "markdown_it", "pygments", "junitparser")
    rows = outside(RNNLINT / "report", *libraries, "rnnlint.report", *(f"rnnlint.{name}" for name in plain))
    assert [row for row in rows if not row.endswith((" rnnlint", " rnnlint.__version__"))] == []


@pytest.mark.parametrize(
    "name",
    ["findings.py", "verdicts.py", "results.py", "grading/results.py", "source.py", "config.py"],
)
def test_vocabulary_knows_no_engine(name: str) -> None:
    engines = ("syntax", "model", "gradients", "sandbox", "guest", "diagnosis", "report", "cli", "api")
    assert offenders(RNNLINT / name, "numpy", "libcst", *(f"rnnlint.{engine}" for engine in engines)) == []


def test_the_command_line_calls_the_api_and_no_engine() -> None:
    engines = ("syntax", "model", "rules", "gradients", "guest", "diagnosis")
    assert offenders(RNNLINT / "cli", "numpy", "libcst", *(f"rnnlint.{engine}" for engine in engines)) == []
    sandboxes = offenders(RNNLINT / "cli", "rnnlint.sandbox")
    assert [row for row in sandboxes if not row.startswith("cli/doctor.py")] == []


def test_the_judge_never_imports_what_runs_beside_the_users_code() -> None:
    assert offenders(RNNLINT / "gradients", "rnnlint.guest") == []


def test_the_concrete_tree_is_asked_in_one_place() -> None:
    rows = offenders(RNNLINT, "libcst")
    assert rows
    assert [row for row in rows if not row.startswith("rnnlint/concrete.py")] == []


def test_reading_needs_no_library() -> None:
    for layer in ("syntax", "model", "rules"):
        assert outside(RNNLINT / layer, "rnnlint") == []


def test_dataclasses_cost_little_to_make() -> None:
    elsewhere = ("rnnlint/guest/", "rnnlint/sandbox/", "rnnlint/records.py", "rnnlint/pytest_plugin.py")
    rows = offenders(RNNLINT, "dataclasses.dataclass", "dataclasses.replace")
    assert [row for row in rows if not row.startswith(elsewhere)] == [], "rnnlint.records has them"


def test_the_host_never_unpickles() -> None:
    for folder in ("sandbox", "gradients", "diagnosis"):
        assert offenders(RNNLINT / folder, "pickle", "marshal", "shelve") == []
