"""Objects that make their parameters in the first forward pass, when an input shows how wide they must be."""

from __future__ import annotations

from rnnlint.gradients.answers import ProbeFailedError, first_run, identities_of
from rnnlint.gradients.attempt import LIKE
from rnnlint.gradients.draft import MODEL, Draft
from rnnlint.gradients.jobs import Workshop
from rnnlint.gradients.probe import Probe
from rnnlint.gradients.trees import Leaf, leaves
from rnnlint.records import dataclass, replace
from rnnlint.sandbox.job import Value

_HELD = """def _held():
    found = []
    for get in _ways:
        try:
            found.append(get())
        except (AttributeError, LookupError, TypeError):
            found.append(None)
    return found

def _parts(value):
    if isinstance(value, dict):
        value = list(value.values())
    return [p for item in value for p in _parts(item)] if isinstance(value, (list, tuple)) else [value]"""
"""Python for what is held now, at each of the ways in ``_ways`` (None at one that is not there any more), and
for the arrays in a value."""


@dataclass(frozen=True, slots=True)
class Built:
    """A draft whose set-up makes all parameters, and the arrays that this leaves beside them, by their
    Python."""

    draft: Draft
    left: frozenset[str] = frozenset()


def built_before_use(workshop: Workshop, probe: Probe) -> Built:
    """The draft with a forward pass in its set-up, where that is what makes parameters; else as it is.

    A parameter is what a first pass leaves and a second one neither makes anew nor puts away.
    """
    draft = probe.draft
    if not draft.has_model or not draft.forward:
        return Built(draft)
    used = replace(draft, setup=(*draft.setup, *draft.forward))
    only_setup = (replace(probe, draft=replace(each, forward=(), backward=())) for each in (draft, used))
    runs = workshop.run([each.scenario([MODEL]) for each in only_setup]).runs
    if len(runs) < 2 or any(run.trouble is not None for run in runs):
        return Built(draft)
    at_first, then = (_arrays(run.values[0]) for run in runs)
    named = [leaf.code for leaf in then if leaf.words == leaf.keys]  # ``hs[3]`` is of a step
    lasting = _lasting(workshop, probe, used, [code for code in named if code not in _codes(at_first)])
    if not lasting:
        return Built(draft)
    resets = tuple(f"{MODEL}.{name}()" for name in draft.resets)
    reset = replace(used, setup=(*used.setup, *resets))
    made = next((each for each in (reset, used) if _runs(workshop, probe, each)), None)
    return Built(made, _codes(then) - _codes(at_first) - lasting) if made is not None else Built(draft)


def _runs(workshop: Workshop, probe: Probe, draft: Draft) -> bool:
    """Whether both passes run, on any upstream gradient."""
    upstream = (f"{u.hole} = _like({u.output}, {u.as_row})" for u in draft.upstream)
    tried = replace(draft, setup=(LIKE, *draft.setup), backward=(*upstream, *draft.backward))
    runs = workshop.run([replace(probe, draft=tried).scenario([])]).runs
    return bool(runs) and runs[0].trouble is None


def _arrays(model: Value) -> list[Leaf]:
    return [leaf for leaf in leaves(model, MODEL) if not leaf.is_number]


def _codes(found: list[Leaf]) -> frozenset[str]:
    return frozenset(leaf.code for leaf in found)


def _lasting(workshop: Workshop, probe: Probe, used: Draft, codes: list[str]) -> frozenset[str]:
    """Those of the arrays that a second pass leaves where they are, but for what the pass was given."""
    if not codes:
        return frozenset()
    ways = f"_ways = [{', '.join(f'lambda: {code}' for code in codes)}]"
    mine = f"_mine = _parts([{', '.join(probe.holes)}])"
    setup = (*used.setup, _HELD, ways, mine, "_before = _held()", *used.forward, "_after = _held()")
    is_new = "not any(a is m or getattr(a, 'base', None) is m for m in _mine)"
    last = f"[int(a is b and a is not None and {is_new}) for a, b in zip(_before, _after)]"
    again = replace(probe, draft=replace(used, setup=setup, forward=(), backward=()))
    try:
        lasts = identities_of(first_run(workshop.run([again.scenario([last])])), len(codes))
    except ProbeFailedError:
        return frozenset()
    return frozenset(code for code, stays in zip(codes, lasts, strict=True) if stays)
