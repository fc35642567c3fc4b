"""One form for each argument that a scenario must fill: from how it is used, else from what its name hints
at."""

from __future__ import annotations

import ast
import re

from rnnlint.gradients.callables import Callable, Parameter
from rnnlint.gradients.forms import (
    ArrayForm,
    BundleForm,
    ClassesForm,
    Fill,
    Form,
    GivenForm,
    IndicesForm,
    LengthsForm,
    NumberForm,
)
from rnnlint.gradients.layouts import LAYERS_DEEP, Item, Layout, Steps, stated_form
from rnnlint.gradients.library import Library
from rnnlint.gradients.roles import Role, is_layer_count, is_round_count, role_of, size_axis
from rnnlint.gradients.sizes import BATCH, HIDDEN, INPUT, OUTPUT, TIME, Size
from rnnlint.gradients.usage import Usage
from rnnlint.records import dataclass
from rnnlint.sandbox.job import Expression

OPTIMIZER = (
    "type('_Optimizer', (), {'regularizer': None, 'regulariser': None, '__getattr__': lambda self, name: "
    "object.__getattribute__(self, name) if name.startswith('__') else "
    "lambda weights=None, *rest, **named: weights})()"
)
"""Python for an optimizer that changes nothing and answers to every method."""

OPTIMIZER_CLASS = """class _Optimizer:
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        if name in ("regularizer", "regulariser"):
            return None
        return lambda weights=None, *rest, **named: weights"""


SHAPE_NAMES = ("input_shape", "in_shape", "shape")
STEP_SHAPE = BundleForm({"T": NumberForm(Size.axis("T")), "D": NumberForm(Size.axis("D"))}, "tuple")
"""What a layer is told of its input: steps and features."""


def hidden_sizes(name: str, layers: int) -> Form:
    """``hidden_sizes`` that the code goes through, a layer each."""
    axes = [f"size.{name}.hidden{layer}" for layer in range(1, layers + 1)]
    return BundleForm({axis: NumberForm(Size.axis(axis)) for axis in axes}, "list")


def layer_sizes(name: str) -> Form:
    """``sizes`` of which the code takes ``sizes[l]``: the input, hidden layers, the output."""
    axes = ("in", *(f"hidden{layer}" for layer in range(1, LAYERS_DEEP + 1)), "out")
    return BundleForm({axis: NumberForm(Size.axis(f"size.{name}.{axis}")) for axis in axes}, "list")


_LETTERS_OF_A_BIAS = 2
_INITIAL_STATE = re.compile(r"^[hcs](0|_0|_?init(ial)?|_?start)$")
"""A state to begin from that is learned, among the parameters."""


@dataclass(frozen=True, slots=True)
class UnknownArgumentError(Exception):
    """No form is known for an argument."""

    callable_: str
    name: str


def role_in_use(usage: Usage, name: str) -> Role:
    """What a parameter is for: what is done with it counts for more than its name."""
    role = role_of(name)
    if usage.keys or (len(usage.unpacked) >= 3 and role is not Role.CACHE):
        return Role.CACHE if role is Role.CACHE else Role.BUNDLE
    if role in (Role.UNKNOWN, Role.SIZE):
        if (
            "optim" in name.lower()
            or usage.is_called
            or usage.methods
            & {
                "forward",
                "backward",
                "update",
                "calculate_update",
                "step",
                "initialize",
            }
        ):
            return Role.OBJECT
        if usage.is_number:
            return Role.SIZE
        if role is Role.SIZE and (usage.whole_product or "T" in usage.attributes):
            return Role.WEIGHT  # V is the vocabulary in one program and the output's weights in the next
        if usage.shape_names or usage.is_sequence or usage.is_index or usage.time_axis is not None:
            return Role.INPUT
    if role is Role.WEIGHT and len(name) == 1 and name.islower() and _is_taken_by_steps(usage):
        return Role.INPUT  # u, the input of control theory
    return role


def _is_taken_by_steps(usage: Usage) -> bool:
    """``u[t]`` of a ``u`` whose length is asked for and of which no product is taken as a whole."""
    counted = usage.is_sequence or "shape" in usage.attributes
    return counted and usage.time_axis is not None and not usage.whole_product


