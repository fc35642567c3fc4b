"""Findings from repair by search, for the scenarios whose gradients stay wrong with every known fix in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from rnnlint.deadline import Deadline
from rnnlint.diagnosis.budget import Budget
from rnnlint.diagnosis.edits import Candidate, Kind
from rnnlint.diagnosis.forward_repairs import forward_repairs
from rnnlint.diagnosis.hypotheses import explained_by
from rnnlint.diagnosis.localise import Localiser, Step
from rnnlint.diagnosis.naming import first_wrong, named
from rnnlint.diagnosis.program_text import program_text
from rnnlint.diagnosis.prove import Rerunnable, agrees, check_with, fixed_project, is_fixable
from rnnlint.diagnosis.rebasing import after_edits, before_edits, covers
from rnnlint.diagnosis.repair import Repair, search
from rnnlint.diagnosis.suspects import Suspect, backward_texts
from rnnlint.diagnosis.tracing.trace import traced
from rnnlint.findings import Confidence, Edit, Finding, Severity, Span
from rnnlint.records import dataclass, replace
from rnnlint.sentences import listed
from rnnlint.verdicts import GradientCheck, Reason, Status

if TYPE_CHECKING:
    from pathlib import Path

    from rnnlint.diagnosis.hypotheses.equations import Bug
    from rnnlint.gradients.measure import Measurement
    from rnnlint.gradients.reference import Match
    from rnnlint.gradients.trials import Trials
    from rnnlint.model.project import Project

MOST_BUGS = 8
MOST_SUSPECTS = 3
"""More statements than these are no place to look at."""


@runtime_checkable
class Triable(Rerunnable, Protocol):
    """A solved scenario that can be tried on many texts: :class:`rnnlint.gradients.PreparedCheck`."""

    def trials(self) -> Trials | None: ...

    def trials_over(self, steps: int) -> Trials | None: ...

    def confirmed(self) -> Triable: ...

    def measured_on(self, project: Project) -> Triable: ...

    @property
    def measurement(self) -> Measurement | None: ...

    @property
    def matched(self) -> Match | None: ...


@dataclass(frozen=True, slots=True)
class Searched:
    """What the searches add: findings, and the scenarios with those confirmed that a repair made agree."""

    findings: tuple[Finding, ...]
    scenarios: tuple[Rerunnable, ...]


def searched(
    project: Project,
    findings: Sequence[Finding],
    fixed: Sequence[GradientCheck],
    scenarios: Sequence[Rerunnable],
    deadline: Deadline,
) -> Searched:
    """Search where ``fixed``, the checks with the helpful fixes of ``findings`` in, still says wrong.

    What one scenario has shown is tried in the next: a step's own bug makes the whole sequence wrong.
    """
    budget = Budget(deadline=deadline)
    found: list[Finding] = []
    proven: list[Finding] = []  # repairs that make some scenario right
    after: list[Rerunnable] = []
    for position, scenario in enumerate(scenarios):
        now = fixed[position] if position < len(fixed) else scenario.check
        if not isinstance(scenario, Triable) or not _is_open(scenario, now) or budget.spent:
            after.append(scenario)
            continue
        helpful = [f for f in findings if f.evidence is not None and f.evidence.gradient == scenario.check.id]
        confirmed = scenario.confirmed()
        shown = [finding for finding in found if finding.fix is not None]
        if shown and agrees(check_with(project, [*helpful, *shown], confirmed)):
            after.append(confirmed)
            continue
        of_the_forward = forward_repairs(project, scenario.check, findings)
        known = [*helpful, *proven, *(each for each in of_the_forward if each not in helpful)]
        others = [f for f in (*findings, *shown) if f not in known and is_fixable(f, project)]
        new, complete = _repaired(project, known, others, confirmed, budget)
        if scenario.check.status is Status.NOT_CHECKED and not complete:
            after.append(scenario)  # of what loss the gradient is, nothing has shown: no line is to blame
            continue
        after.append(confirmed)
        said = list(_not_said(new, found))
        found += said
        proven += [each for each in said if complete and each.fix is not None]
    return Searched(tuple(found), tuple(after))


def _not_said(new: Sequence[Finding], said: Sequence[Finding]) -> Iterator[Finding]:
    """Those that no finding of another scenario says already: the same edits, or the same words."""
    for finding in new:
        same = (o for o in said if o.message == finding.message and o.span == finding.span)
        fixes = (o for o in said if o.fix and finding.fix and o.fix.edits == finding.fix.edits)
        if not any(same) and not any(fixes):
            yield finding


def joined(known: Sequence[Finding], found: Sequence[Finding]) -> list[Finding]:
    """Both; one that is known, has no fix and stands on the line of one that was found takes over its fix."""
    all_of_them = list(known)
    for finding in found:
        same = next(
            (
                n
                for n, other in enumerate(all_of_them)
                if other.fix is None
                and other.severity is Severity.ERROR
                and (other.path, other.span.line) == (finding.path, finding.span.line)
            ),
            None,
        )
        if same is None:
            all_of_them.append(finding)
        else:
            confidence = max(all_of_them[same].confidence, Confidence.LIKELY, key=lambda c: c.rank)
            all_of_them[same] = replace(all_of_them[same], fix=finding.fix, confidence=confidence)
    return all_of_them


def _is_open(scenario: Rerunnable, now: GradientCheck) -> bool:
    """Whether something is wrong there, or nothing agrees and a repair might.

    What is wrong in a second pass alone shows in no run of one pass.
    """
    if scenario.check.call > 1:
        return False
    if now.status is Status.NOT_CHECKED:
        return scenario.check.reason_code is Reason.NO_ORACLE
    return bool(now.wrong) and not agrees(now)


def _repaired(
    project: Project,
    helpful: Sequence[Finding],
    others: Sequence[Finding],
    scenario: Triable,
    budget: Budget,
) -> tuple[list[Finding], bool]:
    """Findings for the bugs that are left with the helpful fixes in, and whether they are all of them.

    Line by line first, as the localiser names them; the fixes of the ``others`` are tried there. Where that
    does not get through, by search. Fixes of the forward pass come before all others.
    """
    found: list[Finding] = []
    known = list(helpful)
    start = fixed_project(project, known) if known else project
    if forward_repairs(project, scenario.check, known):
        scenario = scenario.measured_on(start)
        if agrees(scenario.check):
            return [], True
    trials = scenario.trials()
    if trials is None:
        return [], False
    if known:
        trials = trials.rebased(start)
    trace = traced(start, _moved(scenario.check, known), trials)
    step: Step | None = None
    while trace is not None and not budget.spent and len(found) < MOST_BUGS:
        offered = {c: f for f in others if (c := _offered(project, start, known, f)) is not None}
        step = Localiser(start, trace, trials, budget, tuple(offered)).step()
        if step is None or step.edit is None:
            break
        finding = offered.get(step.edit) or _finding(project, known, step.edit)
        known, found = _not_superseded(known, finding), _not_superseded(found, finding)
        if step.edit not in offered:
            found.append(finding)
        if step.complete:
            return found, True
        if finding.fix is None:
            break
        known.append(finding)
        start = fixed_project(project, known)
        trials = trials.rebased(start)
        trace = replace(trace, check=_moved(scenario.check, known))

    def over(steps: int) -> Trials | None:
        shorter = scenario.trials_over(steps)
        return shorter.rebased(start) if shorter is not None and known else shorter

    repair = search(backward_texts(start, _moved(scenario.check, known)), trials, over, budget)
    found += [_finding(project, known, candidate) for candidate in repair.candidates]
    if not repair.complete:
        found = [each for each in found if each.fix is not None]  # nothing shows the others to be bugs
        left = list(_left_over(step, repair))
        bugs = _known_bugs(scenario)
        found += [_explained(scenario.check, bugs, left)] if bugs else left
    return found, repair.complete


def _moved(check: GradientCheck, known: Sequence[Finding]) -> GradientCheck:
    """The check where its backward pass stands in the text with the ``known`` fixes in."""
    edits = {edit for each in known if each.fix is not None for edit in each.fix.edits}
    above = [e for e in edits if e.path == check.path and e.span.line < check.line]
    lines = sum(edit.text.count("\n") - (edit.span.end_line - edit.span.line) for edit in above)
    return replace(check, line=check.line + lines)


def _not_superseded(known: Sequence[Finding], new: Finding) -> list[Finding]:
    """Those of which the new repair does not replace all that theirs has changed."""
    edits = new.fix.edits if new.fix is not None else ()
    return [
        each
        for each in known
        if each.fix is None or not all(any(covers(e, own) for e in edits) for own in each.fix.edits)
    ]


def _finding(project: Project, known: Sequence[Finding], candidate: Candidate) -> Finding:
    """The finding of an edit in the text with the ``known`` fixes in, told of the text as it stands."""
    path = candidate.edits[0].path
    text = fixed_project(project, known).files[path].text if known else project.files[path].text
    finding = named(candidate, program_text(path, text))
    edits = _of_the_original(project, known, candidate.edits)
    if edits is None or finding.fix is None:
        return replace(finding, fix=None)
    return replace(
        finding,
        span=_of_the_original_span(project, known, path, finding.span) or edits[0].span,
        fix=replace(finding.fix, edits=edits),
    )


def _offered(
    project: Project, start: Project, known: Sequence[Finding], finding: Finding
) -> Candidate | None:
    """The fix of a finding as an edit of the text with the ``known`` fixes in; None where they clash."""
    if finding.fix is None or finding in known:
        return None
    made: list[Edit] = []
    for edit in finding.fix.edits:
        earlier = {e: None for f in known if f.fix is not None for e in f.fix.edits if e.path == edit.path}
        text, original = start.files[edit.path].text, project.files[edit.path].text
        there = after_edits(edit, list(earlier), original, text)
        if there is None:
            return None
        made.append(there)
    return Candidate(Kind.OFFERED, tuple(made), made[0].span, "", finding.fix.description, -1.0)


def _known_bugs(scenario: Triable) -> tuple[Bug, ...]:
    """The bugs of the catalogue that explain all gradients exactly, where some do."""
    if scenario.measurement is None or scenario.matched is None:
        return ()
    return explained_by(scenario.measurement, scenario.matched)


def _explained(check: GradientCheck, bugs: Sequence[Bug], left: Sequence[Finding]) -> Finding:
    """The finding of bugs that explain all gradients, at the first wrong line where one is known."""
    where = left[0] if left else None
    span = where.span if where is not None else Span(check.line, 1, check.line, 1)
    clauses = " and ".join(bug.clause for bug in bugs)
    message = f"All gradients are exactly those of a backward pass in which {clauses}."
    if where is not None:
        message += f" {where.message}"
    path = where.path if where is not None else check.path
    return Finding(bugs[0].code, bugs[0].name, Severity.ERROR, Confidence.LIKELY, message, path, span)


def _left_over(step: Step | None, repair: Repair) -> Iterator[Finding]:
    """Where to look for what nothing repaired."""
    lines = {suspect.line for suspect in repair.suspected}
    if step is not None and step.blamed.first is not None:
        yield first_wrong(step.blamed.first)
    elif repair.suspected and len(lines) <= MOST_SUSPECTS:
        yield _first_wrong(repair.suspected)


def _of_the_original(
    project: Project, helpful: Sequence[Finding], edits: Sequence[Edit]
) -> tuple[Edit, ...] | None:
    if not helpful:
        return tuple(edits)
    after = fixed_project(project, helpful)
    made: list[Edit] = []
    for edit in edits:
        earlier = {e: None for f in helpful if f.fix is not None for e in f.fix.edits if e.path == edit.path}
        before = before_edits(edit, after.files[edit.path].text, list(earlier), project.files[edit.path].text)
        if before is None:
            return None
        made.append(before)
    return tuple(made)


def _of_the_original_span(project: Project, known: Sequence[Finding], path: Path, span: Span) -> Span | None:
    """Where a stretch of the text with the ``known`` fixes in stood before; None where they wrote it."""
    (there,) = _of_the_original(project, known, [Edit(path, span, "")]) or (None,)
    return there.span if there is not None else None


def _first_wrong(suspected: Sequence[Suspect]) -> Finding:
    first = suspected[0]
    lines = sorted({suspect.line for suspect in suspected})
    where = f"{'line' if len(lines) == 1 else 'lines'} {listed(map(str, lines))}"
    message = (
        f"The gradients that are wrong are exactly those that depend on {where}: scaling what is computed "
        "there changes them and no others. No small edit that was tried makes them right."
    )
    span = first.program.span(first.node)
    return Finding("RNN906", "first-wrong-line", Severity.ERROR, Confidence.LIKELY, message, first.path, span)
