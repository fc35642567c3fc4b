"""The options that a pre-commit hook carries, which names whatever has changed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from calling import Ended

Call = Callable[..., Ended]

ARTICLE = Path(__file__).parents[2] / "fixtures" / "article"

FORWARD = """import numpy as np


def forward(x, h0, W, U):
    h = [h0]
    for t in range(len(x)):
        h.append(np.tanh(W @ h[t] + U @ x[t]))
    return h
"""
BACKWARD = """import numpy as np


def backward(x, h, dh, W, U):
    dW, dU = np.zeros_like(W), np.zeros_like(U)
    for t in reversed(range(len(x))):
        da = dh * np.tanh(h[t + 1])
        dW += np.outer(da, h[t])
        dU += np.outer(da, x[t])
        dh = W.T @ da
    return dW, dU
"""
TRAIN = """from backward import backward
from forward import forward


def train(x, h0, dh, W, U):
    h = forward(x, h0, W, U)
    return backward(x, h, dh, W, U)
"""


@pytest.fixture
def project(folder: Path) -> Path:
    texts = {"forward": FORWARD, "backward": BACKWARD, "train": TRAIN, "data": "def read():\n    return 1\n"}
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return folder


def found(ended: Ended) -> list[tuple[str, str]]:
    files = json.loads(ended.out)["files"]
    return [(finding["path"], finding["code"]) for file in files for finding in file["findings"]]


def hook(call: Call, *words: str) -> Ended:
    return call("--no-run", "--skip-irrelevant", "--force-exclude", "--output-format", "json", *words)


def test_what_is_no_network_is_not_looked_at(call: Call, project: Path) -> None:
    ended = hook(call, "data.py")
    assert ended.status == 0
    assert json.loads(ended.out)["files"] == []


def test_without_the_option_a_named_file_is_looked_at(call: Call, project: Path) -> None:
    ended = call("--no-run", "--output-format", "json", "data.py")
    assert [file["path"] for file in json.loads(ended.out)["files"]] == ["data.py"]


def test_a_changed_forward_pass_brings_its_backward_pass(call: Call, project: Path) -> None:
    ended = hook(call, "forward.py")
    assert ended.status == 1
    assert ("backward.py", "RNN202") in found(ended)


def test_the_backward_pass_of_a_changed_forward_pass_is_run(call: Call, folder: Path) -> None:
    for name in ("forward", "backward", "train", "utils"):
        shutil.copy(ARTICLE / f"{name}.py", folder)
    words = ("--run", "--skip-irrelevant", "--force-exclude", "--output-format", "json", "forward.py")
    files = {file["path"]: file for file in json.loads(call(*words).out)["files"]}
    (check,) = files["backward.py"]["gradients"]
    assert [parameter["verdict"] for parameter in check["parameters"]].count("wrong") == 9
    assert files["forward.py"]["gradients"] == []
    assert "RNN907" not in [finding["code"] for file in files.values() for finding in file["findings"]]


def test_what_the_configuration_excludes_stays_out_though_it_is_named(call: Call, project: Path) -> None:
    (project / "pyproject.toml").write_text('[tool.rnnlint]\nexclude = ["back*.py"]\n', encoding="utf-8")
    assert found(call("--no-run", "--output-format", "json", "backward.py"))
    for changed in ("backward.py", "forward.py"):
        ended = hook(call, changed)
        assert (ended.status, found(ended)) == (0, [])


def test_files_that_are_all_left_out_are_no_mistake(call: Call, project: Path) -> None:
    (project / "pyproject.toml").write_text('[tool.rnnlint]\nexclude = ["*.py"]\n', encoding="utf-8")
    ended = call("--no-run", "--skip-irrelevant", "--force-exclude", "backward.py")
    assert (ended.status, ended.err) == (0, "")
