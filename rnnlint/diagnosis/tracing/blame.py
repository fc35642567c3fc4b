"""From wrong results to the statements to blame: the first whose inputs are all true, and what fed it.

A true quantity in the wrong place is no wrong result where it is made: it shows where it is used. What all
the first wrong statements read, and no right one, is blamed before them.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from rnnlint.diagnosis.suspects import BackwardText, Suspect
from rnnlint.diagnosis.tracing.adjoints import fingerprint
from rnnlint.diagnosis.tracing.judged import Made, Read, State, root_of
from rnnlint.diagnosis.vocabulary import looks_like_adjoint
from rnnlint.records import dataclass

FEW_RIGHT = 3
"""For one statement that makes something true of a quantity so many must not, to blame the quantity."""

HOLLOW = -0.8
"""For a statement that gives an adjoint its name and nothing else: a copy, or what only the forward made."""


@dataclass(frozen=True, slots=True)
class Blame:
    """Statements to look at, the likeliest first, each with how much less likely it is than the first.

    ``first`` is the first wrong result; ``unset`` where it reads a carry that is still zero. ``silent`` are
    results that are zero though something should have come in, the likeliest first.
    """

    suspects: tuple[tuple[float, Suspect], ...]
    first: Made | None
    unset: bool = False
    silent: tuple[Made, ...] = ()


def blame(made: Sequence[Made], texts: Sequence[BackwardText]) -> Blame:
    """Whom to blame; nobody where everything that was made is true."""
    firsts = [each for each in made if each.is_first]
    if not firsts:
        silent = _given_zeros(made)
        return Blame(tuple(_in_order(silent, texts)), None, silent=silent)
    first = firsts[0]
    together = [each for each in firsts if each.step == first.step]
    found: dict[int, tuple[float, Suspect]] = {}

    def add(handicap: float, suspects: Iterable[Suspect]) -> None:
        for suspect in suspects:
            known = found.get(id(suspect))
            if known is None or handicap < known[0]:
                found[id(suspect)] = handicap, suspect

    for read, wrong, right in _read_by_wrong_ones(made, together):
        handicap = 0.2 if right else -0.3 if wrong > 1 else 0.4
        setters = _last_to_set(made, first, read, texts)
        add(HOLLOW if all(map(_is_a_copy, setters)) else handicap, setters)
    add(0.0, _suspects_of(first, texts))
    for other in together[1:]:
        add(1.0, _suspects_of(other, texts))
    for each in together:
        for read in each.reads:
            if read.state in (State.FORWARD, State.OTHER):
                hollow = read.state is State.FORWARD and looks_like_adjoint(read.name)
                handicap = HOLLOW if hollow else 0.3 if read.state is State.FORWARD else -0.1
                add(handicap, _that_set(read, each, texts))
    blamed = tuple(sorted(found.values(), key=lambda item: item[0]))
    unset = list(_zeros_read(made, first, [suspect for _, suspect in blamed]))
    for read, reader in unset:
        add(0.3, _that_set(read, reader, texts))
    silent = tuple(_made_zero(made, first, together))[::-1]
    for number, each in enumerate(silent):
        add(0.2 if number == 0 else 0.4, _suspects_of(each, texts))
    return Blame(tuple(sorted(found.values(), key=lambda item: item[0])), first, bool(unset), silent)


def _zeros_read(made: Sequence[Made], first: Made, blamed: Sequence[Suspect]) -> Iterator[tuple[Read, Made]]:
    """Adjoints that are still zero where a blamed statement reads them at a later step of the way back."""
    nodes = {id(suspect.node) for suspect in blamed}
    for each in made:
        if each.step == first.step > 0 and id(each.watched.statement.node) in nodes:
            for read in each.reads:
                if read.state is State.ZERO and looks_like_adjoint(read.name):
                    yield read, each


def _made_zero(made: Sequence[Made], first: Made, wrong: Sequence[Made]) -> Iterator[Made]:
    """What wrong statements rest on and was made of zeros just before, back to where nothing has entered."""
    read = {root_of(r.node) for each in wrong for r in each.reads}
    for each in reversed(made[: _position(made, first)]):
        targets = {root_of(target) for target in each.watched.statement.targets}
        zeros = {root_of(r.node) for r in each.reads if r.state is State.ZERO}
        if each.step == first.step and zeros and targets & read:
            read |= zeros
            if each.state is State.ZERO:
                yield each


def _given_zeros(made: Sequence[Made]) -> tuple[Made, ...]:
    """What is made of zeros at the first step of the way back, in the order of the run."""
    return tuple(m for m in made if m.step == 0 and m.state is State.ZERO and m.watched.statement.loops)


def _in_order(silent: Sequence[Made], texts: Sequence[BackwardText]) -> Iterator[tuple[float, Suspect]]:
    """Where nothing is wrong but something is missing: the statements that are given zeros."""
    seen: set[int] = set()
    for each in silent:
        for suspect in _suspects_of(each, texts):
            if id(suspect) not in seen:
                seen.add(id(suspect))
                yield 0.1 * len(seen), suspect


def _read_by_wrong_ones(made: Sequence[Made], wrong: Sequence[Made]) -> list[tuple[Read, int, int]]:
    """True inputs of wrong statements of which nothing true is made, or hardly anything: what lacks a path is
    still right for one of its uses. With how many statements read them in vain, and how many do not.
    """
    readers: dict[tuple[bytes, str], list[Made]] = defaultdict(list)
    for each in made:
        for read in each.reads:
            mark = fingerprint(read.value)
            if mark != fingerprint(each.value):  # a copy is no use
                readers[mark, root_of(read.node)].append(each)
    found: dict[tuple[bytes, str], tuple[Read, int, int]] = {}
    for each in wrong:
        for read in each.reads:
            key = fingerprint(read.value), root_of(read.node)
            if key not in readers or read.state is not State.TRUE:
                continue
            vain = [r for r in readers[key] if r.state is State.FALSE and not r.regrouped]
            distinct = len({id(reader.watched.statement.node) for reader in vain})
            right = len(readers[key]) - len(vain)
            if right * FEW_RIGHT <= distinct:
                found[key] = read, distinct, right
    return sorted(found.values(), key=lambda item: (item[2], -item[1]))


def _last_to_set(
    made: Sequence[Made], before: Made, read: Read, texts: Sequence[BackwardText]
) -> list[Suspect]:
    """The statement that made this very value last."""
    mark, root = fingerprint(read.value), root_of(read.node)
    same = [
        each
        for each in made[: _position(made, before)]
        if any(fingerprint(value) == mark for value in (each.value, each.after) if value is not None)
    ]
    named = [each for each in same if any(root_of(t) == root for t in each.watched.statement.targets)]
    return _suspects_of((named or same)[-1], texts) if same else []


def _is_a_copy(suspect: Suspect) -> bool:
    """Whether it is ``do = dh``: another adjoint under this one's name."""
    match suspect.node:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Name(id=other)):
            return looks_like_adjoint(name) and looks_like_adjoint(other)
        case _:
            return False


def _position(made: Sequence[Made], wanted: Made) -> int:
    return next(n for n, each in enumerate(made) if each is wanted)


def _that_set(read: Read, reader: Made, texts: Sequence[BackwardText]) -> list[Suspect]:
    """The statements of the reader's function that set the variable."""
    if read.node is None:
        return []
    root = root_of(read.node)
    return [
        suspect
        for text in texts
        if text.function is reader.watched.statement.function
        for suspect in text.suspects
        if suspect.node is not reader.watched.statement.node
        and any(root_of(target) == root for target in suspect.targets)
    ]


def _suspects_of(made: Made, texts: Sequence[BackwardText]) -> list[Suspect]:
    """The statement, or the part of it that computes this result."""
    node = made.watched.statement.node
    same = [s for text in texts for s in text.suspects if s.node is node]
    parts = [s for s in same if s.part is not None and _holds(s, made)]
    return parts or same


def _holds(suspect: Suspect, made: Made) -> bool:
    return (
        made.watched.node is not None
        and suspect.part is not None
        and any(node is made.watched.node for node in ast.walk(suspect.part))
    )
