"""Programs of other people's styles, each with one bug: repaired, proven, and the line named."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from rnnlint.diagnosis import Diagnosis, diagnose
from rnnlint.diagnosis.prove import agrees
from rnnlint.findings import Confidence
from rnnlint.gradients import prepare
from rnnlint.model.project import Project
from rnnlint.rules import lint
from rnnlint.sandbox import Runner
from rnnlint.source import read_source

Diagnosed = Callable[[str], Diagnosis]


@pytest.fixture
def diagnosed(runner: Runner, tmp_path: Path) -> Diagnosed:
    def make(text: str) -> Diagnosis:
        path = tmp_path / "program.py"
        path.write_text(textwrap.dedent(text).lstrip(), encoding="utf-8")
        project = Project.of(read_source(path))
        checks = prepare(project, project.source, runner, seed=7)
        assert any(each.check.wrong for each in checks)
        return diagnose(project, lint(project, project.source), checks)

    return make


def line_of(text: str, wanted: str) -> int:
    lines = textwrap.dedent(text).lstrip().splitlines()
    (found,) = [number for number, line in enumerate(lines, 1) if wanted in line]
    return found


def assert_repaired(diagnosis: Diagnosis, *lines: int) -> None:
    proven = [f for f in diagnosis.findings if f.confidence is Confidence.PROVEN and f.evidence]
    assert sorted({each.span.line for each in proven}) == sorted(lines)
    assert diagnosis.fixed and all(map(agrees, diagnosis.fixed))


TRUNCATED = """
    import numpy as np


    class Recurrent:
        def __init__(self, units, features, reach=6):
            self.units, self.reach = units, reach
            self.A = np.random.randn(units, features) * 0.1
            self.B = np.random.randn(units, units) * 0.1
            self.C = np.random.randn(features, units) * 0.1

        def forward(self, seen):
            self.seen = seen
            self.kept = np.zeros((seen.shape[0], seen.shape[1] + 1, self.units))
            said = np.zeros_like(seen)
            for t in range(seen.shape[1]):
                self.kept[:, t] = np.tanh(seen[:, t].dot(self.A.T) + self.kept[:, t - 1].dot(self.B.T))
                said[:, t] = self.kept[:, t].dot(self.C.T)
            return said

        def backward(self, d_said):
            dA, dB, dC = np.zeros_like(self.A), np.zeros_like(self.B), np.zeros_like(self.C)
            d_seen = np.zeros_like(self.seen)
            for t in reversed(range(d_said.shape[1])):
                dC += d_said[:, t].T.dot(self.kept[:, t])
                delta = d_said[:, t].dot(self.C) * (1 - self.kept[:, t] ** 2)
                # to the layer below
                d_seen[:, t] = delta.dot(self.A)
                for k in reversed(range(max(0, t - self.reach), t + 1)):
                    dA += delta.T.dot(self.seen[:, k])
                    dB += delta.T.dot(self.kept[:, k - 1])
                    delta = delta.dot(self.B) * (1 - self.kept[:, k - 1] ** 2)
            self.dA, self.dB, self.dC = dA, dB, dC
            return d_seen
