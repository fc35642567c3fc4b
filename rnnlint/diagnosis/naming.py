"""What an edit that makes a gradient right says about the bug it undoes: a code of the catalogue, a line,
sentences.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import NamedTuple

from rnnlint.diagnosis.edits import Candidate, Kind
from rnnlint.diagnosis.tracing.judged import Made, State
from rnnlint.findings import Confidence, Finding, Fix, Severity

_FIRST_WRONG = ("RNN906", "first-wrong-line")


class _Bug(NamedTuple):
    code: str
    name: str
    why: str


def named(candidate: Candidate) -> Finding:
    """The finding for an edit of the search: ``likely`` until the proof has weighed it."""
    bug = _bug(candidate)
    fix = Fix(_described(candidate), candidate.edits)
    path = candidate.edits[0].path
    message = f"{bug.why} {_instead(candidate)}"
    return Finding(
        bug.code, bug.name, Severity.ERROR, Confidence.LIKELY, message, path, candidate.span, fix=fix
    )


def first_wrong(made: Made) -> Finding:
    """The finding for the first wrong result of a backward pass that no edit has mended."""
    statement = made.watched.statement
    node = made.watched.node if made.watched.node is not None else statement.value
    program = statement.program
    target = ", ".join(program.source(target) for target in statement.targets) or "What is computed here"
    inputs = list(dict.fromkeys(read.text for read in made.reads if read.state is State.TRUE))
    given = f" although {_listed(inputs)} {'is' if len(inputs) == 1 else 'are'} right" if inputs else ""
    when = "" if made.step == 0 else " from the second step back on" if made.step == 1 else " at some steps"
    message = (
        f"{target} is none of the quantities that the chain rule gives for your forward pass{when},{given}. "
        "Everything computed before this line is right."
    ).replace(",. ", ". ")
    span = program.span(node if isinstance(node, ast.expr) else statement.node)
    return Finding(*_FIRST_WRONG, Severity.ERROR, Confidence.LIKELY, message, statement.path, span)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _bug(candidate: Candidate) -> _Bug:
    if candidate.kind is Kind.INDEX:
        return _of_index(candidate)
    return _BUGS.get(candidate.kind) or _Bug(*_FIRST_WRONG, _WHY[candidate.kind])


_BUGS = {
    Kind.PART: _Bug("RNN110", "wrong-carry-slice", "This is the wrong part of the stacked array."),
    Kind.OVERWRITE: _Bug(
        "RNN301",
        "overwritten-gradient",
        "Each step replaces what the others have added; a weight's gradient is the sum over all steps.",
    ),
    Kind.TRANSPOSE: _Bug(
        "RNN303",
        "missing-transpose",
        "The backward's product is not the transpose of the forward's: of W @ x, the gradient for x is "
        "Wᵀ @ δ and that for W is δ @ xᵀ.",
    ),
    Kind.GATE: _Bug("RNN206", "wrong-gate", "Another gate's quantity stands here."),
    Kind.PARTNER: _Bug(
        "RNN208",
        "wrong-partner",
        "The adjoint is multiplied by the wrong partner: a product's derivative for one side is the other.",
    ),
    Kind.PLAIN_ACTIVATION: _Bug(
        "RNN202", "activation-for-derivative", "The activation stands where its derivative belongs."
    ),
    Kind.TWICE: _Bug(
        "RNN201",
        "nonlinearity-twice",
        "The derivative is taken at an activation that the helper applies once more.",
    ),
    Kind.DERIVATIVE: _Bug(
        "RNN204", "wrong-derivative", "This factor is not the derivative of what the forward pass computes."
    ),
    Kind.MISSING_DERIVATIVE: _Bug(
        "RNN205", "missing-derivative", "The derivative of the nonlinearity is missing."
    ),
    Kind.SPURIOUS_FACTOR: _Bug(
        "RNN209", "spurious-factor", "This product has a factor that the chain rule does not give it."
    ),
    Kind.CARRY: _Bug(
        "RNN104",
        "dropped-carry",
        "Nothing flows from a step back to the one before it: the carry is read at every step and never set.",
    ),
    Kind.STEPS: _Bug(
        "RNN107", "skipped-step", "The backward does not walk back over all the steps that the forward took."
    ),
    Kind.AXIS: _Bug("RNN304", "collapsed-bias-gradient", "The sum takes in axes that belong to the bias."),
}

_WHY = {
    Kind.ADDED_TWICE: "This adds to what an earlier step left there.",
    Kind.MATRIX_ORDER: "The operands of this product are in the wrong order.",
    Kind.SIGN: "This has the wrong sign.",
    Kind.MISSING_FUNCTION: "The forward pass uses this through its nonlinearity, the backward without.",
    Kind.MISSING_FACTOR: "A factor is missing from this product.",
    Kind.MISSING_TERM: "A path is missing from this sum: every use of a quantity adds a term to its adjoint.",
    Kind.SPURIOUS_TERM: "This sum has a term that no use of the quantity gives it.",
    Kind.SPURIOUS_STATEMENT: "This statement changes a gradient that was right before it.",
}


def _of_index(candidate: Candidate) -> _Bug:
    if re.search(r"\w+ ?- ?\d", candidate.before):
        return _Bug(
            "RNN101", "wrapped-previous-state", "This reads the state of another step, at t = 0 the last one."
        )
    return _Bug("RNN102", "off-by-one-state", "This reads the state of another step.")


def _instead(candidate: Candidate) -> str:
    if candidate.kind is Kind.CARRY:
        return f"At the end of the loop set {candidate.after.replace('; ', ' and ')}."
    if candidate.kind is Kind.SPURIOUS_STATEMENT:
        return f"Leave out {candidate.before}."
    return f"{candidate.before} should be {candidate.after}."


def _described(candidate: Candidate) -> str:
    if candidate.kind is Kind.CARRY:
        return f"Set {candidate.after}"
    if candidate.kind is Kind.SPURIOUS_STATEMENT:
        return f"Leave out {candidate.before}"
    return f"Replace {candidate.before} by {candidate.after}"
