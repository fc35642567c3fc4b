"""Pages to look at: nine bugs, a right file, one that was not checked, a notebook, and a hostile one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import made_reports as made

from rnnlint.findings import Edit, Fix, Misunderstanding, Related, Span
from rnnlint.pages import texts
from rnnlint.results import FileReport, Origin, RunReport
from rnnlint.source import decode_source
from rnnlint.verdicts import (
    Elements,
    GradientCheck,
    ParameterVerdict,
    Reason,
    Status,
    StepState,
    Verdict,
    WalkedStatement,
)

ATTACK = "</code></script></style><script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"


def with_elements(parameter: ParameterVerdict) -> ParameterVerdict:
    """A wrong gradient whose first row is twice the true one."""
    if parameter.verdict is not Verdict.WRONG:
        return parameter
    rows, columns = parameter.shape
    expected = [0.1 * (number % 5 - 2) for number in range(rows * columns)]
    got = [2 * value if number < columns else value for number, value in enumerate(expected)]
    return replace(parameter, elements=Elements(tuple(got), tuple(expected), ("H", "H+D")))


UPSTREAM = ParameterVerdict(
    "x",
    "dx",
    (2, 3),
    Verdict.WRONG,
    0.7,
    elements=Elements((1.0, 2.0, 3.0, 0.0, 0.0, 0.0), (1.0, 2.0, 3.0, 1.0, 1.0, 1.0), ("T", "D")),
)

_pictured = tuple(map(with_elements, made.WRONG_CHECK.parameters))
WALK = (
    WalkedStatement(made.BACKWARD, 5, (StepState.FIRST_WRONG, StepState.WRONG, StepState.WRONG)),
    WalkedStatement(made.BACKWARD, 9, (StepState.ZERO, StepState.TRUE, None)),
)
_check = replace(
    made.WRONG_CHECK,
    parameters=(*_pictured, UPSTREAM),
    loss="the cross-entropy",
    kind="lstm",
    walk=WALK,
)
_first = replace(made.WRONG_REPORT.files[0], gradients=(_check,))

NINE = replace(
    made.WRONG_REPORT,
    files=(_first, *made.WRONG_REPORT.files[1:]),
    rules=texts(["RNN101", "RNN102", "RNN104", "RNN201", "RNN202", "RNN203", "RNN401"]),
)

NOT_CHECKED = RunReport(
    (
        FileReport(
            made.BACKWARD,
            Origin.NAMED,
            made.SOURCE,
            gradients=(
                GradientCheck(
                    "0",
                    Status.NOT_CHECKED,
                    made.BACKWARD,
                    1,
                    reason="line 3 calls softmax(), defined nowhere.",
                    reason_code=Reason.MISSING_HELPER,
                    advice="Put utils.py beside it, then run again.",
                ),
            ),
        ),
    )
)


def _notebook() -> RunReport:
    path = Path("lstm.ipynb")
    cells = [
        {"cell_type": "code", "source": text, "metadata": {}}
        for text in ("%matplotlib inline\nimport numpy as np", "a = 1\n" * 50 + "dW = dh * f", "b = (")
    ]
    source = decode_source(path, json.dumps({"cells": cells}).encode())
    span = Span(53, 6, 53, 12)
    fix = Fix("So.", (Edit(path, span, "dh * f * (1 - f)"),), safe=True)
    finding = replace(made.BUGS[0], path=path, span=span, fix=fix, related=())
    return RunReport((FileReport(path, Origin.NAMED, source, (finding,), (), (made.WRONG_CHECK,)),))


NOTEBOOK = _notebook()


def _hostile() -> RunReport:
    path = Path(f"{ATTACK.replace('/', '')}.py")
    text = f"x = 1  # {ATTACK}\ny = '{ATTACK.replace(chr(39), chr(34))}'\nz = x @ y\n"
    source = decode_source(path, text.encode())
    span = Span(3, 5, 3, 10)
    finding = replace(
        made.BUGS[0],
        name=ATTACK,
        message=f"`{ATTACK}` and {ATTACK}",
        remark=ATTACK,
        path=path,
        span=span,
        group=Misunderstanding("k", ATTACK, f"{ATTACK}\n  {ATTACK}"),
        fix=Fix(ATTACK, (Edit(path, span, ATTACK),), safe=True),
        related=(Related(path, Span(1, 1, 1, 2), ATTACK),),
    )
    named = replace(_pictured[0], name=ATTACK, gradient=ATTACK)
    check = replace(
        _check, entry=ATTACK, ran=ATTACK, reason=ATTACK, loss=ATTACK, notes=(ATTACK,), parameters=(named,)
    )
    unread = FileReport(Path("b.py"), problem=ATTACK)
    file = FileReport(path, Origin.NAMED, source, (finding,), (), (check,), (check,), notes=(ATTACK,))
    return RunReport((file, unread))


HOSTILE = _hostile()

PAGES = {
    "nine": NINE,
    "right": made.RIGHT_REPORT,
    "not checked": NOT_CHECKED,
    "notebook": NOTEBOOK,
    "hostile": HOSTILE,
    "empty": RunReport(),
}
