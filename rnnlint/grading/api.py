"""Grading as the command line sees it: one name for everything that it calls, and one kind of mistake."""

from __future__ import annotations

from importlib import resources

from rnnlint.atomic import write_whole
from rnnlint.beside import processors
from rnnlint.grading.assignment import AssignmentError, read_assignment
from rnnlint.grading.course import Course, UnprotectedError, grade
from rnnlint.grading.executors import SchedulerError
from rnnlint.grading.feedback import markdown
from rnnlint.grading.results_folder import (
    FORMATS,
    ResultsError,
    gradescope_text,
    merged,
    read_book,
    write_results,
)
from rnnlint.grading.roster import RosterError, read_roster
from rnnlint.grading.submissions import Submission, SubmissionsError, locate, the_one, with_roster

__all__ = [
    "FORMATS",
    "MISTAKES",
    "STYLES",
    "Course",
    "Submission",
    "grade",
    "gradescope_text",
    "locate",
    "markdown",
    "merged",
    "processors",
    "read_assignment",
    "read_book",
    "read_roster",
    "shard_of",
    "template",
    "the_one",
    "with_roster",
    "write_results",
    "write_whole",
]

STYLES = ("cs231n", "article")
"""The assignments that ``--init`` writes."""
MISTAKES = (AssignmentError, SubmissionsError, RosterError, SchedulerError, ResultsError, UnprotectedError)
"""What the user can put right; the message is one sentence."""


def template(style: str) -> str:
    """A commented ``assignment.toml`` to begin with."""
    return (resources.files("rnnlint.grading") / "templates" / f"{style}.toml").read_text(encoding="utf-8")


def shard_of(submissions: list[Submission], number: int, count: int) -> list[Submission]:
    """Every ``count``-th submission, beginning with the ``number``-th (from 1)."""
    return submissions[number - 1 :: count]
