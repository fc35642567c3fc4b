"""From a solved scenario to verdicts: base runs, pairing, differences, judgement."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rnnlint.gradients.answers import ProbeFailedError, first_run
from rnnlint.gradients.directions import directions_of, nearest
from rnnlint.gradients.draft import FORWARD
from rnnlint.gradients.jobs import Workshop
from rnnlint.gradients.last_step_first import coming_last_step_first, turned
from rnnlint.gradients.layouts import Steps
from rnnlint.gradients.loss_choice import PassedOver, choice
from rnnlint.gradients.losses import Kind, Loss
from rnnlint.gradients.own_loss import Differences, differences, early_codes, losses_of
from rnnlint.gradients.paired import paired
from rnnlint.gradients.pairing import Pair, Source
from rnnlint.gradients.places import Place
from rnnlint.gradients.probe import Probe, returned_codes
from rnnlint.gradients.roles import Role, role_of
from rnnlint.gradients.steps_seen import shows_one_step
from rnnlint.gradients.verdict import Judged, Measured, judge, relative_error
from rnnlint.records import dataclass, replace
from rnnlint.sandbox.job import Failure, Ran, Scenario, Value
from rnnlint.verdicts import ParameterVerdict, Verdict

Array = np.ndarray[Any, np.dtype[np.float64]]

MOST_NUMBERS = 500
"""The most elements that are perturbed one by one."""
_NOTHING = 1e-8
ALIGNED = 0.9
"""A cosine above this, in most parameters at once, is no coincidence."""
HALFWAY = 0.5
"""As :data:`ALIGNED`, where there is only one loss that it could be."""


@dataclass(frozen=True)
class Measurement:
    """A probe with the user's gradients, the true ones and the verdicts."""

    probe: Probe
    base: Ran
    pairs: Mapping[str, Pair]
    loss: Loss
    truth: Mapping[str, Array]
    judged: Judged
    unpaired: tuple[Place, ...]
    nondeterministic: bool = False
    accumulates: bool = False
    second: Judged | None = None
    clipped: bool = False
    rest: tuple[Value, ...] = ()  # what the loss reads, in the unperturbed run
    is_foreign: bool = False  # the gradient changes with what the loss does not read
    shows_one_step: bool = False  # of the sequence that the pass is given
    is_unordered: bool = False  # right if the upstream gradients come last step first, which nothing says
    passed_over: PassedOver | None = None  # the loss that the code gives, of which these are no gradients
    last_step_first: frozenset[str] = frozenset()  # inputs whose gradients come back in that order

    @property
    def base_scenario(self) -> Scenario:
        """The run that the user's gradients are taken from."""
        return self.probe.scenario(returned_codes(self.probe.draft), frames=self.probe.draft.watched)

    @property
    def is_trusted(self) -> bool:
        """Whether the loss is the gradient's: some parameter agrees, or most point the same way.

        The second only for a loss that is not chosen among several: the code's own, or the upstream
        gradient's.
        """
        if self.judged.agreeing:
            return True
        if not self.is_plausible or self.probe.draft.guesses:
            return False
        if self.probe.draft.data:  # of all numbers in a driver, any may have been taken for its loss
            return False
        if self.loss.kind not in (Kind.COTANGENT, Kind.SCALAR):
            return False
        telling = [v for v in self.judged.verdicts if math.prod(v.shape) >= 4 and v.cosine is not None]
        least = HALFWAY if self._has_one_output else ALIGNED
        aligned = [v for v in telling if v.cosine is not None and v.cosine > least]
        return len(telling) >= 2 and 2 * len(aligned) > len(telling)

    @property
    def says_nothing_of_some(self) -> bool:
        """Whether some parameters changed nothing, and got zeros: right or wrong, that would be so."""
        return any(v.verdict is Verdict.UNINFORMATIVE for v in self.judged.verdicts)

    @property
    def _has_one_output(self) -> bool:
        """Whether the upstream gradient can only belong to one array: all that the forward pass gives."""
        codes = returned_codes(self.probe.draft)
        return (
            self.loss.kind is Kind.COTANGENT
            and FORWARD in codes
            and isinstance(self.base.values[codes.index(FORWARD)], np.ndarray)
        )

    @property
    def is_plausible(self) -> bool:
        """Whether the loss could be the gradient's at all.

        It is not where a gradient is nonzero for a parameter that the loss does not depend on (its own truth
        is zero), nor where it changes with a target that the loss does not read, nor where only the upstream
        gradient was tried on a pass that knows targets of its own.
        """
        if self.is_foreign:
            return False
        for name, held in self.pairs.items():
            true = self.truth.get(name)
            if (
                true is not None
                and not np.any(np.abs(true) > _NOTHING)
                and np.any(np.abs(held.gradient) > _NOTHING)
            ):
                return False
        targets = any(role_of(hole.removeprefix("_in_")) is Role.TARGET for hole in self.probe.holes)
        return self.loss.kind is not Kind.COTANGENT or not targets

    @property
    def score(self) -> tuple[bool, int, int, int, bool]:
        """Charity: fewest wrong or unpaired, then fewest unpaired, then most agreeing. But what is measured
        over several steps counts before all that is right over one."""
        doubtful = self.judged.wrong + len(self.unpaired)
        return (
            not self.shows_one_step,
            -doubtful,
            -len(self.unpaired),
            self.judged.agreeing,
            not self.is_unordered,
        )


