"""Completion as a shell does it: the script that is printed, sourced by a real bash, asked for words."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from calling import Ended

TREE = Path(__file__).parents[2]
Call = Callable[..., Ended]

ASK = """
source completion.bash
COMP_WORDS=({words}) COMP_CWORD={last}
_rnnlint_completion rnnlint 2> /dev/null
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
"""What bash does when TAB is pressed; `compopt` complains outside of a real prompt."""


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[str]]:
    """``shell("check", "--wa")``: what bash offers for the last word, with an `rnnlint` of this tree."""
    folder = tmp_path_factory.mktemp("home")
    command = folder / "rnnlint"
    program = "from rnnlint.cli import main; main()"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{program}" "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(TREE)}

    def run(*words: str) -> str:
        ran = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=True)
        return ran.stdout

    (folder / "completion.bash").write_text(run("rnnlint", "completion", "bash"), encoding="utf-8")

    def offered(*words: str) -> list[str]:
        quoted = " ".join(f"'{word}'" for word in ("rnnlint", *words))
        return run("bash", "-c", ASK.format(words=quoted, last=len(words))).split()

    return offered


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("words", "some"),
    [
        (("do",), {"doctor"}),
        (("--no-r",), {"--no-run"}),
        (("check", "--stat"), {"--statistics"}),
        (("check", "--sandbox", "re"), {"require"}),
        (("backward.py", "--output-format", "s"), {"sarif"}),
        (("rule", "RNN10"), {"RNN101", "RNN102", "RNN109"}),
        (("rule", "off-by"), {"off-by-one-state"}),
        (("check", "--select", "RNN101,RNN40"), {"RNN101,RNN401", "RNN101,RNN402"}),
        (("completion", "z"), {"zsh"}),
    ],
)
def test_bash_completes(shell: Callable[..., list[str]], words: tuple[str, ...], some: set[str]) -> None:
    offered = shell(*words)
    assert some <= set(offered)
    assert all(word.startswith(words[-1]) for word in offered)


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_every_shell_has_its_script(call: Call, name: str) -> None:
    ended = call("completion", name)
    assert ended.status == 0
    assert f"_RNNLINT_COMPLETE={name}_complete" in ended.out


@pytest.mark.parametrize("name", ["zsh", "fish"])
def test_a_script_is_the_shells_own_language(call: Call, folder: Path, name: str) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"there is no {name}")
    (folder / "script").write_text(call("completion", name).out, encoding="utf-8")
    assert subprocess.run([name, "-n", "script"], cwd=folder, capture_output=True).returncode == 0


def test_an_unknown_shell(call: Call) -> None:
    ended = call("completion", "tcsh")
    assert ended.status == 2
    assert "'bash', 'zsh', 'fish'" in ended.err
