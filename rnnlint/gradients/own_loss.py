"""The own-loss oracle: central differences of the user's own forward pass, element by element."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from rnnlint.gradients.answers import ProbeFailedError, first_run, rows_of
from rnnlint.gradients.draft import BACKWARD, FORWARD, MODEL, Draft
from rnnlint.gradients.jobs import Workshop
from rnnlint.gradients.losses import Kind, Loss, at, candidates
from rnnlint.gradients.places import Place
from rnnlint.gradients.probe import Probe, returned_codes
from rnnlint.gradients.roles import Role, role_of
from rnnlint.gradients.trees import leaves
from rnnlint.records import dataclass, field, replace
from rnnlint.sandbox.job import Opaque, Value

Array = np.ndarray[Any, np.dtype[np.float64]]

STEP = 1e-5
"""The step of the differences: its error is about STEP² from the third derivative and 1e-16 / STEP from
rounding."""
MOST_LOSSES = 14
_LOSS_NAME = re.compile("loss|cost|err|entropy", re.IGNORECASE)
_LAST_WORD = re.compile(r"""(?:\.|\[['"])(\w+)(?:['"]\])?$""")
_CALLED_LOSS = re.compile("loss|cost|entropy", re.IGNORECASE)


@dataclass(frozen=True)
class Differences:
    """Perturbed runs, of every element or along directions, from which any loss's derivatives follow."""

    losses: tuple[Loss, ...]
    codes: tuple[str, ...]
    plus: Mapping[str, tuple[tuple[Value, ...], ...]]  # by place, by element or direction
    minus: Mapping[str, tuple[tuple[Value, ...], ...]]
    shapes: Mapping[str, tuple[int, ...]]
    rest: tuple[Value, ...] = ()  # what the unperturbed run returned, which the losses read
    _known: dict[int, tuple[Loss, Mapping[str, Array]]] = field(
        default_factory=dict, compare=False, repr=False
    )

    def gradient(self, place: str, loss: Loss) -> Array:
        """∂loss/∂place by central differences of every element."""
        return self.slopes(place, loss).reshape(self.shapes[place])

    def slopes(self, place: str, loss: Loss) -> Array:
        """The derivative in each direction that the place was moved in."""
        if id(loss) not in self._known:
            self._known[id(loss)] = loss, self._all_slopes(loss)
        return self._known[id(loss)][1][place]

    def _all_slopes(self, loss: Loss) -> dict[str, Array]:
        """The derivatives in every direction of every place: one look at all runs."""
        up, down = (
            loss.of_each([run for runs in moved.values() for run in runs])
            for moved in (self.plus, self.minus)
        )
        with np.errstate(invalid="ignore"):  # inf − inf: a loss that is not finite is no candidate
            slopes = np.asarray((up - down) / (2 * STEP))
        ends = np.cumsum([len(runs) for runs in self.plus.values()])
        return dict(zip(self.plus, np.split(slopes, ends[:-1]), strict=True))


def losses_of(probe: Probe, values: Sequence[Value], after_forward: Sequence[Value] = ()) -> list[Loss]:
    """The losses that this probe's base run allows, each reading only what it needs.

    ``after_forward`` is what the forward's result and the instance were before the backward pass, which may
    change them: an output is read there, a number that the code gives as its loss, at the end.
    """
    codes = returned_codes(probe.draft)
    kept = [i for i, code in enumerate(codes) if code in (FORWARD, BACKWARD, MODEL)]
    targets = [v for name, v in probe.holes.items() if role_of(name.removeprefix("_in_")) is Role.TARGET]
    targets += _recorded_targets(dict(zip(codes, values, strict=True)).get(BACKWARD))
    targets = targets or [probe.holes[name] for name in probe.draft.data if name in probe.holes]
    found = list(candidates([_bare(values[i]) for i in kept], [codes[i] for i in kept], targets))
    if after_forward:
        early = candidates([_bare(v) for v in after_forward], early_codes(probe), targets)
        found = [loss for loss in found if loss.kind is Kind.SCALAR or loss.code.startswith(BACKWARD)]
        found += [loss for loss in early if loss.kind is not Kind.SCALAR]
    if is_iteration(dict(zip(codes, values, strict=True)).get(BACKWARD)):
        found = [loss for loss in found if loss.kind is not Kind.SCALAR or _is_final(loss)]
        found.sort(key=_preference_in_iteration)
    else:
        found.sort(key=_preference)
        found[:0] = _called_losses(probe.draft, dict(zip(codes, values, strict=True)))
    unique: dict[tuple[Kind, str], Loss] = {}
    for loss in found:
        unique.setdefault((loss.kind, loss.code), loss)
    own = list(unique.values())[:MOST_LOSSES]
    if not probe.draft.upstream:
        return own
    parts = tuple((i, (), probe.upstream[u.hole]) for i, u in enumerate(probe.draft.upstream))
    carried = Loss(Kind.COTANGENT, "", 0, (), parts)
    return [carried, *(replace(loss, cotangents=parts) for loss in own if targets)]


def _called_losses(draft: Draft, values: Mapping[str, Value]) -> Iterator[Loss]:
    """Each step's losses together, in a list or an array that a pass returns under a loss's name."""
    for code, callable_ in ((FORWARD, draft.pass_.forward), (BACKWARD, draft.pass_.backward)):
        names = callable_.returned if callable_ is not None and code in values else ()
        for position, name in enumerate(names):
            keys = (position,) if len(names) > 1 else ()
            held = at(values[code], keys)
            if _CALLED_LOSS.search(name) and _are_numbers(held):
                text = f"{code}[{position}]" if keys else code
                yield Loss(Kind.SCALAR, text, list(values).index(code), keys)


def name_of_loss(draft: Draft, loss: Loss) -> str | None:
    """What a number is called that the code gives as its loss; None for others."""
    if loss.kind is not Kind.SCALAR:
        return None
    named: dict[str, str] = {}
    for code, callable_ in ((FORWARD, draft.pass_.forward), (BACKWARD, draft.pass_.backward)):
        names = callable_.returned if callable_ is not None else ()
        items = [code] if len(names) == 1 else [f"{code}[{place}]" for place in range(len(names))]
        named |= dict(zip(items, names, strict=True))
    attribute = _LAST_WORD.search(loss.code)
    name = attribute[1] if attribute is not None else named.get(loss.code, "")
    return name if _CALLED_LOSS.search(name) else None


def _are_numbers(value: Value) -> bool:
    if isinstance(value, np.ndarray):
        return value.ndim == 1 and value.dtype.kind == "f"
    return isinstance(value, list) and len(value) > 1 and all(isinstance(item, float) for item in value)


def early_codes(probe: Probe) -> list[str]:
    """What holds the outputs once the forward pass is over: its result and the instance."""
    if not probe.draft.forward:
        return []
    return [FORWARD, *([MODEL] if probe.draft.has_model else [])]


def _recorded_targets(result: Value) -> list[Value]:
    """The targets that an iteration of a driver met step by step."""
    if not is_iteration(result):
        return []
    return [items for name, items in result["steps"].items() if role_of(name) is Role.TARGET]


def is_iteration(result: Value) -> bool:
    """Whether a result is all variables of one iteration of a driver."""
    return isinstance(result, Mapping) and isinstance(result.get("steps"), Mapping)


def _is_final(loss: Loss) -> bool:
    """A number that the iteration ends with: a variable, or an entry in a list of losses."""
    return "steps" not in loss.keys and (len(loss.keys) == 1 or bool(_LOSS_NAME.search(str(loss.keys[0]))))


def _preference_in_iteration(loss: Loss) -> tuple[int, int]:
    """Among all variables of an iteration: a named loss, then what is named like an output, by step or as it
    is."""
    word = next((str(k) for k in reversed(loss.keys) if isinstance(k, str)), "").lower()
    if loss.kind is Kind.SCALAR:
        return (0, 0) if _LOSS_NAME.search(word) else (4, 0)
    return (1 if re.match(r"y|out|p(s$|red|rob)|logit|score|guess", word) else 2), len(loss.keys)


def _bare(value: Value) -> Value:
    """An instance, or all variables of an iteration, without what is certainly no output: gradients and
    parameters."""
    if is_iteration(value):
        return {**_outputs_among(value), "steps": _outputs_among(value["steps"])}
    if isinstance(value, Opaque):
        kept = {
            name: held
            for name, held in value.attributes.items()
            if role_of(name) not in (Role.WEIGHT, Role.BIAS, Role.BUNDLE, Role.COTANGENT)
        }
        return replace(value, attributes=kept)
    return value


def _outputs_among(variables: Mapping[str, Value]) -> dict[str, Value]:
    hidden = (Role.WEIGHT, Role.BIAS, Role.BUNDLE, Role.COTANGENT, Role.TARGET, Role.INPUT)
    kept = {n: v for n, v in variables.items() if role_of(str(n)) not in hidden or "err" in str(n).lower()}
    return {name: _bare(value) for name, value in kept.items()}


_LIKELY_FIRST = (Kind.SCALAR, Kind.PROBABILITIES, Kind.LOGITS, Kind.SQUARED, Kind.BINARY)


def _preference(loss: Loss) -> tuple[int, int, int]:
    """The code's own loss, then what the forward returns: what sums to 1 before what any array could be."""
    return *_place_of(loss), _LIKELY_FIRST.index(loss.kind)


def _place_of(loss: Loss) -> tuple[int, int]:
    if loss.kind is Kind.SCALAR:
        last = next((str(k) for k in reversed(loss.keys) if isinstance(k, str)), "")
        if any(w in last.lower() for w in ("loss", "cost")):
            return 0, 0
        return (1, len(loss.keys)) if loss.code.startswith(BACKWARD) else (4, len(loss.keys))
    if loss.code.startswith(MODEL):
        return 3, len(loss.keys)
    return 2, len(loss.keys)


def differences(
    workshop: Workshop,
    probe: Probe,
    losses: Sequence[Loss],
    places: Sequence[Place],
    after: int = 0,
    along: Mapping[str, Array] | None = None,
) -> Differences:
    """Run every perturbed scenario in one job; with ``after``, in the pass that follows that many.

    Every element is moved by itself, or each place ``along`` its directions, (k, *shape) by its code. Raises
    :class:`ProbeFailedError`.
    """
    codes, rebased, backward = evaluated(probe, losses)
    directions = [along[place.code] for place in places] if along is not None else []
    made = probe.sweep(
        places, codes, STEP, backward=backward, after=after, early=read_early(losses), along=directions
    )
    ran = first_run(workshop.run([made]))
    counts = [len(each) for each in directions] or [place.array.size for place in places]
    values = rows_of(ran, 2 + 2 * sum(counts), len(codes))
    if not _equal(values[0], values[-1]):
        raise ProbeFailedError(None)
    perturbed = values[1:-1]
    plus: dict[str, tuple[tuple[Value, ...], ...]] = {}
    minus: dict[str, tuple[tuple[Value, ...], ...]] = {}
    position = 0
    for place, count in zip(places, counts, strict=True):
        both = perturbed[position : position + 2 * count]
        position += 2 * count
        plus[place.code], minus[place.code] = tuple(both[0::2]), tuple(both[1::2])
    shapes = {p.code: tuple(p.array.shape) for p in places}
    return Differences(tuple(rebased), codes, plus, minus, shapes, tuple(values[0]))


def evaluated(probe: Probe, losses: Sequence[Loss]) -> tuple[tuple[str, ...], list[Loss], bool]:
    """What a run has to return for these losses, the losses as functions of that, and whether the backward
    pass has to be run for it."""
    carried = tuple(u.output for u in probe.draft.upstream)
    codes = (*carried, *dict.fromkeys(loss.code for loss in losses if loss.kind is not Kind.COTANGENT))
    rebased = [
        loss if loss.kind is Kind.COTANGENT else replace(loss, position=_place(codes, carried, loss), keys=())
        for loss in losses
    ]
    backward = not probe.draft.forward or any(code.startswith((BACKWARD, MODEL)) for code in codes)
    return codes, rebased, backward


def read_early(losses: Sequence[Loss]) -> frozenset[str]:
    """The outputs among what is evaluated, which the backward pass may change."""
    outputs = [loss.code for loss in losses if loss.kind is not Kind.SCALAR]
    return frozenset(code for code in outputs if code.startswith((FORWARD, MODEL)))


def _place(codes: Sequence[str], carried: Sequence[str], loss: Loss) -> int:
    """Where the loss's own value stands among the returned ones: after the upstream gradients' outputs."""
    return len(carried) + list(codes[len(carried) :]).index(loss.code)


def _equal(left: Sequence[Value], right: Sequence[Value]) -> bool:
    a = [leaf.array for leaf in leaves(list(left), "")]
    b = [leaf.array for leaf in leaves(list(right), "")]
    return len(a) == len(b) and all(np.array_equal(x, y, equal_nan=True) for x, y in zip(a, b, strict=True))


__all__ = ["Differences", "at", "differences", "evaluated", "losses_of", "read_early"]
