"""A report on nine bugs, made by hand: what the formats are given in these tests.

The backward pass is a list of statements, not a program; only its lines matter to a report.
"""

from __future__ import annotations

from pathlib import Path

from rnnlint.findings import (
    Confidence,
    Edit,
    Evidence,
    Finding,
    Fix,
    Misunderstanding,
    Related,
    Severity,
    Span,
)
from rnnlint.results import FileReport, Origin, RunReport
from rnnlint.source import decode_source
from rnnlint.verdicts import GradientCheck, ParameterVerdict, Status, Verdict, WorstElement

BACKWARD = Path("backward.py")
FORWARD = Path("forward.py")

STATEMENTS = (
    "def backward(z, f, i, g, C, o, h, v, outputs, targets, p):",
    "    for t in reversed(range(len(outputs))):",
    "        W_v_d += dv @ h[t].T",
    "        C_prev = C[t - 1]",
    "        do = dh * tanh(C[t])",
    "        do = sigmoid(o[t], derivative=True) * do",
    "        dC = dC_next + dh * o[t] * tanh(tanh(C[t]), derivative=True)",
    "        dg = tanh(g[t], derivative=True) * dC * i[t]",
    "        di = sigmoid(i[t], derivative=True) * dC * g[t]",
    "        df = sigmoid(f[t]) * dC * C_prev",
    "        dh_prev = dz[:hidden_size, :]",
)
SOURCE = decode_source(BACKWARD, "\n".join((*STATEMENTS, "")).encode())
FORWARD_SOURCE = decode_source(FORWARD, b"h_s = [h_prev]\nC_s = [C_prev]\nloss = -np.log(v)\n")

LATE = Misunderstanding(
    "list-first",
    "Your states sit one place later than you index",
    "  index   0      1     2    ...\n  C     [init,  C_0,  C_1,  ...]\n"
    "Step t's state is C[t+1]; the one before is C[t]. Same for h.",
)
CARRY = Misunderstanding(
    "carry",
    "Nothing flows back through time",
    "dh_next and dC_next stay zero: no step learns from later ones.",
)
DERIVATIVE = Misunderstanding(
    "derivative",
    "Derivatives of the wrong quantity",
    "f, i, o, g already went through their nonlinearity:\n"
    "  sigmoid' = s(1-s)      tanh' = 1-g^2\n"
    "but sigmoid(x, derivative=True) expects x BEFORE it.",
)


def span(row: int, part: str) -> Span:
    """Where ``part`` stands in statement ``row``."""
    column = STATEMENTS[row - 1].index(part) + 1
    return Span(row, column, row, column + len(part))


def bug(
    code: str,
    row: int,
    part: str,
    instead: str | None,
    group: Misunderstanding,
    cost: tuple[str, float],
    remark: str = "",
) -> Finding:
    """A proven error of one line, repaired in place."""
    where = span(row, part)
    return Finding(
        code=code,
        name={"RNN101": "wrapped-previous-state", "RNN102": "off-by-one-state"}.get(code, "a-derivative"),
        severity=Severity.ERROR,
        confidence=Confidence.PROVEN,
        message=f"`{part}` is wrong here. It should be something else.",
        path=BACKWARD,
        span=where,
        group=group,
        remark=remark,
        fix=Fix("Write it so.", (Edit(BACKWARD, where, instead),), safe=True) if instead else None,
        related=(Related(FORWARD, Span(1, 1, 1, 5), "stores the initial state first:"),)
        if group is LATE
        else (),
        evidence=Evidence("0", (cost[0],), cost[1]),
    )


DROPPED = Finding(
    code="RNN104",
    name="dropped-carry",
    severity=Severity.ERROR,
    confidence=Confidence.PROVEN,
    message="No adjoint flows from step t+1 to step t.",
    path=BACKWARD,
    span=span(11, "dh_prev"),
    group=CARRY,
    remark="computed, then forgotten",
    fix=Fix(
        "Carry both.",
        (Edit(BACKWARD, Span(12, 1, 12, 1), "        dh_next = dh_prev\n        dC_next = dC * f[t]\n"),),
        safe=True,
    ),
    evidence=Evidence("0", ("W_g",), 0.61),
)

