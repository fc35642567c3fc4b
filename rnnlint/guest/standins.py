"""Libraries that are answered from NumPy: cupy is NumPy, and of scipy and tqdm the few functions that such
files use.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

import numpy as np

from .stubs import Stub


def library(name: str, note: Callable[[str], None]) -> Any:
    """What stands for the module called ``name``, or None."""
    if name not in _LIBRARIES:
        return None
    module, sentence = _LIBRARIES[name]
    note(sentence)
    return module


def expit(x: Any) -> Any:
    """σ(x) = 1 / (1 + e⁻ˣ), without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * np.asarray(x)))


def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False) -> Any:
    """log Σ b·eᵃ along ``axis``."""
    a = np.asarray(a)
    highest = np.max(a, axis=axis, keepdims=True)
    terms = np.exp(a - highest) if b is None else b * np.exp(a - highest)
    total = np.log(np.sum(terms, axis=axis, keepdims=True)) + highest
    return total if keepdims else np.squeeze(total, axis=axis)


def softmax(x: Any, axis: Any = None) -> Any:
    """eˣ / Σ eˣ along ``axis`` (over all of ``x`` where it is None, as scipy does)."""
    x = np.asarray(x)
    powers = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return powers / np.sum(powers, axis=axis, keepdims=True)


def log_softmax(x: Any, axis: Any = None) -> Any:
    """x − log Σ eˣ along ``axis``."""
    return np.asarray(x) - logsumexp(x, axis=axis, keepdims=True)


def _progress(iterable: Iterable[Any] = (), *arguments: Any, **named: Any) -> Iterable[Any]:
    return iterable


def _progress_range(*arguments: int, **named: Any) -> range:
    return range(*arguments)


def _module(name: str, **members: Any) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(members)
    return module


_SPECIAL = _module(
    "scipy.special", expit=expit, logsumexp=logsumexp, softmax=softmax, log_softmax=log_softmax
)
_SCIPY = _module("scipy", special=_SPECIAL, __getattr__=lambda name: Stub(f"scipy.{name}"))
_TQDM = _module(
    "tqdm", tqdm=_progress, trange=_progress_range, tqdm_notebook=_progress, tnrange=_progress_range
)
_PAST = _module("past.builtins", xrange=range, range=range, unicode=str, basestring=str, long=int)
_SIX = _module(
    "six",
    moves=_module("six.moves", xrange=range, range=range, zip=zip, map=map, cPickle=pickle),
    iteritems=dict.items,
    iterkeys=dict.keys,
    itervalues=dict.values,
    string_types=(str,),
    PY2=False,
    PY3=True,
)
_COMPATIBILITY_NOTE = "past and six stand for what they give in Python 3."
_CUPY_NOTE = "cupy is taken for NumPy."
_SCIPY_NOTE = "scipy.special is answered by the same functions written with NumPy."
_TQDM_NOTE = "tqdm is left out; its loops run as they are."
_LIBRARIES: dict[str, tuple[Any, str]] = {
    "cupy": (np, _CUPY_NOTE),
    "scipy": (_SCIPY, _SCIPY_NOTE),
    "scipy.special": (_SPECIAL, _SCIPY_NOTE),
    "past": (_module("past", builtins=_PAST), _COMPATIBILITY_NOTE),
    "past.builtins": (_PAST, _COMPATIBILITY_NOTE),
    "six": (_SIX, _COMPATIBILITY_NOTE),
    "six.moves": (_SIX.moves, _COMPATIBILITY_NOTE),
    "tqdm": (_TQDM, _TQDM_NOTE),
    "tqdm.auto": (_TQDM, _TQDM_NOTE),
    "tqdm.notebook": (_TQDM, _TQDM_NOTE),
}
