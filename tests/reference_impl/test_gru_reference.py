"""The GRU, in its four forms, against complex-step differentiation."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from differentiation import complex_step, complex_step_parameters, drawn, relative_error, worst_error
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_impl import gru, losses
from reference_impl.arrays import Array, named

EXACT = 1e-12
FORMS = [(reset, update) for reset in gru.Reset for update in gru.Update]


@dataclass(frozen=True)
class Problem:
    """A sequence, its cell, and a loss that uses every place where a loss may enter."""

    parameters: gru.GRUParameters
    inputs: Array
    h_0: Array
    targets: Array
    dh_above: Array
    dh_final: Array
    reset: gru.Reset
    update: gru.Update

    def forward(self) -> gru.GRUTrace:
        return gru.forward(self.inputs, self.h_0, self.parameters, reset=self.reset, update=self.update)

    def loss(self) -> Array:
        trace = self.forward()
        states = (self.dh_above * trace.h).sum() + (self.dh_final * trace.h[-1]).sum()
        return states + (losses.cross_entropy(trace.v, self.targets) if trace.v.size else 0.0)

    def backward(self) -> gru.GRUGradients:
        trace = self.forward()
        dv = losses.cross_entropy_adjoint(trace.v, self.targets) if trace.v.size else None
        return gru.backward(trace, dv=dv, dh_above=self.dh_above, dh_final=self.dh_final)


def problem(
    T=4, H=3, D=2, V=5, B=2, seed=0, *, reset=gru.Reset.BEFORE, update=gru.Update.KEEP, output=True
) -> Problem:
    rng = np.random.default_rng(seed)
    shapes = {f"W_{k}": (H, H + D) for k in "zrn"} | {f"b_{k}": (H, 1) for k in "zrn"}
    if output:
        shapes |= {"W_v": (V, H), "b_v": (V, 1)}
    if reset is gru.Reset.AFTER:
        shapes |= {"b_nh": (H, 1)}
    one_hot = np.eye(V)[rng.integers(V, size=(T, B))].transpose(0, 2, 1)
    return Problem(
        parameters=drawn(gru.GRUParameters, rng, **shapes),
        inputs=rng.normal(size=(T, D, B)),
        h_0=rng.normal(size=(H, B)),
        targets=one_hot,
        dh_above=rng.normal(size=(T, H, B)),
        dh_final=rng.normal(size=(H, B)),
        reset=reset,
        update=update,
    )


def assert_exact(case: Problem) -> None:
    gradients = case.backward()
    expected = complex_step_parameters(lambda p: replace(case, parameters=p).loss(), case.parameters)
    assert worst_error(named(gradients.parameters), expected) <= EXACT
    for name, got in {"inputs": gradients.dx, "h_0": gradients.dh_0}.items():
        true = complex_step(lambda x, name=name: replace(case, **{name: x}).loss(), getattr(case, name))
        assert relative_error(got, true) <= EXACT, name


@pytest.mark.parametrize(("reset", "update"), FORMS)
@pytest.mark.parametrize("output", [True, False])
def test_gradients_of_parameters_inputs_and_initial_state(reset, update, output):
    assert_exact(problem(reset=reset, update=update, output=output))


@settings(max_examples=15, deadline=None)
@given(
    T=st.integers(1, 5),
    H=st.integers(1, 4),
    D=st.integers(1, 3),
    B=st.integers(1, 3),
    seed=st.integers(0, 10**6),
    reset=st.sampled_from(gru.Reset),
)
def test_gradients_at_any_size(T, H, D, B, seed, reset):
    assert_exact(problem(T, H, D, B=B, seed=seed, reset=reset))


@pytest.mark.parametrize(("reset", "update"), FORMS)
def test_adjoints_of_the_pre_activations(reset, update):
    """Each gate gets inputs of its own, one a unit, added to its pre-activation: their adjoint is δ."""
    case = problem(reset=reset, update=update)
    T, H, B = case.dh_above.shape
    taps = {
        f"W_{k}": np.hstack(
            [getattr(case.parameters, f"W_{k}"), *(np.eye(H) * (k == other) for other in "zrn")]
        )
        for k in "zrn"
    }
    tapped = replace(case, parameters=replace(case.parameters, **taps))

    def loss(added: Array) -> Array:
        return replace(tapped, inputs=np.concatenate([case.inputs, added], axis=1)).loss()

    gradients = case.backward()
    for gate, delta in zip(
        "zrn", np.split(complex_step(loss, np.zeros((T, 3 * H, B))), 3, axis=1), strict=True
    ):
        assert relative_error(getattr(gradients, f"delta_{gate}"), delta) <= EXACT, gate


@pytest.mark.parametrize(("reset", "update"), FORMS)
def test_the_records_satisfy_the_equations(reset, update):
    case = problem(reset=reset, update=update)
    s, d, p, H = case.forward(), case.backward(), case.parameters, len(case.h_0)
    np.testing.assert_allclose(s.h_previous, np.concatenate([case.h_0[np.newaxis], s.h[:-1]]))
    seen = np.concatenate([s.h_previous, case.inputs], axis=1)
    np.testing.assert_allclose(s.z, 1 / (1 + np.exp(-(p.W_z @ seen + p.b_z))))
    np.testing.assert_allclose(s.r, 1 / (1 + np.exp(-(p.W_r @ seen + p.b_r))))
    W_nh, W_nx = np.split(p.W_n, [H], axis=1)
    if reset is gru.Reset.BEFORE:
        a_n = p.W_n @ np.concatenate([s.r * s.h_previous, case.inputs], axis=1) + p.b_n
    else:
        a_n = W_nx @ case.inputs + p.b_n + s.r * (W_nh @ s.h_previous + p.b_nh)
    np.testing.assert_allclose(s.n, np.tanh(a_n))
    old, new = (s.z, 1 - s.z) if update is gru.Update.KEEP else (1 - s.z, s.z)
    np.testing.assert_allclose(s.h, old * s.h_previous + new * s.n)
    np.testing.assert_allclose(d.dn, d.dh * new)
    np.testing.assert_allclose(d.dr, d.drq * s.q)
    np.testing.assert_allclose(d.delta_z, d.dz * s.z * (1 - s.z))
    np.testing.assert_allclose(d.dh, p.W_v.T @ d.dv + case.dh_above + d.dh_next)
    np.testing.assert_array_equal(d.dh_next[-1], case.dh_final)


def test_the_two_meanings_of_the_update_gate_mirror_each_other():
    """σ(−a) = 1 − σ(a): with W_z and b_z negated, "replace" is "keep"."""
    keep = problem(update=gru.Update.KEEP)
    p = keep.parameters
    mirrored = replace(keep, parameters=replace(p, W_z=-p.W_z, b_z=-p.b_z), update=gru.Update.REPLACE)
    np.testing.assert_allclose(mirrored.forward().h, keep.forward().h)
