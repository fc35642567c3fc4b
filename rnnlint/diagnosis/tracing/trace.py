"""One run of both passes, every expression watched: the true quantities, and what the backward pass made of
them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rnnlint.diagnosis.edits.matrices import matrix_operands
from rnnlint.diagnosis.program_text import ProgramText
from rnnlint.diagnosis.suspects import (
    BackwardText,
    Function,
    Suspect,
    backward_texts,
    enclosing,
    first_backward_line,
    reachable_programs,
    statements_of,
    value_of,
)
from rnnlint.diagnosis.tracing.adjoints import fingerprint, uses_of
from rnnlint.diagnosis.tracing.judged import Judge, Made
from rnnlint.diagnosis.tracing.tape import Event, Slopes, recorded
from rnnlint.diagnosis.tracing.truths import Truths
from rnnlint.diagnosis.tracing.watched import Watched, WatchedProgram
from rnnlint.diagnosis.vocabulary import base_name, looks_like_adjoint
from rnnlint.findings import Edit
from rnnlint.gradients.sizes import HIDDEN, TIME
from rnnlint.gradients.trials import Trials
from rnnlint.model.project import Project
from rnnlint.records import dataclass
from rnnlint.verdicts import GradientCheck

MOST_FORWARD_FUNCTIONS = 8
_FORWARD = re.compile(r"forward|fwd|step|cell|feed|call|propag|layer|gate|hidden|output", re.IGNORECASE)


@dataclass(frozen=True)
class Trace:
    """What is true of the forward pass, for any text of the backward pass."""

    check: GradientCheck
    truths: Truths
    gradients: Mapping[str, str]

    def made_by(
        self, trials: Trials, texts: Sequence[BackwardText], changes: Sequence[Edit] = ()
    ) -> list[Made] | None:
        """What the backward pass makes with the changes in it, judged; None where it does not run."""
        watched = WatchedProgram(changes)
        for statements in _backward_statements(texts, trials, self.check):
            watched.add(statements)
        events = recorded(trials, watched.edits)
        if events is None:
            return None
        return Judge(self.truths, watched.watched, self.gradients).made(events)


def traced(project: Project, check: GradientCheck, trials: Trials) -> Trace | None:
    """Measure every true quantity of the forward pass; None where it does not run so."""
    watched = _watched_forward(project, check, trials)
    events = recorded(trials, watched.edits) if watched.edits else None
    if not events:
        return None
    measurement = trials.measurement
    weights = {fingerprint(place.array): place.name for place in measurement.probe.places if place.is_weight}
    slopes = Slopes(trials, watched.edits)
    uses = uses_of(events, watched.watched, frozenset(weights), slopes)
    if not uses:
        return None
    truths = Truths(
        uses=tuple(uses),
        values=tuple(event.value for event in events),
        parameters=weights,
        gradients=dict(measurement.truth),
        scale=measurement.judged.scale,
        steps=measurement.probe.sizes.get(TIME, 0),
        hidden=measurement.probe.sizes.get(HIDDEN, 0),
    )
    return Trace(check, truths, _kept_under(check))


def forward_events(
    project: Project, check: GradientCheck, trials: Trials
) -> tuple[list[Event], list[Watched]] | None:
    """What the forward pass computes, and what each number stands for; None where it does not run so."""
    watched = _watched_forward(project, check, trials)
    events = recorded(trials, watched.edits) if watched.edits else None
    return (events, watched.watched) if events else None


def _watched_forward(project: Project, check: GradientCheck, trials: Trials) -> WatchedProgram:
    backward = backward_texts(project, check)
    watched = WatchedProgram()
    lifted = backward[0].function if backward and trials.lifted is not None else watched
    for statements in _forward_statements(project, check, trials, backward):
        own = statements[0].function if statements else None
        watched.add(statements, entries=own is not lifted)  # an iteration's names are no longer its own
    return watched


def _kept_under(check: GradientCheck) -> dict[str, str]:
    """The last word of what each gradient is found under, where that is one parameter's alone."""
    found: dict[str, list[str]] = {}
    for parameter in check.parameters:
        words = re.findall(r"[A-Za-z_]\w*", parameter.gradient or "")
        if words:
            found.setdefault(words[-1], []).append(parameter.name)
    return {word: names[0] for word, names in found.items() if len(names) == 1}


