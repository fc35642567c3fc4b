"""Short programs, one habit or hazard each."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rnnlint.gradients import PreparedCheck
from rnnlint.verdicts import Reason, Status, Verdict

CheckText = Callable[..., list[PreparedCheck]]


RNN = """
    import numpy as np

    def rnn_forward(x, h0, Wx, Wh, b):
        T, N, D = x.shape
        h = np.zeros((T, N, h0.shape[1]))
        prev = h0
        for t in range(T):
            prev = np.tanh(x[t] @ Wx + prev @ Wh + b)
            h[t] = prev
        return h, (x, h0, h, Wx, Wh)

    def rnn_backward(dh, cache):
        x, h0, h, Wx, Wh = cache
        dx = np.zeros_like(x)
        dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(Wh.shape[0])
        carry = 0
        for t in reversed(range(len(x))):
            da = (dh[t] + carry) * (1 - h[t] ** 2)
            dWx += x[t].T @ da
            dWh += (h[t - 1] if t > 0 else h0).T @ da
            db += da.sum(axis=0)
            dx[t] = da @ Wx.T
            carry = da @ Wh.T
        return dx, carry, dWx, dWh, db
"""


def verdicts(prepared: PreparedCheck) -> dict[str, Verdict]:
    return {p.name: p.verdict for p in prepared.check.parameters}


def test_gradients_of_inputs_are_judged_where_they_are_returned(check_text: CheckText) -> None:
    (prepared,) = check_text(RNN)
    assert verdicts(prepared) == dict.fromkeys(("Wx", "Wh", "b", "x"), Verdict.RIGHT)
    assert prepared.check.loss is not None and "upstream" in prepared.check.loss


def test_one_common_factor_is_a_scale_not_an_error(check_text: CheckText) -> None:
    (prepared,) = check_text(
        RNN.replace("return dx, carry, dWx, dWh, db", "return -dx, carry, -dWx, -dWh, -db")
    )
    assert not prepared.check.wrong
    assert prepared.check.scale == pytest.approx(-1.0)
    assert prepared.check.scale_name == "-1"


def test_a_factor_on_one_parameter_alone_is_wrong(check_text: CheckText) -> None:
    (prepared,) = check_text(
        RNN.replace("dWx, dWh, db\n", "dWx, 2 * dWh, db\n").replace(
            "carry, dWx, dWh, db", "carry, dWx, 2 * dWh, db"
        )
    )
    assert [p.name for p in prepared.check.wrong] == ["Wh"]
    assert prepared.check.wrong[0].ratio == pytest.approx(2.0)


def test_a_gradient_that_is_not_finite_is_said_to_be(check_text: CheckText) -> None:
    (prepared,) = check_text(RNN.replace("carry, dWx, dWh, db", "carry, dWx, dWh, db / 0.0"))
    assert verdicts(prepared)["b"] is Verdict.NOT_FINITE


def test_zeros_that_are_returned_as_a_gradient_are_wrong_whatever_was_computed(check_text: CheckText) -> None:
    returned = RNN.replace(
        "carry, dWx, dWh, db\n", "carry, {'dWx': np.zeros_like(dWx), 'dWh': dWh, 'db': db}\n"
    )
    assert returned != RNN
    (prepared,) = check_text(returned)
    assert verdicts(prepared) == {
        **verdicts(prepared),
        "Wx": Verdict.WRONG,
        "Wh": Verdict.RIGHT,
        "b": Verdict.RIGHT,
    }


def test_clipping_at_the_end_is_left_out_and_said(check_text: CheckText) -> None:
    clipped = RNN.replace(
        "        return dx, carry",
        "        for g in (dWx, dWh, db):\n"
        "            np.clip(g, -1e-3, 1e-3, out=g)\n"
        "        return dx, carry",
    )
    (prepared,) = check_text(clipped)
    assert not prepared.check.wrong
    assert any("lipping" in note for note in prepared.check.notes)


def test_random_gradients_are_called_nondeterministic(check_text: CheckText) -> None:
    noisy = RNN.replace("carry, dWx, dWh, db\n", "carry, dWx, dWh + NOISE.pop(), db\n").replace(
        "import numpy as np\n", "import numpy as np\n\n    import itertools, time\n", 1
    )
    noisy = noisy.replace("NOISE.pop()", "1e-3 * (time.perf_counter_ns() % 1000)")
    (prepared,) = check_text(noisy)
    assert prepared.check.nondeterministic


LAYER = """
    import numpy as np

    class Recurrent:
        def __init__(self, input_size, hidden_size):
            self.hidden_size = hidden_size
            self.W = np.random.randn(hidden_size, input_size + hidden_size) * 0.01
            self.b = np.zeros((hidden_size, 1))
            self.dW = np.zeros_like(self.W)
            self.db = np.zeros_like(self.b)
            self.steps = []

        def forward(self, inputs):
            h = np.zeros((self.hidden_size, 1))
            {clear}
            for x in inputs:
                z = np.vstack((h, x))
                h = np.tanh(self.W @ z + self.b)
                self.steps.append((z, h))
            return h

        def backward(self, dh):
            {zero}
            for z, h in self.steps[::-1]:
                da = dh * (1 - h * h)
                self.dW += da @ z.T
                self.db += da
                dh = (self.W.T @ da)[:self.hidden_size]
