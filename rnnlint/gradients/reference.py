"""The reference oracle: is the user's forward pass one of the cells we know? Conventions are tried until
states agree.

Nothing is read off names. Weights are told apart by their shapes, gates by trying every order, [h; x] and
[x; h] by trying both; a match is one where every hidden state of the reference stands among the user's
values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, permutations
from typing import Any

import numpy as np

from reference_impl import gru, lstm, rnn
from rnnlint.gradients.forms import ArrayForm, Form, IndicesForm, StepsForm
from rnnlint.gradients.measure import Measurement
from rnnlint.gradients.places import Place
from rnnlint.gradients.probe import Probe
from rnnlint.gradients.roles import Role, role_of
from rnnlint.gradients.sizes import BATCH, TIME
from rnnlint.gradients.trees import leaves
from rnnlint.records import dataclass
from rnnlint.sandbox.job import Value

Array = np.ndarray[Any, np.dtype[np.float64]]

_LETTERS = {"lstm": "figo", "gru": "zrn", "rnn": "h"}
MOST_TRIALS = 400


@dataclass(frozen=True)
class Match:
    """The reference cell that the user's forward is: its kind, variant, gate order and trace."""

    kind: str
    order: str  # the reference's gates in the order of the user's weights
    input_first: bool
    difference: str | None  # what makes it a variant
    trace: Any

    @property
    def convention(self) -> str:
        """For the report."""
        gates = f"gates in the order {', '.join(self.order)}" if len(self.order) > 1 else ""
        return "; ".join(part for part in (gates, "[x; h]" if self.input_first else "") if part)


@dataclass(frozen=True)
class _Gates:
    """Weights of G gates in the user's order, as the reference lays them out."""

    hidden: tuple[Array, ...]  # (H, H)
    inputs: tuple[Array, ...]  # (H, D)
    biases: tuple[Array, ...]  # (H, 1)
    hidden_biases: tuple[Array, ...] = ()


def match(measurement: Measurement) -> Match | None:
    """The cell whose states are the user's, or None."""
    probe = measurement.probe
    inputs = inputs_of(probe)
    if inputs is None:
        return None
    B = inputs.shape[2]
    if len(inputs) == 1 and not any(
        np.any(p.array) for p in probe.places if not p.is_weight and _is_state(p)
    ):
        return None  # one step from zeros tells an LSTM from a GRU by chance only
    left = MOST_TRIALS
    for H in hidden_sizes(probe, inputs.shape[1]):
        table = _Table(_recorded(measurement), H * B, len(inputs))
        if table.is_empty:
            continue
        for tried in islice(cells(probe, inputs, H), left):
            left -= 1
            if table.holds(tried.trace.h):
                return tried
    return None


def cells(probe: Probe, inputs: Array, H: int) -> Iterator[Match]:
    """Every reference cell that the weights may be those of, run on ``inputs`` (T, D, B)."""
    states = _states(probe, H, inputs.shape[2])
    for kind, gates, input_first, order, initial in _trials(probe, H, inputs.shape[1], states):
        for trace, difference in _run(kind, gates, order, inputs, *initial):
            yield Match(kind, "".join(order), input_first, difference, trace)


def _is_state(place: Place) -> bool:
    return bool(place.words) and role_of(place.words[-1]) in (Role.HIDDEN_STATE, Role.CELL_STATE)


def _trials(
    probe: Probe, H: int, D: int, states: list[tuple[Array, Array]]
) -> Iterator[tuple[str, _Gates, bool, tuple[str, ...], tuple[Array, Array]]]:
    for kind in ("lstm", "gru", "rnn"):
        for input_first in (False, True):
            for gates in _gates(probe, kind, H, D, input_first):
                for order in permutations(_LETTERS[kind]):
                    for initial in states if kind == "lstm" else states[:2]:
                        yield kind, gates, input_first, order, initial


class _Table:
    """The user's values as sorted rows, to be searched for a state in whatever arrangement it is kept."""

    def __init__(self, recorded: Iterable[Array], size: int, steps: int) -> None:
        self._size = size
        self._steps = _rows((a for a in recorded), size)
        self._whole = (
            _rows((a for a in recorded if a.size == size * steps), size * steps) if steps > 1 else self._steps
        )

    @property
    def is_empty(self) -> bool:
        return not len(self._steps)

    def holds(self, h: Array) -> bool:
        """Whether the states of every step are there, one by one or all in one array."""
        if self._has(self._whole, h):
            return True
        return all(self._has(self._steps, step) for step in h[::-1])

    @staticmethod
    def _has(rows: Array, value: Array) -> bool:
        if not len(rows):
            return False
        wanted = np.sort(value, axis=None)
        return bool(np.any(np.all(np.abs(rows - wanted) <= 1e-9, axis=1)))


