"""What a plan takes for true, held against central differences of the solutions themselves."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from rnnlint.grading.assignment import Assignment
from rnnlint.grading.comparing import as_array
from rnnlint.grading.plan import Plan, Probe
from rnnlint.grading.solving import make_plan
from rnnlint.sandbox import Runner


def load(path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A file of ours, imported."""
    monkeypatch.syspath_prepend(str(path.parent))
    for name in ("forward", "backward", "utils"):
        sys.modules.pop(name, None)
    spec = importlib.util.spec_from_file_location(f"trusted_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def slope(loss: Callable[[], float], array: Any) -> Any:
    """dL/darray by central differences."""
    gradient = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        kept = array[index]
        array[index] = kept + 1e-6
        above = loss()
        array[index] = kept - 1e-6
        gradient[index] = (above - loss()) / 2e-6
        array[index] = kept
    return gradient


def arguments(probe: Probe) -> dict[str, Any]:
    return {name.removeprefix("_in_"): value for name, value in probe.arguments.items()}


def test_of_the_sequence(layers: Assignment, layers_plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    module = load(layers.solution / "rnn_layers.py", monkeypatch)
    task = layers_plan.task("sequence")
    for probe in task.probes[:2]:
        given = arguments(probe)
        names = ("x", "h0", "Wx", "Wh", "b")
        arrays = {name: np.array(given[name]) for name in names}

        def loss(arrays: dict[str, Any] = arrays, dh: Any = given["dh"]) -> float:
            return float(np.sum(module.lstm_forward(*arrays.values())[0] * dh))

        np.testing.assert_allclose(
            probe.outputs["h"], module.lstm_forward(*arrays.values())[0], rtol=0, atol=1e-12
        )
        for name in names:
            np.testing.assert_allclose(probe.gradients[f"d{name}"], slope(loss, arrays[name]), atol=1e-8)


def test_of_the_step(layers: Assignment, layers_plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    module = load(layers.solution / "rnn_layers.py", monkeypatch)
    probe = layers_plan.task("step").probes[1]
    given = arguments(probe)
    arrays = {name: np.array(given[name]) for name in ("x", "prev_h", "prev_c", "Wx", "Wh", "b")}

    def loss() -> float:
        h, c, _ = module.lstm_step_forward(*arrays.values())
        return float(np.sum(h * given["dnext_h"]) + np.sum(c * given["dnext_c"]))

    for name, array in arrays.items():
        np.testing.assert_allclose(probe.gradients[f"d{name}"], slope(loss, array), atol=1e-8)


def test_of_one_pass_with_targets(
    one_pass: Assignment, one_pass_plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = load(one_pass.solution / "forward.py", monkeypatch)
    probe = one_pass_plan.task("bptt").probes[1]
    given = arguments(probe)
    parameters = [np.array(each) for each in given["p"]]
    states = np.array(given["h_prev"]), np.array(given["C_prev"])

    def loss() -> float:
        outputs = module.forward(given["inputs"], *states, tuple(parameters))[-1]
        return float(-sum(np.sum(y * np.log(p)) for y, p in zip(given["targets"], outputs, strict=True)))

    names = "W_f_d W_i_d W_g_d W_o_d W_v_d b_f_d b_i_d b_g_d b_o_d b_v_d".split()
    for name, parameter in zip(names, parameters, strict=True):
        np.testing.assert_allclose(probe.gradients[name], slope(loss, parameter), atol=1e-8)
    returned = module.forward(given["inputs"], *states, tuple(parameters))
    for true, got in zip(probe.outputs.values(), returned, strict=True):
        np.testing.assert_allclose(as_array(true), as_array(got), atol=1e-12)


def test_probes_differ_and_only_the_public_one_is_known(layers_plan: Plan) -> None:
    for task in layers_plan.tasks:
        hole = next(iter(task.probes[0].arguments))
        values = [probe.arguments[hole].tobytes() for probe in task.probes]
        assert len(set(values)) == len(values) == 4


def test_a_plan_survives_the_way_to_a_worker(layers_plan: Plan) -> None:
    raw = layers_plan.to_bytes()
    again = Plan.from_bytes(raw)
    assert again.to_bytes() == raw
    assert again.task("sequence").points == layers_plan.task("sequence").points


def test_files_that_do_not_import_each_other_are_solved_together(
    one_pass: Assignment, tmp_path: Path
) -> None:
    for name in (*one_pass.files, *one_pass.provided):
        (tmp_path / name).write_bytes((one_pass.solution / name).read_bytes())
    with Runner() as runner:
        plan = make_plan(replace(one_pass, solution=tmp_path), runner, 1)
    (task,) = plan.tasks
    assert (task.forward_title, task.backward_title) == ("forward", "backward")
