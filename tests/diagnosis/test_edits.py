"""The small edits that a statement may need: what they write, and that it is Python in the right place."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from rnnlint.diagnosis.edits import edits_of_loops, edits_of_statement
from rnnlint.diagnosis.suspects import backward_texts
from rnnlint.diagnosis.vocabulary import Vocabulary
from rnnlint.fixes import apply_edits
from rnnlint.model.project import Project
from rnnlint.source import read_source
from rnnlint.verdicts import GradientCheck, Status

PASS = """\
import numpy as np

def backward(hs, cs, f, i, o, W_f, W_i, W_o, xs, dhs):
    dW_f, dW_i, dW_o = np.zeros_like(W_f), np.zeros_like(W_i), np.zeros_like(W_o)
    dh_next = np.zeros_like(hs[0])
    dc_next = np.zeros_like(cs[0])
    for t in reversed(range(len(xs))):
        c_prev = cs[t]
        dh = dhs[t] + dh_next
        do = dh * np.tanh(cs[t + 1]) * o[t] * (1 - o[t])
        dc = dc_next + dh * o[t] * (1 - np.tanh(cs[t + 1]) ** 2)
        df = dc * c_prev * f[t] * (1 - f[t])
        di = dc * f[t] * i[t] * (1 - i[t])
        dW_f += df @ xs[t].T
        dW_i += di @ xs[t].T
        dW_o += do @ xs[t].T
        dz = W_f.T @ df + W_i.T @ di + W_o.T @ do
        dh_next = dz[:3]
        dc_next = dc * f[t]
    return dW_f, dW_i, dW_o
"""

SLIPS = [
    ("c_prev = cs[t]", "c_prev = cs[t - 1]"),
    ("c_prev = cs[t]", "c_prev = cs[t + 1]"),
    ("* (1 - f[t])\n        di", "* (1 - f[t] ** 2)\n        di"),
    ("* f[t] * (1 - f[t])\n        di", "* f[t]\n        di"),
    ("* o[t] * (1 - o[t])\n        dc", "\n        dc"),
    ("(1 - np.tanh(cs[t + 1]) ** 2)", "(1 - cs[t + 1] ** 2)"),
    ("(1 - np.tanh(cs[t + 1]) ** 2)", "(1 - np.tanh(np.tanh(cs[t + 1])) ** 2)"),
    ("dW_f += df @", "dW_f = df @"),
    ("dW_f += df @", "dW_f -= df @"),
    ("dW_f += df @", "dW_f += di @"),
    ("dW_i += di @", "dW_f += di @"),
    ("df @ xs[t].T", "df @ xs[t]"),
    ("W_f.T @ df", "W_f @ df"),
    ("W_f.T @ df", "W_i.T @ df"),
    (" + W_i.T @ di", ""),
    ("W_f.T @ df + W_i.T", "W_f.T @ df - W_i.T"),
    ("dhs[t] + dh_next", "dhs[t]"),
    ("dh_next = dz[:3]", "dh_next = dz[3:]"),
    ("dc_next = dc * f[t]", "dc_next = dc"),
    ("dc_next = dc * f[t]", "dc_next = dc * i[t]"),
    ("dc_next = dc * f[t]", "dc_prev = dc * f[t]"),
    ("dc * c_prev *", "dc * i[t] *"),
    ("reversed(range(len(xs)))", "range(len(xs))"),
    ("range(len(xs))", "range(1, len(xs))"),
]


def written(path: Path, text: str) -> set[str]:
    """Every program that is one edit away, in the normal form of its syntax tree."""
    return programs_of(path, text, line=3)


def programs_of(path: Path, text: str, line: int) -> set[str]:
    """As :func:`written`, for the backward pass at ``line``."""
    path.write_text(text)
    project = Project.of(read_source(path))
    backward = backward_texts(project, GradientCheck("x", Status.CHECKED, path, line))[0]
    words = Vocabulary(backward)
    candidates = [c for suspect in backward.suspects for c in edits_of_statement(suspect, words)]
    candidates += edits_of_loops(backward, words)
    return {ast.unparse(ast.parse(apply_edits(text, candidate.edits))) for candidate in candidates}


@pytest.mark.parametrize(
    ("right", "slip"), SLIPS, ids=[slip.split("\n")[0] or "left out" for _, slip in SLIPS]
)
def test_a_slip_is_one_edit_away_from_what_was_meant(tmp_path, right, slip):
    assert PASS.count(right) == 1
    wanted = ast.unparse(ast.parse(PASS))
    slipped = PASS.replace(right, slip)
    found = written(tmp_path / "model.py", slipped)
    if slip.startswith("dc_prev"):  # computed and forgotten: what is missing is the update
        wanted = ast.unparse(ast.parse(slipped.replace(slip, f"{slip}\n        dc_next = dc_prev")))
    assert wanted in found or _reordered(wanted, found)


def _reordered(wanted: str, found: set[str]) -> bool:
    """Whether one of the programs differs from ``wanted`` only in the order of factors and terms."""
    return _sorted(wanted) in {_sorted(text) for text in found}


def _sorted(text: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(sorted(line.replace("(", " ").replace(")", " ").split())) for line in text.split("\n"))


def test_a_text_with_another_alphabet_keeps_its_columns(tmp_path):
    text = PASS.replace("do = dh", "δo = dh").replace("do @", "δo @").replace("@ do", "@ δo")
    programs = written(tmp_path / "model.py", text.replace("δo @ xs[t].T", "δo @ xs[t]"))
    assert ast.unparse(ast.parse(text)) in programs


@pytest.mark.parametrize(
    ("steps", "first"),
    [("range(T)", "t == 0"), ("reversed(range(T))", "t == T - 1"), ("range(T - 1, -1, -1)", "t == T - 1")],
)
def test_what_a_last_step_s_loss_sends_may_be_put_in_at_that_step_alone(tmp_path, steps, first):
    text = f"""\
