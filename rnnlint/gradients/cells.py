"""The reference cells behind one face: which part of a cell a name means, its values, its true gradients."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from reference_impl import gru, lstm, rnn
from reference_impl.losses import cross_entropy_adjoint
from rnnlint.gradients.forms import SCALE
from rnnlint.records import dataclass

Array = np.ndarray[Any, np.dtype[np.float64]]

KINDS = ("lstm", "gru", "rnn")

_GATES: Mapping[str, Mapping[str, str]] = {
    "lstm": {
        "f": "f", "forget": "f", "i": "i", "input": "i", "in": "i", "u": "i", "update": "i",
        "g": "g", "c": "g", "a": "g", "cand": "g", "candidate": "g", "cell": "g", "ctilde": "g", "cbar": "g",
        "cc": "g",
        "o": "o", "output": "o", "out": "o", "v": "v", "y": "v", "hy": "v", "fc": "v",
    },
    "gru": {
        "z": "z", "u": "z", "update": "z", "r": "r", "reset": "r", "n": "n", "h": "n", "c": "n", "g": "n",
        "candidate": "n", "v": "v", "y": "v", "hy": "v", "o": "v",
    },
    "rnn": {"h": "h", "a": "h", "hh": "h", "s": "h", "": "h", "v": "v", "y": "v", "hy": "v", "o": "v"},
}  # fmt: skip


@dataclass(frozen=True)
class Example:
    """A reference cell run on random numbers: parameters, trace and gradients by field name."""

    kind: str
    parameters: Mapping[str, Array]
    trace: Mapping[str, Array]
    gradients: Mapping[str, Array]
    h_0: Array
    C_0: Array
    inputs: Array
    targets: Array


def field_of(kind: str, name: str) -> str | None:
    """Which of the reference's parameters a name means: "W_f" for ``Wf`` and ``weight_forget_gate``."""
    lowered = name.lower().strip("_")
    bias = bool(re.match(r"b(?!n_)|.*bias", lowered))
    rest = re.sub(r"weights?|bias|gate|kernel|matrix", "", lowered)
    rest = re.sub(r"^[wub](?=[a-z_]|$)", "", rest.strip("_")).replace("_", "").replace("~", "")
    gate = _GATES[kind].get(rest)
    return f"{'b' if bias else 'W'}_{gate}" if gate else None


_QUANTITIES: Mapping[str, str] = {
    "z": r"z|zs|concat\w*|hx|xh|combined|x_?c|inp_?hidden|stack\w*",
    "f": r"f|f_?t|forget\w*|hf",
    "i": r"i|i_?t|input_?g\w*|hi|update\w*",
    "g": r"g|g_?t|c_?bar|c_?tilde|cand\w*|cct?|hc|a|cell_?cand\w*|c_?hat",
    "o": r"o|o_?t|output_?g\w*|ho",
    "C": r"c|c_?t|cell\w*|cs|c_?states?",
    "h": r"h|h_?t|hidden\w*|hs|h_?states?|states?|a",
    "v": r"v|logits?|scores?|y_?lin\w*",
    "y_hat": r"outputs?|y_?hats?|p|ps|probs?|probabilities|y_?preds?|predictions?|preds?|ys|softmax\w*",
    "x": r"x|xs|x_?t|inputs?|x_?seq",
    "r": r"r|r_?t|reset\w*",
    "n": r"n|h_?tilde|h_?bar|h_?cand\w*",
    "targets": r"targets?|y|labels?|y_?true|t",
}


def quantity_of(kind: str, name: str) -> str | None:
    """Which recorded quantity an argument's name means."""
    lowered = re.sub(r"(_s|_list|_cache|_history|_seq|_all)$", "", name.strip("_"))
    wanted = {
        "lstm": ("z", "f", "i", "g", "o", "C", "h", "v", "y_hat", "x", "targets"),
        "gru": ("z", "r", "n", "h", "v", "y_hat", "x", "targets"),
        "rnn": ("h", "v", "y_hat", "x", "targets"),
    }[kind]
    if lowered == "C":
        return "C" if kind == "lstm" else None
    for quantity in wanted:
        if re.fullmatch(_QUANTITIES[quantity], lowered.lower()):
            return quantity
    return None


def example(
    kind: str,
    rng: np.random.Generator,
    *,
    input_first: bool = False,
    sizes: tuple[int, int, int, int, int] = (4, 3, 5, 5, 1),
) -> Example:
    """A run of the reference cell: (T, H, D, V, B), with softmax cross-entropy of one-hot targets, summed.

    ``input_first`` gives the weights and z in the order [x; h].
    """
    T, H, D, V, B = sizes
    hot = rng.integers(0, D, (T, B))
    inputs = np.moveaxis(np.eye(D)[hot], -1, 1)
    targets = np.moveaxis(np.eye(V)[rng.integers(0, V, (T, B))], -1, 1)
    h_0, C_0 = rng.normal(0, SCALE, (H, B)), rng.normal(0, SCALE, (H, B))

    def weight(rows: int, columns: int) -> Array:
        return rng.normal(0.0, SCALE, (rows, columns))

    outputs = {"W_v": weight(V, H), "b_v": weight(V, 1)}
    gates = {"lstm": "figo", "gru": "zrn", "rnn": "h"}[kind]
    own = {f"W_{k}": weight(H, H + D) for k in gates} | {f"b_{k}": weight(H, 1) for k in gates}
    parameters = own | outputs
    if kind == "lstm":
        trace: Any = lstm.forward(inputs, h_0, C_0, lstm.LSTMParameters(**parameters))
        found: Any = lstm.backward(trace, dv=cross_entropy_adjoint(trace.v, targets))
    elif kind == "gru":
        trace = gru.forward(
            inputs, h_0, gru.GRUParameters(**parameters), reset=gru.Reset.BEFORE, update=gru.Update.KEEP
        )
        found = gru.backward(trace, dv=cross_entropy_adjoint(trace.v, targets))
    else:
        trace = rnn.forward(inputs, h_0, rnn.RNNParameters(**parameters))
        found = rnn.backward(trace, dv=cross_entropy_adjoint(trace.v, targets))
    quantities = {
        name: getattr(trace, name) for name in trace.__slots__ if isinstance(getattr(trace, name), np.ndarray)
    }
    quantities |= {"x": inputs, "targets": targets}
    gradients = {name: getattr(found.parameters, name) for name in parameters}
    if input_first:
        order = [*range(H, H + D), *range(H)]
        for name in own:
            if name.startswith("W_"):
                parameters[name], gradients[name] = parameters[name][:, order], gradients[name][:, order]
        if kind != "rnn" and "z" in quantities and quantities["z"].shape[1] == H + D:
            quantities["z"] = quantities["z"][:, order]
    return Example(kind, parameters, quantities, gradients, h_0, C_0, inputs, targets)
