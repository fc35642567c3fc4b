"""Whether a step gives in a sequence what it gives by itself.

A sequence may be right by the submission's own step, and a step that knows that it is driven could give
whatever makes the sequence right. So each of its steps is run once more by itself, on what it was given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from rnnlint.gradients.verdict import relative_error
from rnnlint.grading.comparing import as_array, by_name
from rnnlint.grading.plan import TaskPlan, Unrolling
from rnnlint.records import dataclass
from rnnlint.sandbox.job import Ran, Value

_ALIKE = 1e-9
"""The same code on the same numbers differs by less."""


@dataclass(frozen=True)
class Steps:
    """The steps of a sequence as they were driven: ``led`` forward and back, ``ahead`` forward alone."""

    step: TaskPlan
    unrolling: Unrolling
    led: Ran
    ahead: Ran

    @cached_property
    def gave(self) -> list[dict[str, Value]]:
        """What each step gave, by name: its outputs, and if it was driven back what that returned."""
        names, results = list(self.unrolling.output_sizes), list(self.unrolling.gradient_sizes)
        found = [dict(zip(names, outputs, strict=True)) for outputs in self.ahead.values[0]]
        if self.goes_back:
            for own, value in zip(found, self._returned, strict=True):
                assert value is not None
                own |= {name: value[name] for name in results}
        return found

    @cached_property
    def goes_back(self) -> bool:
        """Whether every step was driven back, and returned what it must."""
        return self.led.trouble is None and None not in self._returned

    @property
    def _returned(self) -> list[dict[str, Value] | None]:
        return [by_name(value, self.step.returned) for value in self.led.values[1]]

    @property
    def given(self) -> list[dict[str, Value]]:
        """What each step was given, by what the steps before it and behind it gave."""
        stated: Mapping[str, Value] = self.unrolling.arguments
        found: list[dict[str, Value]] = []
        for t, (varying, flow) in enumerate(zip(stated["_varying"], stated["_flow"], strict=True)):
            own = {**stated, **varying, **flow}
            del own["_varying"], own["_flow"]
            for each in self.unrolling.carried:
                if t:
                    own[each.argument] = self.gave[t - 1][each.output]
                if self.goes_back and each.upstream and each.result and t + 1 < self.unrolling.steps:
                    own[each.upstream] = _added(own[each.upstream], self.gave[t + 1][each.result])
            found.append(own)
        return found

    def are_as(self, alone: Sequence[Ran]) -> bool:
        """Whether these, each by itself on what it was given, gave the same."""
        return len(alone) == self.unrolling.steps and all(map(self._is_as, self.gave, alone))

    def _is_as(self, gave: Mapping[str, Value], alone: Ran) -> bool:
        if alone.trouble is not None or not isinstance(alone.values[0], list):
            return False
        found = dict(zip(self.step.outputs, alone.values[0], strict=True))
        if self.goes_back:
            found |= by_name(alone.values[1], self.step.returned) or {}
        return all(_are_alike(value, found.get(name)) for name, value in gave.items())


def _added(flow: Value, sent: Value) -> Value:
    """What comes from above and from the step behind, whose sizes are known to be the same."""
    found = as_array(sent)
    return flow if found is None else flow + found.reshape(np.shape(flow))


def _are_alike(value: Value, other: Value) -> bool:
    mine, theirs = as_array(value), as_array(other)
    if mine is None or theirs is None or mine.shape != theirs.shape:
        return False
    return not np.any(mine - theirs) or relative_error(mine, theirs) <= _ALIKE
