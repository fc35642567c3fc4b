"""The LSTM against complex-step differentiation: parameters, inputs, initial states and every adjoint."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from differentiation import complex_step, complex_step_parameters, drawn, relative_error, worst_error
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_impl import losses, lstm
from reference_impl.arrays import Array, named

EXACT = 1e-12


@dataclass(frozen=True)
class Problem:
    """A sequence, its cell, and a loss that uses every place where a loss may enter."""

    parameters: lstm.LSTMParameters
    inputs: Array
    h_0: Array
    C_0: Array
    targets: Array
    cotangents: dict[str, Array]
    squashed: bool

    def forward(self) -> lstm.LSTMTrace:
        return lstm.forward(self.inputs, self.h_0, self.C_0, self.parameters, squashed=self.squashed)

    def loss(self) -> Array:
        trace = self.forward()
        total = sum(
            (self.cotangents[name] * value).sum()
            for name, value in {
                "dh_above": trace.h,
                "dC_above": trace.C,
                "dh_final": trace.h[-1],
                "dC_final": trace.C[-1],
            }.items()
        )
        return total + (losses.cross_entropy(trace.v, self.targets) if trace.v.size else 0.0)

    def backward(self) -> lstm.LSTMGradients:
        trace = self.forward()
        dv = losses.cross_entropy_adjoint(trace.v, self.targets) if trace.v.size else None
        return lstm.backward(trace, dv=dv, **self.cotangents)


def problem(
    T=4, H=3, D=2, V=5, B=2, seed=0, *, peepholes=False, coupled=False, output=True, squashed=True
) -> Problem:
    rng = np.random.default_rng(seed)
    gates = "fgo" if coupled else "figo"
    shapes = {f"W_{k}": (H, H + D) for k in gates} | {f"b_{k}": (H, 1) for k in gates}
    if output:
        shapes |= {"W_v": (V, H), "b_v": (V, 1)}
    if peepholes:
        shapes |= {f"P_{k}": (H, 1) for k in gates if k != "g"}
    return Problem(
        parameters=drawn(lstm.LSTMParameters, rng, **shapes),
        inputs=rng.normal(size=(T, D, B)),
        h_0=rng.normal(size=(H, B)),
        C_0=rng.normal(size=(H, B)),
        targets=np.eye(V)[rng.integers(V, size=(T, B))].transpose(0, 2, 1),
        cotangents={
            "dh_above": rng.normal(size=(T, H, B)),
            "dC_above": rng.normal(size=(T, H, B)),
            "dh_final": rng.normal(size=(H, B)),
            "dC_final": rng.normal(size=(H, B)),
        },
        squashed=squashed,
    )


VARIANTS = {
    "standard": {},
    "no output layer": {"output": False},
    "peepholes": {"peepholes": True},
    "coupled gates": {"coupled": True},
    "coupled gates with peepholes": {"coupled": True, "peepholes": True},
    "unsquashed cell": {"squashed": False},
    "unsquashed cell with peepholes": {"squashed": False, "peepholes": True},
}


def assert_exact(case: Problem) -> None:
    gradients = case.backward()
    expected = complex_step_parameters(lambda p: replace(case, parameters=p).loss(), case.parameters)
    assert worst_error(named(gradients.parameters), expected) <= EXACT
    for name, got in {"inputs": gradients.dx, "h_0": gradients.dh_0, "C_0": gradients.dC_0}.items():
        true = complex_step(lambda x, name=name: replace(case, **{name: x}).loss(), getattr(case, name))
        assert relative_error(got, true) <= EXACT, name


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS.keys())
def test_gradients_of_parameters_inputs_and_initial_states(variant):
    assert_exact(problem(**variant))


@settings(max_examples=15, deadline=None)
@given(
    T=st.integers(1, 5),
    H=st.integers(1, 4),
    D=st.integers(1, 3),
    V=st.integers(2, 4),
    B=st.integers(1, 3),
    seed=st.integers(0, 10**6),
)
def test_gradients_at_any_size(T, H, D, V, B, seed):
    assert_exact(problem(T, H, D, V, B, seed))


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS.keys())
def test_adjoints_of_the_pre_activations(variant):
    """Each gate gets inputs of its own, one a unit, added to its pre-activation: their adjoint is δ."""
    case = problem(**variant)
    T, H, B = case.cotangents["dh_above"].shape
    gates = [k for k in "figo" if getattr(case.parameters, f"W_{k}") is not None]
    taps = {
        f"W_{k}": np.hstack(
            [getattr(case.parameters, f"W_{k}"), *(np.eye(H) * (other == k) for other in gates)]
        )
        for k in gates
    }
    tapped = replace(case, parameters=replace(case.parameters, **taps))

    def loss(added: Array) -> Array:
        return replace(tapped, inputs=np.concatenate([case.inputs, added], axis=1)).loss()

    expected = complex_step(loss, np.zeros((T, H * len(gates), B)))
    gradients = case.backward()
    for gate, delta in zip(gates, np.split(expected, len(gates), axis=1), strict=True):
        assert relative_error(getattr(gradients, f"delta_{gate}"), delta) <= EXACT, gate


@pytest.mark.parametrize("squashed", [True, False])
def test_adjoints_of_the_states_at_every_step(squashed):
    """dh[t], dC[t]: the loss of the rest of the sequence as a function of h_t, of C_t with o_t held."""
    case = problem(squashed=squashed)
    trace, gradients = case.forward(), case.backward()
    T = len(trace.h)

    def rest(t: int, h_t: Array, C_t: Array) -> Array:
        """What the states after step t still cost, step t's own output included."""
        logits = case.parameters.W_v @ h_t + case.parameters.b_v
        cost = losses.cross_entropy(logits[np.newaxis], case.targets[t : t + 1])
        cost = cost + (case.cotangents["dh_above"][t] * h_t).sum()
        cost = cost + (case.cotangents["dC_above"][t] * C_t).sum()
        if t + 1 == T:
            final = case.cotangents["dh_final"] * h_t + case.cotangents["dC_final"] * C_t
            return cost + final.sum()
        later = {name: case.cotangents[name][t + 1 :] for name in ("dh_above", "dC_above")}
        tail = replace(
            case,
            inputs=case.inputs[t + 1 :],
            targets=case.targets[t + 1 :],
            cotangents=case.cotangents | later,
            h_0=h_t,
            C_0=C_t,
        )
        return cost + tail.loss()

    for t in range(T):
        dh = complex_step(lambda h, t=t: rest(t, h, trace.C[t]), trace.h[t])
        assert relative_error(gradients.dh[t], dh) <= EXACT

        def through_cell(C: Array, t: int = t) -> Array:
            return rest(t, trace.o[t] * (np.tanh(C) if squashed else C), C)

        assert relative_error(gradients.dC[t], complex_step(through_cell, trace.C[t])) <= EXACT


