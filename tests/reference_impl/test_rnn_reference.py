"""The vanilla RNN against complex-step differentiation."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from differentiation import complex_step, complex_step_parameters, drawn, relative_error, worst_error
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_impl import losses, rnn
from reference_impl.arrays import Array, named

EXACT = 1e-12


@dataclass(frozen=True)
class Problem:
    """A sequence, its cell, and a loss that uses every place where a loss may enter."""

    parameters: rnn.RNNParameters
    inputs: Array
    h_0: Array
    targets: Array
    dh_above: Array
    dh_final: Array
    nonlinearity: rnn.Nonlinearity

    def forward(self) -> rnn.RNNTrace:
        return rnn.forward(self.inputs, self.h_0, self.parameters, nonlinearity=self.nonlinearity)

    def loss(self) -> Array:
        trace = self.forward()
        states = (self.dh_above * trace.h).sum() + (self.dh_final * trace.h[-1]).sum()
        return states + losses.squared_error(trace.v, self.targets, losses.Reduction.MEAN)

    def backward(self) -> rnn.RNNGradients:
        trace = self.forward()
        dv = losses.squared_error_adjoint(trace.v, self.targets, losses.Reduction.MEAN)
        return rnn.backward(trace, dv=dv, dh_above=self.dh_above, dh_final=self.dh_final)


def problem(T=4, H=3, D=2, V=5, B=2, seed=0, *, nonlinearity=rnn.Nonlinearity.TANH, output=True) -> Problem:
    rng = np.random.default_rng(seed)
    shapes = {"W_h": (H, H + D), "b_h": (H, 1)}
    if output:
        shapes |= {"W_v": (V, H), "b_v": (V, 1)}
    return Problem(
        parameters=drawn(rnn.RNNParameters, rng, **shapes),
        inputs=rng.normal(size=(T, D, B)),
        h_0=rng.normal(size=(H, B)),
        targets=rng.normal(size=(T, V if output else 0, B)),
        dh_above=rng.normal(size=(T, H, B)),
        dh_final=rng.normal(size=(H, B)),
        nonlinearity=nonlinearity,
    )


def assert_exact(case: Problem) -> None:
    gradients = case.backward()
    expected = complex_step_parameters(lambda p: replace(case, parameters=p).loss(), case.parameters)
    assert worst_error(named(gradients.parameters), expected) <= EXACT
    for name, got in {"inputs": gradients.dx, "h_0": gradients.dh_0}.items():
        true = complex_step(lambda x, name=name: replace(case, **{name: x}).loss(), getattr(case, name))
        assert relative_error(got, true) <= EXACT, name


@pytest.mark.parametrize("nonlinearity", rnn.Nonlinearity)
@pytest.mark.parametrize("output", [True, False])
def test_gradients_of_parameters_inputs_and_initial_state(nonlinearity, output):
    assert_exact(problem(H=6, nonlinearity=nonlinearity, output=output))


@settings(max_examples=15, deadline=None)
@given(
    T=st.integers(1, 5),
    H=st.integers(1, 4),
    D=st.integers(1, 3),
    B=st.integers(1, 3),
    seed=st.integers(0, 10**6),
)
def test_gradients_at_any_size(T, H, D, B, seed):
    assert_exact(problem(T, H, D, B=B, seed=seed))


@pytest.mark.parametrize("nonlinearity", rnn.Nonlinearity)
def test_adjoint_of_the_pre_activation(nonlinearity):
    """Inputs of its own, one a unit, are added to the pre-activation: their adjoint is delta."""
    case = problem(nonlinearity=nonlinearity)
    T, H, B = case.dh_above.shape
    W_h = np.hstack([case.parameters.W_h, np.eye(H)])
    tapped = replace(case, parameters=replace(case.parameters, W_h=W_h))

    def loss(added: Array) -> Array:
        return replace(tapped, inputs=np.concatenate([case.inputs, added], axis=1)).loss()

    assert relative_error(case.backward().delta, complex_step(loss, np.zeros((T, H, B)))) <= EXACT


PHI = {
    rnn.Nonlinearity.TANH: (np.tanh, lambda a: 1 - np.tanh(a) ** 2),
    rnn.Nonlinearity.RELU: (lambda a: np.maximum(a, 0), lambda a: a > 0),
    rnn.Nonlinearity.SIGMOID: (lambda a: 1 / (1 + np.exp(-a)), lambda a: np.exp(-a) / (1 + np.exp(-a)) ** 2),
}


@pytest.mark.parametrize("nonlinearity", rnn.Nonlinearity)
def test_the_records_satisfy_the_equations(nonlinearity):
    value, slope = PHI[nonlinearity]
    case = problem(nonlinearity=nonlinearity)
    s, d, p = case.forward(), case.backward(), case.parameters
    np.testing.assert_allclose(s.h_previous, np.concatenate([case.h_0[np.newaxis], s.h[:-1]]))
    np.testing.assert_allclose(s.a, p.W_h @ np.concatenate([s.h_previous, case.inputs], axis=1) + p.b_h)
    np.testing.assert_allclose(s.h, value(s.a))
    np.testing.assert_allclose(d.delta, d.dh * slope(s.a))
    np.testing.assert_allclose(d.dh, p.W_v.T @ d.dv + case.dh_above + d.dh_next)
    np.testing.assert_array_equal(d.dh_next[:-1], d.dz[1:, : len(case.h_0)])
    np.testing.assert_array_equal(d.dh_next[-1], case.dh_final)
