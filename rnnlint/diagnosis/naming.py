"""What an edit that makes a gradient right says about the bug it undoes: a code of the catalogue, a line,
sentences.
"""

from __future__ import annotations

import ast
import re
from typing import NamedTuple

from rnnlint.diagnosis.edits import Candidate, Kind
from rnnlint.diagnosis.program_text import ProgramText
from rnnlint.diagnosis.tracing.judged import Made, State
from rnnlint.findings import Confidence, Finding, Fix, Severity
from rnnlint.sentences import listed

_FIRST_WRONG = ("RNN906", "first-wrong-line")


class _Bug(NamedTuple):
    code: str
    name: str
    why: str


def named(candidate: Candidate, program: ProgramText) -> Finding:
    """The finding for an edit of ``program``, as the search tried it: ``likely`` until the proof has weighed
    it.
    """
    bug = _bug(candidate)
    fix = Fix(_described(candidate), candidate.edits)
    path = candidate.edits[0].path
    message = f"{bug.why} {_instead(candidate, program)}"
    return Finding(
        bug.code, bug.name, Severity.ERROR, Confidence.LIKELY, message, path, candidate.span, fix=fix
    )


def first_wrong(made: Made) -> Finding:
    """The finding for the first wrong result of a backward pass that no edit has mended."""
    statement = made.watched.statement
    node = made.watched.node if made.watched.node is not None else statement.value
    program = statement.program
    target = ", ".join(f"`{program.source(target)}`" for target in statement.targets)
    inputs = list(dict.fromkeys(f"`{read.text}`" for read in made.reads if read.state is State.TRUE))
    given = f", although {listed(inputs)} {'is' if len(inputs) == 1 else 'are'} right" if inputs else ""
    when = "" if made.step == 0 else " from the second step back on" if made.step == 1 else " at some steps"
    message = (
        f"{target or 'What is computed here'} is none of the quantities that the chain rule gives for your "
        f"forward pass{when}{given}. Everything computed before this line is right."
    )
    span = program.span(node if isinstance(node, ast.expr) else statement.node)
    return Finding(*_FIRST_WRONG, Severity.ERROR, Confidence.LIKELY, message, statement.path, span)


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
    Kind.OTHER_USE: _Bug(
        "RNN205",
        "missing-derivative",
        "The derivative of the nonlinearity is missing here, though another use of the same quantity has it.",
    ),
    Kind.SPURIOUS_FACTOR: _Bug(
        "RNN209", "spurious-factor", "This product has a factor that the chain rule does not give it."
    ),
    Kind.CARRY: _Bug(
        "RNN104",
        "dropped-carry",
        "Nothing flows from a step back to the one before it: the carry is read at every step and never set.",
    ),
    Kind.STEP_RESULTS: _Bug(
        "RNN104",
        "dropped-carry",
        "What a step's backward pass returns is not all used: the adjoint of the state before it belongs "
        "into the next round's call, and each weight's gradient is the sum over all steps.",
    ),
    Kind.INITIAL_STATE: _Bug(
        "RNN314",
        "unreturned-initial-gradient",
        "This gradient is returned as the zeros it begins with; it is what the carry holds after the loop.",
    ),
    Kind.STEPS: _Bug(
        "RNN107", "skipped-step", "The backward does not walk back over all the steps that the forward took."
    ),
    Kind.INJECTED: _Bug(
        "RNN310",
        "output-gradient-every-step",
        "The loss uses the last step's output alone, so its gradient enters at that step and no other.",
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
    Kind.INTO_THE_WALK: "This takes only what the step's own output sends back. What later outputs send back "
    "comes by in the inner loop, step by step, and belongs into the sum.",
    Kind.EXPRESSION: "This is not what the chain rule gives.",
    Kind.SPURIOUS_STATEMENT: "This statement changes a gradient that was right before it.",
}


_MISSING = {
    Kind.MISSING_FACTOR: ("factor", " * "),
    Kind.MISSING_DERIVATIVE: ("factor", " * "),
    Kind.MISSING_TERM: ("term", " + "),
}
"""Kinds of edits that only add something, with what it is and the operator before it."""


def _of_index(candidate: Candidate) -> _Bug:
    if re.search(r"\w+ ?- ?\d", candidate.before):
        return _Bug(
            "RNN101", "wrapped-previous-state", "This reads the state of another step, at t = 0 the last one."
        )
    return _Bug("RNN102", "off-by-one-state", "This reads the state of another step.")


def _instead(candidate: Candidate, program: ProgramText) -> str:
    if candidate.kind is Kind.CARRY:
        return f"At the end of the loop set `{candidate.after.replace('; ', '` and `')}`."
    if candidate.kind is Kind.STEP_RESULTS:
        return f"Complete the call: `{candidate.after.replace('; ', '`, `')}`."
    if candidate.kind is Kind.INTO_THE_WALK:
        return f"In its place write `{candidate.after}`, first in the inner loop."
    if candidate.kind is Kind.INITIAL_STATE:
        return f"After the loop set `{candidate.after}`."
    if candidate.kind is Kind.SPURIOUS_STATEMENT:
        return f"Leave out `{candidate.before}`."
    if candidate.kind in _MISSING:
        return _completed(candidate, program)
    return f"`{candidate.before}` should be `{candidate.after}`."


def _completed(candidate: Candidate, program: ProgramText) -> str:
    """``df`` should be ``dC * C_prev * f * (1 - f)``: the factor ``1 - f`` is missing."""
    what, operator = _MISSING[candidate.kind]
    before, after = candidate.before, candidate.after
    missing = after.removeprefix(before).removeprefix(f"({before})").removeprefix(operator)
    added = f": the {what} `{_bare(missing)}` is missing" if missing != after else ""
    statement = _statement_round(candidate, program)
    if statement is None or "\n" in statement[1]:
        return f"`{before}` should be `{after}`{added}."
    target, value = statement
    return f"`{target}` should be `{value}`{added}."


def _statement_round(candidate: Candidate, program: ProgramText) -> tuple[str, str] | None:
    """What the edited assignment sets, and to what with the edit in it."""
    for node in ast.walk(program.tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and not isinstance(node.value, ast.Tuple):
            span = program.span(node)
            if (span.line, span.column) <= (candidate.span.line, candidate.span.column) and (
                candidate.span.end_line,
                candidate.span.end_column,
            ) <= (span.end_line, span.end_column):
                return program.source(node.targets[0]), _edited(program.source(node.value), candidate)
    return None


def _edited(value: str, candidate: Candidate) -> str:
    return value.replace(candidate.before, candidate.after, 1)


def _bare(factor: str) -> str:
    """A factor without parentheses round the whole of it."""
    inner = factor.removeprefix("(").removesuffix(")")
    return inner if len(inner) == len(factor) - 2 and inner.count("(") == inner.count(")") else factor


def _described(candidate: Candidate) -> str:
    if candidate.kind in (Kind.CARRY, Kind.STEP_RESULTS, Kind.INITIAL_STATE):
        return f"Set {candidate.after}"
    if candidate.kind is Kind.SPURIOUS_STATEMENT:
        return f"Leave out {candidate.before}"
    if candidate.kind is Kind.INTO_THE_WALK:
        return f"Add {candidate.after} in the inner loop"
    return f"Replace {candidate.before} by {candidate.after}"
