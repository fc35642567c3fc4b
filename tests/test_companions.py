"""Which backward passes a changed file may break."""

from __future__ import annotations

from pathlib import Path

from rnnlint.companions import companions

FORWARD = "import numpy as np\n\n\ndef forward(x, h, W):\n    return np.tanh(W @ h + x)\n"
BACKWARD = "def backward(dh, h, W):\n    da = dh * (1 - h**2)\n    return da @ h.T, W.T @ da\n"
TRAIN = "from backward import backward\nfrom forward import forward\n\nforward(1, 2, 3)\nbackward(1, 2, 3)\n"


def project(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")


def names(folder: Path, file: str) -> list[str]:
    return [path.name for path in companions(folder / file)]


def test_a_forward_pass_has_the_backward_pass_that_is_trained_with_it(tmp_path: Path) -> None:
    project(tmp_path, forward=FORWARD, backward=BACKWARD, train=TRAIN, other=BACKWARD)
    assert names(tmp_path, "forward.py") == ["backward.py"]


def test_a_helper_has_the_backward_pass_that_uses_it(tmp_path: Path) -> None:
    helper = "import numpy as np\n\n\ndef sigmoid(x):\n    return 1 / (1 + np.exp(-x))\n"
    project(tmp_path, utils=helper, backward=f"from utils import sigmoid\n\n\n{BACKWARD}")
    assert names(tmp_path, "utils.py") == ["backward.py"]


def test_a_backward_pass_needs_none(tmp_path: Path) -> None:
    project(tmp_path, forward=FORWARD, backward=BACKWARD, train=TRAIN)
    assert names(tmp_path, "backward.py") == []


def test_a_file_without_a_nonlinearity_breaks_none(tmp_path: Path) -> None:
    project(tmp_path, data="def read():\n    return []\n", train=f"from data import read\n{TRAIN}")
    project(tmp_path, forward=FORWARD, backward=BACKWARD)
    assert names(tmp_path, "data.py") == []


def test_what_cannot_be_read_breaks_none(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"\x00tanh(")
    assert names(tmp_path, "a.py") == []
    assert names(tmp_path, "gone.py") == []
