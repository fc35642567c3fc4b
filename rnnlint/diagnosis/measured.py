"""Findings that only the numbers can make: RNN9xx, from the gradient checks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from rnnlint.findings import Confidence, Finding, Severity, Span
from rnnlint.records import replace
from rnnlint.sentences import listed
from rnnlint.verdicts import GradientCheck, ParameterVerdict, Status, Verdict

if TYPE_CHECKING:
    from rnnlint.diagnosis.places import Places


def measured_findings(
    checks: Iterable[GradientCheck],
    explained: Sequence[Finding],
    places: Places | None = None,
    repaired: Collection[str] = (),
) -> Iterator[Finding]:
    """What the checks say and no finding of ``explained`` has said already; ``places`` of wrong gradients.

    ``repaired`` are the ids of checks that the findings' fixes together make right: nothing in them is
    unexplained, also where another check was dearer to a finding and has its evidence.
    """
    for check in checks:
        if check.status is Status.NOT_CHECKED:
            yield _not_checked(check)
            continue
        yield from _not_finite(check)
        if check.id not in repaired:
            yield from _unexplained(check, explained, places or {})
        if check.underived is not None:
            name = "gradient-by-differences"
            yield _finding(check, "RNN909", name, Severity.WARNING, check.underived)
        if check.other_loss is not None:
            yield _finding(check, "RNN910", "gradient-of-another-loss", Severity.WARNING, check.other_loss)
        if check.forward == "variant" and check.difference:
            yield _finding(
                check,
                "RNN902",
                "nonstandard-forward",
                Severity.ADVICE,
                f"{check.difference} The gradient fits it.",
            )


def _not_checked(check: GradientCheck) -> Finding:
    sentences = [f"The gradient could not be checked: {check.reason or 'no reason is known'}"]
    if not sentences[0].endswith((".", "!", "?")):
        sentences[0] += "."
    if check.advice:
        sentences.append(check.advice)
    return _finding(check, "RNN907", "not-checked", Severity.ADVICE, " ".join(sentences))


def _not_finite(check: GradientCheck) -> Iterator[Finding]:
    names = [p.name for p in check.parameters if p.verdict is Verdict.NOT_FINITE]
    if names:
        message = (
            f"The gradient of {listed(names)} is NaN or infinite on small, finite weights and inputs: some "
            "division, logarithm or exponential on its way leaves the range of floats."
        )
        yield _finding(check, "RNN905", "not-finite", Severity.ERROR, message)


def _unexplained(check: GradientCheck, findings: Sequence[Finding], places: Places) -> Iterator[Finding]:
    """One finding for the wrong parameters that no finding with evidence accounts for, where the worst is
    stored.
    """
    costs = [f.evidence for f in findings if f.evidence is not None and f.evidence.gradient == check.id]
    accounted = {name for evidence in costs for name in evidence.parameters}
    wrong = [p for p in check.parameters if p.verdict is Verdict.WRONG and p.name not in accounted]
    if not wrong:
        return
    worst = max(wrong, key=lambda parameter: parameter.relative_error or 0.0)
    message = (
        f"The gradient of {listed([p.name for p in wrong])} is not the derivative of the loss"
        f"{_compared(check)}."
    )
    finding = _finding(check, "RNN901", "wrong-gradient", Severity.ERROR, message)
    localised = next((f for f in findings if f.code == "RNN906" and f.evidence is None), None)
    if localised is not None:
        finding = replace(finding, path=localised.path, span=localised.span)
    else:
        finding = replace(finding, span=places.get((check.id, worst.name), finding.span))
    yield replace(finding, figures=_how_far(worst))


def _compared(check: GradientCheck) -> str:
    if "own-loss" in check.oracles:
        return " of your own forward pass, measured by small changes of each number"
    return ", compared with a reference cell on the same weights and inputs"


def _how_far(parameter: ParameterVerdict) -> str:
    error = f"{parameter.relative_error:.2g}" if parameter.relative_error is not None else "unknown"
    return f"{parameter.name} has relative error {error} (0 is right, 1 no better than zeros, 2 reversed)."


def _finding(check: GradientCheck, code: str, name: str, severity: Severity, message: str) -> Finding:
    span = Span(check.line, 1, check.line, 1)
    return Finding(code, name, severity, Confidence.PROVEN, message, check.path, span)
