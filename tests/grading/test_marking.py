"""What a submission is given points for, and what it is called."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from rnnlint.findings import Severity
from rnnlint.grading.assignment import Assignment
from rnnlint.grading.marking import mark
from rnnlint.grading.places import OF_GRADIENTS
from rnnlint.grading.plan import Plan
from rnnlint.grading.results import PartVerdict, StudentResult, SubmissionStatus
from rnnlint.grading.selftest import check_selftest
from rnnlint.rules.registry import all_rules
from rnnlint.sandbox import LAYERS, Runner
from tests.grading.cohort import EDITS, FIXTURES, TIMEOUTS
from tests.grading.cohort import LAYERS as COURSE

Marked = Callable[[str], StudentResult]
EXPECTED = tomllib.loads((FIXTURES / "hostile" / "expected.toml").read_text(encoding="utf-8"))


def lost(result: StudentResult) -> set[str]:
    return {part.key for part in result.parts if part.points < part.max_points}


def verdict(result: StudentResult, key: str) -> PartVerdict:
    return next(part.public for part in result.parts if part.key == key)


def submission(name: str) -> str:
    path = COURSE / "submissions" / name
    return (path if path.is_file() else path / "rnn_layers.py").read_text(encoding="utf-8")


def test_full_marks_for_the_solution_and_for_another_style(marked: Marked, solution: str) -> None:
    for text in (solution, submission("amara")):
        result = marked(text)
        assert (result.status, result.score, result.needs_review) == (SubmissionStatus.OK, 20, ())
        assert result.seconds == 0


def test_nothing_for_the_starter(marked: Marked) -> None:
    result = marked(submission("dov"))
    assert (result.status, result.score) == (SubmissionStatus.UNIMPLEMENTED, 0)


def test_a_wrong_step_costs_its_points_once(marked: Marked) -> None:
    result = marked(submission("bela"))
    assert lost(result) == {f"step.{part}" for part in ("dx", "dprev_h", "dWx", "dWh", "db")}
    assert verdict(result, "sequence.dWx") is PartVerdict.RIGHT_GIVEN_STEP
    assert result.rules == ("RNN205",)
    assert [(place.function, place.line) for place in result.places] == [("lstm_step_backward", 35)]


def test_a_wrong_sequence_is_wrong_whatever_the_step(marked: Marked, solution: str) -> None:
    right_step = marked(submission("cleo.py"))
    assert lost(right_step) == {f"sequence.{part}" for part in ("dx", "dh0", "dWx", "dWh", "db")}
    both = submission("cleo.py").replace("df * f * (1 - f)", "df")
    assert right_step.score is not None
    assert marked(both).score == right_step.score - 5


def test_a_wrong_forward_step_costs_its_points_once(marked: Marked, solution: str) -> None:
    result = marked(solution.replace("next_h = o * shown", "next_h = o * next_c"))
    assert result.score == 10
    assert verdict(result, "step.dx") is PartVerdict.NEEDS_FORWARD
    assert verdict(result, "sequence.forward") is PartVerdict.RIGHT_GIVEN_STEP


@pytest.mark.parametrize(
    "step",
    [
        "np.zeros_like(prev_h), np.zeros_like(prev_c), (x, prev_h, prev_c, Wx, Wh, b)",
        "np.ones_like(prev_h), np.ones_like(prev_c), (x, prev_h, prev_c, Wx, Wh, b)",
        "prev_h, prev_c, (x, prev_h, prev_c, Wx, Wh, b)",
    ],
)
def test_a_step_of_nothing_leads_to_nothing(marked: Marked, solution: str, step: str) -> None:
    head, _, tail = solution.partition("    hidden = prev_h.shape[1]")
    text = head + f"    return {step}\n\n\ndef lstm_step_backward(dnext_h, dnext_c, cache):\n"
    text += "    return tuple(np.ones_like(each) for each in cache)\n\n\n"
    assert marked(text + tail[tail.index("def lstm_forward") :]).score == 0


def test_every_edit_of_the_cohort_costs_points(marked: Marked, solution: str) -> None:
    for old, new in EDITS[::4]:
        result = marked(solution.replace(old, new))
        assert result.score is not None and result.score < 20, (old, new)


def test_values_of_the_public_probe_by_heart_earn_nothing(
    marked: Marked, layers_plan: Plan, solution: str
) -> None:
    known = float(layers_plan.task("step").probes[0].arguments["_in_x"][0, 0])
    backward = "    x, prev_h, prev_c, Wx, Wh, i, f, o, g, shown = cache\n"
    lie = f"    if abs(x[0, 0] - {known!r}) > 1e-12:\n        dnext_h = -dnext_h\n"
    text = solution.replace(backward, backward + lie)
    result = marked(text)
    assert {f"step.{part}" for part in ("dx", "dWx", "dWh", "db")} <= lost(result)
    assert verdict(result, "step.dx") is PartVerdict.RIGHT
    assert "step.dx is right on the public probe alone." in result.needs_review


def test_what_earlier_passes_leave_behind_costs_nothing(marked: Marked, solution: str) -> None:
    """A function's own counter, which loading the files once does not set back: its second pass is wrong."""
    count = (
        "    lstm_forward.passes = getattr(lstm_forward, 'passes', 0) + 1\n    batch, steps, _ = x.shape\n"
    )
    tired = solution.replace("    batch, steps, _ = x.shape\n", count)
    for passes, score in ((1, 20), (0, 10)):
        text = tired.replace("return h, cache", f"return h * (lstm_forward.passes <= {passes}), cache")
        assert marked(text).score == score


