"""The arithmetic of a verdict."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlint.gradients.verdict import Measured, judge, relative_error, scale_name
from rnnlint.verdicts import Verdict

RNG = np.random.default_rng(0)
TRUE = {name: RNG.normal(size=(3, 4)) for name in "abc"}
SIZES = {"T": 4, "B": 2, "V": 5}


def measured(**got: np.ndarray) -> list[Measured]:
    return [Measured(name, f"d{name}", value, TRUE[name]) for name, value in got.items()]


def test_relative_error_is_0_right_1_zeros_2_reversed() -> None:
    true = TRUE["a"]
    assert relative_error(true, true) == 0
    assert relative_error(np.zeros_like(true), true) == 1
    assert relative_error(-true, true) == pytest.approx(2)


def test_the_common_factor_is_divided_out() -> None:
    judged = judge(measured(a=5 * TRUE["a"], b=5 * TRUE["b"], c=5 * TRUE["c"] + 1), SIZES)
    assert [v.verdict for v in judged.verdicts] == [Verdict.SCALED, Verdict.SCALED, Verdict.WRONG]
    assert (judged.scale, judged.scale_name) == (pytest.approx(5), "V")


def test_mixed_factors_are_wrong() -> None:
    judged = judge(measured(a=TRUE["a"], b=TRUE["b"], c=2 * TRUE["c"]), SIZES)
    assert [v.verdict for v in judged.verdicts] == [Verdict.RIGHT, Verdict.RIGHT, Verdict.WRONG]


def test_an_odd_factor_of_one_parameter_is_no_scale() -> None:
    judged = judge(measured(a=0.37123 * TRUE["a"], b=TRUE["c"]), SIZES)
    assert judged.scale == 1
    assert judged.wrong == 2


def test_zero_against_zero_says_nothing() -> None:
    zero = np.zeros((2, 2))
    judged = judge([Measured("a", "da", zero, zero)], SIZES)
    assert judged.verdicts[0].verdict is Verdict.UNINFORMATIVE
    assert judged.agreeing == 0


def test_zeros_where_a_gradient_belongs_are_wrong() -> None:
    judged = judge(measured(a=np.zeros((3, 4))), SIZES)
    assert judged.verdicts[0].verdict is Verdict.WRONG
    assert judged.verdicts[0].relative_error == 1


def test_the_worst_element_is_found() -> None:
    got = TRUE["a"].copy()
    got[1, 2] += 9
    worst = judge(measured(a=got, b=TRUE["b"]), SIZES).verdicts[0].worst
    assert worst is not None
    assert worst.index == (1, 2)
    assert worst.got - worst.expected == pytest.approx(9)


@pytest.mark.parametrize(
    ("scale", "name"),
    [(-1, "-1"), (4, "T"), (0.5, "1/2"), (-1 / 8, "-1/(B·T)"), (10, "2·V"), (1, None), (0.7311, None)],
)
def test_scales_are_named_after_the_sizes(scale: float, name: str | None) -> None:
    found = scale_name(scale, {"T": 4, "B": 2, "V": 5})
    if name in ("1/2",):
        assert found in ("1/2", "1/B")
    elif name == "2·V":
        assert found in ("2·V", "B·V")
    elif name == "-1/(B·T)":
        assert found in ("-1/(B·T)", "-1/(2·T)")
    else:
        assert found == name
