"""What is tried for marks that nothing was done for, and what is no trick and only looks like one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rnnlint.grading.results import StudentResult
from tests.grading.cohort import FIXTURES

Marked = Callable[[str], StudentResult]


def edited(text: str, *edits: tuple[str, str]) -> str:
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


class TestWhatTheBackwardDoesToTheForwardsResults:
    def test_values_that_it_fills_in_afterwards_are_no_forward(self, marked: Marked, solution: str) -> None:
        late = edited(
            solution,
            (
                "    return next_h, next_c, cache\n",
                "    owed.append((next_h, next_h.copy()))\n    next_h[...] = 0\n"
                "    return next_h, next_c, cache\n",
            ),
            ("def lstm_step_forward", "owed = []\n\n\ndef lstm_step_forward"),
            (
                "    do = dnext_h * shown\n",
                "    for empty, true in owed:\n        empty[...] = true\n    do = dnext_h * shown\n",
            ),
        )
        result = marked(late)
        assert {part.key for part in result.parts if part.points} == set()

    def test_a_result_whose_memory_it_uses_again_was_right(self, marked: Marked, solution: str) -> None:
        thrifty = edited(
            solution,
            ("Wx, Wh, i, f, o, g, shown)", "Wx, Wh, i, f, o, g, next_c)"),
            ("    do = dnext_h * shown\n", "    np.tanh(shown, out=shown)\n    do = dnext_h * shown\n"),
        )
        assert marked(thrifty).score == 20


class TestCommonFactors:
    """Where ``scale = "any"``: the mean for the sum costs nothing, and nothing else is a factor."""

    LAST = "    return clip_gradient_norm(grads)\n"

    def scaled(self, marked: Callable[..., StudentResult], factor: str) -> StudentResult:
        text = (FIXTURES / "article" / "corrected" / "backward.py").read_text(encoding="utf-8")
        given = f"    return tuple(each * ({factor}) for each in grads)\n"
        return marked({"backward.py": edited(text, (self.LAST, given))})

    @pytest.mark.parametrize(
        "factor", ["2", "1 / len(outputs)", "1 / W_v.shape[0]", "len(outputs) / W_v.shape[0]"]
    )
    def test_of_sizes(self, folder_marked: Callable[..., StudentResult], factor: str) -> None:
        assert self.scaled(folder_marked, factor).score == 15

    @pytest.mark.parametrize(
        "factor", ["-1", "-1 / len(outputs)", "1e-30", "1e6 * np.pi", "0.7310585786300049"]
    )
    def test_of_anything_else_are_wrong(
        self, folder_marked: Callable[..., StudentResult], factor: str
    ) -> None:
        assert self.scaled(folder_marked, factor).score == 5

    def test_what_is_right_as_it_is_is_not_measured_by_what_is_wrong(
        self, folder_marked: Callable[..., StudentResult]
    ) -> None:
        result = self.scaled(folder_marked, "1 if each is W_v_d or each is b_v_d else len(outputs)")
        right = {part.key for part in result.parts if part.points}
        assert right == {"bptt.forward", "bptt.W_v_d", "bptt.b_v_d"}
