"""Helpers that are supplied where a file uses one that is defined nowhere: only names with one standard
meaning."""

from __future__ import annotations

_NUMPY = "__import__('numpy')"
_SIGMOID = f"0.5 * (1 + {_NUMPY}.tanh(0.5 * {_NUMPY}.asarray(x)))"
_SOFTMAX = f"(lambda e: e / e.sum(axis=0))({_NUMPY}.exp(x - {_NUMPY}.max(x, axis=0)))"
_HELPERS = {
    "sigmoid": f"sigmoid = lambda x: {_SIGMOID}",
    "sigm": f"sigm = lambda x: {_SIGMOID}",
    "tanh": f"tanh = lambda x: {_NUMPY}.tanh(x)",
    "relu": f"relu = lambda x: {_NUMPY}.maximum(x, 0)",
    "softmax": f"softmax = lambda x: {_SOFTMAX}",
    "one_hot": f"one_hot = lambda x, size: {_NUMPY}.eye(size)[x]",
}


def supplied_helper(name: str) -> str | None:
    """Python that defines the helper, or None where its name does not say what it is."""
    if "clip" in name.lower():
        return f"{name} = lambda gradients, *rest, **named: gradients"
    return _HELPERS.get(name)
