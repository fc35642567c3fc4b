from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.file_model import FileModel
from rnnlint.model.transposes import same_way_products
from rnnlint.model.weight_products import products_that_map_forward_again
from rnnlint.rules.accumulation.vanilla_cases import BATCH_CLASS, COLUMNS, DICT
from rnnlint.rules.registry import FixDraft, Invalid, Report, Valid, rule
from rnnlint.syntax import tree


@rule(
    "RNN303",
    "missing-transpose",
    severity=Severity.ERROR,
    needs="the forward pass's product with the same weights",
)
def check(model: FileModel) -> Iterator[Report]:
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
    found: dict[int, tuple[tree.Expression, bool]] = {}
    for bptt in model.backward_passes:
        found |= {id(each.node): (each.node, each.is_transposed) for each in same_way_products(bptt)}
    if model.recurrent_code:
        named = products_that_map_forward_again(model.recurrent_code)
        found |= {id(each.node): (each.node, each.is_transposed) for each in named}
    for node, is_transposed in found.values():
        text = model.module.text_of(node)
        right = text.removesuffix(".T") if is_transposed else f"{model.module.operand_text(node)}.T"
        yield Report(
            node,
            f"The forward pass multiplies by {text} the same way round, so this maps forward again. The "
            f"adjoint goes back through the transpose: from a = W z follows dz = W^T delta. Use {right}.",
            remark="the forward's way round",
            fix=FixDraft.replace(node, right) if right != text else None,
        )


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
    Valid("tied weights, used both ways", COLUMNS.replace("return h\n", "return h, W.T @ h[-1]\n")),
    Valid("rows from the right", COLUMNS.replace("dh_next = W.T @ da", "dh_next = (da.T @ W).T")),
)

INVALID = (
    Invalid(
        "an attribute, in a forward pass that cannot be followed",
        BATCH_CLASS.replace("self.h.append(", "self.h += self.wrap(").replace(
            "da.dot(self.Wh.T)", "da.dot(self.Wh)"
        ),
        lines=(19,),
        fixed=BATCH_CLASS.replace("self.h.append(", "self.h += self.wrap("),
    ),
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