def _is_nonzero(gradient: Array) -> bool:
    return bool(np.any(np.abs(gradient) > _NOTHING))


def measure(workshop: Workshop, probe: Probe) -> Measurement | None:
    """Run the probe; None where nothing in it pairs. Raises :class:`ProbeFailedError`."""
    codes = returned_codes(probe.draft)
    base_scenario = probe.scenario(codes, frames=probe.draft.watched)
    again = probe.scenario(codes)
    twice = probe.scenario(codes, passes=2, frames=probe.draft.watched)
    earlier = probe.with_earlier_arguments().scenario(codes, frames=probe.draft.watched)
    forward = probe.scenario(early_codes(probe), backward=False)
    outcome = workshop.run([base_scenario, again, twice, earlier, forward])
    base = first_run(outcome)
    if outcome.trouble is not None and outcome.trouble.failure is Failure.TIMEOUT:
        raise ProbeFailedError(outcome.trouble)  # what the other runs would have shown is not known
    after_forward = outcome.runs[4].values if len(outcome.runs) > 4 else ()
    pairs = paired(probe, base)
    if not pairs:
        return None
    places = [p for p in probe.places if p.name in pairs]
    losses = losses_of(probe, base.values, after_forward)
    if not losses:
        return None
    directions = directions_of(places, probe.secret)
    made = differences(workshop, probe, losses, places, along=directions)
    chosen = choice(workshop, probe, made, pairs, directions)
    if chosen is None:
        return None
    loss, judged = chosen.loss, chosen.judged
    truth = _in_full(workshop, probe, made, loss, judged, directions, pairs, places)
    if truth is None:
        return None
    judged = judge(_measured(pairs, truth), probe.sizes)
    last_step_first = coming_last_step_first(probe, pairs, truth, judged)
    if last_step_first:
        pairs = turned(pairs, last_step_first, probe)
        judged = judge(_measured(pairs, truth), probe.sizes)
    unpaired = _that_matter(
        workshop, probe, loss, [p for p in probe.places if p.is_weight and p.name not in pairs]
    )
    measurement = Measurement(
        probe,
        base,
        pairs,
        loss,
        truth,
        judged,
        unpaired,
        rest=made.rest,
        is_foreign=chosen.is_foreign,
        is_unordered=chosen.is_unordered,
        passed_over=chosen.passed_over,
        last_step_first=last_step_first,
        shows_one_step=shows_one_step(workshop, probe, pairs),
    )
    return _with_repeats(workshop, measurement, outcome.runs[1:])


def _in_full(
    workshop: Workshop,
    probe: Probe,
    made: Differences,
    loss: Loss,
    judged: Judged,
    directions: Mapping[str, Array],
    pairs: Mapping[str, Pair],
    places: Sequence[Place],
) -> dict[str, Array] | None:
    """The true gradients: of what agrees along the directions that itself, of the rest every element.

    Of very many elements that do not agree, the last ones' too are only what the directions say.
    """
    agreeing = {v.name for v in judged.verdicts if v.verdict in (Verdict.RIGHT, Verdict.SCALED)}
    truth: dict[str, Array] = {}
    for place in places:
        given = pairs[place.name].gradient
        given = given / judged.scale if np.all(np.isfinite(given)) else np.zeros_like(given)
        truth[place.name] = nearest(given, directions[place.code], made.slopes(place.code, loss))
    disagreeing = _enough([place for place in places if place.name not in agreeing])
    if disagreeing:
        whole = differences(workshop, probe, [loss], disagreeing)
        truth |= {place.name: whole.gradient(place.code, whole.losses[0]) for place in disagreeing}
    return truth if all(np.all(np.isfinite(true)) for true in truth.values()) else None


def _paired_like(measurement: Measurement, ran: Ran) -> dict[str, Pair]:
    """The gradients of another run of the same probe, their steps in the order of the parameters'."""
    return turned(paired(measurement.probe, ran), measurement.last_step_first, measurement.probe)


def _that_matter(workshop: Workshop, probe: Probe, loss: Loss, places: list[Place]) -> tuple[Place, ...]:
    """Those of the unpaired weights that the loss depends on."""
    if not places:
        return ()
    tokens = [replace(p, array=p.array.reshape(-1)[:2]) for p in places]
    try:
        made = differences(workshop, probe, [loss], tokens)
    except ProbeFailedError as failed:
        if failed.is_of_time:
            raise
        return ()
    moved = {p.code for p in tokens if np.any(np.abs(made.gradient(p.code, made.losses[0])) > 1e-9)}
    return tuple(p for p in places if p.code in moved)


