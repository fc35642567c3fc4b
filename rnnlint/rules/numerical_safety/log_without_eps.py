from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Confidence, Severity
from rnnlint.model.cross_entropy import LogTerm, log_terms
from rnnlint.model.recurrent_code import RecurrentCode
from rnnlint.rules.registry import FixDraft, Invalid, Report, Valid, rule


@rule("RNN401", "log-without-eps", severity=Severity.WARNING)
def check(code: RecurrentCode) -> Iterator[Report]:
    """A loss takes the log of a probability that may be 0.

    ## What it does
    Reports `np.log(p)` in a cross-entropy where nothing keeps the probability `p` above 0: no eps, no clip,
    no maximum, no log-softmax. Reports too a bound `1 - eps` whose eps is lost in rounding, before `log(1 -
    p)`.

    ## Why it is wrong
    A softmax output is exactly 0 in float64 as soon as its score lies 745 below the largest (104 in
    float32). Then log 0 = −inf, and times a one-hot target of 0 it is NaN: L = −Σ y log ŷ is NaN although
    only ŷ at the target counts. The gradient ŷ − y stays finite, so training goes on while its loss can no
    longer be read.

    ## Example
    ```python
    loss += -np.sum(targets[t] * np.log(outputs[t]))
    ```

    ## Use instead
    ```python
    loss += -np.sum(targets[t] * np.log(outputs[t] + 1e-12))
    ```
    or work out log ŷ = v − m − log Σ exp(v − m), m = max v, without ever forming ŷ.

    ## When it is right
    Where the probabilities are bounded from below before they arrive here, in a way that cannot be seen.

    ## Fix safety
    Unsafe: it changes the loss, by about 1e-12 relative to the probability. The gradient ŷ − y is not
    touched.
    """
    for block in code.blocks:
        for term in log_terms(block):
            confidence = Confidence.LIKELY if term.is_named_probability else Confidence.POSSIBLE
            if term.lost_floor:
                yield Report(
                    term.lost_floor,
                    "This bound is exactly 1: an eps below 1.1e-16 vanishes beside 1 in float64. The log "
                    "of one minus it is -inf. Use an eps of 1e-12.",
                    confidence,
                    remark="equals 1",
                )
            elif not term.has_floor:
                yield Report(
                    term.call,
                    "The log of a probability that underflows to 0 is -inf, and 0 * -inf is NaN: one "
                    "such step and the loss can no longer be read. Add an eps inside the log, or compute "
                    "log-softmax directly.",
                    confidence,
                    remark="log(0) = -inf",
                    fix=_with_eps(term),
                )


def _with_eps(term: LogTerm) -> FixDraft:
    text = term.block.module.text_of(term.argument)
    return FixDraft.replace(term.argument, f"{text} + 1e-12", "Add an eps inside the log.")


_FORWARD = """\
import numpy as np

def forward(inputs, h_prev, U, W, V):
    h, outputs = [h_prev], []
    for x in inputs:
        h.append(np.tanh(U @ x + W @ h[-1]))
        v = V @ h[-1]
        e = np.exp(v - np.max(v))
        outputs.append(e / np.sum(e))
    return h, outputs

"""

VALID = (
    Valid(
        "an eps",
        _FORWARD + "def loss(outputs, targets):\n    return -np.sum(targets * np.log(outputs + 1e-12))\n",
    ),
    Valid(
        "an eps with a name",
        _FORWARD
        + "def loss(self, outputs, targets):\n    return -np.sum(targets * np.log(outputs + self.epsilon))\n",
    ),
    Valid(
        "clipped before",
        _FORWARD
        + "def loss(p, y):\n    p = np.clip(p, 1e-15, 1 - 1e-15)\n"
        + "    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))\n",
    ),
    Valid(
        "log-softmax",
        _FORWARD
        + "def loss(v, y):\n    shifted = v - np.max(v)\n"
        + "    return -np.sum(y * (shifted - np.log(np.sum(np.exp(shifted)))))\n",
    ),
    Valid(
        "the loss of guessing",
        _FORWARD
        + "vocab_size = 27\nsmooth_loss = -np.log(1.0 / vocab_size) * 25\n"
        + "uniform_loss = np.log(vocab_size)\n",
    ),
    Valid(
        "temperature, not a loss",
        _FORWARD + "def sample(p, temperature):\n    return np.exp(np.log(p) / temperature)\n",
    ),
    Valid(
        "a file that has nothing to do with recurrent networks",
        "import numpy as np\n\ndef loss(p, y):\n    return -np.sum(y * np.log(p))\n",
    ),
)

INVALID = (
    Invalid(
        "one-hot targets, a list of columns",
        _FORWARD + "loss = 0\nfor t in range(3):\n    loss += -np.mean(np.log(outputs[t]) * targets[t])\n",
        lines=(14,),
        fixed=_FORWARD
        + "loss = 0\nfor t in range(3):\n    loss += -np.mean(np.log(outputs[t] + 1e-12) * targets[t])\n",
    ),
    Invalid(
        "indexed by the target, states in a dict",
        """\
import numpy as np

def lossFun(inputs, targets, hprev, Wxh, Whh, Why):
    xs, hs, ps = {}, {-1: hprev}, {}
    loss = 0
    for t in range(len(inputs)):
        hs[t] = np.tanh(np.dot(Wxh, inputs[t]) + np.dot(Whh, hs[t - 1]))
        y = np.dot(Why, hs[t])
        ps[t] = np.exp(y - np.max(y)) / np.sum(np.exp(y - np.max(y)))
        loss -= np.log(ps[t][targets[t], 0])
    return loss
""",
        lines=(10,),
        fixed="""\
import numpy as np

def lossFun(inputs, targets, hprev, Wxh, Whh, Why):
    xs, hs, ps = {}, {-1: hprev}, {}
    loss = 0
    for t in range(len(inputs)):
        hs[t] = np.tanh(np.dot(Wxh, inputs[t]) + np.dot(Whh, hs[t - 1]))
        y = np.dot(Why, hs[t])
        ps[t] = np.exp(y - np.max(y)) / np.sum(np.exp(y - np.max(y)))
        loss -= np.log(ps[t][targets[t], 0] + 1e-12)
    return loss
""",
    ),
    Invalid(
        "a batch, first through a variable",
        """\
import numpy as np

class LSTMClassifier:
    def loss(self, h_prev, y):
        probs = self.softmax(np.tanh(h_prev) @ self.params["Wy"])
        log_likelihood = np.log(probs[np.arange(len(y)), y])
        return -np.sum(log_likelihood) / len(y)
""",
        lines=(6,),
        fixed="""\
import numpy as np

class LSTMClassifier:
    def loss(self, h_prev, y):
        probs = self.softmax(np.tanh(h_prev) @ self.params["Wy"])
        log_likelihood = np.log(probs[np.arange(len(y)), y] + 1e-12)
        return -np.sum(log_likelihood) / len(y)
""",
    ),
    Invalid(
        "an eps that is lost beside 1",
        _FORWARD
        + "def loss(p, y):\n    p = np.clip(p, 1e-20, 1 - 1e-20)\n"
        + "    return -np.sum((1 - y) * np.log(1 - p))\n",
        lines=(13,),
    ),
    Invalid(
        "a cross-entropy of who knows what",
        _FORWARD + "def loss(q, y):\n    return -np.sum(y * np.log(q))\n",
        lines=(13,),
        confidence=Confidence.POSSIBLE,
        fixed=_FORWARD + "def loss(q, y):\n    return -np.sum(y * np.log(q + 1e-12))\n",
    ),
)