def _backward_statements(
    texts: Sequence[BackwardText], trials: Trials, check: GradientCheck
) -> Iterator[list[Suspect]]:
    """What the backward pass consists of, function by function."""
    for text in texts:
        if text.function is not None and text.function.name in trials.workshop.neutral:
            continue
        if text.function is None:
            iteration = _iteration(text.program, trials, check)
            yield iteration[_where_it_turns(iteration) :]
        else:
            wanted = {id(suspect.node) for suspect in text.suspects}
            yield [s for s in _with_value(text.program, text.function) if id(s.node) in wanted]


def _forward_statements(
    project: Project, check: GradientCheck, trials: Trials, backward: Sequence[BackwardText]
) -> Iterator[list[Suspect]]:
    """What the forward pass consists of: its own function, and those that it calls for a step."""
    pass_ = trials.measurement.probe.draft.pass_
    programs = {program.path: program for program in reachable_programs(project, check.path)}
    taken = {id(text.function) for text in backward if text.function is not None}
    waiting: list[tuple[ProgramText, Function]] = []
    if backward:
        own = backward[0]
        if own.function is None:
            part = _iteration(own.program, trials, check)
            part = part[: _where_it_turns(part)]
        else:
            start = first_backward_line(own.program, own.function)
            part = [s for s in _with_value(own.program, own.function) if s.line < start]
        if part:
            yield part
            waiting += _called(programs, part)
    forward = pass_.forward
    if forward is not None and forward.path in programs:
        program = programs[forward.path]
        function = enclosing(program.tree, forward.node.lineno)
        if function is not None:
            waiting.append((program, function))
    seen: set[int] = set()
    while waiting and len(seen) < MOST_FORWARD_FUNCTIONS:
        program, function = waiting.pop(0)
        if id(function) in seen or id(function) in taken:
            continue
        seen.add(id(function))
        statements = _with_value(program, function)
        yield statements
        waiting += _called(programs, statements)


def _with_value(program: ProgramText, function: Function | None) -> list[Suspect]:
    """The statements that compute something."""
    return [s for s in statements_of(program, function) if value_of(s.node) is not None]


def _iteration(program: ProgramText, trials: Trials, check: GradientCheck) -> list[Suspect]:
    """The statements of a file's body that one iteration of its training is made of, as they are run."""
    lifted = trials.lifted
    if lifted is None:
        return []
    return [
        statement
        for statement in _with_value(program, None)
        if any(loop.lineno == check.line for loop in statement.loops)
        and lifted.moved([Edit(program.path, program.span(statement.node), "")]) is not None
    ]


def _where_it_turns(statements: Sequence[Suspect]) -> int:
    """Where the body of a file turns back: before the first adjoint that it sets."""
    for number, statement in enumerate(statements):
        if any(looks_like_adjoint(base_name(target)) for target in statement.targets):
            return number
    return 0


def _called(
    programs: Mapping[Path, ProgramText], statements: Sequence[Suspect]
) -> list[tuple[ProgramText, Function]]:
    """The project's functions that a step of the forward pass is made of: those with a matrix product, or
    with calls of such.
    """
    found: list[tuple[ProgramText, Function]] = []
    for statement in statements:
        for node in ast.walk(statement.node):
            match node:
                case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
                    for program in programs.values():
                        for function in program.functions.get(name, ()):
                            if _is_step(function):
                                found.append((program, function))
                case _:
                    pass
    return found


def _is_step(function: Function) -> bool:
    inner = list(ast.walk(function))
    if any(matrix_operands(node) is not None for node in inner):
        return True
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute | ast.Name)
        and _FORWARD.search(node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id)
        for node in inner
    )
