"""What a run of a probe gives back: only what was asked for."""

from __future__ import annotations

from rnnlint.sandbox.job import Failure, Outcome, Ran, Trouble, Value


class ProbeFailedError(Exception):
    """The solved scenario does not run on random values."""

    def __init__(self, trouble: Trouble | None) -> None:
        super().__init__(trouble.message if trouble else "")
        self.trouble = trouble

    @property
    def is_of_time(self) -> bool:
        """Whether it might run on a machine that is less busy."""
        return self.trouble is not None and self.trouble.failure is Failure.TIMEOUT


def first_run(outcome: Outcome, position: int = 0) -> Ran:
    """A run that went well. Raises :class:`ProbeFailedError`."""
    if position >= len(outcome.runs):
        raise ProbeFailedError(outcome.trouble)
    ran = outcome.runs[position]
    if ran.trouble is not None:
        raise ProbeFailedError(ran.trouble)
    return ran


def rows_of(ran: Ran, count: int, width: int) -> list[tuple[Value, ...]]:
    """The run's only value, for which this many rows were asked. Raises :class:`ProbeFailedError`."""
    rows = ran.values[0]
    if (
        not isinstance(rows, list)
        or len(rows) != count
        or not all(isinstance(row, list | tuple) and len(row) == width for row in rows)
    ):
        raise ProbeFailedError(_TAMPERED)
    return [tuple(row) for row in rows]


def identities_of(ran: Ran, count: int) -> list[int]:
    """The run's only value, for which so many whole numbers were asked. Raises :class:`ProbeFailedError`."""
    numbers = ran.values[0]
    if (
        not isinstance(numbers, list)
        or len(numbers) != count
        or not all(type(each) is int for each in numbers)
    ):
        raise ProbeFailedError(_TAMPERED)
    return numbers


_TAMPERED = Trouble(Failure.VIOLATION, message="what came back is no answer to what was asked")
"""The questions are the judge's own: what answers them otherwise is code that changes what runs beside it."""
