from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.backward import BackwardPass
from rnnlint.model.transposes import SameWay, same_way_products
from rnnlint.rules.accumulation.vanilla_cases import BATCH_CLASS, COLUMNS, DICT
from rnnlint.rules.registry import FixDraft, Invalid, Report, Valid, rule
from rnnlint.syntax.module import Module


@rule(
    "RNN303",
    "missing-transpose",
    severity=Severity.ERROR,
    needs="the forward pass's product with the same weights",
)
def check(bptt: BackwardPass) -> Iterator[Report]:
    """The backward pass multiplies by the weights the same way round as the forward pass.

    ## What it does
    Compares every product of an adjoint and a weight matrix with the forward pass's product with the same
    matrix, and reports where the one is not the transpose of the other.

    ## Why it is wrong
    From a = W z follows dz = Wᵀ δ, and from a = z W follows dz = δ Wᵀ. A recurrent matrix is square, so both
    products have the same shape, and NumPy says nothing.

    ## Example
    ```python
    a = W @ h                    # forward
    dh_next = W @ delta          # backward
    ```

    ## Use instead
    ```python
    dh_next = W.T @ delta
    ```

    ## When it is right
    Where the matrix is symmetric. `delta @ W.T` after `h @ W`, and `W` plain after `h @ W.T`, are right.

    ## Fix safety
    It changes the gradient, so it is safe only after the numeric check has verified it.
    """
    for each in same_way_products(bptt):
        text = bptt.module.text_of(each.node)
        right = _turned(bptt.module, each)
        yield Report(
            each.node,
            f"The forward pass multiplies by {text} the same way round, so this maps forward again. The "
            f"adjoint goes back through the transpose: from a = W z follows dz = W^T delta. Use {right}.",
            remark="the forward's way round",
            fix=FixDraft.replace(each.node, right),
        )


def _turned(module: Module, product: SameWay) -> str:
    if product.is_transposed:
        return module.text_of(product.node).removesuffix(".T")
    return f"{module.operand_text(product.node)}.T"


VALID = (
    Valid("columns", COLUMNS),
    Valid("a class with batch first", BATCH_CLASS),
    Valid("entries of a dict", DICT),
    Valid(
        "transposed in the forward pass",
        BATCH_CLASS.replace(".dot(self.Wh)", ".dot(self.Wh.T)").replace(
            "carry = da.dot(self.Wh.T)", "carry = da.dot(self.Wh)"
        ),
    ),
    Valid("rows from the right", COLUMNS.replace("dh_next = W.T @ da", "dh_next = (da.T @ W).T")),
)

INVALID = (
    Invalid("columns", COLUMNS.replace("W.T @ da", "W @ da"), lines=(17,), fixed=COLUMNS),
    Invalid(
        "a class with batch first",
        BATCH_CLASS.replace("da.dot(self.Wh.T)", "da.dot(self.Wh)"),
        lines=(19,),
        fixed=BATCH_CLASS,
    ),
    Invalid("np.dot, states in a dict", DICT.replace("np.dot(Whh.T", "np.dot(Whh"), lines=(16,), fixed=DICT),
    Invalid(
        "a transpose too many",
        BATCH_CLASS.replace(".dot(self.Wh)", ".dot(self.Wh.T)"),
        lines=(19,),
        fixed=BATCH_CLASS.replace(".dot(self.Wh)", ".dot(self.Wh.T)").replace(
            "carry = da.dot(self.Wh.T)", "carry = da.dot(self.Wh)"
        ),
    ),
)
