"""Programs whose shapes NumPy's words, the text or the numbers tell: each is checked whole, and right."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rnnlint.gradients import PreparedCheck
from rnnlint.gradients.shape_errors import equations
from rnnlint.gradients.sizes import Size
from rnnlint.sandbox.job import Failure, Trouble
from rnnlint.verdicts import Verdict

CheckText = Callable[..., list[PreparedCheck]]

ONE_LABEL_A_SEQUENCE = """
    import numpy as np

    class Judge:
        def __init__(self, n_in, n_hid, n_out):
            self.A = np.random.randn(n_hid, n_in)
            self.B = np.random.randn(n_hid, n_hid)
            self.C = np.random.randn(n_out, n_hid)

        def loss_and_grads(self, inputs, target):
            hs = [np.zeros((inputs.shape[1], self.B.shape[0]))]
            for x in inputs:
                hs.append(np.tanh(x @ self.A.T + hs[-1] @ self.B.T))
            logits = hs[-1] @ self.C.T
            p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
            rows = np.arange(len(target))
            loss = -np.log(p[rows, target]).mean()
            d = p.copy()
            d[rows, target] -= 1
            d /= len(target)
            grads = {"A": np.zeros_like(self.A), "B": np.zeros_like(self.B), "C": d.T @ hs[-1]}
            dh = d @ self.C
            for t in range(len(inputs) - 1, -1, -1):
                da = dh * (1 - hs[t + 1] ** 2)
                grads["A"] += da.T @ inputs[t]
                grads["B"] += da.T @ hs[t]
                dh = da @ self.B
            return loss, grads
    """

UNPACKED_FROM_A_COMPREHENSION = """
    import numpy as np

    text = open("input.txt").read()
    letters = sorted(set(text))
    V, H = len(letters), 50

    def small(*shape):
        return np.random.randn(*shape) * 0.01

    Wx, Wh = [small(H, n) for n in (V, H)]
    Wy, by = small(V, H), np.zeros((V, 1))

    def lossFun(inputs, targets, hprev):
        hs, ps, loss = {-1: hprev}, {}, 0
        for t in range(len(inputs)):
            x = np.zeros((V, 1))
            x[inputs[t]] = 1
            hs[t] = np.tanh(Wx @ x + Wh @ hs[t - 1])
            ps[t] = np.exp(Wy @ hs[t] + by) / np.sum(np.exp(Wy @ hs[t] + by))
            loss -= np.log(ps[t][targets[t], 0])
        dWx, dWh, dWy, dby = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(Wy), np.zeros_like(by)
        dhnext = np.zeros_like(hprev)
        for t in reversed(range(len(inputs))):
            dy = ps[t].copy()
            dy[targets[t]] -= 1
            dWy += dy @ hs[t].T
            dby += dy
            da = (Wy.T @ dy + dhnext) * (1 - hs[t] ** 2)
            dWx[:, [inputs[t]]] += da
            dWh += da @ hs[t - 1].T
            dhnext = Wh.T @ da
        return loss, dWx, dWh, dWy, dby
    """

CONTRACTIONS_BY_LETTERS = """
    import numpy as np
    from numpy import einsum

    class Reader:
        def __init__(self, n_in=12, n_hidden=64):
            self.W = np.random.randn(2, n_in, n_hidden)
            self.U = np.random.randn(2, n_hidden, n_hidden)

        def forward(self, x):
            B, T, _ = x.shape
            self.x = x
            self.h = [np.zeros((B, self.U.shape[1]))]
            self.z, self.n = [], []
            xw = einsum("btd,gdh->gtbh", x, self.W)
            for t in range(T):
                z = 1 / (1 + np.exp(-xw[0, t] - self.h[-1] @ self.U[0]))
                n = np.tanh(xw[1, t] + self.h[-1] @ self.U[1])
                self.z.append(z)
                self.n.append(n)
                self.h.append(z * self.h[-1] + (1 - z) * n)
            return self.h[-1]

        def backward(self, dh):
            self.dW, self.dU = np.zeros_like(self.W), np.zeros_like(self.U)
            for t in range(self.x.shape[1] - 1, -1, -1):
                h, z, n = self.h[t], self.z[t], self.n[t]
                d = np.stack([dh * (h - n) * z * (1 - z), dh * (1 - z) * (1 - n ** 2)])
                self.dW += einsum("bd,gbh->gdh", self.x[:, t], d)
                self.dU += einsum("bk,gbh->gkh", h, d)
                dh = dh * z + einsum("gbh,gkh->bk", d, self.U)
            return dh
    """

TWO_FEATURES_BY_THE_TEXT = """
    import numpy as np

    def bits(number):
        return [number >> place & 1 for place in range(6)]

    hidden_dim = 9
    input_dim = 2
    w_mix = np.random.randn(input_dim + hidden_dim, hidden_dim)
    w_out = np.random.randn(hidden_dim, 1)
    w_mix_update = np.zeros_like(w_mix)
    w_out_update = np.zeros_like(w_out)

    for round in range(1000):
        a, b = np.random.randint(16), np.random.randint(16)
        one, two, target = bits(a), bits(b), bits(a + b)
        states, rows, deltas = [np.zeros((1, hidden_dim))], [], []
        for place in range(6):
            row = np.hstack((np.array([[one[place], two[place]]]), states[-1]))
            state = np.tanh(np.dot(row, w_mix))
            guess = 1 / (1 + np.exp(-np.dot(state, w_out)))
            error = target[place] - guess
            deltas.append(error * guess * (1 - guess))
            rows.append(row)
            states.append(state)
        future = np.zeros((1, hidden_dim))
        for place in range(6):
            delta = deltas[-place - 1]
            w_out_update += states[-place - 1].T.dot(delta)
            inner = (delta.dot(w_out.T) + future) * (1 - states[-place - 1] ** 2)
            w_mix_update += rows[-place - 1].T.dot(inner)
            future = inner.dot(w_mix.T)[:, input_dim:]
        w_mix += 0.1 * w_mix_update
        w_out += 0.1 * w_out_update
        w_mix_update *= 0
        w_out_update *= 0
    """

CONTROLLED_BY_U = """
    import numpy as np

    n_in, n_rec = 3, 20
    keep = 0.8
    W_in = np.random.randn(n_rec, n_in)
    W_rec = np.random.randn(n_rec, n_rec)
    b_rec = np.zeros(n_rec)
    x0 = np.zeros(n_rec)

    def simulate(u):
        x = np.zeros((u.shape[0] + 1, n_rec))
        x[0] = x0
        for k in range(u.shape[0]):
            x[k + 1] = keep * x[k] + (1 - keep) * (W_rec @ np.tanh(x[k]) + W_in @ u[k] + b_rec)
        return x

    def gradients(u, target, mask):
        x = simulate(u)
        miss = mask[:, None] * (x[1:] - target)
        g = {"W_in": np.zeros_like(W_in), "W_rec": np.zeros_like(W_rec), "b_rec": np.zeros_like(b_rec)}
        carry = np.zeros(n_rec)
        for k in range(u.shape[0] - 1, -1, -1):
            dx = miss[k] + carry
            da = (1 - keep) * dx
            g["W_rec"] += np.outer(da, np.tanh(x[k]))
            g["W_in"] += np.outer(da, u[k])
            g["b_rec"] += da
            carry = keep * dx + (W_rec.T @ da) * (1 - np.tanh(x[k]) ** 2)
        return 0.5 * np.sum(mask[:, None] * (x[1:] - target) ** 2), g
    """

PREDICTION_AND_TARGET = """
    import numpy as np

    def run(x, a0, p):
        a, caches = a0, []
        y = np.zeros((p["V"].shape[0], x.shape[1], x.shape[2]))
        for t in range(x.shape[2]):
            before = a
            a = np.tanh(np.dot(p["W"], x[:, :, t]) + np.dot(p["U"], before))
            e = np.exp(np.dot(p["V"], a))
            y[:, :, t] = e / e.sum(axis=0)
            caches.append((x[:, :, t], before, a))
        return y, caches

    def run_backward(y_pred, y, caches, p):
        grads = {name: np.zeros_like(value) for name, value in p.items()}
        da_next = 0
        for t in reversed(range(len(caches))):
            x, before, a = caches[t]
            dz = y_pred[:, :, t] - y[:, :, t]
            grads["V"] += np.dot(dz, a.T)
            d = (np.dot(p["V"].T, dz) + da_next) * (1 - a ** 2)
            grads["W"] += np.dot(d, x.T)
            grads["U"] += np.dot(d, before.T)
            da_next = np.dot(p["U"].T, d)
        return grads
    """


@pytest.mark.parametrize(
    ("program", "parameters"),
    [
        pytest.param(ONE_LABEL_A_SEQUENCE, {"A", "B", "C"}, id="one label a sequence"),
        pytest.param(UNPACKED_FROM_A_COMPREHENSION, {"Wx", "Wh", "Wy", "by"}, id="from a comprehension"),
        pytest.param(CONTRACTIONS_BY_LETTERS, {"W", "U", "x"}, id="einsum"),
        pytest.param(TWO_FEATURES_BY_THE_TEXT, {"w_mix", "w_out"}, id="two features by the text"),
        pytest.param(CONTROLLED_BY_U, {"W_in", "W_rec", "b_rec"}, id="u is the input"),
        pytest.param(PREDICTION_AND_TARGET, {"W", "U", "V"}, id="y_pred and y"),
    ],
)
def test_right_program_is_checked_whole(check_text: CheckText, program: str, parameters: set[str]) -> None:
    found = {p.name: p.verdict for made in check_text(program) for p in made.check.judged}
    assert found.keys() <= parameters and len(found) >= len(parameters) - 1
    assert set(found.values()) <= {Verdict.RIGHT, Verdict.SCALED}


def test_einsum_names_its_operands_axes_in_one_order() -> None:
    trouble = Trouble(
        Failure.RAISED,
        "ValueError",
        "operands could not be broadcast together with remapped shapes [original->remapped]: "
        "(11,5,73)->(5,11,newaxis,73) (3,67,61)->(3,newaxis,newaxis,61,67) ",
    )
    (equal,) = equations(trouble, {"D": 73, "W.1": 67, "W.2": 61, "B": 11, "T": 5})
    assert set(equal) == {Size.axis("D"), Size.axis("W.1")}


STEP_AND_SEQUENCE = """
    import numpy as np

    class Step:
        def __init__(self, Wx, Wh, b):
            self.params = [Wx, Wh, b]
            self.grads = [np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)]

        def forward(self, x, h_prev):
            Wx, Wh, b = self.params
            H = Wh.shape[0]
            z = 1 / (1 + np.exp(-(x @ Wx[:, :H] + h_prev @ Wh[:, :H] + b[:H])))
            n = np.tanh(x @ Wx[:, H:] + h_prev @ Wh[:, H:] + b[H:])
            self.cache = (x, h_prev, z, n)
            return z * h_prev + (1 - z) * n

        def backward(self, dh):
            Wx, Wh, b = self.params
            x, h_prev, z, n = self.cache
            da = np.hstack((dh * (h_prev - n) * z * (1 - z), dh * (1 - z) * (1 - n ** 2)))
            self.dWx, self.dWh, self.db = x.T @ da, h_prev.T @ da, da.sum(axis=0)
            self.grads[0][...] = self.dWx
            self.grads[1][...] = self.dWh
            self.grads[2][...] = self.db
            return da @ Wx.T, da @ Wh.T + dh * z

    class Sequence:
        def __init__(self, Wx, Wh, b):
            self.params = [Wx, Wh, b]
            self.grads = [np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)]

        def forward(self, xs):
            Wx, Wh, b = self.params
            N, T, D = xs.shape
            H = Wh.shape[0]
            self.layers, hs, h = [], np.empty((N, T, H)), np.zeros((N, H))
            for t in range(T):
                layer = Step(*self.params)
                h = layer.forward(xs[:, t, :], h)
                hs[:, t, :] = h
                self.layers.append(layer)
            return hs

        def backward(self, dhs):
            N, T, H = dhs.shape
            dxs, dh, grads = [], 0, [0, 0, 0]
            for t in reversed(range(T)):
                dx, dh = self.layers[t].backward(dhs[:, t, :] + dh)
                dxs.insert(0, dx)
                for i, grad in enumerate(self.layers[t].grads):
                    grads[i] = grads[i] + grad
            for i, grad in enumerate(grads):
                self.grads[i][...] = grad
            return np.stack(dxs, axis=1)
    """


def test_whole_gradient_and_not_one_steps_is_a_shared_parameters(check_text: CheckText) -> None:
    _, whole = check_text(STEP_AND_SEQUENCE)
    assert {p.name: p.verdict for p in whole.check.parameters} == dict.fromkeys(
        ("Wx", "Wh", "b", "xs"), Verdict.RIGHT
    )


def test_step_that_gets_nothing_from_the_next_is_found_in_the_sequence(check_text: CheckText) -> None:
    _, whole = check_text(STEP_AND_SEQUENCE.replace("backward(dhs[:, t, :] + dh)", "backward(dhs[:, t, :])"))
    assert {p.name for p in whole.check.wrong} == {"Wx", "Wh", "b", "xs"}


def test_matrix_is_found_without_its_languages_word_for_weights(check_text: CheckText) -> None:
    (made,) = check_text("""
        import numpy as np

        class Red:
            def __init__(self, n_entradas, n_ocultas):
                self.pesos_entrada = np.random.randn(n_ocultas, n_entradas)
                self.pesos_ocultos = np.random.randn(n_ocultas, n_ocultas)

            def propagacion(self, secuencia):
                self.secuencia, self.estados = secuencia, {-1: np.zeros((self.pesos_ocultos.shape[0], 1))}
                for t, x in enumerate(secuencia):
                    recuerdo = self.pesos_ocultos @ self.estados[t - 1]
                    self.estados[t] = np.tanh(self.pesos_entrada @ x + recuerdo)
                return self.estados[len(secuencia) - 1]

            def retropropagacion(self, delta):
                grad_entrada = np.zeros_like(self.pesos_entrada)
                grad_ocultos = np.zeros_like(self.pesos_ocultos)
                for t in reversed(range(len(self.secuencia))):
                    delta = delta * (1 - self.estados[t] ** 2)
                    grad_entrada += delta @ self.secuencia[t].T
                    grad_ocultos += delta @ self.estados[t - 1].T
                    delta = self.pesos_ocultos.T @ delta
                return grad_entrada, grad_ocultos
        """)
    assert {p.name: p.verdict for p in made.check.parameters} == dict.fromkeys(
        ("pesos_entrada", "pesos_ocultos"), Verdict.RIGHT
    )