def _rows(recorded: Iterable[Array], size: int) -> Array:
    """Sorted rows of ``size`` numbers: whole arrays, and the slices of larger ones along their first,
    second, last axis."""
    found: dict[bytes, Array] = {}
    for array in recorded:
        parts: list[Array] = [array] if array.size == size else []
        if array.ndim >= 2 and array.size > size and array.size % size == 0:
            for axis in {0, 1, array.ndim - 1}:
                if array.shape[axis] * size == array.size:
                    parts += list(np.moveaxis(array, axis, 0))
        for part in parts:
            row = np.sort(part, axis=None)
            found.setdefault(row.tobytes(), row)
    return np.array(list(found.values())) if found else np.empty((0, size))


def inputs_of(probe: Probe) -> Array | None:
    """The scenario's input as (T, D, B)."""
    for name, form in probe.draft.holes.items():
        if role_of(name.removeprefix("_in_")) in (Role.INPUT, Role.UNKNOWN) and not name.startswith("_in_h"):
            found = sequence_of(form, probe.holes[name], probe.sizes)
            if found is not None:
                return found
    return None


def sequence_of(form: Form, value: Value, sizes: Mapping[str, int]) -> Array | None:
    """A hole's value as the reference takes sequences, (T, features, B); None where its axes do not say."""
    match form:
        case IndicesForm(axes=axes, below=below):
            hot = np.eye(below.value(sizes))[np.asarray(value, dtype=np.int64)]
            names = [*(_axis(s.axes) for s in axes), "D"]
            return _arranged(hot, names)
        case StepsForm(item=ArrayForm(axes=axes)):
            steps = list(value.values()) if isinstance(value, dict) else value
            return _arranged(np.stack(steps), [TIME, *(_axis(s.axes) for s in axes)])
        case ArrayForm(axes=axes) if isinstance(value, np.ndarray):
            return _arranged(value, [_axis(s.axes) for s in axes])
        case _:
            return None


def _axis(names: tuple[str, ...]) -> str:
    if not names:
        return "one"
    return names[0] if names[0] in (TIME, BATCH) else "D"


def _arranged(array: Array, names: list[str]) -> Array | None:
    if names.count("D") != 1 or names.count(TIME) > 1 or names.count(BATCH) > 1 or array.ndim != len(names):
        return None
    if any(n != 1 for n, name in zip(array.shape, names, strict=True) if name == "one"):
        return None
    squeezed = array.reshape([n for n, name in zip(array.shape, names, strict=True) if name != "one"])
    names = [name for name in names if name != "one"]
    for name in (TIME, "D", BATCH):
        if name not in names:
            squeezed = np.expand_dims(squeezed, 0)
            names = [name, *names]
    return np.transpose(squeezed, [names.index(name) for name in (TIME, "D", BATCH)])


def _states(probe: Probe, H: int, B: int) -> list[tuple[Array, Array]]:
    """What (h_0, C_0) may be: the scenario's states in either role, or zeros."""
    zero = np.zeros((H, B))
    h: list[Array] = []
    C: list[Array] = []
    filled = [(p.words[-1], p.array) for p in probe.places if not p.in_hole and not p.is_weight and p.words]
    given = [(name.removeprefix("_in_"), value) for name, value in probe.holes.items()]
    for name, value in (*given, *filled):
        role = role_of(name)
        if (
            role not in (Role.HIDDEN_STATE, Role.CELL_STATE)
            or not isinstance(value, np.ndarray)
            or value.size != H * B
        ):
            continue
        columns = value.reshape(H, 1) if B == 1 else value if value.shape == (H, B) else value.T
        (h if role is Role.HIDDEN_STATE else C).append(columns)
    pairs = [(a, b) for a in (*h, zero) for b in (*C, zero)]
    if len(h) > 1:
        pairs += [(h[0], h[1]), (h[1], h[0])]
    return pairs


def hidden_sizes(probe: Probe, D: int) -> list[int]:
    """What the hidden size may be, from the shapes of the weights beside ``D`` features."""
    sizes: dict[int, None] = {}
    for place in _weights(probe):
        if place.array.ndim == 2:
            a, b = place.array.shape
            for H in (a, b, a - D, b - D):
                if H >= 2:
                    sizes[H] = None
    return list(sizes)


def _weights(probe: Probe) -> list[Place]:
    return [p for p in probe.places if p.is_weight]


def _recorded(measurement: Measurement) -> list[Array]:
    found: list[Array] = []
    for frame in measurement.base.frames:
        own = {name: value for name, value in frame.variables.items() if name != "self"}
        found += [leaf.array for leaf in leaves(own, "")]
    for value in measurement.base.values:
        found += [leaf.array for leaf in leaves(value, "")]
    return found