"""
ZERO = "self.dW[:], self.db[:] = 0, 0"
CLEAR = "self.steps = []"


def test_a_layer_that_resets_itself_is_right(check_text: CheckText) -> None:
    (prepared,) = check_text(LAYER.format(clear=CLEAR, zero=ZERO))
    assert verdicts(prepared) == {"W": Verdict.RIGHT, "b": Verdict.RIGHT}
    assert not prepared.check.accumulates and prepared.check.call == 1


def test_gradients_that_add_up_over_calls_are_a_note(check_text: CheckText) -> None:
    (prepared,) = check_text(LAYER.format(clear=CLEAR, zero="pass"))
    assert not prepared.check.wrong
    assert prepared.check.accumulates
    assert any("second call adds" in note for note in prepared.check.notes)


def test_state_that_survives_a_call_makes_the_second_one_wrong(check_text: CheckText) -> None:
    (prepared,) = check_text(LAYER.format(clear="pass", zero=ZERO))
    assert prepared.check.call == 2
    assert {p.name for p in prepared.check.wrong} == {"W", "b"}


def test_a_fix_is_tried_in_the_same_scenario(check_text: CheckText) -> None:
    (prepared,) = check_text(RNN.replace("(1 - h[t] ** 2)", "(1 - h[t])"))
    assert {p.name for p in prepared.check.wrong} == {"Wx", "Wh", "b", "x"} or prepared.check.wrong
    assert prepared.workshop is not None
    project = prepared.workshop.project
    text = project.source.text.replace("(1 - h[t])", "(1 - h[t] ** 2)")
    assert not prepared.rerun(project.overlay({project.target: text})).wrong


def test_entry_picks_a_pass(check_text: CheckText) -> None:
    both = RNN + RNN.replace("rnn_", "other_rnn_").replace("import numpy as np", "")
    assert len(check_text(both)) == 2
    (prepared,) = check_text(both, entry="other_rnn_forward -> other_rnn_backward")
    assert prepared.check.entry == "other_rnn_forward → other_rnn_backward"


def reason(prepared: list[PreparedCheck]) -> Reason | None:
    (only,) = prepared
    assert only.check.status is Status.NOT_CHECKED
    assert only.check.reason
    return only.check.reason_code


def test_no_backward_pass(check_text: CheckText) -> None:
    assert (
        reason(check_text("import numpy as np\n\ndef sigmoid(x):\n    return 1 / (1 + np.exp(-x))\n"))
        is Reason.NO_BACKWARD
    )


def test_a_template_is_unimplemented_not_wrong(check_text: CheckText) -> None:
    template = RNN[: RNN.index("x, h0, h, Wx, Wh = cache\n        dx")] + "pass\n"
    assert reason(check_text(template)) is Reason.UNIMPLEMENTED


def test_a_helper_defined_nowhere_is_named(check_text: CheckText) -> None:
    prepared = check_text(RNN.replace("np.tanh(", "squash_it("))
    assert reason(prepared) is Reason.MISSING_HELPER
    assert "squash_it" in str(prepared[0].check.reason)


def test_a_standard_helper_is_supplied_and_said(check_text: CheckText) -> None:
    (prepared,) = check_text(RNN.replace("np.tanh(", "tanh("))
    assert not prepared.check.wrong
    assert any("tanh" in note for note in prepared.check.notes)


def test_code_that_raises_says_where(check_text: CheckText) -> None:
    prepared = check_text(RNN.replace("carry = 0\n", "carry = {}['h']\n"))
    assert reason(prepared) is Reason.RAISES
    assert "KeyError" in str(prepared[0].check.reason)


def test_an_endless_loop_ends(check_text: CheckText) -> None:
    prepared = check_text(RNN.replace("carry = 0\n", "carry = 0\n        while True: pass\n"))
    assert reason(prepared) is Reason.TIMEOUT


def test_weights_that_a_method_makes_after_the_constructor(check_text: CheckText) -> None:
    (prepared,) = check_text(
        """
        import numpy as np

        class Layer:
            input_shape = None

            def set_input_shape(self, shape):
                self.input_shape = shape

        class Recurrent(Layer):
            def __init__(self, n_units):
                self.n_units = n_units
                self.W, self.U = None, None

            def initialize(self, optimizer):
                steps, features = self.input_shape
                self.W = np.random.randn(features, self.n_units)
                self.U = np.random.randn(self.n_units, self.n_units)
                self.optimizer = optimizer

            def forward(self, x):
                self.x, self.h = x, [np.zeros((len(x), self.n_units))]
                for t in range(x.shape[1]):
                    self.h.append(np.tanh(x[:, t] @ self.W + self.h[-1] @ self.U))
                return np.stack(self.h[1:], axis=1)

            def backward(self, dh):
                dW, dU = np.zeros_like(self.W), np.zeros_like(self.U)
                carry = 0
                for t in reversed(range(dh.shape[1])):
                    da = (dh[:, t] + carry) * (1 - self.h[t + 1] ** 2)
                    dW += self.x[:, t].T @ da
                    dU += self.h[t].T @ da
                    carry = da @ self.U.T
                self.W = self.optimizer.update(self.W, dW)
                self.U = self.optimizer.update(self.U, dU)
        """
    )
    assert verdicts(prepared) == {"W": Verdict.RIGHT, "U": Verdict.RIGHT}
