"""Passes whose state, carry or gradients lie where the text does not say: on objects, in dicts, by place."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rnnlint.gradients import PreparedCheck
from rnnlint.gradients.forms import ArrayForm, Fill, drawn
from rnnlint.gradients.sizes import Size
from rnnlint.verdicts import Verdict

CheckText = Callable[..., list[PreparedCheck]]

LAYERS_THAT_KEEP_THEIR_CARRY = """
    import numpy as np

    class Recurrent:
        def __init__(self, n_in, n_out):
            self.W = np.random.randn(n_out, n_in)
            self.U = np.random.randn(n_out, n_out)
            self.start()

        def start(self):
            self.h, self.dh = np.zeros((self.U.shape[0], 1)), np.zeros((self.U.shape[0], 1))
            self.kept, self.dW, self.dU = [], np.zeros_like(self.W), np.zeros_like(self.U)

        def forward(self, x):
            h_prev = self.h
            self.h = np.tanh(self.W @ x + self.U @ h_prev)
            self.kept.append((x, h_prev, self.h))
            return self.h

        def backward(self, grad):
            x, h_prev, h = self.kept.pop()
            da = (grad + self.dh) * (1 - h ** 2)
            self.dW += da @ x.T
            self.dU += da @ h_prev.T
            self.dh = self.U.T @ da
            return self.W.T @ da

    class Output:
        def __init__(self, n_in, n_out):
            self.W = np.random.randn(n_out, n_in)
            self.start()

        def start(self):
            self.kept, self.dW = [], np.zeros_like(self.W)

        def forward(self, x):
            p = np.exp(self.W @ x) / np.exp(self.W @ x).sum()
            self.kept.append((x, p))
            return p

        def backward(self, target):
            x, p = self.kept.pop()
            d = p.copy()
            d[target] -= 1
            self.dW += d @ x.T
            return self.W.T @ d

    def train(tokens, n_vocab, n_hid=32, length=20, rate=0.05):
        layers = [Recurrent(n_vocab, n_hid), Recurrent(n_hid, n_hid), Output(n_hid, n_vocab)]
        for s in range(0, len(tokens) - length - 1, length):
            inputs, targets = tokens[s:s + length], tokens[s + 1:s + length + 1]
            for layer in layers:
                layer.start()
            loss = 0
            for i, t in zip(inputs, targets):
                x = np.zeros((n_vocab, 1))
                x[i] = 1
                for layer in layers:
                    x = layer.forward(x)
                loss -= np.log(x[t, 0])
            for t in reversed(targets):
                g = t
                for layer in reversed(layers):
                    g = layer.backward(g)
            for layer in layers:
                layer.W -= rate * layer.dW
                if isinstance(layer, Recurrent):
                    layer.U -= rate * layer.dU
    """


def test_step_that_keeps_its_carry_on_its_object_goes_on_from_it(check_text: CheckText) -> None:
    step, whole = check_text(LAYERS_THAT_KEEP_THEIR_CARRY)
    assert {p.name: p.verdict for p in step.check.parameters} == dict.fromkeys("WU", Verdict.RIGHT)
    assert {p.name for p in whole.check.parameters} == {
        "layers[0].W",
        "layers[0].U",
        "layers[1].W",
        "layers[1].U",
        "layers[2].W",
    }
    assert not whole.check.wrong


def test_carry_that_a_kept_one_should_have_been_added_to_is_found(check_text: CheckText) -> None:
    _, whole = check_text(LAYERS_THAT_KEEP_THEIR_CARRY.replace("(grad + self.dh)", "grad"))
    assert {"layers[0].W", "layers[1].U"} <= {p.name for p in whole.check.wrong}


A_ROW_FOR_THE_BIAS = """
    import numpy as np

    class Rnn:
        @staticmethod
        def forward(X, W, h0=None):
            n, b, input_size = X.shape
            d = W.shape[1]
            if h0 is None:
                h0 = np.zeros((b, d))
            Hin, Hout = np.zeros((n, b, W.shape[0])), np.zeros((n, b, d))
            for t in range(n):
                Hin[t, :, 0] = 1
                Hin[t, :, 1:input_size + 1] = X[t]
                Hin[t, :, input_size + 1:] = Hout[t - 1] if t > 0 else h0
                Hout[t] = np.tanh(Hin[t].dot(W))
            return Hout, (W, Hout, Hin, input_size)

        @staticmethod
        def backward(dHout_in, cache):
            W, Hout, Hin, input_size = cache
            dHout, dW, dX = dHout_in.copy(), np.zeros_like(W), np.zeros((*Hout.shape[:2], input_size))
            for t in reversed(range(len(Hout))):
                dA = dHout[t] * (1 - Hout[t] ** 2)
                dW += Hin[t].T.dot(dA)
                dHin = dA.dot(W.T)
                dX[t] = dHin[:, 1:input_size + 1]
                if t > 0:
                    dHout[t - 1] += dHin[:, input_size + 1:]
            return dX, dW
    """

NUMBERS_IN_A_SERIES = """
    import numpy as np

    def main():
        series = np.sin(np.arange(500.0))
        hidden, window, rate = 12, 10, 0.02
        W, U = [np.random.randn(hidden, hidden + 1) for _ in range(2)]
        bg, bn, be = [np.zeros((hidden, 1)) for _ in range(3)]
        V = np.random.randn(1, hidden)
        for start in range(0, len(series) - window - 1):
            x, target = series[start:start + window], series[start + window]
            hs, zs, gs, ns = [np.zeros((hidden, 1))], [], [], []
            for t in range(window):
                z = np.vstack((hs[-1], [[x[t]]]))
                g = 1 / (1 + np.exp(-(W @ z + bg)))
                n = np.tanh(U @ z + bn)
                zs.append(z); gs.append(g); ns.append(n)
                hs.append(g * hs[-1] + (1 - g) * n + be)
            y = V @ hs[-1]
            loss = 0.5 * (y[0, 0] - target) ** 2
            dW, dU = [np.zeros_like(W) for _ in range(2)]
            dbg, dbn, dbe = [np.zeros_like(bg) for _ in range(3)]
            dy = y - target
            dV = dy @ hs[-1].T
            dh = V.T @ dy
            for t in range(window - 1, -1, -1):
                dbe += dh
                dg = dh * (hs[t] - ns[t]) * gs[t] * (1 - gs[t])
                dn = dh * (1 - gs[t]) * (1 - ns[t] ** 2)
                dW += dg @ zs[t].T; dbg += dg
                dU += dn @ zs[t].T; dbn += dn
                dh = dh * gs[t] + (W.T @ dg + U.T @ dn)[:hidden]
            for p, dp in zip([W, U, bg, bn, be, V], [dW, dU, dbg, dbn, dbe, dV]):
                p -= rate * dp

    if __name__ == "__main__":
        main()
    """

KEYS_BY_DIRECTION = """
    import numpy as np

    def run(xs, params, prefix, order):
        h, kept = np.zeros(params[f"{prefix}_bh"].shape[0]), {}
        for t in order:
            before = h
            h = np.tanh(params[f"{prefix}_Wh"] @ xs[t] + params[f"{prefix}_Uh"] @ h + params[f"{prefix}_bh"])
            kept[t] = before, h
        return kept

    def run_back(xs, dhs, params, grads, prefix, kept, order):
        carry = np.zeros(dhs.shape[1])
        for t in reversed(order):
            before, h = kept[t]
            da = (dhs[t] + carry) * (1 - h ** 2)
            grads[f"{prefix}_Wh"] += np.outer(da, xs[t])
            grads[f"{prefix}_Uh"] += np.outer(da, before)
            grads[f"{prefix}_bh"] += da
            carry = params[f"{prefix}_Uh"].T @ da

    def tagger_loss(params, xs, tags):
        T = len(xs)
        left = run(xs, params, "fwd", list(range(T)))
        right = run(xs, params, "bwd", list(range(T - 1, -1, -1)))
        n = params["fwd_bh"].shape[0]
        grads = {k: np.zeros_like(v) for k, v in params.items()}
        dh_left, dh_right, loss = np.zeros((T, n)), np.zeros((T, n)), 0.0
        for t in range(T):
            both = np.concatenate([left[t][1], right[t][1]])
            p = np.exp(params["V"] @ both)
            p /= p.sum()
            loss -= np.log(p[tags[t]])
            p[tags[t]] -= 1
            grads["V"] += np.outer(p, both)
            dboth = params["V"].T @ p
            dh_left[t], dh_right[t] = dboth[:n], dboth[n:]
        run_back(xs, dh_left, params, grads, "fwd", left, list(range(T)))
        run_back(xs, dh_right, params, grads, "bwd", right, list(range(T - 1, -1, -1)))
        return loss, grads
    """

GRADIENTS_IN_THE_PLACES_OF_ARGUMENTS = """
    import numpy as np

    def rnn_forward(x, h0, W, U, b):
        hs = [h0]
        for t in range(x.shape[1]):
            hs.append(np.tanh(x[:, t] @ W + hs[-1] @ U + b))
        return np.stack(hs[1:], axis=1), (x, hs, W, U)

    def rnn_backward(dh, cache):
        x, hs, W, U = cache
        da, carry = np.zeros_like(dh), 0
        for t in reversed(range(x.shape[1])):
            da[:, t] = (dh[:, t] + carry) * (1 - hs[t + 1] ** 2)
            carry = da[:, t] @ U.T
        dU = sum(hs[t].T @ da[:, t] for t in range(x.shape[1]))
        dx, dW = da @ W.T, np.einsum("ntd,nth->dh", x, da)
        return dx, carry, dW, dU, da.sum((0, 1))
    """

ATTRIBUTES_OF_G = """
    import numpy as np
    from dataclasses import dataclass

    @dataclass
    class Net:
        W: np.ndarray
        R: np.ndarray
        V: np.ndarray

        def zeros(self):
            return Net(np.zeros_like(self.W), np.zeros_like(self.R), np.zeros_like(self.V))

    def loss_and_grad(net, xs, ys):
        hs = [np.zeros(len(net.R))]
        for x in xs:
            hs.append(np.tanh(net.W @ x + net.R @ hs[-1]))
        g, loss, back = net.zeros(), 0.0, np.zeros(len(net.R))
        for t in range(len(xs), 0, -1):
            e = net.V @ hs[t] - ys[t - 1]
            loss += 0.5 * e @ e
            g.V += np.outer(e, hs[t])
            inner = (net.V.T @ e + back) * (1 - hs[t] ** 2)
            g.W += np.outer(inner, xs[t - 1])
            g.R += np.outer(inner, hs[t - 1])
            back = net.R.T @ inner
        return loss, g
    """


@pytest.mark.parametrize(
    ("program", "parameters"),
    [
        pytest.param(A_ROW_FOR_THE_BIAS, {"W", "X"}, id="a row for the bias"),
        pytest.param(NUMBERS_IN_A_SERIES, {"W", "U", "bg", "bn", "be", "V"}, id="numbers in a series"),
        pytest.param(
            KEYS_BY_DIRECTION,
            {"fwd_Wh", "fwd_Uh", "fwd_bh", "bwd_Wh", "bwd_Uh", "bwd_bh", "V"},
            id="keys by direction",
        ),
        pytest.param(
            GRADIENTS_IN_THE_PLACES_OF_ARGUMENTS, {"x", "W", "U", "b"}, id="in the arguments' places"
        ),
        pytest.param(ATTRIBUTES_OF_G, {"W", "R", "V"}, id="attributes of g"),
    ],
)
def test_right_program_is_checked_whole(check_text: CheckText, program: str, parameters: set[str]) -> None:
    found = {p.name: p.verdict for made in check_text(program) for p in made.check.judged}
    assert found == dict.fromkeys(parameters, Verdict.RIGHT)


@pytest.mark.parametrize("seed", range(8))
def test_mask_of_one_sequence_lets_something_flow_back(seed: int) -> None:
    form = ArrayForm((Size(constant=4),), Fill.MASK)
    mask = drawn(form, {}, np.random.default_rng(seed))
    assert isinstance(mask, np.ndarray)
    assert mask[0] == mask[-1] == 1.0
    assert 0.0 in mask


def test_parameter_that_is_one_number_is_judged(check_text: CheckText) -> None:
    (made,) = check_text("""
        import numpy as np

        class Slow:
            def __init__(self, d, h):
                self.W, self.U = np.random.randn(d, h), np.random.randn(h, h)
                self.alpha = np.array(0.3)

            def loss(self, xs, target):
                hs, news = [np.zeros((len(target), len(self.U)))], []
                for x in xs:
                    news.append(np.tanh(x @ self.W + hs[-1] @ self.U))
                    hs.append(self.alpha * news[-1] + hs[-1])
                miss = hs[-1] - target
                grads = {"W": 0, "U": 0, "alpha": 0}
                dh = miss
                for t in reversed(range(len(xs))):
                    da = self.alpha * dh * (1 - news[t] ** 2)
                    grads["W"] = grads["W"] + xs[t].T @ da
                    grads["U"] = grads["U"] + hs[t].T @ da
                    grads["alpha"] += np.sum(dh * news[t])
                    dh = dh + da @ self.U.T
                return 0.5 * np.sum(miss ** 2), grads
        """)
    assert {p.name: p.verdict for p in made.check.parameters} == dict.fromkeys(
        ("W", "U", "alpha"), Verdict.RIGHT
    )
