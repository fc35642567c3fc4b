from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity, Span
from rnnlint.rules.registry import Invalid, Report, Valid, rule
from rnnlint.source import Source


@rule("RNN002", "syntax-error", severity=Severity.ERROR)
def check(source: Source) -> Iterator[Report]:
    """The file is not Python 3.

    ## What it does
    Reports a file that does not parse. A file that is Python 2 is a warning instead: it is converted in
    memory, line by line, and checked like any other. A notebook's cell that does not parse is left out and
    named. A program that nests a hundred and fifty expressions or branches in one another is not read, and
    that is a warning too.

    ## Why it is wrong
    Nothing else can be said about a program that Python itself cannot read: silence about its gradients means
    nothing.

    ## Example
    ```python
    print "loss", loss
    ```

    ## Use instead
    ```python
    print("loss", loss)
    ```

    ## When it is right
    Templates with unfinished lines, on purpose: `# rnnlint: ignore-file[RNN002]`.

    ## Fix safety
    There is no fix.
    """
    if source.problem and source.problem.is_depth:
        yield Report(
            _point(source.problem.line, 1),
            "This is nested too deeply to be read: brackets, operators or branches, one inside the other. "
            "Nothing in the file was checked; give the parts of it names of their own.",
            remark="nested too deeply",
            severity=Severity.WARNING,
        )
        return
    if source.problem:
        problem = source.problem
        yield Report(
            _point(problem.line, problem.column),
            f"This is not Python: {problem.message}. Nothing else was checked; repair this line first.",
            remark=problem.message,
        )
        return
    if source.python2:
        yield Report(
            _point(1, 1),
            "This is Python 2, which no supported Python runs. It was converted in memory and checked; "
            "the file itself is unchanged.",
            remark="Python 2, converted for the check",
            severity=Severity.WARNING,
        )
    for cell in source.skipped_cells:
        yield Report(
            _point(cell.first_line, 1),
            f"Code cell {cell.number} does not parse ({cell.skipped}). It was left out, and what it "
            "defines is missing from the check.",
            remark="cell left out",
            severity=Severity.WARNING,
        )


def _point(line: int, column: int) -> Span:
    return Span(line, column, line, column)


VALID = (
    Valid("Python 3", "import numpy as np\n\nprint(np.zeros(3))\n"),
    Valid("nothing at all", ""),
)
INVALID = (
    Invalid("an unfinished line", "import numpy as np\n\ndh = np.dot(\n", lines=(3,)),
    Invalid("a lost colon", "def backward(dh)\n    return dh\n", lines=(1,)),
    Invalid(
        "a sum of a thousand terms",
        "import numpy as np\n\nx = " + " + ".join(["1"] * 1000) + "\n",
        lines=(3,),
        severity=Severity.WARNING,
    ),
)
