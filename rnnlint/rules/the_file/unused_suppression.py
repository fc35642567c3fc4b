from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity, Span
from rnnlint.records import dataclass
from rnnlint.rules.registry import FixDraft, Invalid, Report, Valid, rule


@dataclass(frozen=True, slots=True)
class UnusedSuppression:
    """A suppressing comment and those of its rules that hide nothing.

    ``unused`` is ``("",)`` for a comment about every rule; ``remaining`` is what the comment should read,
    empty where nothing is left of it; ``before`` is what precedes it on its line."""

    span: Span
    unused: tuple[str, ...]
    remaining: str
    before: str


@rule("RNN001", "unused-suppression", severity=Severity.WARNING)
def check(comment: UnusedSuppression) -> Iterator[Report]:
    """A suppressing comment hides nothing.

    ## What it does
    Reports a `# rnnlint: ignore[...]`, `# rnnlint: ignore-file[...]` or `# noqa: RNN...` comment, or one of
    the rules it lists, where rnnlint has no such finding.

    ## Why it is wrong
    The comment has outlived its finding, names the wrong rule, or stands on the wrong statement. Left
    there, it silently hides the next bug that is written on that line.

    ## Example
    ```python
    dh_next = dz[:H]  # rnnlint: ignore[RNN104]
    ```

    ## Use instead
    ```python
    dh_next = dz[:H]
    ```
    Where the comment should hide something, put it on a line of the statement that the finding begins in,
    with the code or name that the report shows.

    ## When it is right
    Comments about the numeric check's rules (RNN9xx), and comments about every rule, are only judged where
    the numeric check has run. A bare `# noqa` speaks to other linters too and is never reported.

    ## Fix safety
    Safe: the fix takes the rule out of the comment, or the comment out of the line; no code changes.
    """
    names = " and ".join(rule or "any rule" for rule in comment.unused)
    yield Report(
        comment.span,
        f"This comment hides nothing: rnnlint finds nothing of {names} here. "
        "Left in place it would hide the next bug that is written on this line; take it out.",
        remark="hides nothing",
        fix=FixDraft.replace(_with_blank(comment), comment.remaining, "Take it out.", safe=True),
    )


def _with_blank(comment: UnusedSuppression) -> Span:
    """The comment's span; with the blanks before it where nothing of it remains."""
    span = comment.span
    blanks = 0 if comment.remaining else len(comment.before) - len(comment.before.rstrip())
    return Span(span.line, span.column - blanks, span.end_line, span.end_column)


_NETWORK = """\
import numpy as np

def rnn_step(x, h_prev, W):
    return np.tanh(np.dot(W, h_prev) + x)

"""

VALID = (
    Valid("it hides a finding", _NETWORK + "lr = 0.5  # rnnlint: ignore[RNN502]\n"),
    Valid("by name, on another line of the statement", _NETWORK + "lr = (  # noqa: RNN502\n    0.5\n)\n"),
    Valid(
        "in the whole file", "# rnnlint: ignore-file[aggressive-learning-rate]\n" + _NETWORK + "lr = 0.5\n"
    ),
    Valid(
        "another linter's, and one about every rule", _NETWORK + "lr = 0.01  # noqa: E501\nx = 1  # noqa\n"
    ),
    Valid("words in a string", _NETWORK + 'text = "# rnnlint: ignore[RNN502]"\n'),
)

INVALID = (
    Invalid(
        "nothing to hide",
        _NETWORK + "lr = 0.01  # rnnlint: ignore[RNN502]\n",
        lines=(6,),
        fixed=_NETWORK + "lr = 0.01\n",
    ),
    Invalid(
        "one of two rules",
        _NETWORK + "lr = 0.5  # rnnlint: ignore[RNN104, RNN502]  # for now\n",
        lines=(6,),
        fixed=_NETWORK + "lr = 0.5  # rnnlint: ignore[RNN502]  # for now\n",
    ),
    Invalid(
        "in the whole file",
        "# rnnlint: ignore-file[RNN502]\n" + _NETWORK + "lr = 0.01\n",
        lines=(1,),
        fixed="\n" + _NETWORK + "lr = 0.01\n",
    ),
)