def _gates(probe: Probe, kind: str, H: int, D: int, input_first: bool) -> Iterator[_Gates]:
    """The weights as gates: one matrix a gate on [h; x], two a gate, or all gates stacked."""
    count = len(_LETTERS[kind])
    weights = [p.array for p in _weights(probe)]
    matrices = [w for w in weights if w.ndim == 2 and 1 not in w.shape]
    vectors = [w for w in weights if w.ndim == 1 or 1 in w.shape]
    small = [v.reshape(-1, 1) for v in vectors if v.size == H]
    none = tuple(np.zeros((H, 1)) for _ in range(count))
    biases = tuple(small[:count]) if len(small) >= count else none
    doubled = tuple(small[:count]), tuple(small[count : 2 * count])

    joined = [m if m.shape == (H, H + D) else m.T for m in matrices if sorted(m.shape) == sorted((H, H + D))]
    if len(joined) >= count:
        parts = [_halves(m, H, D, input_first) for m in joined[:count]]
        yield _Gates(tuple(h for h, _ in parts), tuple(x for _, x in parts), biases)
    from_input = [m for m in matrices if sorted(m.shape) == sorted((H, D)) and m.shape != (H, H)]
    square = [m for m in matrices if m.shape == (H, H)]
    if len(from_input) >= count and len(square) >= count and not input_first:
        rows = from_input[0].shape == (D, H)
        turned = tuple(m if m.shape == (H, D) else m.T for m in from_input[:count])
        for transposed in (rows, not rows):
            hidden = tuple(m.T if transposed else m for m in square[:count])
            if len(small) >= 2 * count:
                yield _Gates(hidden, turned, *doubled)
                yield _Gates(hidden, turned, tuple(small[0 : 2 * count : 2]), tuple(small[1 : 2 * count : 2]))
            yield _Gates(hidden, turned, biases)
    if count > 1:
        yield from _stacked(matrices, vectors, count, H, D, input_first)


def _stacked(
    matrices: Sequence[Array], vectors: Sequence[Array], count: int, H: int, D: int, input_first: bool
) -> Iterator[_Gates]:
    wide = [v.reshape(-1, 1) for v in vectors if v.size == count * H]
    bias = tuple(np.split(wide[0], count)) if wide else tuple(np.zeros((H, 1)) for _ in range(count))

    def split(matrix: Array, features: int) -> tuple[Array, ...] | None:
        if matrix.shape == (features, count * H):
            return tuple(np.split(matrix.T, count))
        return tuple(np.split(matrix, count)) if matrix.shape == (count * H, features) else None

    whole = [s for s in (split(m, H + D) for m in matrices) if s]
    if whole:
        parts = [_halves(m, H, D, input_first) for m in whole[0]]
        yield _Gates(tuple(h for h, _ in parts), tuple(x for _, x in parts), bias)
    with_bias = [s for s in (split(m, H + D + 1) for m in matrices) if s]
    if with_bias:
        parts = [_halves(m[:, 1:], H, D, input_first) for m in with_bias[0]]
        first = tuple(m[:, :1] for m in with_bias[0])
        yield _Gates(tuple(h for h, _ in parts), tuple(x for _, x in parts), first)
    hidden = [s for s in (split(m, H) for m in matrices) if s]
    inputs = [s for s in (split(m, D) for m in matrices) if s]
    if hidden and inputs and not input_first:
        for h in hidden:
            for x in inputs:
                if h is not x:
                    yield _Gates(h, x, bias)


def _halves(matrix: Array, H: int, D: int, input_first: bool) -> tuple[Array, Array]:
    return (matrix[:, D:], matrix[:, :D]) if input_first else (matrix[:, :H], matrix[:, H:])


def _run(
    kind: str, gates: _Gates, order: tuple[str, ...], inputs: Array, h_0: Array, C_0: Array
) -> Iterator[tuple[Any, str | None]]:
    """The reference's traces under one gate order, plain cell first, with what makes a variant."""
    joint = {f"W_{k}": np.hstack([gates.hidden[i], gates.inputs[i]]) for i, k in enumerate(order)}
    own = {f"b_{k}": gates.biases[i] for i, k in enumerate(order)}
    extra = {f"b_{k}": gates.hidden_biases[i] for i, k in enumerate(order)} if gates.hidden_biases else {}
    summed = {name: value + extra.get(name, 0.0) for name, value in own.items()}
    with np.errstate(all="ignore"):
        if kind == "lstm":
            parameters = lstm.LSTMParameters(**joint, **summed)
            yield lstm.forward(inputs, h_0, C_0, parameters), None
            yield (
                lstm.forward(inputs, h_0, C_0, parameters, squashed=False),
                "The hidden state is o ⊙ C, without the tanh of the standard LSTM.",
            )
        elif kind == "gru":
            yield from _run_gru(joint, own, summed, extra, inputs, h_0)
        else:
            for nonlinearity in rnn.Nonlinearity:
                parameters_rnn = rnn.RNNParameters(**joint, **summed)
                yield rnn.forward(inputs, h_0, parameters_rnn, nonlinearity=nonlinearity), None


def _run_gru(
    joint: Mapping[str, Array],
    own: Mapping[str, Array],
    summed: Mapping[str, Array],
    extra: Mapping[str, Array],
    inputs: Array,
    h_0: Array,
) -> Iterator[tuple[Any, str | None]]:
    for reset in gru.Reset:
        for update in gru.Update:
            biases = dict(summed)
            if extra and reset is gru.Reset.AFTER:
                biases["b_n"], biases["b_nh"] = own["b_n"], extra["b_n"]
            yield (
                gru.forward(inputs, h_0, gru.GRUParameters(**joint, **biases), reset=reset, update=update),
                None,
            )
