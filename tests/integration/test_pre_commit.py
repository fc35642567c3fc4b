"""The hooks of this repository, by pre-commit itself."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from pre_commit.clientlib import load_manifest

from rnnlint.cli.check import command

ROOT = Path(__file__).parents[2]
HOOKS = {hook["id"]: hook for hook in load_manifest(str(ROOT / ".pre-commit-hooks.yaml"))}


def test_two_hooks_one_of_which_never_runs_code() -> None:
    assert set(HOOKS) == {"rnnlint", "rnnlint-gradients"}
    assert "--no-run" in HOOKS["rnnlint"]["entry"].split()
    assert "--run" in HOOKS["rnnlint-gradients"]["entry"].split()


@pytest.mark.parametrize("hook", HOOKS)
def test_an_entry_is_a_command_with_options_that_there_are(hook: str) -> None:
    program, name, *options = shlex.split(HOOKS[hook]["entry"])
    assert (program, name) == ("rnnlint", "check")
    assert {"--skip-irrelevant", "--force-exclude"} <= set(options)
    known = {word for each in command.params if isinstance(each, click.Option) for word in each.opts}
    known |= {word for each in command.params for word in each.secondary_opts}
    assert set(options) <= known


@pytest.mark.slow
@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="pre-commit installs hooks from a git repository")
def test_a_changed_forward_pass_fails_both_hooks(tmp_path: Path) -> None:
    """``pre-commit try-repo`` on a repository of its own: it builds and installs this tree for its hooks."""
    repository = tmp_path / "repository"
    repository.mkdir()
    for name in ("forward", "backward", "train", "utils"):
        shutil.copy(ROOT / "fixtures" / "article" / f"{name}.py", repository)
    (repository / "data.py").write_text("x = 1\n", encoding="utf-8")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        "HOME": str(tmp_path),
        "PRE_COMMIT_HOME": str(tmp_path / "cache"),
    }

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words, cwd=repository, env=environment, capture_output=True, text=True, timeout=500
        )

    assert run("git", "init", "-q").returncode == 0
    assert run("git", "add", ".").returncode == 0
    files = ("--files", "forward.py", "data.py")
    tried = run(sys.executable, "-m", "pre_commit", "try-repo", str(ROOT), *files)
    assert tried.returncode == 1, tried.stdout + tried.stderr
    static, measured = tried.stdout.split("rnnlint (gradients)")
    assert "backward.py  9 errors, reading alone; nothing was run." in static
    assert "backward.py  WRONG: 9 of 10 gradients." in measured
    assert "(1 more holds no word of a backward pass)" in static