def form_of(
    library: Library,
    callable_: Callable,
    parameter: Parameter,
    layout: Layout,
    over_steps: bool,
    called: str = "",
) -> Form:
    """The form of one argument, whose role is read from what it is ``called`` where that is stated by hand.

    Raises :class:`UnknownArgumentError`.
    """
    usage = library.usage(callable_, parameter.name)
    name = called or parameter.name
    role = role_in_use(usage, name)
    documented = callable_.documented_shapes
    if is_round_count(name):
        return GivenForm(1)
    if layout.stated:
        stated = _stated(callable_, parameter, usage, role)
        if stated is not None:
            return stated
    if usage.is_order and role in (Role.INPUT, Role.UNKNOWN):
        return ClassesForm(Size.axis(TIME))
    match role:
        case Role.INPUT:
            return _input(layout, usage, over_steps)
        case Role.TARGET:
            return _target(layout, usage, over_steps)
        case _ if _is_pair_of_states(usage):
            return BundleForm({n: layout.vector(Size.axis(HIDDEN)) for n in usage.unpacked}, "tuple")
        case Role.HIDDEN_STATE | Role.CELL_STATE:
            state = layout.vector(Size.axis(HIDDEN))
            stacked = usage.time_axis == 0 and usage.subscripts == 1
            return ArrayForm((Size(constant=layout.layers), *state.axes)) if stacked else state
        case Role.WEIGHT | Role.BIAS:
            vectors = callable_.elementwise
            return weight_form(name, layout, None, vectors | {name} if parameter.name in vectors else vectors)
        case Role.BUNDLE if usage.unpacked:
            vectors = callable_.elementwise
            items = {name: weight_form(name, layout, documented, vectors) for name in usage.unpacked}
            return BundleForm(items, "tuple")
        case Role.BUNDLE:
            vectors = callable_.elementwise
            return BundleForm(
                {key: weight_form(key, layout, documented, vectors) for key in usage.keys}, "dict"
            )
        case Role.SIZE:
            return _size(name, layout)
        case Role.MASK:
            return ArrayForm(layout.moments if over_steps else (Size.axis(BATCH),), Fill.MASK)
        case Role.LENGTHS:
            return LengthsForm(Size.axis(BATCH), Size.axis(TIME))
        case Role.RATE:
            return GivenForm(1e-12 if "eps" in name.lower() else 0.5)
        case Role.OBJECT:
            return GivenForm(_object(library, parameter, usage))
        case Role.COTANGENT if not over_steps:
            return layout.vector(Size.axis(HIDDEN))
        case Role.UNKNOWN if not usage.attributes and not usage.methods:
            return layout.vector(Size.axis(HIDDEN))
        case _:
            raise UnknownArgumentError(callable_.title, parameter.name)


def is_stated(library: Library, callable_: Callable, parameter: Parameter) -> bool:
    """Whether a docstring, an assert or ``N, T, D = x.shape`` may say what shape an argument has."""
    usage = library.usage(callable_, parameter.name)
    return bool(callable_.documented_shapes or usage.asserted or usage.shape_names)


def _is_pair_of_states(usage: Usage) -> bool:
    """``h, c = state``."""
    roles = {role_of(name) for name in usage.unpacked}
    return len(usage.unpacked) == 2 and roles == {Role.HIDDEN_STATE, Role.CELL_STATE}


def weight_form(
    name: str, layout: Layout, documented: object = None, vectors: frozenset[str] = frozenset()
) -> Form:
    """A weight matrix or bias whose axes are its own unknowns, unless its shape is documented.

    ``vectors`` are names that the code only adds or multiplies elementwise.
    """
    if isinstance(documented, dict) and layout.stated and name in documented:
        stated = stated_form(documented[name], False, INPUT)
        if stated is not None:
            return stated
    if _INITIAL_STATE.search(name):
        return layout.vector(Size.axis(f"{name}.0"))
    if name in vectors or _is_bias(name):
        return layout.bias(Size.axis(f"{name}.0"))
    return ArrayForm((Size.axis(f"{name}.0"), Size.axis(f"{name}.1")))


