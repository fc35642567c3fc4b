"""``rnnlint.check_gradients``: callables of this process, for someone's own tests."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from rnnlint import WrongGradientError, check_gradients
from rnnlint.verdicts import Status, Verdict

Parameters = Mapping[str, Any]


def drawn(size: int = 3) -> dict[str, Any]:
    rng = np.random.default_rng(4)
    return {"W": rng.normal(0, 0.4, (size, size)), "b": rng.normal(0, 0.4, size)}


def loss(params: Parameters) -> float:
    """½‖tanh(W tanh(W b))‖²."""
    return 0.5 * float(np.sum(np.tanh(params["W"] @ np.tanh(params["W"] @ params["b"])) ** 2))


def gradients(params: Parameters) -> dict[str, Any]:
    W, b = params["W"], params["b"]
    h1 = np.tanh(W @ b)
    h2 = np.tanh(W @ h1)
    d2 = h2 * (1 - h2**2)
    d1 = (W.T @ d2) * (1 - h1**2)
    return {"dW": np.outer(d2, h1) + np.outer(d1, b), "db": W.T @ d1}


def both(params: Parameters) -> tuple[float, dict[str, Any]]:
    return loss(params), gradients(params)


def verdicts(check: Any) -> dict[str, Verdict]:
    return {p.name: p.verdict for p in check.parameters}


class TestRight:
    @pytest.mark.parametrize("size", [3, 40], ids=["element by element", "along directions"])
    def test_gradients_that_are_the_losss_own(self, size: int) -> None:
        check = check_gradients(both, drawn(size), seed=1)
        assert verdicts(check) == {"W": Verdict.RIGHT, "b": Verdict.RIGHT}
        check.raise_if_wrong()
        assert str(check).startswith("Right: 2 of 2 gradients of both().")

    def test_loss_and_gradients_given_apart(self) -> None:
        params = drawn()
        check_gradients(params=params, loss=loss, gradients=gradients).raise_if_wrong()
        check_gradients(params=params, loss=loss, gradients=gradients(params)).raise_if_wrong()

    def test_a_kink_near_the_point_is_no_error(self) -> None:
        params = {"x": np.array([1.3e-4, -1.3e-4, 0.5])}
        found = check_gradients(
            params=params, loss=lambda p: np.maximum(p["x"], 0).sum(), gradients=lambda p: {"x": p["x"] > 0}
        )
        assert verdicts(found) == {"x": Verdict.RIGHT}

    def test_the_parameters_have_their_values_back(self) -> None:
        params = drawn()
        before = {name: array.copy() for name, array in params.items()}

        def with_an_update(given: Parameters) -> tuple[float, dict[str, Any]]:
            result = both(given)
            given["W"][...] -= 0.1 * result[1]["dW"]
            return result

        check_gradients(with_an_update, params).raise_if_wrong()
        assert all(np.array_equal(params[name], before[name]) for name in params)

    def test_also_after_an_error(self) -> None:
        params = drawn()
        before = params["W"].copy()

        def breaking(given: Parameters) -> float:
            if not np.array_equal(given["W"], before):
                raise RuntimeError("no")
            return loss(given)

        with pytest.raises(RuntimeError):
            check_gradients(params=params, loss=breaking, gradients=gradients)
        assert np.array_equal(params["W"], before)


class TestWrong:
    def test_one_wrong_element_is_named(self) -> None:
        params = drawn()

        def spoiled(given: Parameters) -> dict[str, Any]:
            found = gradients(given)
            found["dW"][2, 1] += 0.25
            return found

        check = check_gradients(params=params, loss=loss, gradients=spoiled)
        assert verdicts(check) == {"W": Verdict.WRONG, "b": Verdict.RIGHT}
        (wrong,) = check.wrong
        assert wrong.shape == (3, 3)
        assert wrong.worst is not None
        assert wrong.worst.index == (2, 1)
        assert wrong.worst.got - wrong.worst.expected == pytest.approx(0.25)
        assert wrong.worst.expected == pytest.approx(gradients(params)["dW"][2, 1])
        with pytest.raises(WrongGradientError, match=r"W +wrong .*worst at \(2, 1\)") as caught:
            check.raise_if_wrong()
        assert caught.value.check is check

    def test_along_directions_no_element_is_claimed(self) -> None:
        def spoiled(given: Parameters) -> dict[str, Any]:
            return {name: array + 1e-3 for name, array in gradients(given).items()}

        check = check_gradients(params=drawn(40), loss=loss, gradients=spoiled, seed=1)
        assert verdicts(check) == {"W": Verdict.WRONG, "b": Verdict.WRONG}
        assert all(p.cosine is None and p.worst is None for p in check.parameters)
        assert [p.shape for p in check.parameters] == [(40, 40), (40,)]

    def test_a_reversed_gradient_has_error_two(self) -> None:
        def reversed_bias(given: Parameters) -> dict[str, Any]:
            return gradients(given) | {"db": -gradients(given)["db"]}

        (wrong,) = check_gradients(params=drawn(), loss=loss, gradients=reversed_bias).wrong
        assert (wrong.name, wrong.relative_error, wrong.cosine) == (
            "b",
            pytest.approx(2.0),
            pytest.approx(-1.0),
        )

    def test_a_common_factor_is_said_and_fails_unless_allowed(self) -> None:
        check = check_gradients(params=drawn(), loss=lambda p: loss(p) / 7, gradients=gradients)
        assert set(verdicts(check).values()) == {Verdict.SCALED}
        assert check.scale == pytest.approx(7.0)
        check.raise_if_wrong(allow_scale=True)
        with pytest.raises(WrongGradientError, match="7 times"):
            check.raise_if_wrong()

    def test_what_is_not_finite(self) -> None:
        check = check_gradients(
            params=drawn(), loss=loss, gradients=lambda p: gradients(p) | {"db": np.full(3, np.nan)}
        )
        assert verdicts(check) == {"W": Verdict.RIGHT, "b": Verdict.NOT_FINITE}
        with pytest.raises(WrongGradientError):
            check.raise_if_wrong()

    def test_a_missing_gradient(self) -> None:
        check = check_gradients(params=drawn(), loss=loss, gradients=lambda p: {"dW": gradients(p)["dW"]})
        assert check.status is Status.PARTIAL
        assert verdicts(check)["b"] is Verdict.UNPAIRED
        with pytest.raises(WrongGradientError, match="no gradient was given"):
            check.raise_if_wrong()

    def test_zero_against_zero_alone_shows_nothing(self) -> None:
        check = check_gradients(
            params=drawn(), loss=lambda _: 1.0, gradients=lambda p: {n: 0 * a for n, a in p.items()}
        )
        assert set(verdicts(check).values()) == {Verdict.UNINFORMATIVE}
        with pytest.raises(WrongGradientError, match="Nothing shown"):
            check.raise_if_wrong()

    def test_data_drawn_inside(self) -> None:
        rng = np.random.default_rng(0)

        def noisy(given: Parameters) -> tuple[float, dict[str, Any]]:
            factor = rng.normal()
            return factor * loss(given), {name: factor * g for name, g in gradients(given).items()}

        check = check_gradients(noisy, drawn())
        assert check.nondeterministic
        with pytest.raises(WrongGradientError, match="Two equal calls"):
            check.raise_if_wrong()


class TestMistakes:
    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"params": None}, "params must be a mapping"),
            ({"params": {"W": [1.0]}}, r"params\['W'\] must be an array"),
            ({"params": {"W": np.zeros(3, np.float32)}}, "float32; central differences need float64"),
            ({"gradients": None}, "Give either loss_and_gradients"),
            ({"gradients": lambda p: [1, 2]}, "must be a mapping of names to arrays, not list"),
            ({"loss": lambda p: np.zeros(2)}, r"must be one real number, not ndarray of shape \(2,\)"),
            ({"loss": lambda p: np.inf}, "The loss is inf"),
            ({"gradients": lambda p: gradients(p) | {"W_grad": 0}}, "W may be any of W_grad, dW: call it W"),
            ({"gradients": lambda p: {"dW": np.zeros(9)}}, r"dW has shape \(9,\), and W has \(3, 3\)"),
        ],
    )
    def test_each_is_one_sentence(self, change: dict[str, Any], said: str) -> None:
        given = {"params": drawn(), "loss": loss, "gradients": gradients} | change
        with pytest.raises((TypeError, ValueError), match=said) as caught:
            check_gradients(**given)
        assert "\n" not in str(caught.value)


def test_importing_the_package_imports_no_numpy() -> None:
    program = "import sys, rnnlint; print('numpy' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert out.split() == ["False"]
