"""Passes that no inference finds: stated in the configuration, or named with ``--entry``."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from rnnlint.config import parse_config
from rnnlint.gradients import prepare
from rnnlint.model.project import Project
from rnnlint.sandbox import Runner
from rnnlint.source import read_source
from rnnlint.verdicts import GradientCheck, Reason, Status, Verdict

Stated = Callable[..., GradientCheck]

FOLD = """
import numpy as np

def fold(stream, start, given):
    kept = [start]
    for moment in stream:
        kept.append(np.tanh(given["K"] @ np.concatenate([moment, kept[-1]]) + given["c"]))
    return np.stack(kept[1:]), (stream, kept)

def unfold(signal, tape, given):
    stream, kept = tape
    first, second = np.zeros_like(given["K"]), np.zeros_like(given["c"])
    back = np.zeros_like(given["c"])
    for i in reversed(range(len(stream))):
        inner = (signal[i] + back) * (1 - kept[i + 1] ** 2)
        first += np.outer(inner, np.concatenate([stream[i], kept[i]]))
        second += inner
        back = (given["K"].T @ inner)[len(stream[i]):]
    return first, second, back
"""
STATED = """
forward = "fold(x, h0, p) -> hs, cache"
backward = "unfold(dhs, cache, p) -> dK, dc, dh0"
"""


@pytest.fixture
def stated(runner: Runner, tmp_path: Path) -> Stated:
    """Checks a program under a scenario given as lines of the configuration."""

    def checked(program: str, scenario: str, entry: str | None = None) -> GradientCheck:
        path = tmp_path / "program.py"
        path.write_text(dedent(program), encoding="utf-8")
        table = tomllib.loads(f'[gradients."program.py"]\n{scenario}') if scenario else {}
        explicit = parse_config(table, tmp_path, "pyproject.toml").stated_for(path)
        source = read_source(path)
        (prepared,) = prepare(Project.of(source), source, runner, seed=3, entry=entry, explicit=explicit)
        return prepared.check

    return checked


def verdicts(check: GradientCheck) -> dict[str, Verdict]:
    return {p.name: p.verdict for p in check.parameters}


class TestScenarios:
    def test_a_pair_with_its_parameters_in_a_dict(self, stated: Stated) -> None:
        check = stated(FOLD, STATED)
        assert check.status is Status.CHECKED, check.reason
        assert verdicts(check) == dict.fromkeys(("K", "c", "h0"), Verdict.RIGHT)

    def test_a_dropped_carry_is_wrong_in_all_but_nothing_else(self, stated: Stated) -> None:
        check = stated(FOLD.replace("(signal[i] + back)", "signal[i]"), STATED)
        assert verdicts(check) == dict.fromkeys(("K", "c", "h0"), Verdict.WRONG)

    def test_stated_shapes_hold_inside_the_dict_too(self, stated: Stated) -> None:
        shapes = 'shapes = { x = ["T", "D"], h0 = ["H"], K = ["H", "D+H"], c = ["H"] }'
        check = stated(FOLD, STATED + shapes)
        assert verdicts(check) == dict.fromkeys(("K", "c", "h0"), Verdict.RIGHT)
        (matrix,) = (p.shape for p in check.parameters if p.name == "K")
        (bias,) = (p.shape for p in check.parameters if p.name == "c")
        assert matrix[0] == bias[0] < matrix[1]

    def test_only_stated_parameters_are_parameters(self, stated: Stated) -> None:
        program = FOLD.replace("return first, second, back", "return first")
        check = stated(program, STATED.replace("-> dK, dc, dh0", "-> dK") + 'parameters = ["K"]')
        assert (check.status, verdicts(check)) == (Status.CHECKED, {"K": Verdict.RIGHT})

    def test_a_gradient_is_taken_from_where_it_is_stated_to_be(self, stated: Stated) -> None:
        swapped = STATED.replace("-> dK, dc, dh0", "-> a, b, dc")
        check = stated(FOLD, swapped + 'gradients = { K = "a", c = "b" }')
        assert verdicts(check)["c"] is Verdict.RIGHT
        assert verdicts(stated(FOLD, swapped + 'gradients = { K = "a" }'))["c"] is Verdict.WRONG

    def test_indices_below_a_stated_size(self, stated: Stated) -> None:
        program = """
        import numpy as np

        def both(marks, answers, W, U, V):
            kept, odds, loss = [np.zeros(W.shape[0])], [], 0.0
            for mark, answer in zip(marks, answers):
                kept.append(np.tanh(W @ kept[-1] + U[:, mark]))
                scores = np.exp(V @ kept[-1])
                odds.append(scores / scores.sum())
                loss -= np.log(odds[-1][answer])
            gW, gU, gV = np.zeros_like(W), np.zeros_like(U), np.zeros_like(V)
            back = np.zeros(W.shape[0])
            for i in reversed(range(len(marks))):
                miss = odds[i].copy()
                miss[answers[i]] -= 1
                gV += np.outer(miss, kept[i + 1])
                inner = (V.T @ miss + back) * (1 - kept[i + 1] ** 2)
                gW += np.outer(inner, kept[i])
                gU[:, marks[i]] += inner
                back = W.T @ inner
            return loss, gW, gU, gV
        """
        check = stated(
            program,
            'backward = "both(x, y, W, U, V) -> loss, dW, dU, dV"\n'
            'shapes = { x = ["T", "<D"], y = ["T", "<K"], U = ["H", "D"], V = ["K", "H"] }',
        )
        assert verdicts(check) == dict.fromkeys("WUV", Verdict.RIGHT)


class TestMistakes:
    @pytest.mark.parametrize(
        ("old", "new", "code", "said"),
        [
            ("unfold(", "unfolded(", Reason.NO_BACKWARD, "defines no unfolded(). Did you mean 'unfold'?"),
            ('"fold(', '"folds(', Reason.NO_FORWARD, "defines no folds(). Did you mean 'fold'?"),
            ("(x, h0, p)", "(x, h0)", Reason.UNKNOWN_ARGUMENT, "fold() also needs given"),
            ("(x, h0, p)", "(x, h0, p, 1)", Reason.UNKNOWN_ARGUMENT, "takes stream, start and given"),
            ("(x, h0, p)", "(x, h0, give=p)", Reason.UNKNOWN_ARGUMENT, "no give. Did you mean 'given'?"),
            (
                "hs, cache",
                "hs, C, cache",
                Reason.UNKNOWN_ARGUMENT,
                "returns 2 values, and the scenario names 3",
            ),
        ],
    )
    def test_a_name_that_is_not_in_the_program(
        self, stated: Stated, old: str, new: str, code: Reason, said: str
    ) -> None:
        check = stated(FOLD, STATED.replace(old, new))
        assert (check.status, check.reason_code) == (Status.NOT_CHECKED, code)
        assert said in check.reason
        assert "[tool.rnnlint.gradients]" in check.advice

    def test_a_parameter_that_is_none(self, stated: Stated) -> None:
        check = stated(FOLD, STATED + 'parameters = ["K", "Q"]')
        assert "a parameter Q, and no array of the forward pass is called so, only K, c, h0." in check.reason

    def test_a_gradient_in_what_is_no_result(self, stated: Stated) -> None:
        check = stated(FOLD, STATED + 'gradients = { K = "q" }')
        assert "q is no result of unfold()" in check.reason

    def test_another_class_than_the_methods(self, stated: Stated) -> None:
        program = (
            "class Net:\n    def go(self, x):\n        return x\n    def back(self, dy):\n        return dy\n"
        )
        scenario = 'construct = "Nut(D)"\nforward = "Net.go(x) -> y"\nbackward = "Net.back(dy) -> dx"'
        assert "constructs Nut, and Net.back() is a method of Net" in stated(program, scenario).reason
        plain = stated(program, 'backward = "back(dy) -> dx"')
        assert "back() is a method: write Net.back" in plain.reason


TWO = """
import numpy as np

