"""Clipping of gradients is left out; what else is called so, or done by ``np.clip``, is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rnnlint.gradients import PreparedCheck
from rnnlint.verdicts import Verdict

CheckText = Callable[..., list[PreparedCheck]]

PROGRAM = """
import numpy as np

HELPER

def forward(xs, h, Wx, Wh, b):
    hs, pres = {-1: h}, {}
    for t in range(len(xs)):
        pres[t] = xs[t] @ Wx + hs[t - 1] @ Wh + b
        hs[t] = ACTIVATION
    return hs, pres

def backward(dhs, xs, hs, pres, Wx, Wh, b):
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    carry = np.zeros_like(hs[0])
    for t in reversed(range(len(xs))):
        da = (dhs[t] + carry) * SLOPE
        dWx += xs[t].T @ da
        dWh += hs[t - 1].T @ da
        db += da.sum(axis=0)
        carry = da @ Wh.T
    AFTER
    return dWx, dWh, db
"""
TANH = {"ACTIVATION": "np.tanh(pres[t])", "SLOPE": "(1 - hs[t] ** 2)"}


def program(helper: str = "", after: str = "", **parts: str) -> str:
    text = PROGRAM.replace("HELPER", helper).replace("AFTER", after or "pass")
    for name, part in {**TANH, **parts}.items():
        text = text.replace(name, part)
    return text


def wrong(prepared: PreparedCheck) -> set[str]:
    return {p.name for p in prepared.check.parameters if p.verdict is not Verdict.RIGHT}


RELU = "np.clip(pres[t], 0, None)"


@pytest.mark.parametrize(
    "text",
    [
        program(ACTIVATION=RELU, SLOPE="(pres[t] > 0)"),
        program("def eclipse(a):\n    return np.tanh(a)", ACTIVATION="eclipse(pres[t])"),
        program(
            "def relu_clamp(a):\n    return np.maximum(a, 0)",
            ACTIVATION="relu_clamp(pres[t])",
            SLOPE="(pres[t] > 0)",
        ),
        program(
            "def clip(a):\n    return np.clip(a, -0.3, 0.3)",
            ACTIVATION="clip(pres[t])",
            SLOPE="(np.abs(pres[t]) < 0.3)",
        ),
    ],
    ids=["relu by np.clip", "a word that holds clip", "relu called clamp", "hard tanh called clip"],
)
def test_what_limits_no_gradient_is_part_of_the_program(check_text: CheckText, text: str) -> None:
    (prepared,) = check_text(text)
    assert prepared.check.judged
    assert wrong(prepared) == set()


def test_a_missing_mask_of_such_a_relu_is_wrong(check_text: CheckText) -> None:
    (prepared,) = check_text(program(ACTIVATION=RELU, SLOPE="1.0"))
    assert wrong(prepared) == {"Wx", "Wh", "b"}


@pytest.mark.parametrize(
    ("helper", "after"),
    [
        ("", "for d in (dWx, dWh, db): np.clip(d, -1e-3, 1e-3, out=d)"),
        (
            "",
            "dparams = {'Wh': dWh, 'b': db}\n"
            "    for d in [dWx, *dparams.values()]: np.clip(d, -1e-3, 1e-3, out=d)",
        ),
        ("", "dWx, dWh, db = [np.clip(each, -1e-3, 1e-3) for each in (dWx, dWh, db)]"),
        (
            "",
            "grads = dict(Wx=dWx, Wh=dWh, b=db)\n"
            "    for name, value in grads.items(): np.clip(value, -1e-3, 1e-3, out=value)",
        ),
        (
            "",
            "grads = dict(Wx=dWx, Wh=dWh, b=db)\n"
            "    grads = {name: np.clip(value, -1e-3, 1e-3) for name, value in grads.items()}\n"
            "    dWx, dWh, db = grads['Wx'], grads['Wh'], grads['b']",
        ),
        ("", "dWx = dWx.clip(-1e-3, 1e-3)\n    dWh.clip(-1e-3, 1e-3, out=dWh)"),
        ("LIMIT = 1e-3", "dWx, dWh = np.clip(dWx, -LIMIT, LIMIT), np.clip(dWh, a_min=-LIMIT, a_max=LIMIT)"),
        (
            "def clip_all(ds):\n    return [np.minimum(np.maximum(d, -1e-3), 1e-3) for d in ds]",
            "grads = [dWx, dWh, db]; dWx, dWh, db = clip_all(grads)",
        ),
        (
            "def clip_all(ds):\n    return [np.minimum(np.maximum(d, -1e-3), 1e-3) for d in ds]",
            "dWx, dWh, db = clip_all((dWx, dWh, db))",
        ),
    ],
    ids=[
        "in place",
        "of a list and a dict",
        "a list made",
        "items",
        "a dict made",
        "by a method",
        "by name",
        "a function",
        "a function of several",
    ],
)
def test_clipped_gradients_are_judged_as_they_were(check_text: CheckText, helper: str, after: str) -> None:
    (prepared,) = check_text(program(helper, after))
    assert prepared.check.judged
    assert wrong(prepared) == set()
    assert any("lipping" in note for note in prepared.check.notes)


def test_a_function_called_clip_that_sets_no_limit_is_judged(check_text: CheckText) -> None:
    (prepared,) = check_text(program("def clip(d):\n    return d * 0.5", "dWx = clip(dWx)"))
    assert wrong(prepared) == {"Wx"}