"""


def test_the_gradient_of_an_input_is_summed_where_later_outputs_come_by(diagnosed):
    diagnosis = diagnosed(TRUNCATED)
    assert_repaired(diagnosis, line_of(TRUNCATED, "d_seen[:, t] = delta"))
    (finding,) = [each for each in diagnosis.findings if each.evidence]
    assert finding.fix is not None
    assert "d_seen[:, k] += delta.dot(self.A)\n" in "".join(edit.text for edit in finding.fix.edits)


SLOPES_AT_THE_WEIGHTS = """
    import numpy as np


    def sigma(a):
        return 1 / (1 + np.exp(-a))


    def lstm_step_forward(x, prev_h, prev_c, p):
        z = np.vstack([prev_h, x])
        f, i = sigma(p["Wf"] @ z + p["bf"]), sigma(p["Wi"] @ z + p["bi"])
        o, g = sigma(p["Wo"] @ z + p["bo"]), np.tanh(p["Wg"] @ z + p["bg"])
        next_c = f * prev_c + i * g
        next_h = o * np.tanh(next_c)
        return next_h, next_c, (next_c, prev_h, prev_c, f, i, g, o, z, p)


    def lstm_step_backward(dnext_h, dnext_c, cache):
        next_c, prev_h, prev_c, f, i, g, o, z, p = cache
        n = prev_h.shape[0]
        dc = dnext_c + dnext_h * o * (1 - np.tanh(next_c) ** 2)
        df, di, dg, do = dc * prev_c, dc * g, dc * i, dnext_h * np.tanh(next_c)
        dWf, dWi = np.dot(df * f * (1 - f), z.T), np.dot(di * i * (1 - i), z.T)
        dWg, dWo = np.dot(dg * (1 - g ** 2), z.T), np.dot(do * o * (1 - o), z.T)
        dbf = np.sum(df * f * (1 - f), axis=1, keepdims=True)
        dbi = np.sum(di * i * (1 - i), axis=1, keepdims=True)
        dbg = np.sum(dg * (1 - g ** 2), axis=1, keepdims=True)
        dbo = np.sum(do * o * (1 - o), axis=1, keepdims=True)
        dprev_h = (np.dot(p["Wf"].T, df) + np.dot(p["Wi"].T, di)
                   + np.dot(p["Wg"].T, dg) + np.dot(p["Wo"].T, do))[:n, :]
        dx = (np.dot(p["Wf"].T, df) + np.dot(p["Wi"].T, di)
              + np.dot(p["Wg"].T, dg) + np.dot(p["Wo"].T, do))[n:, :]
        return {"dx": dx, "dprev_h": dprev_h, "dprev_c": dc * f, "dWf": dWf, "dbf": dbf,
                "dWi": dWi, "dbi": dbi, "dWg": dWg, "dbg": dbg, "dWo": dWo, "dbo": dbo}
"""


def test_the_slopes_that_only_the_weights_were_given_are_put_into_both_products(diagnosed):
    diagnosis = diagnosed(SLOPES_AT_THE_WEIGHTS)
    lines = [line_of(SLOPES_AT_THE_WEIGHTS, f"{name} = (np.dot") for name in ("dprev_h", "dx")]
    assert_repaired(diagnosis, *lines)


ONE_ARRAY_FOR_TWO = """
    import numpy as np


    def sigma(a):
        return 1 / (1 + np.exp(-a))


    def lstm_forward(x, h0, p):
        n, m = h0.shape
        h_all = np.zeros((n, m, x.shape[2]))
        c_all = h_all
        h, c, caches = h0, np.zeros((n, m)), []
        for t in range(x.shape[2]):
            z = np.vstack([h, x[:, :, t]])
            f, i = sigma(p["Wf"] @ z + p["bf"]), sigma(p["Wi"] @ z + p["bi"])
            o, g = sigma(p["Wo"] @ z + p["bo"]), np.tanh(p["Wg"] @ z + p["bg"])
            c_prev = c
            c = f * c_prev + i * g
            h = o * np.tanh(c)
            h_all[:, :, t] = h
            c_all[:, :, t] = c
            caches.append((c, c_prev, f, i, g, o, z))
        return h_all, c_all, (caches, p)


    def lstm_backward(dh_all, cache):
        caches, p = cache
        n, m, steps = dh_all.shape
        grads = {"d" + name: np.zeros_like(value) for name, value in p.items()}
        dh_next, dc_next = np.zeros((n, m)), np.zeros((n, m))
        for t in reversed(range(steps)):
            c, c_prev, f, i, g, o, z = caches[t]
            dh = dh_all[:, :, t] + dh_next
            dc = dc_next + dh * o * (1 - np.tanh(c) ** 2)
            df, di = dc * c_prev * f * (1 - f), dc * g * i * (1 - i)
            dg, do = dc * i * (1 - g ** 2), dh * np.tanh(c) * o * (1 - o)
            for gate, delta in (("f", df), ("i", di), ("g", dg), ("o", do)):
                grads["dW" + gate] += delta @ z.T
                grads["db" + gate] += delta.sum(axis=1, keepdims=True)
            dz = p["Wf"].T @ df + p["Wi"].T @ di + p["Wg"].T @ dg + p["Wo"].T @ do
            dh_next, dc_next = dz[:n, :], dc * f
        return grads
"""


def test_a_repair_of_the_forward_pass_is_judged_by_the_truth_of_the_repaired_one(diagnosed):
    """The output is the array of h, which the cell states overwrite: the gradient is another loss's."""
    assert_repaired(diagnosed(ONE_ARRAY_FOR_TWO), line_of(ONE_ARRAY_FOR_TWO, "c_all = h_all"))
