"""On a machine without a layer no run is without a warning, and `--sandbox require` runs nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import rnnlint.sandbox
from rnnlint.cli import command_line
from rnnlint.cli.failures import run
from rnnlint.sandbox import LAYERS, Runner
from tests.hostile.ground import HOSTILE, Ground

HONEST = HOSTILE / "honest" / "rnn_layers.py"
FORMATS = ("concise", "github", "sarif", "html")


@pytest.fixture(params=LAYERS)
def layer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A layer that this machine lacks from now on."""
    missing: str = request.param
    _without(monkeypatch, missing)
    return missing


def _without(monkeypatch: pytest.MonkeyPatch, *missing: str) -> None:
    class Lacking(Runner):
        def __init__(self, *, reuse: bool = True, without: Iterable[str] = ()) -> None:
            super().__init__(reuse=reuse, without=(*without, *missing))

    monkeypatch.setattr(rnnlint.sandbox, "Runner", Lacking)


@pytest.fixture
def ground() -> Iterator[Ground]:
    with Ground() as entered:
        yield entered


def test_require_runs_nothing(
    layer: str, ground: Ground, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rnn_layers.py"
    path.write_text(ground.armed("exit_at_import"), encoding="utf-8")
    status = run(command_line, [str(path), "--sandbox", "require"], "rnnlint")
    out, err = capsys.readouterr()
    assert (status, out) == (2, "")
    assert err.startswith(f"rnnlint: --sandbox require: this machine does not offer {layer} (")
    assert err.count("\n") == 1


def test_auto_runs_and_says_what_is_missing(layer: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(command_line, [str(HONEST)], "rnnlint") == 0
    out, _ = capsys.readouterr()
    assert "RIGHT" in out
    assert f"Sandbox without: {layer} (" in out


@pytest.mark.parametrize("format_", FORMATS)
def test_no_format_is_silent_about_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], format_: str
) -> None:
    _without(monkeypatch, "landlock", "namespaces")
    run(command_line, [str(HONEST), "--output-format", format_], "rnnlint")
    out, err = capsys.readouterr()
    said = "Sandbox without: namespaces, landlock" in out
    assert said or err == "rnnlint: run without namespaces, landlock (rnnlint doctor tells more).\n"


def test_off_says_that_nothing_stands(capsys: pytest.CaptureFixture[str]) -> None:
    run(command_line, [str(HONEST), "--sandbox", "off"], "rnnlint")
    assert f"Sandbox without: {', '.join(LAYERS[:2])}" in capsys.readouterr().out


def test_where_everything_stands_there_is_no_warning(capsys: pytest.CaptureFixture[str]) -> None:
    with Runner() as runner:
        if runner.missing_layers:
            pytest.skip("this machine does not offer every layer")
    run(command_line, [str(HONEST)], "rnnlint")
    out, err = capsys.readouterr()
    assert "Sandbox without" not in out
    assert err == ""
