"""How much a search may cost, and what it still has to mend."""

from __future__ import annotations

from rnnlint.deadline import NEVER, Deadline
from rnnlint.diagnosis.influence import Errors
from rnnlint.records import dataclass

RIGHT = 1e-6
MOST_TRIALS = 600


@dataclass
class Budget:
    """How many variants searches may still run, and until when."""

    trials: int = MOST_TRIALS
    deadline: Deadline = NEVER

    def take(self, wanted: int) -> int:
        """How many of ``wanted`` variants may be run; they count as run."""
        granted = 0 if self.deadline.has_passed else min(wanted, self.trials)
        self.trials -= granted
        return granted

    @property
    def spent(self) -> bool:
        """Whether nothing is left."""
        return self.trials <= 0 or self.deadline.has_passed


def wrong_in(errors: Errors) -> frozenset[str]:
    """The parameters whose gradients are wrong."""
    return frozenset(name for name, error in errors.items() if not error <= RIGHT)
