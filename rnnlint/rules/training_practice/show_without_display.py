from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.code_blocks import place_of
from rnnlint.model.recurrent_code import RecurrentCode
from rnnlint.rules.registry import Invalid, Report, Valid, rule
from rnnlint.syntax import tree

_ELSEWHERE = frozenset({"savefig", "switch_backend", "use"})


@rule("RNN506", "show-without-display", severity=Severity.ADVICE)
def check(code: RecurrentCode) -> Iterator[Report]:
    """A training script shows its plot in a window and keeps no copy.

    ## What it does
    Reports `plt.show()` in a script that neither saves a figure nor chooses a backend.

    ## Why it is wrong
    On a server, in a container or over ssh there is no display: the call then prints a warning and shows
    nothing, or fails, after all the time that training took. With a display it blocks until somebody closes
    the window.

    ## Example
    ```python
    plt.plot(losses)
    plt.show()
    ```

    ## Use instead
    ```python
    plt.plot(losses)
    plt.savefig("loss.png")
    ```

    ## When it is right
    At your own desk. In notebooks figures stand under their cell, and the rule is silent.

    ## Fix safety
    There is no fix: the figure's name is yours to choose.
    """
    if code.module.source.notebook:
        return
    calls = [call for block in code.blocks for call in block.of_kind(tree.Call)]
    names = [(place_of(call.function) or "", call) for call in calls]
    if any(name.rpartition(".")[2] in _ELSEWHERE for name, _ in names):
        return
    plotters = {each.bound for each in code.module.imports if each.module.startswith(("matplotlib", "pylab"))}
    for name, call in names:
        owner, _, last = name.rpartition(".")
        if last == "show" and owner in plotters:
            yield Report(
                call,
                "Without a display this shows nothing or fails, after all the time that training took. "
                "Save the figure: plt.savefig('loss.png').",
                remark="save the figure",
            )


_USE = """\

def rnn_step(x, h_prev, W, U):
    return np.tanh(np.dot(W, h_prev) + np.dot(U, x))
"""
_IMPORTS = "import matplotlib.pyplot as plt\nimport numpy as np\n"

VALID = (
    Valid("saved", _IMPORTS + _USE + "\nplt.plot([1, 2])\nplt.savefig('loss.png')\nplt.show()\n"),
    Valid("a backend", "import matplotlib\n\nmatplotlib.use('Agg')\n" + _IMPORTS + _USE + "\nplt.show()\n"),
    Valid("another show", "import numpy as np\n" + _USE + "\nreport = object()\nreport.show()\n"),
)

INVALID = (
    Invalid("at the end of a script", _IMPORTS + _USE + "\nplt.plot([1, 2])\nplt.show()\n", lines=(8,)),
    Invalid(
        "in a function, by the module's full name",
        "import matplotlib.pyplot\nimport numpy as np\nfrom matplotlib import pyplot\n"
        + _USE
        + "\ndef plot(losses):\n    pyplot.plot(losses)\n    pyplot.show()\n",
        lines=(10,),
    ),
    Invalid(
        "in a script that imports the network",
        "import matplotlib.pyplot as plt\nfrom lstm import step\n\nplt.plot([step(1, 2, 3)])\nplt.show()\n",
        lines=(5,),
        files={
            "lstm.py": "import numpy as np\n\ndef step(x, h_prev, W):\n"
            "    return np.tanh(np.dot(W, h_prev) + x)\n"
        },
    ),
)
