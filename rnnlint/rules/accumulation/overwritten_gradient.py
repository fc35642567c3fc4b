from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.accumulators import Overwritten, overwritten_gradients
from rnnlint.model.backward import BackwardPass
from rnnlint.model.file_model import FileModel
from rnnlint.model.single_call_gradients import SingleCallGradient
from rnnlint.rules.accumulation.vanilla_cases import BATCH_CLASS, COLUMNS, DICT
from rnnlint.rules.registry import FixDraft, Invalid, RelatedDraft, Replacement, Report, Valid, rule
from rnnlint.syntax import tree


@rule("RNN301", "overwritten-gradient", severity=Severity.ERROR, needs="the loop over time, and what it sums")
def check(model: FileModel) -> Iterator[Report]:
    """A parameter's gradient is set anew at every step instead of being summed.

    ## What it does
    Reports an assignment to the gradient of a weight or bias inside the loop over time, where nothing in the
    loop reads it and it is used after the loop; and one in the backward pass of a layer that a loop over time
    calls once a step, where the loop does nothing else with the layer.

    ## Why it is wrong
    The same W acts at every step, so L depends on it through each of them: dW = Σ_t δ_t z_tᵀ. An assignment
    keeps the last round of the loop, which is step t = 0 alone.

    ## Example
    ```python
    for t in reversed(range(T)):
        dW = delta @ z[t].T
    ```

    ## Use instead
    ```python
    for t in reversed(range(T)):
        dW += delta @ z[t].T
    ```

    ## When it is right
    Where the loop hands each step's gradient on, to a sum, a list or an update; the rule is silent there, and
    wherever a layer's caller may do so.

    ## Fix safety
    Offered where the gradient has a value before the loop, or is set to zeros somewhere. It changes the
    gradient, so it is safe only after the numeric check has verified it.
    """
    for bptt in model.backward_passes:
        yield from _of_loop(bptt)
    for each in model.single_call_gradients:
        yield _of_layer(model, each)


def _of_loop(bptt: BackwardPass) -> Iterator[Report]:
    for each in overwritten_gradients(bptt):
        statement = each.binding.statement
        name = bptt.module.text_of(each.binding.target)
        yield Report(
            each.binding.target if isinstance(each.binding.target, tree.Name) else statement,
            f"{name} is set anew at every step, so only the last round of the loop, step 0, remains. The "
            "weight acts at every step: its gradient is the sum over t. Use +=.",
            remark="only one step remains",
            fix=_summed(bptt, each),
        )


def _of_layer(model: FileModel, kept: SingleCallGradient) -> Report:
    first, *others = kept.statements
    caller = kept.by_step.caller
    called = f"{kept.method.name}()"
    beside = f" So {'is one' if len(others) == 1 else f'are {len(others)}'} more here." if others else ""
    return Report(
        first,
        f"{model.module.text_of(first.targets[0])} is set anew at every call of {called}, which "
        f"{caller.title} calls once a step: only the last call, step 0, remains.{beside} The weight "
        "acts at every step: its gradient is the sum over t. Use +=, and set it to zero before the loop.",
        remark="only one step remains",
        fix=_summed_over_calls(model, kept) if kept.initialised else None,
        related=(
            RelatedDraft(
                caller.module.span(kept.by_step.call),
                f"{called} is called once a step here.",
                caller.module.path,
            ),
        ),
    )


def _summed_over_calls(model: FileModel, kept: SingleCallGradient) -> FixDraft:
    texts = [
        f"{model.module.text_of(each.targets[0])} += {model.module.text_of(each.value)}"
        for each in kept.statements
    ]
    return FixDraft(
        f"Use `{texts[0]}`.",
        tuple(Replacement(each, text) for each, text in zip(kept.statements, texts, strict=True)),
    )


def _summed(bptt: BackwardPass, overwritten: Overwritten) -> FixDraft | None:
    match overwritten.binding.statement:
        case tree.Assign(targets=(target,), value=value) as statement if overwritten.initialised:
            if not isinstance(target, tree.Sequence):
                text = f"{bptt.module.text_of(target)} += {bptt.module.text_of(value)}"
                return FixDraft.replace(statement, text)
    return None


_LAYERS = """\
import numpy as np


class Linear:
    def __init__(self, D, H):
        self.W = np.random.randn(D, H)
        self.dW = np.zeros((D, H))

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, d):
        self.dW += self.x.T @ d
        return d @ self.W.T


class RNN:
    def __init__(self, D, H, V):
        self.cell = Linear(D + H, H)
        self.out = Linear(H, V)

    def forward(self, xs, h):
        self.kept = []
        for x in xs:
            z = np.concatenate((x, h), axis=1)
            h = np.tanh(self.cell.forward(z))
            y = self.out.forward(h)
            self.kept.append((z, h, y))
        return [y for _, _, y in self.kept]

    def backward(self, targets):
        self.cell.dW[...] = 0
        self.out.dW[...] = 0
        dh_next = 0
        for t in reversed(range(len(targets))):
            self.cell.x, self.out.x, y = self.kept[t]
            dh = self.out.backward(y - targets[t]) + dh_next
            da = dh * (1 - self.out.x ** 2)
            dh_next = self.cell.backward(da)[:, -da.shape[1] :]
"""
_ANEW = _LAYERS.replace("self.dW += self.x", "self.dW = self.x")