def _is_bias(name: str) -> bool:
    """``bi``, and ``fwd_bi`` of one part of the network; but not ``bwd_Wi``."""
    part, _, own = name.rpartition("_")
    if part and role_of(part) is not Role.WEIGHT:
        if own[:1] in ("W", "U"):
            return False
        if own[:1] == "b" and len(own) <= _LETTERS_OF_A_BIAS:
            return True
    lowered = name.lower().lstrip("_")
    return role_of(name) is Role.BIAS or lowered.startswith("b") or "bias" in lowered


def _stated(callable_: Callable, parameter: Parameter, usage: Usage, role: Role) -> Form | None:
    if role not in (Role.INPUT, Role.TARGET, Role.HIDDEN_STATE, Role.CELL_STATE, Role.WEIGHT, Role.BIAS):
        return None
    feature = OUTPUT if role is Role.TARGET else INPUT
    documented = callable_.documented_shapes.get(parameter.name)
    if documented and not (usage.shape_names and len(usage.shape_names) != len(documented)):
        form = stated_form(documented, usage.is_index, feature)
        if form is not None:
            return form
    if usage.asserted:
        names = [a if a.isidentifier() or a.isdigit() else "" for a in usage.asserted]
        if all(n.isdigit() for n in names if n) and "" not in names:
            return None
        sizes = tuple(Size(constant=int(n)) if n.isdigit() else Size.axis(f"size.{n}") for n in names if n)
        return ArrayForm(sizes) if len(sizes) == len(names) else None
    if usage.shape_names and role not in (Role.WEIGHT, Role.BIAS) and len(usage.shape_names) >= 3:
        return stated_form(usage.shape_names, usage.is_index, feature)
    return None


def _input(layout: Layout, usage: Usage, over_steps: bool) -> Form:
    if usage.is_index and not over_steps:
        return IndicesForm((), Size.axis(INPUT))
    return layout.sequence(Size.axis(INPUT)) if over_steps else layout.vector(Size.axis(INPUT))


def _target(layout: Layout, usage: Usage, over_steps: bool) -> Form:
    feature = Size.axis(OUTPUT)
    single = layout.last_target or not over_steps
    if usage.is_index:
        if usage.shape_names:
            stated = stated_form(usage.shape_names, True, OUTPUT)
            if stated is not None:
                return stated
        if single and layout.item in (Item.ROWS, Item.COLUMNS):
            return IndicesForm((Size.axis(BATCH),), feature, listed=False)
        if single:
            return IndicesForm((), feature)
        as_array = layout.steps is Steps.INDEX_ARRAY or usage.subscripts >= 2 or "shape" in usage.attributes
        return Layout(layout.item, Steps.INDEX_ARRAY if as_array else Steps.INDICES).sequence(feature)
    if single:
        return layout.vector(feature, Fill.ONE_HOT_FIRST if layout.columns else Fill.ONE_HOT_LAST)
    if layout.steps in (Steps.INDICES, Steps.INDEX_ARRAY):
        return Layout(layout.item, Steps.LIST).sequence(feature, layout.one_hot)
    return layout.sequence(feature, layout.one_hot)


def _size(name: str, layout: Layout) -> Form:
    if is_layer_count(name):
        return GivenForm(layout.layers)
    return NumberForm(Size.axis(size_axis(name) or f"size.{name}"))


def _object(library: Library, parameter: Parameter, usage: Usage) -> Expression:
    lowered = parameter.name.lower()
    if "optim" in lowered or usage.methods & {"update", "calculate_update"}:
        return Expression(OPTIMIZER)
    found = library.class_named(parameter.name) or library.class_named(parameter.name.title())
    if found is not None and not _init_needs(found[1]):
        return Expression(f"{found[1].name}()")
    if usage.is_called:
        return Expression("__import__('numpy').tanh")
    raise UnknownArgumentError("", parameter.name)


def _init_needs(owner: ast.ClassDef) -> bool:
    for member in owner.body:
        if isinstance(member, ast.FunctionDef) and member.name == "__init__":
            return len(member.args.args) - 1 > len(member.args.defaults)
    return False
