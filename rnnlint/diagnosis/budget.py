"""How much a search may cost, and what it still has to mend."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field

from rnnlint.diagnosis.influence import Errors

RIGHT = 1e-6
MOST_TRIALS = 600
MOST_SECONDS = 6.0


def _seconds_here() -> float:
    """The seconds that a search may take: more where other work keeps the processors busy."""
    waiting = os.getloadavg()[0] / (os.cpu_count() or 1)
    return MOST_SECONDS * max(1.0, waiting)


@dataclass
class Budget:
    """How many variants searches may still run. The seconds are for programs that are slow themselves."""

    trials: int = MOST_TRIALS
    seconds: float = field(default_factory=_seconds_here)
    _started: float = field(default_factory=time.monotonic)

    def take(self, wanted: int) -> int:
        """How many of ``wanted`` variants may be run; they count as run."""
        granted = 0 if time.monotonic() - self._started > self.seconds else min(wanted, self.trials)
        self.trials -= granted
        return granted

    @property
    def spent(self) -> bool:
        """Whether nothing is left."""
        return self.trials <= 0 or time.monotonic() - self._started > self.seconds


def wrong_in(errors: Errors) -> frozenset[str]:
    """The parameters whose gradients are wrong."""
    return frozenset(name for name, error in errors.items() if not error <= RIGHT)
