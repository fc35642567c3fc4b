"""NumPy as the user's code knew it: names that later versions removed, and float64 wherever a narrower float
is named.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

RANDOM_STATE = 20_150_521
"""What every random state starts from before each scenario: the user's own draws are the same in every
run.
"""

_NARROW = frozenset({"float32", "float16", "single", "half"})
_Note = Callable[[str], None]


def _as_scalar(a: Any) -> Any:
    return np.asarray(a).item()


def _as_float_array(a: Any, dtype: Any = np.float64) -> Any:
    return np.asarray(a, dtype=dtype)


def _sorted_copy(a: Any) -> Any:
    return np.sort(a, axis=0)


def _in_one_dimension(ar1: Any, ar2: Any, assume_unique: bool = False, invert: bool = False) -> Any:
    return np.isin(np.ravel(ar1), ar2, assume_unique=assume_unique, invert=invert)


_REMOVED: Mapping[str, Any] = {
    "float": float, "int": int, "object": object, "str": str, "complex": complex, "bool": bool, "long": int,
    "unicode": str,
    "float_": np.float64, "complex_": np.complex128, "unicode_": np.str_, "string_": np.bytes_,
    "int0": np.intp, "Inf": np.inf, "Infinity": np.inf, "infty": np.inf, "PINF": np.inf, "NINF": -np.inf,
    "NaN": np.nan, "NAN": np.nan, "PZERO": 0.0, "NZERO": -0.0, "row_stack": np.vstack, "product": np.prod,
    "cumproduct": np.cumprod, "sometrue": np.any, "alltrue": np.all, "round_": np.round, "rank": np.ndim,
    "mat": np.asmatrix, "asscalar": _as_scalar, "asfarray": _as_float_array, "msort": _sorted_copy,
    "in1d": _in_one_dimension, "trapz": getattr(np, "trapezoid", None),
}  # fmt: skip


def restore_names(promote: bool, note: _Note) -> None:
    """Answer removed names of ``numpy``, and with ``promote`` its narrow floats as float64; each use is noted
    once.
    """
    if promote:
        for name in _NARROW:
            delattr(np, name)
    numpy: Any = np
    original = numpy.__getattr__

    def answer(name: str) -> Any:
        if promote and name in _NARROW:
            note(f"np.{name} is taken for float64.")
            return np.float64
        if name in _REMOVED:
            note(f"np.{name}, which later NumPy versions removed, is put back.")
            return _REMOVED[name]
        return original(name)

    numpy.__getattr__ = answer


def fix_random_state() -> None:
    """Let generators that ask for no seed start from the same one."""
    numpy_random: Any = np.random
    seeded = np.random.default_rng

    def default_rng(seed: Any = None) -> np.random.Generator:
        return seeded(RANDOM_STATE if seed is None else seed)

    class RandomState(np.random.RandomState):
        def __init__(self, seed: Any = None) -> None:
            super().__init__(RANDOM_STATE if seed is None else seed)

    def random_integers(low: int, high: int | None = None, size: Any = None) -> Any:
        return np.random.randint(1, low + 1, size) if high is None else np.random.randint(low, high + 1, size)

    numpy_random.default_rng = default_rng
    numpy_random.RandomState = RandomState
    numpy_random.random_integers = random_integers


def reset_random_state() -> None:
    """Before each scenario."""
    np.random.seed(RANDOM_STATE)
    random.seed(RANDOM_STATE)
