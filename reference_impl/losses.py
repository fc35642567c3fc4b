"""The losses of a sequence and their adjoints with respect to the outputs ``v``.

``v`` and ``targets`` are (T, V, B): steps, vocabulary (or output features), batch. Targets of the
cross-entropy are one-hot or any probabilities that sum to 1 over the vocabulary.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from reference_impl.arrays import Array

_VOCABULARY = -2


class Reduction(StrEnum):
    """How the losses of the T · B predictions become one number."""

    SUM = "sum"
    MEAN = "mean"  # over steps and batch, never over the vocabulary

    def weight(self, v: Array) -> float:
        """What the loss of one prediction counts."""
        steps, _, batch = v.shape
        return 1.0 if self is Reduction.SUM else 1.0 / (steps * batch)


def log_softmax(v: Array) -> Array:
    """log softmax(v) over the vocabulary: v − max − log Σ exp(v − max).

    Subtracting the largest logit changes nothing and leaves exp nothing to overflow on. Taking the log
    here, and not of the softmax, keeps a probability that rounds to 0 from becoming log(0).
    """
    shifted = v - v.real.max(axis=_VOCABULARY, keepdims=True)
    logarithms: Array = shifted - np.log(np.exp(shifted).sum(axis=_VOCABULARY, keepdims=True))
    return logarithms


def softmax(v: Array) -> Array:
    """exp(v) / Σ exp(v) over the vocabulary."""
    return np.exp(log_softmax(v))


def cross_entropy(v: Array, targets: Array, reduction: Reduction = Reduction.SUM) -> Array:
    """L = −Σ y log softmax(v): the loss of logits v, as a 0-d array."""
    loss: Array = -(targets * log_softmax(v)).sum() * reduction.weight(v)
    return loss


def cross_entropy_adjoint(v: Array, targets: Array, reduction: Reduction = Reduction.SUM) -> Array:
    """dv = ŷ − y. The softmax's own derivative is already in it: nothing more is to be multiplied."""
    return (softmax(v) - targets) * reduction.weight(v)


def squared_error(v: Array, targets: Array, reduction: Reduction = Reduction.SUM) -> Array:
    """L = ½ Σ (v − y)², as a 0-d array."""
    loss: Array = 0.5 * ((v - targets) ** 2).sum() * reduction.weight(v)
    return loss


def squared_error_adjoint(v: Array, targets: Array, reduction: Reduction = Reduction.SUM) -> Array:
    """dv = v − y."""
    return (v - targets) * reduction.weight(v)