def rejudge(measurement: Measurement, base: Ran, truth: Mapping[str, Array] | None = None) -> Judged:
    """Verdicts for another run of the same probe."""
    pairs = _paired_like(measurement, base)
    kept = {name: pairs[name] for name in measurement.pairs if name in pairs}
    return judge(_measured(kept, truth or measurement.truth), measurement.probe.sizes)


def with_truth(measurement: Measurement, truth: Mapping[str, Array]) -> Measurement:
    """The same measurement with other true gradients of some parameters, of which it has the same."""
    known = {**measurement.truth, **{n: t for n, t in truth.items() if n in measurement.truth}}
    judged = judge_pairs(measurement.pairs, known, measurement.probe.sizes)
    return replace(measurement, truth=known, judged=judged)


def judge_pairs(pairs: Mapping[str, Pair], truth: Mapping[str, Array], sizes: Mapping[str, int]) -> Judged:
    """Verdicts on these pairs."""
    return judge(_measured(pairs, truth), sizes)


def parameter_verdicts(measurement: Measurement, judged: Judged) -> tuple[ParameterVerdict, ...]:
    """All verdicts, the unpaired ones last."""
    missing = tuple(
        ParameterVerdict(p.name, None, tuple(p.array.shape), Verdict.UNPAIRED) for p in measurement.unpaired
    )
    return (*judged.verdicts, *missing)


def _measured(pairs: Mapping[str, Pair], truth: Mapping[str, Array]) -> list[Measured]:
    return [
        Measured(name, p.candidate.title, p.gradient, truth[name])
        for name, p in pairs.items()
        if name in truth
    ]


def _enough(places: Sequence[Place]) -> list[Place]:
    total = 0
    kept: list[Place] = []
    for place in places:
        total += place.array.size
        if total <= MOST_NUMBERS or not kept:
            kept.append(place)
    return kept


def _with_repeats(workshop: Workshop, measurement: Measurement, runs: Sequence[Ran]) -> Measurement:
    """What an equal run and a second pass over the same objects add."""
    if runs and runs[0].trouble is None:
        again = _paired_like(measurement, runs[0])
        differs = any(
            not np.array_equal(p.gradient, again[n].gradient, equal_nan=True)
            for n, p in measurement.pairs.items()
            if n in again and again[n].candidate.title == p.candidate.title
        )
        measurement = replace(measurement, nondeterministic=differs)
    if len(runs) > 2 and runs[1].trouble is None and runs[2].trouble is None and not measurement.judged.wrong:
        measurement = _with_second_pass(workshop, measurement, runs[1], runs[2])
    return measurement


def _with_second_pass(workshop: Workshop, measurement: Measurement, ran: Ran, earlier: Ran) -> Measurement:
    """Whether a pass over used objects adds its gradient to the earlier one's, or is wrong by its own
    loss."""
    draft = measurement.probe.draft
    if draft.layout.steps is Steps.SINGLE and draft.pass_.backward.attributes_carried:
        return measurement  # a second step back through time goes on from the first
    first = measurement.pairs
    second = {
        n: p
        for n, p in _paired_like(measurement, ran).items()
        if n in first
        and p.candidate.title == first[n].candidate.title
        and p.candidate.source <= Source.OUTER_LOCAL
    }
    before = _paired_like(measurement, earlier)
    changed = {n for n, p in second.items() if not _close(first[n].gradient, p.gradient)}
    if not changed:
        return measurement
    if all(
        n in before and _close(first[n].gradient + before[n].gradient, second[n].gradient) for n in changed
    ):
        return replace(measurement, accumulates=True)
    places = [p for p in measurement.probe.places if p.name in changed and p.is_weight]
    if not places:
        return measurement
    try:
        made = differences(workshop, measurement.probe, [measurement.loss], _enough(places), after=1)
    except ProbeFailedError as failed:
        if failed.is_of_time:
            raise
        return measurement
    truth = {p.name: made.gradient(p.code, made.losses[0]) for p in _enough(places)}
    judged = judge(_measured(second, truth), measurement.probe.sizes)
    grown = {n: second[n].gradient - before[n].gradient for n in truth if n in before}
    if len(grown) == len(truth) and all(
        _close(grown[n], measurement.judged.scale * truth[n], 1e-5) for n in truth
    ):
        return replace(measurement, accumulates=True)
    return replace(measurement, second=judged) if judged.wrong else measurement


def _close(left: Array, right: Array, tolerance: float = 1e-7) -> bool:
    return relative_error(left, right) <= tolerance


__all__ = ["Measurement", "ProbeFailedError", "measure", "parameter_verdicts", "rejudge"]
