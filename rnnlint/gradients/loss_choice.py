"""Which of the losses that a probe allows is the gradient's: the one under which most of it agrees.

Where nothing agrees under any, a gradient that changes with a target which a loss does not read is not that
loss's: a number that is set anew at each step is the loss of the last one only.

Where more agrees with the outputs in reverse order, that is how they are taken if the forward pass keeps its
last step first. If it does not, upstream gradients in reverse order are a convention that nobody stated, or a
mistake.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rnnlint.gradients.directions import projected
from rnnlint.gradients.jobs import Workshop
from rnnlint.gradients.losses import Kind, Loss
from rnnlint.gradients.own_loss import Differences, name_of_loss
from rnnlint.gradients.pairing import Pair
from rnnlint.gradients.probe import Probe
from rnnlint.gradients.step_order import Order, order_of_outputs, reversed_losses
from rnnlint.gradients.targets_read import unread_by
from rnnlint.gradients.verdict import Judged, Measured, judge
from rnnlint.records import dataclass, replace
from rnnlint.sentences import listed
from rnnlint.verdicts import Verdict

_NOTHING = 1e-9
"""A slope below this is none."""

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class PassedOver:
    """A loss that the code gives, by its name there, and whose gradients are not its own."""

    name: str
    wrong: tuple[str, ...]

    def sentence(self, other: Loss) -> str:
        """What is said of it, beside the loss that the gradients are those of."""
        return (
            f"The gradients are not those of `{self.name}`, which the code gives: they are right for "
            f"{other.sentence}. Of `{self.name}` those of {listed(self.wrong)} would be wrong."
        )


@dataclass(frozen=True)
class Choice:
    """A loss, with the verdicts by its derivatives along the directions."""

    loss: Loss
    judged: Judged
    is_foreign: bool = False  # the gradient changes with what the loss does not read
    is_unordered: bool = False  # right if the upstream gradients come last step first, which nothing says
    passed_over: PassedOver | None = None  # the loss that the code gives, of which these are no gradients


def choice(
    workshop: Workshop,
    probe: Probe,
    made: Differences,
    pairs: Mapping[str, Pair],
    directions: Mapping[str, Array],
) -> Choice | None:
    """The loss under which the most gradients agree; None where none is finite.

    Of several under which none does, the first that reads every target that the gradients change with.
    """
    return _Choosing(workshop, probe, made, pairs, directions).choice()


@dataclass(frozen=True)
class _Choosing:
    """What the losses are chosen by: the gradients, and the derivatives along directions under each loss."""

    workshop: Workshop
    probe: Probe
    made: Differences
    pairs: Mapping[str, Pair]
    directions: Mapping[str, Array]

    def choice(self) -> Choice | None:
        found = self._ranked(self.made.losses)
        if not found:
            return None
        turned = self._in_reverse(found[0])
        if turned is not None:
            return turned
        if found[0].judged.agreeing:
            return replace(found[0], passed_over=self._passed_over(found))
        unread = unread_by(self.workshop, self.probe, [each.loss for each in found], self.pairs)
        own = next((each for each in found if each.loss.code not in unread), None)
        return own if own is not None else replace(found[0], is_foreign=True)

    def _ranked(self, losses: Sequence[Loss]) -> list[Choice]:
        """The losses that are finite, the one first under which the most gradients agree."""
        ranked: list[tuple[tuple[int, int, bool, int], Choice]] = []
        for order, loss in enumerate(losses):
            judged = self._judged_along(loss)
            if judged is not None:
                key = (judged.agreeing, -judged.wrong, judged.is_explained, -order)
                ranked.append((key, Choice(loss, judged)))
        return [each for _, each in sorted(ranked, key=lambda pair: pair[0], reverse=True)]

    def _judged_along(self, loss: Loss) -> Judged | None:
        """Verdicts by the derivatives along the directions alone; None where the loss is not finite."""
        measured: list[Measured] = []
        for place in (p for p in self.probe.places if p.name in self.pairs):
            slopes = self.made.slopes(place.code, loss)
            if not np.all(np.isfinite(slopes)):
                return None
            given = projected(self.pairs[place.name].gradient, self.directions[place.code])
            measured.append(Measured(place.name, "", given, slopes))
        return judge(measured, self.probe.sizes)

    def _in_reverse(self, best: Choice) -> Choice | None:
        """The loss of the outputs in reverse order, where more gradients agree under it and the outputs may
        be taken so."""
        if not best.judged.wrong:
            return None
        found = self._ranked(reversed_losses(self.probe, self.made.losses))
        if not found or found[0].judged.agreeing <= best.judged.agreeing:
            return None
        turned = found[0]
        order = order_of_outputs(self.workshop, self.probe, turned.loss.reversed_outputs)
        if order is Order.REVERSED or (turned.loss.kind is Kind.COTANGENT and turned.judged.wrong):
            return turned
        return replace(turned, is_unordered=True) if turned.loss.kind is Kind.COTANGENT else None

    def _passed_over(self, found: Sequence[Choice]) -> PassedOver | None:
        """The loss that the code gives under that name, where the gradients are all of another one and it
        reads as much as they do."""
        best = found[0]
        if best.loss.kind in (Kind.SCALAR, Kind.COTANGENT) or best.judged.wrong or self.probe.draft.data:
            return None
        for each in found[1:]:
            name = name_of_loss(self.probe.draft, each.loss)
            if name is None or not each.judged.wrong or not self._is_moved(each.loss):
                continue
            if each.loss.code not in unread_by(self.workshop, self.probe, [each.loss], self.pairs):
                wrong = (v.name for v in each.judged.verdicts if v.verdict is Verdict.WRONG)
                return PassedOver(name, tuple(wrong))
        return None

    def _is_moved(self, loss: Loss) -> bool:
        """Whether a number has a slope anywhere: that of right guesses has none."""
        slopes = (self.made.slopes(place, loss) for place in self.made.plus)
        return any(bool(np.any(np.abs(each) > _NOTHING)) for each in slopes)