def test_the_trace_satisfies_the_equations():
    case = problem()
    s, p = case.forward(), case.parameters
    np.testing.assert_allclose(s.h_previous, np.concatenate([case.h_0[np.newaxis], s.h[:-1]]))
    np.testing.assert_allclose(s.C_previous, np.concatenate([case.C_0[np.newaxis], s.C[:-1]]))
    np.testing.assert_allclose(s.z, np.concatenate([s.h_previous, case.inputs], axis=1))
    for gate, squash in {"f": "σ", "i": "σ", "o": "σ", "g": "tanh"}.items():
        a = getattr(p, f"W_{gate}") @ s.z + getattr(p, f"b_{gate}")
        np.testing.assert_allclose(getattr(s, f"a_{gate}"), a)
        np.testing.assert_allclose(getattr(s, gate), 1 / (1 + np.exp(-a)) if squash == "σ" else np.tanh(a))
    np.testing.assert_allclose(s.C, s.f * s.C_previous + s.i * s.g)
    np.testing.assert_allclose(s.h, s.o * np.tanh(s.C))
    np.testing.assert_allclose(s.y_hat.sum(axis=1), 1)


def test_what_is_sent_back_is_what_the_step_before_receives():
    gradients, trace, H = problem().backward(), problem().forward(), 3
    np.testing.assert_array_equal(gradients.dh_next[:-1], gradients.dz[1:, :H])
    np.testing.assert_allclose(gradients.dC_next[:-1], gradients.dC[1:] * trace.f[1:])
    np.testing.assert_allclose(gradients.df, gradients.dC * trace.C_previous)
    np.testing.assert_allclose(gradients.di, gradients.dC * trace.g)
    np.testing.assert_allclose(gradients.dg, gradients.dC * trace.i)
    np.testing.assert_allclose(gradients.dtanh_C, gradients.dh * trace.o)
    np.testing.assert_allclose(gradients.do, gradients.dh * trace.tanh_C)
    np.testing.assert_allclose(gradients.delta_i, gradients.di * trace.i * (1 - trace.i))
    np.testing.assert_allclose(gradients.delta_g, gradients.dg * (1 - trace.g**2))


def test_float32_stays_float32():
    case = problem(output=False)
    p = lstm.LSTMParameters(**{n: a.astype(np.float32) for n, a in named(case.parameters).items()})
    trace = lstm.forward(*(a.astype(np.float32) for a in (case.inputs, case.h_0, case.C_0)), p)
    assert trace.h.dtype == np.float32


def test_saturated_gates_stay_finite():
    case = problem()
    with np.errstate(all="raise", under="ignore"):
        trace = replace(case, inputs=1e4 * case.inputs).forward()
        gradients = lstm.backward(trace, dv=losses.cross_entropy_adjoint(trace.v, case.targets))
    assert all(np.isfinite(value).all() for value in named(gradients.parameters).values())
