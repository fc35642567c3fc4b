"""Softmax, cross-entropy and squared error: exact adjoints, and safe at any logits."""

from __future__ import annotations

import numpy as np
import pytest
from differentiation import complex_step, relative_error
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_impl.losses import (
    Reduction,
    cross_entropy,
    cross_entropy_adjoint,
    log_softmax,
    softmax,
    squared_error,
    squared_error_adjoint,
)

T, V, B = 3, 5, 2
PAIRS = [(cross_entropy, cross_entropy_adjoint), (squared_error, squared_error_adjoint)]


def logits_and_targets(seed: int = 0):
    rng = np.random.default_rng(seed)
    one_hot = np.eye(V)[rng.integers(V, size=(T, B))].transpose(0, 2, 1)
    return rng.normal(size=(T, V, B)), one_hot


@pytest.mark.parametrize(("loss", "adjoint"), PAIRS)
@pytest.mark.parametrize("reduction", Reduction)
def test_adjoints_are_exact(loss, adjoint, reduction):
    v, targets = logits_and_targets()
    expected = complex_step(lambda moved: loss(moved, targets, reduction), v)
    assert relative_error(adjoint(v, targets, reduction), expected) <= 1e-14


@pytest.mark.parametrize("loss", [cross_entropy, squared_error])
def test_mean_is_over_predictions_and_not_over_the_vocabulary(loss):
    v, targets = logits_and_targets()
    assert loss(v, targets, Reduction.MEAN) == pytest.approx(loss(v, targets) / (T * B))


def test_cross_entropy_of_one_certain_and_one_even_guess():
    v = np.array([[[0.0], [0.0]], [[np.log(3.0)], [0.0]]])
    targets = np.array([[[1.0], [0.0]], [[1.0], [0.0]]])
    assert cross_entropy(v, targets) == pytest.approx(np.log(2) + np.log(4 / 3))


@pytest.mark.parametrize("scale", [1e4, -1e4, 1e300])
def test_huge_logits_stay_finite(scale):
    v, targets = logits_and_targets()
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        probabilities, loss = softmax(scale * v), cross_entropy(scale * v, targets)
        adjoint = cross_entropy_adjoint(scale * v, targets)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert np.isfinite(loss)
    assert np.abs(adjoint).max() <= 1


def test_a_probability_that_rounds_to_zero_still_has_a_logarithm():
    v = np.array([[[0.0], [1e4]]])
    assert softmax(v)[0, 0, 0] == 0.0
    assert log_softmax(v)[0, 0, 0] == pytest.approx(-1e4)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), shift=st.floats(-1e4, 1e4), scale=st.floats(0.01, 100))
def test_a_shift_of_all_logits_changes_nothing(seed, shift, scale):
    v, _ = logits_and_targets(seed)
    np.testing.assert_allclose(softmax(scale * v + shift), softmax(scale * v), rtol=1e-9, atol=1e-12)
