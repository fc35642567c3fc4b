"""The gradient check of callables in this process: for someone's own tests, of code that they trust.

The same verdicts as the command line's, by central differences of the loss that the caller states. Nothing
is inferred, and nothing is sandboxed.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Set
from pathlib import Path
from typing import Any

import numpy as np

from rnnlint.gradients.pairing import is_gradient_name, stem
from rnnlint.gradients.verdict import TOLERANCE, Measured, judge, relative_error
from rnnlint.records import dataclass, replace
from rnnlint.verdicts import GradientCheck, ParameterVerdict, Status, Verdict

Array = np.ndarray[Any, np.dtype[np.float64]]
Parameters = Mapping[str, Array]
LossAndGradients = Callable[[Parameters], tuple[Any, Mapping[str, Any]]]

STEP = 1e-4
"""The differences reach ±2 steps: errors are STEP⁴/30 from the fifth derivative, 1e-16/STEP from rounding."""
SMALLER_STEP = 1e-6
"""A second look at what seems wrong: a kink (ReLU) within two steps spoils the first."""
STENCIL = ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12))
"""f′(0) ≈ Σ weight · f(offset · STEP) / STEP, exact for polynomials up to degree 4 (Fornberg 1988)."""
MOST_NUMBERS = 1_000
"""With more numbers, each parameter is measured along random directions instead of element by element."""
DIRECTIONS = 3

Found = Mapping[str, tuple[str, Array]]
"""By parameter: its gradient's name, and the gradient."""


def check_gradients(
    loss_and_gradients: LossAndGradients | None = None,
    params: Parameters | None = None,
    *,
    loss: Callable[[Parameters], Any] | None = None,
    gradients: Mapping[str, Any] | Callable[[Parameters], Mapping[str, Any]] | None = None,
    tolerance: float = TOLERANCE,
    seed: int | None = None,
) -> GradientCheck:
    """Compare hand-written gradients with central differences of their loss.

    ``params`` maps names to float64 arrays of any shape. They are changed *in place*, one number at a time,
    and have their values back afterwards, also where a callable raises; so a model's own arrays can be given.

    Either ``loss_and_gradients(params)`` returns the loss, a number, and a mapping of gradients; or ``loss``
    and ``gradients`` are given apart (``gradients`` also as a mapping that is there already, of the values
    that ``params`` have now). A gradient goes by its parameter's name or one made of it (``dW``, ``W_d``,
    ``grad_W``) and has its shape. The callables must be deterministic: draw data once, outside.

    Above 1,000 numbers each parameter is measured along three random directions (``seed`` repeats them);
    its verdict then has neither a cosine nor a worst element.

    The result holds a verdict a parameter (relative error ‖g − ĝ‖ / max(‖g‖, ‖ĝ‖) against ``tolerance``);
    ``str()`` of it is a table, and ``raise_if_wrong()`` is what a test calls.

    Raises :class:`TypeError` for arguments of the wrong kind and :class:`ValueError` for a gradient of the
    wrong shape or a loss that is no finite number.
    """
    arrays = _checked(params)
    losses, made = _callables(loss_and_gradients, loss, gradients)
    held = {name: array.copy() for name, array in arrays.items()}
    line = _Line(losses, arrays, held)
    try:
        value = line.value()
        found, again = _paired(arrays, line.untouched(made)), _paired(arrays, line.untouched(made))
        differs = line.value() != value or not _same(found, again)
        in_full = sum(array.size for array in arrays.values()) <= MOST_NUMBERS
        directions = {
            name: _units(held[name]) if in_full else _drawn(held[name], np.random.default_rng(seed))
            for name in found
        }
        measured = [line.measured(name, *found[name], directions[name], STEP) for name in found]
        judged = judge(measured, {}, tolerance)
        for number, verdict in enumerate(judged.verdicts):
            if verdict.verdict is Verdict.WRONG:
                name = verdict.name
                closer = line.measured(name, *found[name], directions[name], SMALLER_STEP)
                if relative_error(closer.got / judged.scale, closer.true) <= tolerance:
                    measured[number] = closer
    finally:
        _restore(arrays, held)
    judged = judge(measured, {}, tolerance)
    verdicts = tuple(_of_whole(v, arrays[v.name], in_full) for v in judged.verdicts)
    missing = tuple(
        ParameterVerdict(name, None, tuple(array.shape), Verdict.UNPAIRED)
        for name, array in arrays.items()
        if name not in found
    )
    path, first_line, title = _place_of(loss_and_gradients or (gradients if callable(gradients) else loss))
    return GradientCheck(
        id=title,
        status=Status.PARTIAL if missing else Status.CHECKED,
        path=path,
        line=first_line,
        entry=title,
        ran=f"{title}()",
        oracles=("own-loss",),
        loss="the loss that was given",
        scale=judged.scale,
        scale_name=judged.scale_name,
        tolerance=tolerance,
        seed=seed,
        parameters=(*verdicts, *missing),
        nondeterministic=differs,
    )


