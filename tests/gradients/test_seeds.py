"""Planted bugs in three layouts under ten seeds: all found, and nothing said against the right programs.

``pytest -m slow tests/gradients/test_seeds.py``. In float64, and in programs whose arrays are float32, which
the check promotes.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from fixtures.buggy.planting import HERE, Planted, planted
from rnnlint.gradients import PreparedCheck, prepare
from rnnlint.model.project import Project
from rnnlint.sandbox import Runner
from rnnlint.source import read_source
from rnnlint.verdicts import Verdict

pytestmark = pytest.mark.slow

SEEDS = range(10)
CODES = """
    RNN101 RNN102 RNN104 RNN105 RNN106 RNN107 RNN111 RNN201 RNN202 RNN203 RNN204 RNN205 RNN206 RNN207 RNN208
    RNN209 RNN210 RNN301 RNN302 RNN303 RNN304 RNN307 RNN310
""".split()
BUGS = [bug for bug in planted() if bug.code in CODES]
RIGHT = [path for path in sorted(HERE.glob("*/right_*.py")) if path.stem != "right_training"]


class Float32(ast.NodeTransformer):
    """Makes every array that a program makes, and what its nonlinearities are taken of, float32."""

    def visit_Call(self, node: ast.Call) -> Any:
        self.generic_visit(node)
        match node.func:
            case ast.Attribute(value=ast.Name(id="np"), attr="zeros" | "ones" | "zeros_like" | "ones_like"):
                node.keywords.append(ast.keyword("dtype", _float32()))
            case ast.Attribute(value=ast.Name(id="np"), attr="tanh" | "exp"):
                cast = ast.Attribute(node.args[0], "astype", ast.Load())
                node.args[0] = ast.Call(cast, [_float32()], [])
        return node


def _float32() -> ast.expr:
    return ast.Attribute(ast.Name("np", ast.Load()), "float32", ast.Load())


def in_float32(text: str) -> str:
    return ast.unparse(ast.fix_missing_locations(Float32().visit(ast.parse(text))))


def checked(runner: Runner, folder: Path, text: str, seed: int) -> list[PreparedCheck]:
    path = folder / "program.py"
    path.write_text(text, encoding="utf-8")
    source = read_source(path)
    return prepare(Project.of(source), source, runner, seed=seed)


def verdicts(found: list[PreparedCheck]) -> dict[str, Verdict]:
    return {parameter.name: parameter.verdict for each in found for parameter in each.check.judged}


in_both_types = pytest.mark.parametrize("written", [str, in_float32], ids=["float64", "float32"])


@in_both_types
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_found_under_every_seed(bug: Planted, written: Any, runner: Runner, tmp_path: Path):
    for seed in SEEDS:
        found = verdicts(checked(runner, tmp_path, written(bug.text), seed))
        wrong = {name for name, verdict in found.items() if verdict is Verdict.WRONG}
        assert wrong == bug.wrong, f"seed {seed}"


@in_both_types
@pytest.mark.parametrize("path", RIGHT, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_right_program_is_right_under_every_seed(path: Path, written: Any, runner: Runner, tmp_path: Path):
    text = path.read_text(encoding="utf-8")
    for seed in SEEDS:
        found = verdicts(checked(runner, tmp_path, written(text), seed))
        assert len(found) >= 5, f"seed {seed}"
        assert set(found.values()) <= {Verdict.RIGHT, Verdict.SCALED}, f"seed {seed}"
