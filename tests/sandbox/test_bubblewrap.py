"""bubblewrap is taken where it is there and works, and nobody misses it where not."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from rnnlint.sandbox import LAYERS, Runner
from rnnlint.sandbox.job import Job, Module, Scenario


def works() -> bool:
    bwrap = shutil.which("bwrap")
    command = [str(bwrap), "--unshare-net", "--unshare-pid", "--ro-bind", "/", "/", "true"]
    return bwrap is not None and subprocess.run(command, capture_output=True).returncode == 0


needs_bubblewrap = pytest.mark.skipif(not works(), reason="there is no bubblewrap that works")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """``installed(script)``: this is what is called bwrap here."""

    def install(script: str) -> None:
        program = tmp_path / "bwrap"
        program.write_text(f"#!/bin/sh\n{script}\n", encoding="ascii")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), os.environ["PATH"]]))

    return install


def value(runner: Runner, expression: str) -> object:
    scenario = Scenario("import os, glob", returns=(expression,))
    outcome = runner.run(Job((Module("entry.py", "import os, glob\n"),), 0, (scenario,)))
    assert outcome.trouble is None
    (ran,) = outcome.runs
    assert ran.trouble is None, ran.trouble
    return ran.values[0]


@needs_bubblewrap
def test_it_stands_round_all_the_others() -> None:
    with Runner() as plain_run:
        missing = {name for name, _ in plain_run.missing_layers}
        assert plain_run.layers == ("bubblewrap", *(name for name in LAYERS if name not in missing))
        assert value(plain_run, "1 + 1") == 2


@needs_bubblewrap
def test_what_is_not_needed_is_not_there(tmp_path: Path) -> None:
    """Landlock allows asking for a file's size; inside bubblewrap there is no file to ask for."""
    (tmp_path / "secret").touch()
    with Runner() as runner:
        assert value(runner, f"os.path.exists({str(tmp_path / 'secret')!r})") is False
        assert value(runner, "os.path.exists(os.__file__)") is True


@pytest.mark.parametrize(
    "script", ["exit 1", "echo 'bwrap: No permissions to create new namespace' >&2; exit 1"]
)
def test_one_that_does_not_work_is_done_without(installed: Callable[[str], None], script: str) -> None:
    installed(script)
    with Runner() as runner:
        assert "bubblewrap" not in runner.layers
        assert "bubblewrap" not in dict(runner.missing_layers)
        assert value(runner, "1 + 1") == 2


@needs_bubblewrap
def test_where_it_alone_can_make_namespaces_they_are_its(installed: Callable[[str], None]) -> None:
    real = shutil.which("bwrap")
    kept = 'for word; do shift; case $word in --cap-add|ALL) ;; *) set -- "$@" "$word";; esac; done'
    installed(f'{kept}\nexec {real} --unshare-user --disable-userns "$@"')
    with Runner() as runner:
        assert {"bubblewrap", "namespaces"} <= set(runner.layers)
        assert value(runner, "os.getppid() < 10") is True


def test_where_layers_are_left_out_it_is_too() -> None:
    with Runner(without=["landlock"]) as runner:
        assert "bubblewrap" not in runner.layers


@needs_bubblewrap
def test_after_its_death_a_zygote_is_replaced_by_one_inside_again() -> None:
    with Runner() as runner:
        runner.run(Job((Module("entry.py", "import os\n"),), 0, (Scenario("os._exit(1)"),)))
        assert runner._zygote is not None
        runner._zygote.kill()
        assert value(runner, "1 + 1") == 2
        assert "bubblewrap" in runner.layers
