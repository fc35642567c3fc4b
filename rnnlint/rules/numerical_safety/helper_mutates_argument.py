from __future__ import annotations

import re
from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.code_blocks import CodeBlock, method_called, place_of
from rnnlint.model.mutations import Mutation, parameter_mutations
from rnnlint.model.recurrent_code import RecurrentCode
from rnnlint.rules.registry import FixDraft, Invalid, Replacement, Report, Valid, empty_span, rule
from rnnlint.syntax import tree

_NONLINEARITY = re.compile(r"sigmoid|tanh|softmax|relu|softplus|activation|sigm\b", re.IGNORECASE)

_LONGEST = 25


@rule("RNN405", "helper-mutates-argument", severity=Severity.WARNING)
def check(code: RecurrentCode) -> Iterator[Report]:
    """A nonlinearity changes the array that it is given.

    ## What it does
    Reports `x += 1e-12`, `x -= np.max(x)` or `x[x < 0] = 0` in a sigmoid, tanh, softmax or the like, where
    `x` is still the caller's array.

    ## Why it is wrong
    On a NumPy array `+=` does not make a new array: it writes into the caller's. The pre-activation a_k that
    was kept for the backward pass is then another one, a gate's stored output is changed by looking at its
    derivative, and a second call with the same array gives another answer.

    ## Example
    ```python
    def sigmoid(x):
        x += 1e-12
        return 1 / (1 + np.exp(-x))
    ```

    ## Use instead
    ```python
    def sigmoid(x):
        x = x + 1e-12
        return 1 / (1 + np.exp(-x))
    ```

    ## When it is right
    Where every caller hands over an array that nobody reads again. In-place variants say so in their name or
    return nothing; the rule is silent on those that return nothing.

    ## Fix safety
    Unsafe: a caller may rely on the change. It makes a new array for the rest of the function.
    """
    for block in code.blocks:
        if _is_nonlinearity(block):
            for mutation in parameter_mutations(block):
                if _is_transformed(block, mutation.parameter):
                    name = mutation.parameter
                    yield Report(
                        mutation.statement,
                        "This changes the caller's array: on an array, an in-place statement writes into "
                        f"what was passed in as {name}, and the values kept for the backward pass are no "
                        "longer those of the forward pass. Make a new array.",
                        remark="changes the caller's array",
                        fix=_on_a_new_array(mutation),
                    )


def _is_nonlinearity(block: CodeBlock) -> bool:
    if block.function is None or len(block.of_kind(tree.Statement)) > _LONGEST:
        return False
    names = [block.function.name, block.owner.name if block.owner else ""]
    returns = any(each.value is not None for each in block.of_kind(tree.Return))
    return returns and any(_NONLINEARITY.search(name) for name in names)


def _is_transformed(block: CodeBlock, parameter: str) -> bool:
    """Whether a function of NumPy is applied to the parameter: it is then an array."""
    for call in block.of_kind(tree.Call):
        method = method_called(call)
        if method and place_of(method[1]) == parameter:
            return True
        if block.called(call) and any(_reads(argument, parameter) for argument in call.arguments):
            return True
    return any(isinstance(node, tree.Subscript) and place_of(node) == parameter for node in block.nodes)


def _reads(expression: tree.Expression, parameter: str) -> bool:
    return any(isinstance(node, tree.Name) and node.id == parameter for node in expression.walk())


def _on_a_new_array(mutation: Mutation) -> FixDraft | None:
    module, statement, name = mutation.block.module, mutation.statement, mutation.parameter
    if isinstance(statement, tree.AugmentedAssign) and isinstance(statement.target, tree.Name):
        value = module.operand_text(statement.value)
        return FixDraft.replace(statement, f"{name} = {name} {statement.operator} {value}")
    span = module.span(statement)
    indentation = module.source.line_text(span.line)[: span.column - 1]
    if indentation.strip():
        return None
    copied = Replacement(empty_span(span.line, span.column), f"{name} = {name}.copy()\n{indentation}")
    return FixDraft(f"Copy {name} first.", (copied,))


_CELL = """\
import numpy as np

def lstm_gates(x, h_prev, W, U):
    a = np.dot(W, h_prev) + np.dot(U, x)
    return sigmoid(a), np.tanh(a), softmax(a)

"""

VALID = (
    Valid("a new array", _CELL + "def sigmoid(x):\n    x = x + 1e-12\n    return 1 / (1 + np.exp(-x))\n"),
    Valid(
        "a new array first",
        _CELL
        + "def softmax(x):\n    x = np.array(x)\n    x -= np.max(x)\n"
        + "    e = np.exp(x)\n    e /= e.sum()\n    return e\n",
    ),
    Valid("in place, and returns nothing", _CELL + "def relu(x):\n    x[x < 0] = 0\n"),
    Valid(
        "a counter",
        _CELL + "def sigmoid(x, order):\n    order += 1\n    return x ** order + 1 / (1 + np.exp(-x))\n",
    ),
)

INVALID = (
    Invalid(
        "an eps added in place",
        _CELL + "def sigmoid(x):\n    x += 1e-12\n    return 1 / (1 + np.exp(-x))\n",
        lines=(8,),
        fixed=_CELL + "def sigmoid(x):\n    x = x + 1e-12\n    return 1 / (1 + np.exp(-x))\n",
    ),
    Invalid(
        "the maximum subtracted in place, twice changed, once said",
        _CELL
        + "def softmax(x):\n    x -= np.max(x) if len(x) else 0\n    x += 1e-12\n"
        + "    return np.exp(x) / np.sum(np.exp(x))\n",
        lines=(8,),
        fixed=_CELL
        + "def softmax(x):\n    x = x - (np.max(x) if len(x) else 0)\n    x += 1e-12\n"
        + "    return np.exp(x) / np.sum(np.exp(x))\n",
    ),
    Invalid(
        "entries set, in a class",
        """\
import numpy as np

class ReLU:
    def forward(self, x):
        x[x < 0] = 0
        return x

class RNN:
    def step(self, x, h_prev):
        return ReLU().forward(x @ self.W + h_prev @ self.U), np.tanh(x)
""",
        lines=(5,),
        fixed="""\
import numpy as np

class ReLU:
    def forward(self, x):
        x = x.copy()
        x[x < 0] = 0
        return x

class RNN:
    def step(self, x, h_prev):
        return ReLU().forward(x @ self.W + h_prev @ self.U), np.tanh(x)
""",
    ),
    Invalid(
        "a derivative that shifts its argument, parameters in a dict",
        """\
import numpy as np

def gru_gate(x, h_prev, params):
    return sigmoid_derivative(params["Wz"] @ x + params["Uz"] @ h_prev)

def sigmoid_derivative(a):
    a *= -1
    return np.exp(a) / (1 + np.exp(a)) ** 2
""",
        lines=(7,),
        fixed="""\
import numpy as np

def gru_gate(x, h_prev, params):
    return sigmoid_derivative(params["Wz"] @ x + params["Uz"] @ h_prev)

def sigmoid_derivative(a):
    a = a * -1
    return np.exp(a) / (1 + np.exp(a)) ** 2
""",
    ),
)