VALID = (
    Valid("columns", COLUMNS),
    Valid("a class with batch first", BATCH_CLASS),
    Valid("entries of a dict", DICT),
    Valid("a sum written out", COLUMNS.replace("dW += da", "dW = dW + da")),
    Valid(
        "each step's gradient handed on",
        COLUMNS.replace("dW += da @ h[t].T", "dW = da @ h[t].T; dW_sum += dW")
        .replace("dh_next = np", "dW_sum = np.zeros_like(W)\n    dh_next = np")
        .replace("return dW,", "return dW_sum,"),
    ),
    Valid(
        "each step's gradient applied",
        COLUMNS.replace("dW += da @ h[t].T", "dW = da @ h[t].T; W_new -= 0.1 * dW"),
    ),
    Valid("layers that sum", _LAYERS),
    Valid(
        "layers whose caller sums",
        _ANEW.replace("        dh_next = 0\n", "        dh_next = dW_cell = dW_out = 0\n")
        + "            dW_cell, dW_out = dW_cell + self.cell.dW, dW_out + self.out.dW\n",
    ),
    Valid(
        "layers that are updated at every step",
        _ANEW + "            self.cell.descend(0.1)\n            self.out.descend(0.1)\n",
    ),
    Valid("layers that are handed on at every step", _ANEW + "            note(self.cell, self.out)\n"),
    Valid(
        "layers that also return the gradient",
        _ANEW.replace("self.dW = self.x.T @ d", "dW = self.x.T @ d; self.dW = dW")
        .replace("return d @ self.W.T", "return d @ self.W.T, dW")
        .replace("self.out.backward(y - targets[t])", "self.out.backward(y - targets[t])[0]")
        .replace("self.cell.backward(da)[:,", "self.cell.backward(da)[0][:,"),
    ),
    Valid(
        "a method that sums what the layers leave",
        _ANEW + "            self.gather()\n\n"
        "    def gather(self):\n        self.sums = [self.cell.dW, self.out.dW]\n",
    ),
    Valid(
        "an object of each step",
        _ANEW.replace("self.out.backward(y", "self.outs[t].backward(y").replace(
            "self.cell.backward(da)", "self.cells[t].backward(da)"
        ),
    ),
    Valid(
        "an output layer of the last step alone",
        _LAYERS.replace("self.dW += self.x", "self.dW = self.x")
        .replace("dh = self.out.backward(y - targets[t]) + dh_next", "dh = dh_next")
        .replace(
            "        dh_next = 0\n", "        dh_next = self.out.backward(self.kept[-1][2] - targets[-1])\n"
        )
        .replace("self.cell.backward(da)", "da @ self.cell.W.T"),
    ),
    Valid(
        "gradients that the caller works out itself",
        _ANEW.replace("        dh_next = 0\n", "        dh_next = dW_cell = dW_out = 0\n")
        + "            dW_cell += self.cell.x.T @ da\n            dW_out += self.out.x.T @ (y - targets[t])\n"
        + "        self.cell.W -= 0.1 * dW_cell\n        self.out.W -= 0.1 * dW_out\n",
    ),
    Valid(
        "a loop over layers",
        _LAYERS.split("class RNN")[0].replace("self.dW += self.x", "self.dW = self.x")
        + "class Tower:\n    def __init__(self):\n        self.layers = [Linear(3, 3) for _ in range(4)]\n\n"
        "    def backward(self, d):\n        for layer in reversed(self.layers):\n"
        "            d = layer.backward(d)\n        return d  # of an RNN's steps\n",
    ),
)

INVALID = (
    Invalid(
        "columns",
        COLUMNS.replace("dW += da", "dW = da"),
        lines=(14,),
        fixed=COLUMNS,
    ),
    Invalid(
        "a class with batch first",
        BATCH_CLASS.replace("self.db += da", "self.db = da"),
        lines=(18,),
        fixed=BATCH_CLASS,
    ),
    Invalid(
        "entries of a dict",
        DICT.replace('grads["dWhh"] += np', 'grads["dWhh"] = np'),
        lines=(14,),
        fixed=DICT,
    ),
    Invalid("layers called once a step", _ANEW, lines=(14,), fixed=_LAYERS),
    Invalid(
        "layers of another file",
        _ANEW.split("class RNN")[0],
        lines=(14,),
        fixed=_LAYERS.split("class RNN")[0],
        files={
            "rnn.py": "from program import Linear\n"
            + "import numpy as np\n\n\nclass RNN"
            + _ANEW.split("class RNN")[1]
        },
    ),
)