BUGS = (
    bug("RNN102", 3, "h[t]", "h[t + 1]", LATE, ("W_v", 0.95)),
    bug("RNN101", 4, "C[t - 1]", "C[t]", LATE, ("W_f", 0.67), "t=0: the LAST state"),
    bug("RNN102", 5, "C[t]", "C[t + 1]", LATE, ("b_o", 0.43)),
    bug("RNN203", 6, "sigmoid(o[t], derivative=True)", "o[t] * (1 - o[t])", DERIVATIVE, ("W_o", 0.23)),
    bug(
        "RNN201",
        7,
        "tanh(tanh(C[t]), derivative=True)",
        "tanh(C[t], derivative=True)",
        DERIVATIVE,
        ("b_i", 0.3),
    ),
    bug("RNN203", 8, "tanh(g[t], derivative=True)", "(1 - g[t] ** 2)", DERIVATIVE, ("W_g", 0.21)),
    bug("RNN203", 9, "sigmoid(i[t], derivative=True)", "i[t] * (1 - i[t])", DERIVATIVE, ("W_i", 0.25)),
    bug("RNN202", 10, "sigmoid(f[t])", "f[t] * (1 - f[t])", DERIVATIVE, ("b_f", 0.65), "not a derivative"),
    DROPPED,
)

UNSAFE_LOG = Finding(
    code="RNN401",
    name="log-without-eps",
    severity=Severity.WARNING,
    confidence=Confidence.LIKELY,
    message="`np.log(v)` is -inf where a probability is 0. Add an eps.",
    path=FORWARD,
    span=Span(3, 9, 3, 18),
)


def advice(code: str, name: str) -> Finding:
    """A training note."""
    return Finding(
        code, name, Severity.ADVICE, Confidence.LIKELY, f"About {name}.", FORWARD, Span(1, 1, 1, 2)
    )


NOTES = (advice("RNN501", "zero-forget-bias"), advice("RNN502", "aggressive-learning-rate"))

_ERRORS = {"W_f": 0.76, "W_i": 0.30, "W_g": 0.57, "W_o": 0.39, "W_v": 0.95} | {
    "b_f": 0.70,
    "b_i": 0.36,
    "b_g": 0.49,
    "b_o": 0.45,
    "b_v": 3e-13,
}


def parameter(name: str, error: float) -> ParameterVerdict:
    """Right or wrong by the usual limit."""
    if error <= 1e-6:
        return ParameterVerdict(name, f"{name}_d", (4, 7), Verdict.RIGHT, error, 1.0, 1.0)
    worst = WorstElement((0, 3), 0.1, -0.2)
    return ParameterVerdict(name, f"{name}_d", (4, 7), Verdict.WRONG, error, 0.31, None, worst)


def check(errors: dict[str, float]) -> GradientCheck:
    """A finished check with these relative errors."""
    return GradientCheck(
        id="0",
        status=Status.CHECKED,
        path=BACKWARD,
        line=1,
        entry="forward → backward",
        ran="backward() with forward.py's forward()",
        kind="lstm",
        forward="standard",
        oracles=("reference", "own-loss"),
        scale=11.0,
        scale_name="V",
        seed=7,
        sandbox=("rlimits",),
        parameters=tuple(parameter(name, error) for name, error in errors.items()),
    )


RIGHT_CHECK = check(dict.fromkeys(_ERRORS, 3e-13))
WRONG_CHECK = check(_ERRORS)

WRONG_REPORT = RunReport(
    (
        FileReport(BACKWARD, Origin.NAMED, SOURCE, BUGS, (), (WRONG_CHECK,), (RIGHT_CHECK,)),
        FileReport(FORWARD, Origin.PROJECT, FORWARD_SOURCE, (UNSAFE_LOG,), NOTES),
    )
)

RIGHT_REPORT = RunReport(
    (
        FileReport(BACKWARD, Origin.NAMED, SOURCE, (), (), (RIGHT_CHECK,)),
        FileReport(FORWARD, Origin.PROJECT, FORWARD_SOURCE, (), NOTES),
    )
)
