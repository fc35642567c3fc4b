"""A pass on the page: its gradients, now and fixed, where they are wrong, and how that came about."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.records import dataclass
from rnnlint.report import wording
from rnnlint.report.html.pictures import Bar, HeatMap, by_step, figure, heat_map
from rnnlint.report.html.stage import Stage
from rnnlint.verdicts import GradientCheck, ParameterVerdict, StepState, Verdict


@dataclass(frozen=True, slots=True)
class ParameterView:
    """A row of the table of gradients; errors sort as numbers, and have bars."""

    name: str
    gradient: str
    shape: str
    verdict: str
    tone: str
    now: str
    now_value: float
    fixed: str
    fixed_value: float
    fixed_tone: str


@dataclass(frozen=True, slots=True)
class StepCell:
    """What a statement made at one step: a sign, its tone, and the words for it."""

    sign: str
    tone: str
    said: str


@dataclass(frozen=True, slots=True)
class WalkRow:
    """A statement of the backward pass and what it made at each step of the way back."""

    place: str
    line_anchor: str
    text: str
    cells: tuple[StepCell, ...]


@dataclass(frozen=True, slots=True)
class CheckView:
    """One pass that was run."""

    title: str
    ran: str
    facts: tuple[tuple[str, str], ...]
    parameters: tuple[ParameterView, ...]
    has_fixed: bool
    maps: tuple[HeatMap, ...]
    steps: tuple[tuple[str, tuple[Bar, ...]], ...]
    walk: tuple[WalkRow, ...]


def check_view(check: GradientCheck, stage: Stage) -> CheckView:
    """What is told of a pass that was run."""
    fixed = next((c for each in stage.block.together for c in each.fixed if c.id == check.id), None)
    after = {parameter.name: parameter for parameter in fixed.parameters} if fixed else {}
    maps = (heat_map(parameter) for parameter in check.parameters)
    steps = ((f"{parameter.name} by time step", by_step(parameter)) for parameter in check.parameters)
    seed = f" (seed {check.seed})" if check.seed is not None else ""
    facts = {
        "Cell": check.kind,
        "Forward": check.forward if check.forward != "unknown" else None,
        "Judged by": ", ".join(check.oracles),
        "Loss": check.loss,
        "Convention": check.convention,
        "Sandbox": ", ".join(check.sandbox),
    }
    return CheckView(
        check.entry or check.path.name,
        f"Ran {check.ran}{seed}." if check.ran else "",
        tuple((name, fact) for name, fact in facts.items() if fact),
        tuple(_parameter(p, after.get(p.name)) for p in check.parameters),
        bool(after),
        tuple(each for each in maps if each is not None),
        tuple((title, found) for title, found in steps if found),
        tuple(_walk(check, stage)),
    )


_CELLS = {
    StepState.TRUE: StepCell("✓", "right", "a true adjoint"),
    StepState.FIRST_WRONG: StepCell("✗", "wrong", "wrong, though all that it is made of is true"),
    StepState.WRONG: StepCell("✗", "carried", "wrong, as is what it is made of"),
    StepState.ZERO: StepCell("0", "plain", "zero"),
    None: StepCell("", "plain", "nothing of the backward flow"),
}


def _walk(check: GradientCheck, stage: Stage) -> Iterator[WalkRow]:
    """The statements by line, each with as many cells as there are steps."""
    steps = max((len(row.states) for row in check.walk), default=0)
    for row in check.walk:
        source = stage.block.scene.source(row.path)
        states = (*row.states, *[None] * (steps - len(row.states)))
        yield WalkRow(
            stage.place(row.path, row.line),
            stage.line_anchor(row.path, row.line),
            source.line_text(row.line).strip() if source is not None else "",
            tuple(_CELLS[state] for state in states),
        )


def _parameter(parameter: ParameterVerdict, fixed: ParameterVerdict | None) -> ParameterView:
    now, now_value, tone = _told(parameter)
    after, after_value, after_tone = _told(fixed) if fixed else ("", 0.0, "plain")
    return ParameterView(
        parameter.name,
        parameter.gradient or "none found",
        " × ".join(map(str, parameter.shape)) or "scalar",
        parameter.verdict.value.replace("-", " "),
        tone,
        now,
        now_value,
        after,
        after_value,
        after_tone,
    )


def _told(parameter: ParameterVerdict) -> tuple[str, float, str]:
    """An error as text, as a number to sort and draw by, and its tone."""
    if parameter.verdict in (Verdict.RIGHT, Verdict.SCALED):
        return f"right ({wording.scientific(parameter.relative_error or 0.0)})", 0.0, "right"
    if parameter.verdict is Verdict.WRONG and parameter.relative_error is not None:
        return figure(parameter.relative_error), parameter.relative_error, "wrong"
    if parameter.verdict is Verdict.NOT_FINITE:
        return "not finite", 3.0, "wrong"
    said = {Verdict.UNPAIRED: "no gradient found", Verdict.UNINFORMATIVE: "zero, and rightly so"}
    return said.get(parameter.verdict, "unknown"), -1.0, "unsure"
