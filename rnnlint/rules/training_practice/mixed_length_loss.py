from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Confidence, Severity
from rnnlint.model.code_blocks import CodeBlock, place_of
from rnnlint.model.cross_entropy import log_terms
from rnnlint.model.recurrent_code import RecurrentCode
from rnnlint.rules.registry import Invalid, Report, Valid, rule
from rnnlint.syntax import tree


@rule("RNN505", "mixed-length-loss", severity=Severity.ADVICE, needs="a loss that is summed over steps")
def check(code: RecurrentCode) -> Iterator[Report]:
    """The loss of an epoch is divided by the number of sequences, not of steps.

    ## What it does
    Reports `epoch_loss / len(sequences)` where `epoch_loss` adds up one loss a sequence, and a sequence's
    loss is a sum over its steps.

    ## Why it is wrong
    A sequence of forty steps then counts four times as much as one of ten, and the figure depends on how
    long the sequences happen to be: two data sets, or training and validation, cannot be compared. The loss
    per step, Σ L / Σ T, can, and its exponential is the perplexity.

    ## Example
    ```python
    for inputs, targets in training_set:
        epoch_loss += loss_of(inputs, targets)
    print(epoch_loss / len(training_set))
    ```

    ## Use instead
    ```python
    for inputs, targets in training_set:
        epoch_loss += loss_of(inputs, targets)
        steps += len(inputs)
    print(epoch_loss / steps)
    ```

    ## When it is right
    Where all sequences have one length; the figure is then the loss per step times that length. Whether a
    loss is summed over steps is looked for in the project; where it is not found, the finding is only
    possible.

    ## Fix safety
    There is no fix: what a step is, with padding, is yours to say.
    """
    for block in code.blocks:
        for division in _per_sequence(block):
            summed = any(_is_summed_over_steps(each) for each in code.all_blocks)
            yield Report(
                division,
                "This divides a loss that is summed over steps by the number of sequences, so long "
                "sequences count more and the figure depends on their lengths. Count the steps and "
                "divide by those.",
                Confidence.LIKELY if summed else Confidence.POSSIBLE,
                remark="divide by the number of steps",
            )


def _per_sequence(block: CodeBlock) -> Iterator[tree.Binary]:
    """Divisions ``total / len(xs)`` of what a loop over ``xs`` adds up."""
    totals = {
        (place_of(statement.target), place_of(loop.iterable))
        for loop in block.of_kind(tree.For)
        for statement in loop.body
        if isinstance(statement, tree.AugmentedAssign) and statement.operator == "+"
    }
    for node in block.of_kind(tree.Binary):
        match node:
            case tree.Binary(
                operator="/", left=left, right=tree.Call(function=tree.Name(id="len"), arguments=(counted,))
            ) if place_of(counted) and (place_of(left), place_of(counted)) in totals:
                yield node


def _is_summed_over_steps(block: CodeBlock) -> bool:
    """Whether the block adds up a cross-entropy in a loop."""
    return any(
        isinstance(term.statement, tree.AugmentedAssign)
        and any(isinstance(outer, tree.For) for outer in block.module.ancestors(term.statement))
        for term in log_terms(block)
    )


_LOSS = """\
import numpy as np

def rnn_loss(inputs, targets, h_prev, W, U, V):
    h, loss = h_prev, 0
    for t in range(len(inputs)):
        h = np.tanh(U @ inputs[t] + W @ h)
        e = np.exp(V @ h - np.max(V @ h))
        probs = e / e.sum()
        loss += -np.sum(targets[t] * np.log(probs + 1e-12))
    return loss

"""

VALID = (
    Valid(
        "by steps",
        _LOSS
        + """\
def validate(sequences, *p):
    total, steps = 0, 0
    for inputs, targets in sequences:
        total += rnn_loss(inputs, targets, *p)
        steps += len(inputs)
    return total / steps
""",
    ),
    Valid(
        "an average of something else",
        _LOSS
        + "def mean(values):\n    total = 0\n    for value in range(3):\n        total += value\n"
        + "    return total / len(values)\n",
    ),
)

INVALID = (
    Invalid(
        "a function",
        _LOSS
        + """\
def validate(sequences, *p):
    total = 0
    for inputs, targets in sequences:
        total += rnn_loss(inputs, targets, *p)
    return total / len(sequences)
""",
        lines=(16,),
    ),
    Invalid(
        "a method",
        _LOSS
        + """\
class Trainer:
    def epoch(self):
        self.loss = 0
        for inputs, targets in self.data:
            self.loss += rnn_loss(inputs, targets, *self.params)
        self.history.append(self.loss / len(self.data))
""",
        lines=(17,),
    ),
    Invalid(
        "a script whose loss is elsewhere",
        """\
import numpy as np
from lstm import step

epoch_loss = 0
for inputs, targets in training_set:
    epoch_loss += step(inputs, targets, params["W"])
print(epoch_loss / len(training_set))
""",
        lines=(7,),
        confidence=Confidence.POSSIBLE,
        files={
            "lstm.py": "import numpy as np\n\ndef step(x, h_prev, W):\n"
            "    return np.tanh(np.dot(W, h_prev)).sum()\n"
        },
    ),
)
