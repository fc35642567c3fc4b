"""Every backward pass of a file, checked: the entry of the package."""

from __future__ import annotations

import ast
import secrets
from collections.abc import Iterator, Sequence

from rnnlint.deadline import NEVER, Deadline
from rnnlint.explicit import ExplicitScenario
from rnnlint.gradients.desk import Desk
from rnnlint.gradients.driver import lifted_drivers
from rnnlint.gradients.jobs import JobRunner
from rnnlint.gradients.library import Library
from rnnlint.gradients.named import NotThereError, entered
from rnnlint.gradients.passes import Pass, passes_of
from rnnlint.gradients.prepared import PreparedCheck
from rnnlint.gradients.reasons import (
    Explained,
    no_backward,
    out_of_time,
)
from rnnlint.gradients.redefinitions import as_first_meant
from rnnlint.model.project import Project
from rnnlint.records import replace
from rnnlint.source import Source
from rnnlint.verdicts import Reason, Status

MOST_PASSES = 10
MOST_DRIVERS = 3


def prepare(
    project: Project,
    source: Source,
    runner: JobRunner,
    *,
    seed: int | None = None,
    entry: str | None = None,
    explicit: Sequence[ExplicitScenario] = (),
    deadline: Deadline = NEVER,
) -> list[PreparedCheck]:
    """Check every backward pass of ``source``: one entry a pass, or one that says why none could be checked.

    ``seed`` makes the probe repeatable; ``entry`` picks passes by name ("forward -> backward" or a part of
    it); ``explicit`` states them by hand, and then no others are looked for. What could not be measured
    before the ``deadline``, less what is left for repairs where some gradient is wrong, is not judged: one
    entry says so.
    """
    made = _prepared(project, source, runner, seed, entry, explicit, deadline)
    return [each.with_clipping_said() for each in made]


def _prepared(
    project: Project,
    source: Source,
    runner: JobRunner,
    seed: int | None,
    entry: str | None,
    explicit: Sequence[ExplicitScenario],
    deadline: Deadline,
) -> list[PreparedCheck]:
    chosen_seed = secrets.randbelow(2**31) if seed is None else seed
    trees = {
        path: ast.parse(as_first_meant(held.text))
        for path, held in project.files.items()
        if held.problem is None
    }
    library = Library({source.path: trees[source.path], **trees})
    desk = Desk(project, source, runner, library, chosen_seed, deadline)
    if explicit and entry is None:
        return [desk.stated(scenario) for scenario in explicit]
    found = passes_of(library, source.path)
    if entry is not None:
        try:
            found = entered(library, source.path, entry, found)
        except NotThereError as missing:
            driven = list(_driven(desk, entry))
            return driven or [desk.refused(None, Explained(missing.code, str(missing), None))]
    results = desk.check_all(found[:MOST_PASSES])
    checked = [r for r in results if r.check.status is not Status.NOT_CHECKED]
    only_steps = all(r.is_of_one_step for r in checked)
    if checked and only_steps:
        over_steps = list(_driven(desk, entry))  # what sums the steps up, and carries from one to the next
        checked += [r for r in over_steps if r.check.status is not Status.NOT_CHECKED]
        results += [r for r in over_steps if r.check.reason_code is Reason.TIMEOUT]
    if checked:
        said = _ALWAYS_SAID | (_SAID_BESIDE_STEPS if only_steps else frozenset())
        return checked + [r for r in results if r.check.reason_code in said or r.is_missed]
    driven = list(_driven(desk, entry))
    checked = [r for r in driven if r.check.status is not Status.NOT_CHECKED]
    late = [r for r in (*results, *driven) if r.check.reason_code is Reason.TIMEOUT]
    return checked or [*late, *results, *driven, desk.refused(None, no_backward(library, source.path))][:1]


def _driven(desk: Desk, entry: str | None) -> Iterator[PreparedCheck]:
    """The checks of the drivers' iterations, as many as there is time for."""
    late: list[Pass] = []
    for lifted in lifted_drivers(desk.project, desk.library)[:MOST_DRIVERS]:
        if entry is None or entry in lifted.driver.title:
            there = replace(desk, project=lifted.project, library=lifted.library, lifted=lifted)
            made = there.check(lifted.pass_)
            desk.has_wrong |= there.has_wrong
            if made is not None:
                yield made
            else:
                late.append(lifted.pass_)
    if late:
        yield desk.refused(late[0], out_of_time(late))


_ALWAYS_SAID = frozenset({Reason.UNIMPLEMENTED, Reason.RAISES, Reason.TIMEOUT})
"""Why a pass beside checked ones was not, where that is worth an entry of its own."""
_SAID_BESIDE_STEPS = frozenset(
    {Reason.NO_ORACLE, Reason.UNSOLVED_SHAPES, Reason.UNKNOWN_ARGUMENT, Reason.NO_GRADIENT}
)
"""Why a pass over the steps was not checked, where all that was is one step."""
