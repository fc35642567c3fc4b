"""Why a pass was not checked: the reason a student can act on, not the one met last."""

from __future__ import annotations

from collections.abc import Callable

from rnnlint.gradients import PreparedCheck
from rnnlint.verdicts import GradientCheck, Reason, Status

CheckText = Callable[..., list[PreparedCheck]]


def refused(check_text: CheckText, text: str) -> GradientCheck:
    (prepared,) = check_text(text)
    assert prepared.check.status is Status.NOT_CHECKED and prepared.check.reason is not None
    return prepared.check


TEMPLATE = """
    import numpy as np

    def rnn_cell_forward(xt, a_prev, parameters):
        Wax = parameters["Wax"]
        Waa = parameters["Waa"]
        ba = parameters["ba"]
        a_next = None
        yt = None
        cache = (a_next, a_prev, xt, parameters)
        return a_next, yt, cache

    def rnn_cell_backward(da_next, cache):
        (a_next, a_prev, xt, parameters) = cache
        Wax = parameters["Wax"]
        Waa = parameters["Waa"]
        ba = parameters["ba"]
        dtanh = None
        dxt = None
        dWax = None
        return {"dxt": dxt, "dWax": dWax}
"""


def test_template_with_the_easy_lines_given_is_unimplemented(check_text: CheckText) -> None:
    check = refused(check_text, TEMPLATE)
    assert check.reason_code is Reason.UNIMPLEMENTED


LAYER = """
    import numpy as np

    class Base:
        def __init__(self):
            self.weights = None

    class RNN(Base):
        def __init__(self, n_in, n_hidden):
            super().__init__()
            self.inner = {"W": np.random.randn(n_hidden, n_in + n_hidden)}
            self.n_hidden = n_hidden

        @property
        def weights(self):
            return self.inner["W"]

        @weights.setter
        def weights(self, value):
            self.inner["W"] = value

        def forward(self, x):
            self.h = [np.zeros(self.n_hidden)]
            self.z = []
            for t in range(len(x)):
                self.z.append(np.concatenate((x[t], self.h[-1])))
                self.h.append(np.tanh(self.weights @ self.z[-1]))
            return np.array(self.h[1:])

        def backward(self, error):
            self.dW = np.zeros_like(self.weights)
            carry = 0
            for t in reversed(range(len(error))):
                da = (error[t] + carry) * (1 - self.h[t + 1] ** 2)
                self.dW += np.outer(da, self.z[t])
                carry = (self.weights.T @ da)[-self.n_hidden:]
            return self.dW
"""


def test_attribute_read_before_the_constructor_sets_it(check_text: CheckText) -> None:
    check = refused(check_text, LAYER)
    assert check.reason_code is Reason.RAISES
    assert "cannot be made" in check.reason and "self.inner" in check.reason and "line 11" in check.reason


ONE_HOT = """
    import numpy as np

    def softmax(x):
        e = np.exp(x - np.max(x))
        return e / e.sum(axis=1)

    class RNN:
        def __init__(self, vocab_size, hidden_size):
            self.U = np.random.randn(hidden_size, vocab_size) * 0.1
            self.W = np.random.randn(hidden_size, hidden_size) * 0.1
            self.V = np.random.randn(vocab_size, hidden_size) * 0.1

        def forward(self, x):
            T = len(x)
            assert x.sum() == T, "the rows of x are one-hot"
            self.s = np.zeros((T + 1, self.W.shape[0]))
            self.p = np.zeros((T, self.V.shape[0]))
            for t in range(T):
                self.s[t] = np.tanh(self.U @ x[t] + self.W @ self.s[t - 1])
                self.p[t] = softmax(self.V @ self.s[t])
            return self.p

        def bptt(self, x, y):
            self.forward(x)
            dU, dV, dW = np.zeros_like(self.U), np.zeros_like(self.V), np.zeros_like(self.W)
            carry = 0
            for t in reversed(range(len(x))):
                do = self.p[t].copy()
                do[y[t]] -= 1
                dV += np.outer(do, self.s[t])
                da = (self.V.T @ do + carry) * (1 - self.s[t] ** 2)
                dU += np.outer(da, x[t])
                dW += np.outer(da, self.s[t - 1])
                carry = self.W.T @ da
            return dU, dV, dW
"""


def test_error_of_the_program_is_named_rather_than_an_assertion_of_what_it_was_given(
    check_text: CheckText,
) -> None:
    check = refused(check_text, ONE_HOT)
    assert "AssertionError" not in check.reason and "AttributeError" not in check.reason


def test_input_is_one_hot_where_the_program_asserts_it(check_text: CheckText) -> None:
    (prepared,) = check_text(ONE_HOT.replace("axis=1", "axis=0"))
    assert prepared.check.status is Status.CHECKED and not prepared.check.wrong


COLUMNS = """
    import numpy as np

    class Network:
        def __init__(self, n_words, n_units):
            self.A = np.random.randn(n_units, n_words) * 0.1
            self.B = np.random.randn(n_units, n_units) * 0.1
            self.c = np.zeros((n_units, 1))
            self.E = np.random.randn(n_words, n_units) * 0.1
            self.n_words, self.n_units = n_words, n_units

        def forward(self, words):
            self.xs, self.ps, self.states = [], [], [np.zeros((self.n_units, 1))]
            for word in words:
                x = np.zeros((self.n_words, 1))
                x[word] = 1
                state = np.tanh(self.A @ x + self.B @ self.states[-1] + self.c)
                e = np.exp(self.E @ state)
                self.xs.append(x)
                self.states.append(state)
                self.ps.append(e / e.sum())
            return self.ps

        def backward(self, targets):
            self.dA, self.dB = np.zeros_like(self.A), np.zeros_like(self.B)
            self.dc, self.dE = np.zeros_like(self.c), np.zeros_like(self.E)
            back = np.zeros_like(self.c)
            for t in reversed(range(len(targets))):
                dy = self.ps[t].copy()
                dy[targets[t]] -= 1
                self.dE += dy @ self.states[t + 1]
                da = (self.E.T @ dy + back) * (1 - self.states[t + 1] ** 2)
                self.dA += da @ self.xs[t].T
                self.dB += da @ self.states[t].T
                self.dc += da
                back = self.B.T @ da
"""


def test_a_product_that_fits_a_single_unit_only_is_no_right_gradient(check_text: CheckText) -> None:
    """With one unit a column and its transpose are the same number: nothing is shown by that."""
    check = refused(check_text, COLUMNS)
    line = next(n for n, text in enumerate(COLUMNS.splitlines(), 1) if "self.dE +=" in text)
    assert check.reason is not None and f"line {line} " in check.reason


def test_the_same_program_with_the_transpose_is_measured(check_text: CheckText) -> None:
    (prepared,) = check_text(COLUMNS.replace("self.states[t + 1]\n", "self.states[t + 1].T\n"))
    assert prepared.check.status is Status.CHECKED and not prepared.check.wrong