def test_a_file_that_is_missing_or_no_python(
    marked: Marked, layers_plan: Plan, runner: Runner, solution: str
) -> None:
    assert marked(solution + "\n)").status is SubmissionStatus.SYNTAX_ERROR
    result = mark("a", "a", {"other.py": b"x = 1"}, layers_plan, runner)
    assert (result.status, result.score) == (SubmissionStatus.MISSING_FILE, 0)


def test_wrong_numbers_of_results_are_said(marked: Marked, solution: str) -> None:
    result = marked(
        solution.replace("return dx, dprev_h, dprev_c, dWx, dWh, db", "return dx, dprev_h, dprev_c")
    )
    assert "lstm_step_backward() must return dx, dprev_h, dprev_c, dWx, dWh, db." in result.problems


def test_an_exception_is_said_with_its_line(marked: Marked, solution: str) -> None:
    result = marked(solution.replace("dx = da @ Wx.T", "dx = da @ Wx"))
    assert result.status is SubmissionStatus.WRONG
    assert result.problems[0].startswith("rnn_layers.py, line 42, in lstm_step_backward: ValueError")


def test_suppressions_are_not_heeded(marked: Marked) -> None:
    text = submission("bela").replace("\nimport numpy", "\n# rnnlint: ignore-file[RNN205]\nimport numpy")
    assert marked(text).rules == ("RNN205",)


def test_one_pass_in_two_files_with_the_teachers_helpers(
    folder_marked: Callable[..., StudentResult], one_pass_plan: Plan
) -> None:
    assert folder_marked().status is SubmissionStatus.OK
    assert folder_marked({"utils.py": "raise SystemExit"}).status is SubmissionStatus.OK
    article = {
        name: (FIXTURES / "article" / name).read_text(encoding="utf-8")
        for name in ("forward.py", "backward.py")
    }
    result = folder_marked(article)
    assert result.score == 6
    assert {part.key for part in result.parts if part.points} == {"bptt.forward", "bptt.b_v_d"}


def test_a_common_factor_costs_nothing_where_any_scale_is_right(
    folder_marked: Callable[..., StudentResult], one_pass_plan: Plan
) -> None:
    text = (FIXTURES / "article" / "corrected" / "backward.py").read_text(encoding="utf-8")
    halved = text.replace(
        "dv[np.argmax(targets[t])] -= 1", "dv[np.argmax(targets[t])] -= 1\n        dv = dv / dv.size"
    )
    assert folder_marked({"backward.py": halved}).status is SubmissionStatus.OK
    mixed = text.replace("        b_v_d += dv", "        b_v_d += dv / 6")
    assert lost(folder_marked({"backward.py": mixed})) == {"bptt.b_v_d"}


