"""One limit of time for all that is done about a file, handed from phase to phase."""

from __future__ import annotations

import math
import time

from rnnlint.records import dataclass

SECONDS_A_FILE = 9.0
"""What reading, measuring, proving and repairing one file may take in all."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the monotonic clock. What could not be done by then is left undone, and said."""

    at: float = math.inf

    @staticmethod
    def after(seconds: float) -> Deadline:
        """So many seconds from now."""
        return Deadline(time.monotonic() + seconds)

    @property
    def left(self) -> float:
        """The seconds until then, 0 once it has passed."""
        return max(0.0, self.at - time.monotonic())

    @property
    def has_passed(self) -> bool:
        """Whether no time is left."""
        return time.monotonic() >= self.at

    def less(self, seconds: float) -> Deadline:
        """An earlier one, which leaves so many seconds to what comes afterwards."""
        return Deadline(self.at - seconds)

    def share(self, part: float) -> Deadline:
        """The moment at which this part of the time that is left has gone."""
        return self if self.at == math.inf else Deadline.after(part * self.left)


NEVER = Deadline()
"""No limit."""
