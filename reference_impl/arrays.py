"""The one type and the small array operations that every cell shares."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Array = NDArray[Any]


def named(parameters: DataclassInstance) -> dict[str, Array]:
    """The arrays of a record by name, without those that are absent (None)."""
    values = {field.name: getattr(parameters, field.name) for field in fields(parameters)}
    return {name: value for name, value in values.items() if isinstance(value, np.ndarray)}


def common_dtype(parameters: DataclassInstance, *others: Array) -> np.dtype[Any]:
    """The dtype that holds all of them: complex as soon as one of them is."""
    return np.result_type(*named(parameters).values(), *others)


def weight_gradient(delta: Array, source: Array) -> Array:
    """dW of a product ``a[t] = W @ source[t]``: the sum of ``delta[t] @ source[t].T`` over the steps.

    ``delta`` is (T, H, B) and ``source`` (T, Z, B); the result is (H, Z). The matrix product of one step
    sums over the batch, so both axes are summed at once.
    """
    gradient: Array = np.tensordot(delta, source, axes=((0, 2), (0, 2)))
    return gradient


def bias_gradient(delta: Array) -> Array:
    """db of a sum ``a[t] = … + b``: (T, H, B) summed over steps and batch to a column (H, 1)."""
    gradient: Array = delta.sum(axis=(0, 2))[:, np.newaxis]
    return gradient
