"""An error that reading finds is lowered where every gradient was measured to be right."""

from __future__ import annotations

from collections.abc import Callable

from rnnlint.diagnosis import diagnose
from rnnlint.findings import Confidence, Finding, Severity, Span
from rnnlint.gradients import PreparedCheck
from rnnlint.model.project import Project

Changed = Callable[..., tuple[Project, list[PreparedCheck]]]


def accusation(project: Project, text: str) -> Finding:
    lines = project.source.text.split("\n")
    line = next(number for number, each in enumerate(lines, 1) if text in each)
    return Finding(
        "RNN205",
        "missing-derivative",
        Severity.ERROR,
        Confidence.LIKELY,
        "It lacks a factor.",
        project.target,
        Span(line, 1, line, 2),
    )


def test_of_a_right_backward_pass_it_is_only_possible(changed: Changed) -> None:
    project, checks = changed("people/gates_by_letter.py")
    said = diagnose(project, [accusation(project, "dc_next = dc * f")], checks)
    assert [each.confidence for each in said.findings] == [Confidence.POSSIBLE]


def test_outside_of_what_was_run_it_stands(changed: Changed) -> None:
    project, checks = changed("people/gates_by_letter.py")
    said = diagnose(project, [accusation(project, "def reset")], checks)
    assert [each.confidence for each in said.findings] == [Confidence.LIKELY]


def test_beside_a_wrong_gradient_it_stands(changed: Changed) -> None:
    project, checks = changed(
        "people/gates_by_letter.py", ("self.w[k].T @ d[k] for", "np.cbrt(self.w[k]).T @ d[k] for")
    )
    said = diagnose(project, [accusation(project, "dc_next = dc * f")], checks)
    assert Confidence.LIKELY in [each.confidence for each in said.findings if each.code == "RNN205"]
