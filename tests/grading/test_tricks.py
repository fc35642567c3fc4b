"""What is tried for marks that nothing was done for, and what is no trick and only looks like one."""

from __future__ import annotations

from collections.abc import Callable

from rnnlint.grading.results import StudentResult

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