@dataclass(frozen=True)
class _Line:
    """The loss along straight lines through the parameters, whose values it puts back after each look."""

    losses: Callable[[Parameters], Any]
    arrays: Parameters
    held: Parameters

    def value(self) -> float:
        return _number(self.untouched(self.losses))

    def untouched(self, called: Callable[[Parameters], Any]) -> Any:
        """What a callable gives; what it does to the parameters is undone."""
        result = called(self.arrays)
        _restore(self.arrays, self.held)
        return result

    def measured(
        self, name: str, title: str, gradient: Array, directions: Iterable[Array], step: float
    ) -> Measured:
        """The gradient and the differences along each direction of one parameter."""
        chosen = list(directions)
        got = np.array([np.sum(gradient * direction) for direction in chosen])
        true = np.array([self._slope(name, direction, step) for direction in chosen])
        return Measured(name, title, got, true)

    def _slope(self, name: str, direction: Array, step: float) -> float:
        total = 0.0
        for offset, weight in STENCIL:
            self.arrays[name][...] = self.held[name] + offset * step * direction
            total += weight * self.value()
        return total / step


def _units(array: Array) -> list[Array]:
    """A direction for each element."""
    return list(np.eye(array.size).reshape(array.size, *array.shape))


def _drawn(array: Array, rng: np.random.Generator) -> list[Array]:
    drawn = [rng.normal(0.0, 1.0, array.shape) for _ in range(DIRECTIONS)]
    return [np.asarray(d / np.linalg.norm(d)) for d in drawn]


def _of_whole(verdict: ParameterVerdict, array: Array, in_full: bool) -> ParameterVerdict:
    """The verdict on flat numbers as one on the array; of a few directions no element can be told."""
    shape = tuple(array.shape)
    if not in_full or verdict.worst is None:
        return replace(verdict, shape=shape, cosine=verdict.cosine if in_full else None, worst=None)
    index = np.unravel_index(verdict.worst.index[0], shape) if shape else ()
    return replace(verdict, shape=shape, worst=replace(verdict.worst, index=tuple(int(i) for i in index)))


def _same(left: Found, right: Found) -> bool:
    return all(np.array_equal(g, right[name][1], equal_nan=True) for name, (_, g) in left.items())


def _checked(params: object) -> dict[str, Array]:
    if not isinstance(params, Mapping) or not params:
        raise TypeError("params must be a mapping of names to arrays, with at least one.")
    for name, array in params.items():
        if not isinstance(array, np.ndarray):
            raise TypeError(
                f"params[{name!r}] must be an array, to be changed in place, not {type(array).__name__}."
            )
        if array.dtype != np.float64:
            raise TypeError(
                f"params[{name!r}] is {array.dtype}; central differences need float64: give a model whose "
                "parameters are .astype(np.float64)."
            )
        if not array.flags.writeable:
            raise TypeError(f"params[{name!r}] is read-only, and it has to be changed in place.")
    return dict(params)


def _callables(
    both: LossAndGradients | None,
    loss: Callable[[Parameters], Any] | None,
    gradients: Mapping[str, Any] | Callable[[Parameters], Mapping[str, Any]] | None,
) -> tuple[Callable[[Parameters], Any], Callable[[Parameters], Any]]:
    if both is not None and loss is None and gradients is None:
        return (lambda arrays: _two(both(arrays))[0]), (lambda arrays: _two(both(arrays))[1])
    if both is None and loss is not None and gradients is not None:
        given = gradients
        return loss, given if callable(given) else (lambda _: given)
    raise TypeError("Give either loss_and_gradients, or both loss and gradients.")


def _two(result: object) -> tuple[Any, Any]:
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise TypeError("loss_and_gradients must return two things: the loss and a mapping of gradients.")
    return result[0], result[1]


def _number(value: Any) -> float:
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "fiu":
        raise ValueError(
            f"The loss must be one real number, not {type(value).__name__} of shape {array.shape}."
        )
    number = float(array.reshape(()))
    if not np.isfinite(number):
        raise ValueError(f"The loss is {number}; nothing can be compared with it.")
    return number


def _paired(arrays: Parameters, gradients: object) -> dict[str, tuple[str, Array]]:
    """Each parameter's gradient: the one of its own name, else the one whose name is made of it."""
    if not isinstance(gradients, Mapping):
        raise TypeError(
            f"The gradients must be a mapping of names to arrays, not {type(gradients).__name__}."
        )
    given = {str(key): np.array(value, dtype=np.float64) for key, value in gradients.items()}
    titles = {name: _title(name, given.keys() - arrays.keys(), given) for name in arrays}
    found = {name: (title, given[title]) for name, title in titles.items() if title is not None}
    for name, (title, gradient) in found.items():
        if gradient.shape != arrays[name].shape:
            raise ValueError(
                f"The gradient {title} has shape {gradient.shape}, and {name} has {arrays[name].shape}."
            )
    return found


def _title(name: str, free: Set[str], given: Mapping[str, Array]) -> str | None:
    """What the gradient of a parameter is called, of the names that are no other parameter's."""
    if name in given:
        return name
    alike = sorted(
        key for key in free if is_gradient_name(key) and stem(key) == name.replace("_", "").lower()
    )
    fitting = [key for key in alike if name in key] or alike  # dW of W where there is a dw of w too
    if len(fitting) > 1:
        raise ValueError(f"The gradient of {name} may be any of {', '.join(fitting)}: call it {name}.")
    return fitting[0] if fitting else None


def _restore(arrays: Parameters, held: Parameters) -> None:
    for name, array in arrays.items():
        array[...] = held[name]


def _place_of(called: object) -> tuple[Path, int, str]:
    code = getattr(inspect.unwrap(called) if callable(called) else called, "__code__", None)
    title = getattr(called, "__qualname__", type(called).__name__).rpartition("<locals>.")[2]
    return Path(code.co_filename if code else ""), code.co_firstlineno if code else 1, title