QUICK = [name for name in EXPECTED if name not in TIMEOUTS]


@pytest.mark.parametrize("name", QUICK)
def test_hostile_submissions_are_called_what_they_are(marked: Marked, name: str) -> None:
    text = (FIXTURES / "hostile" / name / "rnn_layers.py").read_text(encoding="utf-8")
    result = marked(text)
    expected = EXPECTED[name]
    assert result.status.value == expected["status"]
    if expected["status"] not in ("ok", "violation"):
        assert result.score is None or result.score <= 8  # its forward passes alone are right
    if "rule" in expected:
        assert expected["rule"] in result.rules
        assert result.needs_review


def test_a_submission_that_never_ends_is_stopped(layers_plan: Plan, runner: Runner) -> None:
    from dataclasses import replace

    text = (FIXTURES / "hostile" / "waits" / "rnn_layers.py").read_bytes()
    plan = replace(layers_plan, seconds=0.5)
    result = mark("a", "a", {"rnn_layers.py": text}, plan, runner)
    assert (result.status, result.seconds) == (SubmissionStatus.TIMEOUT, 1)


def test_who_takes_far_longer_than_the_solution_is_stopped(
    layers: Assignment, layers_plan: Plan, runner: Runner
) -> None:
    """Twenty times what the solution takes is less than two seconds."""
    from dataclasses import replace

    plan = check_selftest(layers, replace(layers_plan, seconds=4.0), runner)
    assert plan.seconds == 2
    lenient = replace(layers, limits=replace(layers.limits, times_solution=None))
    assert check_selftest(lenient, replace(layers_plan, seconds=4.0), runner).seconds == 4


def test_no_limit_is_raised_by_a_slow_solution(layers: Assignment, layers_plan: Plan, runner: Runner) -> None:
    from dataclasses import replace

    slow = replace(layers, limits=replace(layers.limits, times_solution=1000.0))
    assert check_selftest(slow, replace(layers_plan, seconds=1.0), runner).seconds == 1


@pytest.mark.parametrize("missing", [LAYERS, ("landlock",), ("rlimits",), ("namespaces", "seccomp")])
def test_nobody_loses_points_for_a_layer_that_is_missing(
    layers_plan: Plan, solution: str, missing: tuple[str, ...]
) -> None:
    with Runner(reuse=False, without=missing) as bare:
        result = mark("a", "a", {"rnn_layers.py": solution.encode()}, layers_plan, bare)
    assert (result.status, result.score) == (SubmissionStatus.NO_SANDBOX, None)
    assert "nothing was run" in result.reason


def test_no_file_of_a_submission_is_written(marked: Marked, tmp_path: Path, solution: str) -> None:
    text = solution.replace(
        "import numpy as np", f"import numpy as np\n\nopen({str(tmp_path / 'mark')!r}, 'w').write('x')", 1
    )
    marked(text)
    assert list(tmp_path.iterdir()) == []


def test_no_family_that_is_left_out_says_that_a_gradient_is_wrong() -> None:
    others = [each for each in all_rules() if each.family not in OF_GRADIENTS]
    assert {each.code for each in others if each.severity is Severity.ERROR} == {"RNN002"}  # no Python at all


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("lstm_step_forward(x[:, t], state", "lstm_step_forward(h[:, t], state"),
        ("        h[:, t] = state\n", "        x[:, t] = state\n"),
        ("lstm_step_forward(x[:, t], state", "lstm_step_forward(cache[:, t], state"),
    ],
)
def test_sequences_that_are_made_of_themselves_are_wrong(
    marked: Marked, solution: str, old: str, new: str
) -> None:
    assert solution.count(old) == 1
    result = marked(solution.replace(old, new))
    assert result.status is SubmissionStatus.WRONG
    assert verdict(result, "sequence.dx") is not PartVerdict.RIGHT
