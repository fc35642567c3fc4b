"""Unknown sizes: what a number stands for, and what an error demands."""

from __future__ import annotations

import pytest

from rnnlint.gradients.shape_errors import equations
from rnnlint.gradients.sizes import Size, Solution, decode
from rnnlint.sandbox.job import Failure, Trouble

AXES = ("T", "B", "H", "D", "W.0", "W.1")
DYES = Solution({}).dye(AXES)


def axis(name: str) -> Size:
    return Size.axis(name)


@pytest.mark.parametrize(
    ("number", "meaning"),
    [
        (DYES["H"], axis("H")),
        (4 * DYES["H"], axis("H").times(4)),
        (DYES["H"] + DYES["D"], axis("H") + axis("D")),
        (DYES["W.1"] - 3 * DYES["H"], axis("W.1") + axis("H").times(-3)),
        (1, Size(constant=1)),
    ],
)
def test_a_number_names_its_axes(number: int, meaning: Size) -> None:
    assert decode(number, DYES) == meaning


def test_dyes_tell_all_axes_apart() -> None:
    assert len(set(DYES.values())) == len(AXES)
    assert DYES["W.0"] > 4 * DYES["H"]


def test_weights_yield_to_data() -> None:
    solution = Solution({}).equate(axis("H") + axis("D"), axis("W.1"))
    assert solution is not None
    assert solution.resolve(axis("W.1")) == axis("H") + axis("D")
    assert solution.resolve(axis("H")) == axis("H")


def test_a_stacked_axis_is_solved_through_its_last_slice() -> None:
    solution = Solution({}).equate(axis("W.0") + axis("H").times(-3), axis("H"))
    assert solution is not None
    assert solution.resolve(axis("W.0")) == axis("H").times(4)


def test_unequal_constants_cannot_be_equated() -> None:
    assert Solution({}).equate(Size(constant=2), Size(constant=3)) is None


def test_small_sizes_are_distinct_and_at_least_two() -> None:
    solution = Solution({}).equate(axis("D"), axis("W.0") + axis("H").times(-1))
    assert solution is not None
    sizes = solution.small(AXES, {"T": 4, "B": 2, "H": 3})
    assert min(sizes[a] for a in AXES) >= 2
    assert len({sizes[a] for a in ("T", "B", "H", "D")}) == 4
    assert sizes["D"] == sizes["W.0"] - sizes["H"]


@pytest.mark.parametrize(
    "message",
    [
        "shapes ({T},{H}) and ({D},{B}) not aligned: {H} (dim 1) != {D} (dim 0)",
        "matmul: Input operand 1 has a mismatch in its core dimension 0, with gufunc signature "
        "(n?,k),(k,m?)->(n?,m?) (size {H} is different from {D})",
        "operands could not be broadcast together with shapes ({B},{H}) ({B},{D}) ",
        "all the input array dimensions except for the concatenation axis must match exactly, but along "
        "dimension 1, the array at index 0 has size {H} and the array at index 1 has size {D}",
        "could not broadcast input array from shape ({B},{H}) into shape ({B},{D})",
        "cannot reshape array of size {BH} into shape ({B},{D})",
    ],
)
def test_numpy_says_that_two_axes_are_one(message: str) -> None:
    text = message.format(**DYES, BH=DYES["B"] * DYES["H"])
    (pair,) = equations(Trouble(Failure.RAISED, "ValueError", text), DYES)
    assert set(pair) == {axis("H"), axis("D")}


def test_an_error_without_sizes_demands_nothing() -> None:
    assert equations(Trouble(Failure.RAISED, "ValueError", "math domain error"), DYES) == []


def test_what_is_left_of_stacked_gates_after_three_is_not_taken_for_two_batches() -> None:
    sizes = {"T": 5, "B": 11, "H": 13, "D": 19, "W.1": 61}
    assert decode(61 - 3 * 13, sizes) == Size.of({"W.1": 1, "H": -3})  # 22, which is 2 · 11 too
