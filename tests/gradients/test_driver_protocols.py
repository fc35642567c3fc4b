"""Drivers in the ways people write them: each program is right, and one planted bug must be found in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from rnnlint.gradients import PreparedCheck, prepare
from rnnlint.model.project import Project
from rnnlint.sandbox import Runner
from rnnlint.source import read_source
from rnnlint.verdicts import Status

ENDLESS_LOOP = """
    import numpy as np

    text = open("novel.txt").read()
    letters = sorted(set(text))
    vocab = len(letters)
    number_of = {c: i for i, c in enumerate(letters)}
    hidden_size = 64
    seq_length = 20

    Wxh = np.random.randn(hidden_size, vocab) * 0.01
    Whh = np.random.randn(hidden_size, hidden_size) * 0.01
    Why = np.random.randn(vocab, hidden_size) * 0.01
    bh = np.zeros((hidden_size, 1))
    by = np.zeros((vocab, 1))
    mWxh, mWhh, mWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
    mbh, mby = np.zeros_like(bh), np.zeros_like(by)
    n, p = 0, 0

    while True:
        if p + seq_length + 1 >= len(text) or n == 0:
            hprev = np.zeros((hidden_size, 1))
            p = 0
        inputs = [number_of[c] for c in text[p:p + seq_length]]
        targets = [number_of[c] for c in text[p + 1:p + seq_length + 1]]

        xs, hs, ps = {}, {}, {}
        hs[-1] = np.copy(hprev)
        loss = 0
        for t in range(len(inputs)):
            xs[t] = np.zeros((vocab, 1))
            xs[t][inputs[t]] = 1
            hs[t] = np.tanh(Wxh @ xs[t] + Whh @ hs[t - 1] + bh)
            y = Why @ hs[t] + by
            ps[t] = np.exp(y) / np.sum(np.exp(y))
            loss -= np.log(ps[t][targets[t], 0])

        dWxh, dWhh, dWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
        dbh, dby = np.zeros_like(bh), np.zeros_like(by)
        dhnext = np.zeros_like(hs[0])
        for t in reversed(range(len(inputs))):
            dy = np.copy(ps[t])
            dy[targets[t]] -= 1
            dWhy += dy @ hs[t].T
            dby += dy
            draw = (1 - hs[t] * hs[t]) * (Why.T @ dy + dhnext)
            dbh += draw
            dWxh += draw @ xs[t].T
            dWhh += draw @ hs[t - 1].T
            dhnext = Whh.T @ draw
        for dparam in [dWxh, dWhh, dWhy, dbh, dby]:
            np.clip(dparam, -5, 5, out=dparam)
        hprev = hs[len(inputs) - 1]
        if n % 100 == 0:
            print(n, loss)
        for param, dparam, mem in zip([Wxh, Whh, Why, bh, by], [dWxh, dWhh, dWhy, dbh, dby],
                                      [mWxh, mWhh, mWhy, mbh, mby]):
            mem += dparam * dparam
            param += -0.1 * dparam / np.sqrt(mem + 1e-8)
        p += seq_length
        n += 1
    """

TRAINING_FUNCTION = """
    import numpy as np

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    def train(X, Y, hidden_dim=50, epochs=100, learning_rate=0.005):
        input_dim = X.shape[2]
        output_dim = Y.shape[1]
        U = np.random.uniform(-0.1, 0.1, (hidden_dim, input_dim))
        W = np.random.uniform(-0.1, 0.1, (hidden_dim, hidden_dim))
        V = np.random.uniform(-0.1, 0.1, (output_dim, hidden_dim))
        for epoch in range(epochs):
            total = 0.0
            for i in range(X.shape[0]):
                x, y = X[i], Y[i]
                layers = []
                s_before = np.zeros(hidden_dim)
                for t in range(x.shape[0]):
                    s = sigmoid(U @ x[t] + W @ s_before)
                    layers.append((s, s_before))
                    s_before = s
                prediction = V @ s
                total += 0.5 * np.sum((prediction - y) ** 2)

                dU, dW = np.zeros(U.shape), np.zeros(W.shape)
                error = prediction - y
                dV = np.outer(error, s)
                ds = V.T @ error
                for t in range(x.shape[0] - 1, -1, -1):
                    s, s_before = layers[t]
                    dz = ds * s * (1 - s)
                    dU += np.outer(dz, x[t])
                    dW += np.outer(dz, s_before)
                    ds = W.T @ dz

                U -= learning_rate * dU
                V -= learning_rate * dV
                W -= learning_rate * dW
            print(epoch, total)
        return U, V, W
    """

FIT_THAT_MAKES_ITS_WEIGHTS = """
    import numpy as np

    class Classifier:
        def __init__(self, n_hidden=32, lr=0.01, epochs=20):
            self.n_hidden = n_hidden
            self.lr = lr
            self.epochs = epochs

        def fit(self, X, y):
            N, T, D = X.shape
            H = self.n_hidden
            self.Wx = np.random.randn(D, H) / np.sqrt(D)
            self.Wh = np.random.randn(H, H) / np.sqrt(H)
            self.b = np.zeros(H)
            self.Wo = np.random.randn(H, y.shape[1]) / np.sqrt(H)
            self.losses = []
            for epoch in range(self.epochs):
                h = np.zeros((N, T + 1, H))
                for t in range(T):
                    h[:, t] = np.tanh(X[:, t] @ self.Wx + h[:, t - 1] @ self.Wh + self.b)
                scores = h[:, T - 1] @ self.Wo
                e = np.exp(scores - scores.max(axis=1, keepdims=True))
                probs = e / e.sum(axis=1, keepdims=True)
                self.losses.append(-np.sum(y * np.log(probs)) / N)

                dscores = (probs - y) / N
                dWo = h[:, T - 1].T @ dscores
                dh = dscores @ self.Wo.T
                dWx, dWh, db = np.zeros_like(self.Wx), np.zeros_like(self.Wh), np.zeros_like(self.b)
                for t in reversed(range(T)):
                    da = dh * (1 - h[:, t] ** 2)
                    dWx += X[:, t].T @ da
                    dWh += h[:, t - 1].T @ da
                    db += da.sum(axis=0)
                    dh = da @ self.Wh.T
                self.Wx -= self.lr * dWx
                self.Wh -= self.lr * dWh
                self.b -= self.lr * db
                self.Wo -= self.lr * dWo
            return self
    """

STATEMENTS_SHARE_LINES = """
    import numpy as np
    from somewhere import images

    (x_train, y_train), _ = images.load_data()
    n_in, n_hid, n_out = 28, 100, 10
    eta = 0.01

    def sig(a): return 1.0 / (1.0 + np.exp(-a))

    Wz, Uz, bz = np.random.randn(n_in, n_hid) * 0.1, np.random.randn(n_hid, n_hid) * 0.1, np.zeros(n_hid)
    Wc, Uc, bc = np.random.randn(n_in, n_hid) * 0.1, np.random.randn(n_hid, n_hid) * 0.1, np.zeros(n_hid)
    Wo, bo = np.random.randn(n_hid, n_out) * 0.1, np.zeros(n_out)

    for epoch in range(5):
        order = np.random.permutation(len(x_train))
        for k in range(0, len(x_train), 64):
            idx = order[k:k + 64]
            xb = x_train[idx].transpose(1, 0, 2)
            tb = np.eye(n_out)[y_train[idx]]
            hs = [np.zeros((len(idx), n_hid))]
            zs, cs = [], []
            for t in range(len(xb)):
                z = sig(xb[t] @ Wz + hs[-1] @ Uz + bz)
                c = np.tanh(xb[t] @ Wc + hs[-1] @ Uc + bc)
                hs.append((1 - z) * hs[-1] + z * c)
                zs.append(z); cs.append(c)
            out = hs[-1] @ Wo + bo
            out = np.exp(out - out.max(1, keepdims=True))
            out /= out.sum(1, keepdims=True)

            delta = (out - tb) / len(idx)
            gWo, gbo = hs[-1].T @ delta, delta.sum(0)
            gWz, gUz, gbz = np.zeros_like(Wz), np.zeros_like(Uz), np.zeros_like(bz)
            gWc, gUc, gbc = np.zeros_like(Wc), np.zeros_like(Uc), np.zeros_like(bc)
            dh = delta @ Wo.T
            for t in range(len(xb) - 1, -1, -1):
                dc = dh * zs[t] * (1 - cs[t] ** 2)
                dz = dh * (cs[t] - hs[t]) * zs[t] * (1 - zs[t])
                gWc += xb[t].T @ dc; gUc += hs[t].T @ dc; gbc += dc.sum(0)
                gWz += xb[t].T @ dz; gUz += hs[t].T @ dz; gbz += dz.sum(0)
                dh = dh * (1 - zs[t]) + dc @ Uc.T + dz @ Uz.T
            Wo -= eta * gWo; bo -= eta * gbo
            Wz -= eta * gWz; Uz -= eta * gUz; bz -= eta * gbz
            Wc -= eta * gWc; Uc -= eta * gUc; bc -= eta * gbc
    """

DICTIONARIES = """
    import numpy as np
    import pickle

    n_x, n_h, n_y = 30, 64, 10
    params = {"Wxh": np.random.randn(n_h, n_x) * 0.01, "Whh": np.random.randn(n_h, n_h) * 0.01,
              "Why": np.random.randn(n_y, n_h) * 0.01, "bh": np.zeros((n_h, 1))}
    with open("batches.pkl", "rb") as handle:
        batches = pickle.load(handle)

    for epoch in range(20):
        for x_batch, y_batch in batches:
            h = {-1: np.zeros((n_h, x_batch.shape[2]))}
            for t in range(x_batch.shape[0]):
                h[t] = np.tanh(params["Wxh"] @ x_batch[t] + params["Whh"] @ h[t - 1] + params["bh"])
            logits = params["Why"] @ h[t]
            e = np.exp(logits - logits.max(axis=0))
            prob = e / e.sum(axis=0)
            loss = -np.sum(y_batch * np.log(prob))

            grads = {}
            dlogits = prob - y_batch
            grads["Why"] = dlogits @ h[t].T
            grads["Wxh"], grads["Whh"], grads["bh"] = 0, 0, 0
            dh = params["Why"].T @ dlogits
            for t in range(x_batch.shape[0] - 1, -1, -1):
                da = dh * (1 - h[t] ** 2)
                grads["Wxh"] += da @ x_batch[t].T
                grads["Whh"] += da @ h[t - 1].T
                grads["bh"] += da.sum(axis=1, keepdims=True)
                dh = params["Whh"].T @ da
            for key in params:
                params[key] -= 0.01 * grads[key]
    """

CALLER_WITH_CACHES = """
    import numpy as np

    class Cell:
        def __init__(self, n_in, n_hidden):
            self.n_hidden = n_hidden
            self.W = np.random.randn(n_in + n_hidden, 2 * n_hidden) * 0.1
            self.zero()

        def zero(self):
            self.dW = np.zeros_like(self.W)

        def forward(self, x, h):
            z = np.hstack([x, h])
            a = z @ self.W
            u, c = 1 / (1 + np.exp(-a[:, :self.n_hidden])), np.tanh(a[:, self.n_hidden:])
            self.cache = (z, u, c, h)
            return u * h + (1 - u) * c

        def backward(self, dh):
            z, u, c, h = self.cache
            da = np.hstack([dh * (h - c) * u * (1 - u), dh * (1 - u) * (1 - c ** 2)])
            self.dW += z.T @ da
            return (da @ self.W.T)[:, -self.n_hidden:] + dh * u

    def main():
        data = np.load("series.npy")
        cell = Cell(1, 16)
        Wy = np.random.randn(16, 1)
        for epoch in range(100):
            for start in range(0, len(data) - 10, 10):
                window = data[start:start + 11]
                h = np.zeros((1, 16))
                caches, outputs, states, loss = [], [], [], 0.0
                for t in range(10):
                    h = cell.forward(window[t].reshape(1, 1), h)
                    caches.append(cell.cache)
                    states.append(h)
                    outputs.append(h @ Wy)
                    loss += 0.5 * np.sum((outputs[t] - window[t + 1]) ** 2)
                cell.zero()
                dWy = np.zeros_like(Wy)
                dh_next = np.zeros((1, 16))
                for t in reversed(range(10)):
                    dy = outputs[t] - window[t + 1]
                    dWy += states[t].T @ dy
                    cell.cache = caches[t]
                    dh_next = cell.backward(dy @ Wy.T + dh_next)
                cell.W -= 0.01 * cell.dW
                Wy -= 0.01 * dWy
    """

PROGRAMS = {
    "endless loop": (ENDLESS_LOOP, "dhnext = Whh.T @ draw", "dhnext = Whh @ draw", {"Wxh", "Whh", "bh"}),
    "training function": (TRAINING_FUNCTION, "s * (1 - s)\n", "(1 - s)\n", {"U", "W"}),
    "fit that makes its weights": (
        FIT_THAT_MAKES_ITS_WEIGHTS,
        "dWh += h[:, t - 1].T",
        "dWh += h[:, t].T",
        {"Wh"},
    ),
    "statements that share lines": (STATEMENTS_SHARE_LINES, "gUc += hs[t].T", "gUc += hs[t + 1].T", {"Uc"}),
    "dictionaries": (DICTIONARIES, 'params["Whh"].T @ da', 'params["Whh"] @ da', {"Wxh", "Whh", "bh"}),
}


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with Runner() as made:
        yield made


def check(runner: Runner, folder: Path, text: str) -> PreparedCheck:
    path = folder / "program.py"
    path.write_text(dedent(text))
    source = read_source(path)
    return prepare(Project.of(source), source, runner, seed=5)[0]


@pytest.mark.parametrize("name", PROGRAMS)
def test_right_driver_is_right_whatever_its_way(runner: Runner, tmp_path: Path, name: str) -> None:
    made = check(runner, tmp_path, PROGRAMS[name][0]).check
    assert made.status is Status.CHECKED, made.reason
    assert not made.wrong
    assert not made.accumulates


@pytest.mark.parametrize("name", PROGRAMS)
def test_planted_bug_shows_in_the_parameters_that_it_reaches(
    runner: Runner, tmp_path: Path, name: str
) -> None:
    text, right, wrong, reached = PROGRAMS[name]
    assert text.count(right) == 1
    made = check(runner, tmp_path, text.replace(right, wrong)).check
    assert {p.name for p in made.wrong} == reached
    assert len(made.judged) > len(reached), "some parameter vouches for the loss"


def test_gradient_check_file_lends_its_calls_to_the_file_it_tests(runner: Runner, tmp_path: Path) -> None:
    (tmp_path / "cell.py").write_text(
        dedent(
            """
            import numpy as np

            class Net:
                def __init__(self, wide, narrow):
                    self.K = np.random.randn(wide, narrow)
                    self.R = np.random.randn(narrow, narrow)

                def forward(self, thing, other):
                    self.kept = thing, other, np.tanh(thing @ self.K + other @ self.R)
                    return self.kept[2]

                def backward(self, incoming):
                    thing, other, h = self.kept
                    da = incoming * (1 - h ** 2)
                    self.dK, self.dR = thing.T @ da, h.T @ da
                    return da @ self.R.T
            """
        )
    )
    (tmp_path / "test_cell.py").write_text(
        dedent(
            """
            import numpy as np
            from cell import Net

            def test_backward():
                N, D, H = 3, 4, 5
                net = Net(D, H)
                thing = np.random.randn(N, D)
                other = np.random.randn(N, H)
                h = net.forward(thing, other)
                weights = np.random.randn(*h.shape)
                loss = np.sum(h * weights)
                net.backward(weights)
                assert net.dK.shape == net.K.shape
            """
        )
    )
    source = read_source(tmp_path / "cell.py")
    wrong = {p.name for made in prepare(Project.of(source), source, runner, seed=5) for p in made.check.wrong}
    assert wrong, "the recurrent matrix meets the state before the step, not the one after"
    assert all("R" in name for name in wrong)


def test_caller_with_caches_gives_literal_sizes_and_steps_up(runner: Runner, tmp_path: Path) -> None:
    text = CALLER_WITH_CACHES.replace("def backward(self, dh)", "def reverse_pass_backward(self, dh)")
    text = text.replace("cell.backward(", "cell.reverse_pass_backward(")
    made = check(runner, tmp_path, text).check
    assert made.status is not Status.NOT_CHECKED, made.reason
    assert not made.wrong


def test_number_that_no_gradient_agrees_with_proves_nothing(runner: Runner, tmp_path: Path) -> None:
    """A script whose only number named after an error is not its loss: no verdict rather than a wrong one."""
    text = (Path(__file__).parents[2] / "fixtures" / "correct" / "top_level_loop.py").read_text()
    text = text.replace("0.5 * (guess[0, 0] - sum_bits[k]) ** 2", "abs(guess[0, 0] - sum_bits[k])")
    made = check(runner, tmp_path, text).check
    assert not made.wrong