def backward(W_y, W, h, dy, T):
    dh_next = 0
    for t in {steps}:
        dh = W_y.T @ dy + dh_next
        dh_next = W.T @ (dh * (1 - h[t] ** 2))
    return dh_next
"""
    injected = text.replace("W_y.T @ dy", f"(W_y.T @ dy if {first} else 0)")
    path = tmp_path / "lstm.py"
    path.write_text(text)
    (backward,) = backward_texts(Project.of(read_source(path)), GradientCheck("x", Status.CHECKED, path, 1))
    words = Vocabulary(backward)
    made = [
        apply_edits(text, candidate.edits)
        for suspect in backward.suspects
        for candidate in edits_of_statement(suspect, words)
    ]
    assert ast.unparse(ast.parse(injected)) in {ast.unparse(ast.parse(each)) for each in made}


def test_a_derivative_that_another_use_has_is_put_in_at_all_bare_places_of_a_statement(tmp_path):
    bare = """\
def step_backward(da, dc, z, f, i, W_f, W_i):
    df = dc * z
    di = dc * f
    dW_f = (df * f * (1 - f)) @ z.T
    dW_i = (di * i * (1 - i)) @ z.T
    return W_f.T @ df + W_i.T @ di, dW_f, dW_i
"""
    right = bare.replace("W_f.T @ df + W_i.T @ di", "W_f.T @ (df * f * (1 - f)) + W_i.T @ (di * i * (1 - i))")
    assert ast.unparse(ast.parse(right)) in programs_of(tmp_path / "model.py", bare, line=1)


STEPS = """\
import numpy as np

def step_backward(dh_next, cache):
    x, h_prev, W_x, W_h, h = cache
    da = dh_next * (1 - h ** 2)
    dx = da @ W_x.T
    dh_prev = da @ W_h.T
    dW_x, dW_h = x.T @ da, h_prev.T @ da
    return dx, dh_prev, dW_x, dW_h

def sequence_backward(dhs, caches, W_x, W_h):
    dxs = np.zeros_like(dhs)
    dW_x, dW_h = np.zeros_like(W_x), np.zeros_like(W_h)
    dh0 = np.zeros_like(dhs[0])
    dprev = np.zeros_like(dhs[0])
    for t in reversed(range(len(dhs))):
        dx_t, dprev, dW_x_t, dW_h_t = step_backward(dhs[t] + dprev, caches[t])
        dW_x += dW_x_t
        dW_h += dW_h_t
        dxs[t] = dx_t
    dh0 = dprev
    return dxs, dh0, dW_x, dW_h
"""

CALL = "dx_t, dprev, dW_x_t, dW_h_t = step_backward(dhs[t] + dprev, caches[t])"
SUMS = "        dW_x += dW_x_t\n        dW_h += dW_h_t\n"

LEFT_OUT = [
    ("dhs[t] + dprev", "dhs[t]"),
    (f"{CALL}\n{SUMS}", "dx_t, _, dW_x, dW_h = step_backward(dhs[t], caches[t])\n"),
    ("    dh0 = dprev\n", ""),
]


@pytest.mark.parametrize(("right", "slip"), LEFT_OUT)
def test_what_a_step_returns_is_summed_and_carried_on(tmp_path, right, slip):
    assert STEPS.count(right) == 1
    text = STEPS.replace(right, slip)
    assert ast.unparse(ast.parse(STEPS)) in programs_of(tmp_path / "model.py", text, line=11)
