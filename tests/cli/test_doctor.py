"""`rnnlint doctor` attempts what is forbidden and says what became of it."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from calling import Ended

from rnnlint.cli import doctor
from rnnlint.sandbox import LAYERS, Runner

Call = Callable[..., Ended]
ROOT = Path(__file__).parents[2]


def everything_stands() -> bool:
    with Runner() as runner:
        return not runner.missing_layers


whole = pytest.mark.skipif(not everything_stands(), reason="this machine does not offer every layer")


@pytest.fixture
def doctor_without(call: Call, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """``rnnlint doctor`` on a machine that lacks these layers."""

    def run(*layers: str) -> Ended:
        monkeypatch.setattr(doctor, "Runner", functools.partial(Runner, without=layers))
        return call("doctor")

    return run


@whole
def test_where_everything_stands_every_act_is_refused(call: Call) -> None:
    ended = call("doctor")
    assert ended.status == 0
    assert "namespaces, rlimits, landlock, unprivileged, seccomp\n" in ended.out
    assert "SUCCEEDED" not in ended.out
    assert "All 15 were refused." in ended.out


@whole
@pytest.mark.parametrize("layer", LAYERS)
def test_a_missing_layer_is_named_with_its_reason(doctor_without: Callable[..., Ended], layer: str) -> None:
    ended = doctor_without(layer)
    assert ended.status == 1
    (reason,) = (line for line in ended.out.splitlines() if line.startswith(f"no {layer}"))
    assert reason.endswith("it was left out on request")
    (standing,) = (line for line in ended.out.splitlines() if line.startswith("sandbox"))
    assert layer not in standing


@pytest.mark.skipif(sys.platform != "linux", reason="the acts are Linux's")
def test_without_any_layer_the_acts_succeed_and_that_is_said(doctor_without: Callable[..., Ended]) -> None:
    ended = doctor_without(*LAYERS)
    assert ended.status == 1
    for act in ("read a file", "create a file", "connect by TCP", "start a process", "take 1 GiB of memory"):
        assert f"SUCCEEDED  {act}" in ended.out
    assert "14 of 15 succeeded." in ended.out
    assert "time       refused    run without an end" in ended.out


def test_another_user_gets_the_same_answer(call: Call) -> None:
    """None of the layers needs root."""
    setpriv = shutil.which("setpriv")
    if setpriv is None or os.getuid() != 0:
        pytest.skip("only root can become another user")
    as_nobody = [setpriv, "--reuid=65533", "--regid=65533", "--clear-groups"]
    python = next((p for p in (sys.executable, "/usr/bin/python3") if _can_run(as_nobody, p)), None)
    if python is None:
        pytest.skip("no other user may run this interpreter")
    done = _run(as_nobody, python, "-m", "rnnlint", "doctor")
    ours = {line for line in call("doctor").out.splitlines() if "refused" in line or "sandbox" in line}
    assert ours <= {*done.stdout.splitlines()}, done.stdout + done.stderr


def _can_run(as_nobody: list[str], python: str) -> bool:
    wanted = (
        "import os, sys, numpy, click\n"
        f"sys.exit(sys.version_info[:2] != {sys.version_info[:2]} or not os.access(sys.executable, os.X_OK))"
    )
    return Path(python).exists() and _run(as_nobody, python, "-c", wanted).returncode == 0


def _run(as_nobody: list[str], python: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(ROOT), *(path for path in sys.path if "-packages" in path)])
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": "/tmp",
        "PYTHONPATH": paths,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return subprocess.run(
        [*as_nobody, python, *arguments], cwd="/", env=environment, capture_output=True, text=True, timeout=60
    )
