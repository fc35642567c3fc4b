"""The GitHub Action: its steps, taken from the file and run by bash in a checkout, as a runner runs them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]


@dataclass
class Runner:
    """What a runner knows while it runs the steps of one job in ``checkout``."""

    checkout: Path
    temporary: Path
    inputs: Mapping[str, str]
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    log: str = ""

    @property
    def summary(self) -> Path:
        return self.temporary / "summary.md"

    def run(self, step: Mapping[str, Any]) -> int:
        """The exit status of a step, with the shell that GitHub runs ``shell: bash`` with."""
        written = self.temporary / "output"
        written.write_text("", encoding="utf-8")
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.temporary),
            "RUNNER_TEMP": str(self.temporary),
            "GITHUB_OUTPUT": str(written),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            **{name: self._filled_in(str(value)) for name, value in step.get("env", {}).items()},
        }
        ran = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.checkout,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        self.log += ran.stdout + ran.stderr
        lines = written.read_text(encoding="utf-8").splitlines()
        self.outputs[step.get("id", "")] = dict(line.split("=", 1) for line in lines)
        return ran.returncode

    def _filled_in(self, text: str) -> str:
        def value(match: re.Match[str]) -> str:
            words = match.group(1).split(".")
            if words[0] == "inputs":
                return self.inputs.get(words[1], str(ACTION["inputs"][words[1]]["default"]))
            if words[0] == "steps":
                return self.outputs[words[1]].get(words[3], "")
            assert words == ["github", "action_path"]
            return str(ROOT)

        return re.sub(r"\$\{\{ ([\w.-]+) \}\}", value, text)


def runner(tmp_path: Path, **inputs: str) -> Runner:
    checkout, temporary = tmp_path / "checkout", tmp_path / "runner temp"
    checkout.mkdir()
    temporary.mkdir()
    for name in ("forward", "backward", "train", "utils"):
        shutil.copy(ROOT / "fixtures" / "article" / f"{name}.py", checkout)
    (checkout / "two words.py").write_text("x = 1\n", encoding="utf-8")
    return Runner(checkout, temporary, {name.replace("_", "-"): value for name, value in inputs.items()})


def with_this_tree(made: Runner) -> Runner:
    """In place of the first step: the program of this tree, where that step would have put it."""
    program = made.temporary / "rnnlint" / "bin" / "rnnlint"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m rnnlint "$@"\n')
    program.chmod(0o755)
    return made


def step(name: str) -> Mapping[str, Any]:
    return next(each for each in STEPS if each["name"] == name)


def test_no_input_is_written_into_a_script() -> None:
    """What a pull request can choose must never be read as shell."""
    assert [each["run"] for each in STEPS if "${{" in each["run"]] == []


def test_every_input_and_output_is_described() -> None:
    assert set(ACTION["inputs"]) == {"paths", "args", "version", "sarif-file"}
    assert all(each["description"] for part in ("inputs", "outputs") for each in ACTION[part].values())


def test_reading_a_folder_with_bugs(tmp_path: Path) -> None:
    made = with_this_tree(runner(tmp_path))
    assert made.run(step("Check")) == 0
    assert made.outputs["check"] == {"status": "1", "sarif-file": "rnnlint.sarif"}
    assert "::error file=backward.py,line=26," in made.log
    assert "Your states sit one place later than you index" in made.log
    assert made.summary.read_text(encoding="utf-8").startswith("## rnnlint: 9 errors")
    sarif = json.loads((made.checkout / "rnnlint.sarif").read_text(encoding="utf-8"))
    uris = {
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for result in sarif["runs"][0]["results"]
    }
    assert uris == {"backward.py", "train.py", "utils.py"}
    assert made.run(step("Result")) == 1


def test_measuring_a_file_that_is_named(tmp_path: Path) -> None:
    made = with_this_tree(
        runner(tmp_path, paths="backward.py", args="--seed 7\n--exit-zero", sarif_file="a b.sarif")
    )
    assert made.run(step("Check")) == 0
    assert made.outputs["check"] == {"status": "0", "sarif-file": "a b.sarif"}
    assert "9 of 10 gradients wrong" in made.summary.read_text(encoding="utf-8")
    assert (made.checkout / "a b.sarif").exists()
    assert made.run(step("Result")) == 0


@pytest.mark.parametrize("paths", ["$(touch hacked)", "; touch hacked", "--seed"])
def test_a_hostile_input_is_only_a_path(tmp_path: Path, paths: str) -> None:
    made = with_this_tree(runner(tmp_path, paths=paths))
    assert made.run(step("Check")) == 0
    assert made.outputs["check"] == {"status": "2"}
    assert "there is no such file" in made.log
    assert not (made.checkout / "hacked").exists()
    assert made.run(step("Result")) == 2


@pytest.mark.slow
def test_the_whole_action_from_its_first_step(tmp_path: Path) -> None:
    made = runner(tmp_path, paths="backward.py utils.py")
    assert [made.run(each) for each in STEPS] == [0, 0, 1], made.log


WORKFLOWS = re.findall(
    r"```yaml\n(# \.github/workflows/.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL
)


def test_the_workflows_of_the_readme_use_inputs_that_there_are() -> None:
    assert len(WORKFLOWS) == 2
    for text in WORKFLOWS:
        jobs = yaml.safe_load(text)["jobs"]
        uses = [each for job in jobs.values() for each in job["steps"] if "/rnnlint@" in each.get("uses", "")]
        assert uses
        for each in uses:
            assert set(each.get("with", {})) <= set(ACTION["inputs"])
