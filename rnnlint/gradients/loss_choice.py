"""Which of the losses that a probe allows is the gradient's: the one under which most of it agrees.

Where nothing agrees under any, a gradient that changes with a target which a loss does not read is not that
loss's: a number that is set anew at each step is the loss of the last one only.

Where more agrees with the outputs in reverse order, that is how they are taken if the forward pass keeps its
last step first. If it does not, upstream gradients in reverse order are a convention that nobody stated, or a
mistake.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from rnnlint.gradients.directions import projected
from rnnlint.gradients.exchanged import exchanged
from rnnlint.gradients.jobs import Workshop
from rnnlint.gradients.losses import Kind, Loss
from rnnlint.gradients.own_loss import Differences
from rnnlint.gradients.paired import paired
from rnnlint.gradients.pairing import Pair
from rnnlint.gradients.probe import Probe, returned_codes
from rnnlint.gradients.roles import Role, role_of
from rnnlint.gradients.step_order import Order, order_of_outputs, reversed_losses
from rnnlint.gradients.verdict import Judged, Measured, judge
from rnnlint.records import dataclass, replace
from rnnlint.sandbox.job import Ran, Value

Array = np.ndarray[Any, np.dtype[np.float64]]

_NOTHING = 1e-9
"""A change of a gradient or a loss below this is none."""


@dataclass(frozen=True)
class Choice:
    """A loss, with the verdicts by its derivatives along the directions."""

    loss: Loss
    judged: Judged
    is_foreign: bool = False  # the gradient changes with what the loss does not read
    is_unordered: bool = False  # right if the upstream gradients come last step first, which nothing says


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
    found = _ranked(made, made.losses, probe, pairs, directions)
    if not found:
        return None
    turned = _in_reverse(workshop, made, found[0], probe, pairs, directions)
    if turned is not None:
        return turned
    if found[0].judged.agreeing:
        return found[0]
    unread = _unread_by(workshop, probe, [each.loss for each in found], pairs)
    own = next((each for each in found if each.loss.code not in unread), None)
    return own if own is not None else replace(found[0], is_foreign=True)


def _ranked(
    made: Differences,
    losses: Sequence[Loss],
    probe: Probe,
    pairs: Mapping[str, Pair],
    directions: Mapping[str, Array],
) -> list[Choice]:
    """The losses that are finite, the one first under which the most gradients agree."""
    ranked: list[tuple[tuple[int, int, bool, int], Choice]] = []
    for order, loss in enumerate(losses):
        judged = _judged_along(made, loss, pairs, directions, probe)
        if judged is not None:
            key = (judged.agreeing, -judged.wrong, judged.is_explained, -order)
            ranked.append((key, Choice(loss, judged)))
    return [each for _, each in sorted(ranked, key=lambda pair: pair[0], reverse=True)]


def _in_reverse(
    workshop: Workshop,
    made: Differences,
    best: Choice,
    probe: Probe,
    pairs: Mapping[str, Pair],
    directions: Mapping[str, Array],
) -> Choice | None:
    """The loss of the outputs in reverse order, where more gradients agree under it and the outputs may be
    taken so."""
    if not best.judged.wrong:
        return None
    found = _ranked(made, reversed_losses(probe, made.losses), probe, pairs, directions)
    if not found or found[0].judged.agreeing <= best.judged.agreeing:
        return None
    turned = found[0]
    order = order_of_outputs(workshop, probe, turned.loss.reversed_outputs)
    if order is Order.REVERSED or (turned.loss.kind is Kind.COTANGENT and turned.judged.wrong):
        return turned
    return replace(turned, is_unordered=True) if turned.loss.kind is Kind.COTANGENT else None


def _judged_along(
    made: Differences,
    loss: Loss,
    pairs: Mapping[str, Pair],
    directions: Mapping[str, Array],
    probe: Probe,
) -> Judged | None:
    """Verdicts by the derivatives along the directions alone; None where the loss is not finite."""
    measured: list[Measured] = []
    for place in (p for p in probe.places if p.name in pairs):
        slopes = made.slopes(place.code, loss)
        if not np.all(np.isfinite(slopes)):
            return None
        given = projected(pairs[place.name].gradient, directions[place.code])
        measured.append(Measured(place.name, "", given, slopes))
    return judge(measured, probe.sizes)


def _unread_by(
    workshop: Workshop, probe: Probe, losses: list[Loss], pairs: Mapping[str, Pair]
) -> frozenset[str]:
    """The numbers, by their Python, that stay as they are where a gradient changes with a target.

    Only the code's own losses: the standard ones read all targets.
    """
    codes = [loss.code for loss in losses if loss.kind is Kind.SCALAR]
    others = list(_with_one_other_target(probe))
    if not codes or not others:
        return frozenset()
    returned = returned_codes(probe.draft)
    programs = [each.scenario((*returned, *codes), frames=probe.draft.watched) for each in (probe, *others)]
    runs = [run for run in workshop.run(programs).runs if run.trouble is None]
    if not runs or len(runs) != len(programs):
        return frozenset()
    base, *changed = runs
    unread: set[str] = set()
    for run in changed:
        if _changes_a_gradient(probe, pairs, run):
            values = zip(codes, base.values[len(returned) :], run.values[len(returned) :], strict=True)
            unread |= {code for code, before, after in values if _is_the_same(before, after)}
    return frozenset(unread)


def _changes_a_gradient(probe: Probe, pairs: Mapping[str, Pair], run: Ran) -> bool:
    again = paired(probe, replace(run, values=run.values[: len(returned_codes(probe.draft))]))
    return any(
        name in again
        and again[name].gradient.shape == pair.gradient.shape
        and bool(np.any(np.abs(again[name].gradient - pair.gradient) > _NOTHING))
        for name, pair in pairs.items()
    )


def _is_the_same(before: Value, after: Value) -> bool:
    return bool(np.allclose(np.asarray(before, float), np.asarray(after, float), rtol=0.0, atol=_NOTHING))


def _with_one_other_target(probe: Probe) -> Iterator[Probe]:
    """The probe with another target at the first or last place along an axis: of a step, or of a sequence."""
    for hole, value in probe.holes.items():
        if role_of(hole.removeprefix("_in_")) is Role.TARGET:
            for axis in range(value.ndim if isinstance(value, np.ndarray) else 1):
                for other in exchanged(value, axis, (0, -1)):
                    yield replace(probe, holes={**probe.holes, hole: other})
