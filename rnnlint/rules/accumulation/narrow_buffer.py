from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.buffer_types import narrow_buffers
from rnnlint.model.recurrent_code import RecurrentCode
from rnnlint.rules.accumulation.vanilla_cases import BATCH_CLASS, COLUMNS, DICT
from rnnlint.rules.registry import Invalid, Report, Valid, rule


@rule("RNN308", "narrow-buffer", severity=Severity.WARNING, needs="the type that the buffer is made with")
def check(code: RecurrentCode) -> Iterator[Report]:
    """A gradient is summed in an array of integers, or of short floats.

    ## What it does
    Reports a gradient's or carry's buffer that is made with an integer type (an error), or with float32 or
    float16 (a warning).

    ## Why it is wrong
    What is put into an array of integers is cut off to integers, `dh[t] = ...`: gradients are mostly below 1,
    so they become 0; and `dW += ...` fails, since NumPy adds no fractions to integers. float32 keeps seven
    digits: enough for training, too few for sums over long sequences and for any gradient check by
    differences, which then disagrees in the fourth digit.

    ## Example
    ```python
    dh = np.zeros(h.shape, dtype=int)
    ```

    ## Use instead
    ```python
    dh = np.zeros(h.shape)
    ```

    ## When it is right
    float32 where parameters and inputs are float32 too and memory counts.

    ## Fix safety
    There is no fix: the type may be meant.
    """
    for block in code.blocks:
        for each in narrow_buffers(block):
            if each.is_integer:
                yield Report(
                    each.call,
                    f"{each.name} holds integers, so every gradient written into it is cut off, mostly to "
                    "0. Leave the type out: np.zeros makes float64.",
                    remark="gradients cut off to integers",
                    severity=Severity.ERROR,
                )
            else:
                yield Report(
                    each.call,
                    f"{each.name} keeps half the digits or fewer of what is summed in it; a gradient "
                    "check by differences then disagrees in the fourth digit. Sum in float64.",
                    remark="half the digits",
                )


VALID = (
    Valid("float64", COLUMNS),
    Valid("float64 by name", COLUMNS.replace("np.zeros_like(U)", "np.zeros(U.shape, dtype=np.float64)")),
    Valid(
        "one-hot targets, an index",
        COLUMNS.replace("    dh_next = np", "    data = np.zeros(3, dtype=int)\n    dh_next = np"),
    ),
    Valid(
        "a mask",
        BATCH_CLASS.replace(
            "        carry = np", "        mask = np.ones(3, dtype=bool)\n        carry = np"
        ),
    ),
)

INVALID = (
    Invalid(
        "columns, short floats",
        COLUMNS.replace(
            "dh_next = np.zeros_like(h[-1])", "dh_next = np.zeros(h[-1].shape, dtype=np.float32)"
        ),
        lines=(11,),
    ),
    Invalid(
        "a class with batch first, short floats by letter",
        BATCH_CLASS.replace("self.db = np.zeros_like(self.b)", "self.db = np.zeros_like(self.b, dtype='f')"),
        lines=(12,),
    ),
    Invalid(
        "entries of a dict, integers",
        DICT.replace('grads["dbh"] = np.zeros_like(bh)', 'grads["dbh"] = np.zeros(bh.shape, int)'),
        lines=(8,),
        severity=Severity.ERROR,
    ),
)