def run_plain(xs, h0, W, U):
    hs = [h0]
    for x in xs:
        hs.append(np.tanh(W @ hs[-1] + U @ x))
    return np.array(hs[1:]), (xs, hs, W, U)

def run_double(xs, h0, W, U):
    hs = [h0]
    for x in xs:
        hs.append(np.tanh(W @ hs[-1] + U @ x))
    return 2 * np.array(hs[1:]), (xs, hs, W, U)

def reverse(dhs, cache):
    xs, hs, W, U = cache
    dW, dU, dh = np.zeros_like(W), np.zeros_like(U), np.zeros_like(hs[0])
    for t in reversed(range(len(xs))):
        da = (FACTOR * dhs[t] + dh) * (1 - hs[t + 1] ** 2)
        dW += np.outer(da, hs[t])
        dU += np.outer(da, xs[t])
        dh = W.T @ da
    return dW, dU
"""


class TestEntry:
    @pytest.mark.parametrize(("factor", "forward"), [("1", "run_plain"), ("2", "run_double")])
    def test_two_functions_are_paired_by_name(self, stated: Stated, factor: str, forward: str) -> None:
        program = TWO.replace("FACTOR", factor)
        check = stated(program, "", entry=f"{forward} -> reverse")
        assert check.entry == f"{forward} → reverse"
        assert verdicts(check) == dict.fromkeys("WU", Verdict.RIGHT)
        assert check.scale == pytest.approx(1.0)

    def test_two_methods_too(self, stated: Stated) -> None:
        program = """
        import numpy as np

        class Net:
            def __init__(self, inputs, hidden_size):
                self.W = np.random.randn(hidden_size, hidden_size) * 0.1
                self.U = np.random.randn(hidden_size, inputs) * 0.1
                self.xs, self.hs = None, None

            def ahead(self, xs):
                self.xs, self.hs = xs, [np.zeros(self.W.shape[0])]
                for x in xs:
                    self.hs.append(np.tanh(self.W @ self.hs[-1] + self.U @ x))
                return np.array(self.hs[1:])

            def astern(self, dhs):
                self.dW, self.dU = np.zeros_like(self.W), np.zeros_like(self.U)
                dh = np.zeros(self.W.shape[0])
                for t in reversed(range(len(self.xs))):
                    da = (dhs[t] + dh) * (1 - self.hs[t + 1] ** 2)
                    self.dW += np.outer(da, self.hs[t])
                    self.dU += np.outer(da, self.xs[t])
                    dh = self.W.T @ da
        """
        assert stated(program, "").status is Status.NOT_CHECKED
        check = stated(program, "", entry="Net.ahead -> Net.astern")
        assert verdicts(check) == dict.fromkeys("WU", Verdict.RIGHT)

    def test_a_name_that_is_not_there(self, stated: Stated) -> None:
        check = stated(TWO.replace("FACTOR", "1"), "", entry="run_plain -> revers")
        assert check.reason == "program.py defines no revers(). Did you mean 'reverse'?"

    def test_an_entry_goes_before_the_configuration(self, stated: Stated) -> None:
        scenario = 'backward = "nowhere(x)"'
        check = stated(TWO.replace("FACTOR", "1"), scenario, entry="run_plain -> reverse")
        assert check.status is Status.CHECKED
