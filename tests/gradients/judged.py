"""What the check says of the gradients of a program, for tests to compare."""

from __future__ import annotations

from rnnlint.gradients import PreparedCheck
from rnnlint.verdicts import Verdict


def wrong(prepared: PreparedCheck) -> set[str]:
    """The parameters whose gradients are not right, of a check that was judged."""
    assert prepared.check.judged
    return {p.name for p in prepared.check.parameters if p.verdict is not Verdict.RIGHT}
