"""Programs that cannot be measured, or whose numbers are none: a sentence, the right word and status."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from calling import Ended

from rnnlint.sandbox import Runner

Call = Callable[..., Ended]

RNN = """
import numpy as np


def loss_and_gradients(inputs, targets, h_prev, Wxh, Whh, Why, bh, by):
    xs, hs, ps = {}, {-1: np.copy(h_prev)}, {}
    loss = 0
    for t in range(len(inputs)):
        xs[t] = np.zeros((Wxh.shape[1], 1))
        xs[t][inputs[t]] = 1
        hs[t] = np.tanh(Wxh @ xs[t] + Whh @ hs[t - 1] + bh)
        scores = Why @ hs[t] + by
        ps[t] = np.exp(scores - scores.max())
        ps[t] /= ps[t].sum()
        loss += -np.log(ps[t][targets[t], 0])
    dWxh, dWhh, dWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
    dbh, dby = np.zeros_like(bh), np.zeros_like(by)
    dh_next = np.zeros_like(hs[0])
    for t in reversed(range(len(inputs))):
        dy = np.copy(ps[t])
        dy[targets[t]] -= 1
        dWhy += dy @ hs[t].T
        dby += dy
        dh = Why.T @ dy + dh_next
        da = (1 - hs[t] * hs[t]) * dh
        dbh += da
        dWxh += da @ xs[t].T
        dWhh += da @ hs[t - 1].T
        dh_next = Whh.T @ da
    return loss, dWxh, dWhh, dWhy, dbh, dby, hs[len(inputs) - 1]
"""


@pytest.fixture
def report(call: Call, folder: Path) -> Callable[..., Ended]:
    """The report on the network above with a piece of it replaced."""

    def made(old: str = "", new: str = "", *words: str) -> Ended:
        assert old in RNN
        (folder / "rnn.py").write_text(RNN.replace(old, new) if old else RNN, encoding="utf-8")
        return call("rnn.py", *words)

    return made


def test_the_network_itself_is_right(report: Callable[..., Ended]) -> None:
    ended = report()
    assert ended.out.startswith("rnn.py  RIGHT: 5 of 5 gradients")
    assert ended.status == 0


def test_a_wrong_gradient_is_status_1(report: Callable[..., Ended]) -> None:
    ended = report("dh_next = Whh.T @ da", "dh_next = Whh @ da")
    assert ended.out.startswith("rnn.py  WRONG: ")
    assert ended.status == 1


def test_no_backward_pass(call: Call, folder: Path) -> None:
    (folder / "rnn.py").write_text(RNN[: RNN.index("    dWxh, dWhh")] + "    return loss\n", encoding="utf-8")
    ended = call("rnn.py")
    assert ended.out.startswith("rnn.py  NOT CHECKED. This does not mean it is right.\nWhy:   ")
    assert ended.status == 0
    assert call("rnn.py", "--require-check").status == 1


def test_an_empty_file(call: Call, folder: Path) -> None:
    (folder / "rnn.py").write_text("", encoding="utf-8")
    ended = call("rnn.py")
    assert ended.out == "rnn.py  NOT CHECKED. This does not mean it is right.\nWhy:   the file is empty.\n"
    assert ended.status == 0


def test_a_helper_that_is_defined_nowhere(report: Callable[..., Ended]) -> None:
    ended = report("ps[t] /= ps[t].sum()", "ps[t] = squash_into_shape(ps[t])")
    assert ended.out.startswith("rnn.py  NOT CHECKED.")
    assert "squash_into_shape" in ended.out
    assert "Traceback" not in ended.out + ended.err
    assert ended.status == 0


def test_a_pass_that_raises(report: Callable[..., Ended]) -> None:
    ended = report("    dh_next = np.zeros_like(hs[0])\n", "    raise ValueError('not on a Tuesday')\n")
    assert ended.out.startswith("rnn.py  NOT CHECKED.")
    assert "not on a Tuesday" in ended.out
    assert "Traceback" not in ended.out + ended.err
    assert ended.status == 0


def test_a_pass_that_is_not_written_yet(report: Callable[..., Ended]) -> None:
    ended = report("    dh_next = np.zeros_like(hs[0])\n", "    raise NotImplementedError\n")
    assert ended.out.startswith("rnn.py  NOT CHECKED.")
    assert ended.status == 0


def test_gradients_that_are_no_numbers(report: Callable[..., Ended]) -> None:
    ended = report("dWhh += da @ hs[t - 1].T", "dWhh += da @ hs[t - 1].T * np.nan")
    assert ended.out.startswith("rnn.py  WRONG: 1 of 5 gradients.")
    assert "Whh not finite" in ended.out
    assert ended.status == 1


def test_a_loop_without_an_end(report: Callable[..., Ended]) -> None:
    ended = report(
        "        dh_next = Whh.T @ da\n",
        "        dh_next = Whh.T @ da\n        while True:\n            t = t\n",
    )
    assert ended.out.startswith("rnn.py  NOT CHECKED.")
    assert "second" in ended.out
    assert ended.status == 0


class TestSandbox:
    """What a missing layer does is the user's choice, and never silent."""

    @pytest.fixture
    def without_seccomp(self, monkeypatch: pytest.MonkeyPatch) -> None:
        missing = (("seccomp", "the kernel has none"),)
        monkeypatch.setattr(Runner, "missing_layers", property(lambda runner: missing))

    def test_by_default_it_goes_on_and_says_so(
        self, report: Callable[..., Ended], without_seccomp: None
    ) -> None:
        ended = report()
        assert ended.out.startswith("rnn.py  RIGHT")
        assert "Sandbox without: seccomp" in ended.out

    def test_where_every_layer_is_required_nothing_is_run(
        self, report: Callable[..., Ended], without_seccomp: None
    ) -> None:
        ended = report("", "", "--sandbox", "require")
        assert (ended.status, ended.out) == (2, "")
        assert ended.err == (
            "rnnlint: --sandbox require: this machine does not offer seccomp (the kernel has none); "
            "nothing was run.\n"
        )

    def test_switched_off_it_warns(self, report: Callable[..., Ended]) -> None:
        ended = report("", "", "--sandbox", "off")
        assert ended.out.startswith("rnn.py  RIGHT")
        assert "Sandbox without: " in ended.out
