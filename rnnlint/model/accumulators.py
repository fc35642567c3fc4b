"""The sums over the steps that gradients are: where one is overwritten instead, or sums too far."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rnnlint.model.backward import BackwardPass
from rnnlint.model.code_blocks import method_called, place_of
from rnnlint.model.forward import last_word
from rnnlint.model.gradient_names import place_name, stem_of, stem_of_gradient
from rnnlint.model.heap import Binding
from rnnlint.model.steps import Loop
from rnnlint.model.terms import Op, Term
from rnnlint.records import dataclass
from rnnlint.syntax import tree


@dataclass(frozen=True, slots=True)
class Overwritten:
    """``binding`` sets a parameter's gradient anew at every step.

    ``initialised``: the gradient has a value before the loop.
    """

    binding: Binding
    initialised: bool


@dataclass(frozen=True, slots=True)
class CollapsedBias:
    """A bias's gradient that is one number, because ``call`` sums δ over all axes."""

    binding: Binding
    call: tree.Call


def overwritten_gradients(bptt: BackwardPass) -> Iterator[Overwritten]:
    """The gradients of parameters of which only the last round of the loop over time remains."""
    for loop in bptt.step_loops:
        inside = [binding for binding in bptt.bindings if binding.loop is loop]
        own_depth = min((binding.depth for binding in inside), default=0)
        for binding in inside:
            is_own = binding.depth == own_depth and bptt.module.holds(binding.statement)
            if (
                is_own
                and not binding.added
                and not (binding.is_of_few_steps and _is_of_the_output(bptt, binding))
                and _is_parameter_gradient(bptt, binding)
                and not _is_summed(binding, loop)
                and not _is_used_in(bptt, binding, loop)
                and _is_used_after(bptt, binding, loop)
            ):
                yield Overwritten(binding, binding.place in loop.carried)


def collapsed_biases(bptt: BackwardPass) -> Iterator[CollapsedBias]:
    """The biases of gates whose gradient is a sum over units too."""
    biases = {stem_of(last_word(bias)) for gate in bptt.forward.gates for bias in gate.biases}
    for binding in bptt.bindings:
        if gradient_stem(binding) not in biases or not bptt.module.holds(binding.statement):
            continue
        match binding.statement:
            case tree.Assign(value=value) | tree.AugmentedAssign(value=value):
                for call in value.walk():
                    if (
                        isinstance(call, tree.Call)
                        and _sums_all(call)
                        and bptt.derivatives.is_adjoint(binding.value)
                    ):
                        yield CollapsedBias(binding, call)


def gradient_stem(binding: Binding) -> str | None:
    """The stem of the parameter whose gradient is set: ``wf`` of ``dWf``, ``W_f_d``, ``grads["Wf"]``."""
    match binding.target:
        case tree.Subscript(value=owner, indices=(tree.Constant(value=str(key)),)):
            if re.search(r"grad|delta|^d", (place_of(owner) or "").rpartition(".")[2]):
                return stem_of_gradient(key) or stem_of(key)
    return stem_of_gradient(place_name(binding.place))


def _is_parameter_gradient(bptt: BackwardPass, binding: Binding) -> bool:
    """Whether the binding sets what is called a parameter's gradient, and to an adjoint."""
    stem = gradient_stem(binding)
    weights = {stem_of(last_word(pair.weight)) for pair in bptt.forward.outputs}
    biases = {stem_of(last_word(bias)) for gate in bptt.forward.gates for bias in gate.biases}
    is_parameter = stem is not None and (stem in weights | biases or re.match(r"b\w{0,2}$", stem) is not None)
    return (
        is_parameter
        and binding.value.op is not Op.FILLED
        and bptt.derivatives.is_adjoint(_plain(binding.value))
    )


def _is_of_the_output(bptt: BackwardPass, binding: Binding) -> bool:
    """Whether it is the gradient of an output layer, which a loss on one step's output reaches once."""
    stems = {stem_of(last_word(pair.weight)) for gate in bptt.forward.gates for pair in gate.weighted}
    stems |= {stem_of(last_word(bias)) for gate in bptt.forward.gates for bias in gate.biases}
    return gradient_stem(binding) not in stems


def _plain(term: Term) -> Term:
    while term.op in (Op.SUM, Op.TRANSPOSE, Op.NEGATE):
        term = term.args[0]
    return term


def _is_summed(binding: Binding, loop: Loop) -> bool:
    """``dW = dW + …``: the value holds what the place held before."""
    carried = loop.carried.get(binding.place)
    return carried is not None and carried in tuple(binding.value.walk())


def _is_used_in(bptt: BackwardPass, binding: Binding, loop: Loop) -> bool:
    """Whether the loop reads the place, or hands things to calls that nobody can follow."""
    place = place_of(binding.target)
    reads = (node for statement in loop.statement.body for node in statement.walk())
    if any(_reads(node, place) and node is not binding.target for node in reads):
        return True
    is_shared = not isinstance(binding.target, tree.Name)
    return is_shared and any(each.loop is loop for each in bptt.heap.unknown_calls)


def _is_used_after(bptt: BackwardPass, binding: Binding, loop: Loop) -> bool:
    """Whether the place outlives the loop: an attribute or entry, or a name that is read outside of it."""
    if not isinstance(binding.target, tree.Name):
        return True
    module = bptt.module
    function = next(
        (each for each in module.ancestors(loop.statement) if isinstance(each, tree.Function)), None
    )
    inside = {id(node) for node in loop.statement.walk()}
    everything = function.walk() if function else module.walk()
    return any(
        _reads(node, binding.target.id) and id(node) not in inside and not _is_target(bptt, node)
        for node in everything
    )


def _is_target(bptt: BackwardPass, node: tree.Node) -> bool:
    statement = bptt.module.statement_of(node)
    return isinstance(statement, tree.Assign) and any(
        node is each for t in statement.targets for each in t.walk()
    )


def _reads(node: tree.Node, place: str | None) -> bool:
    return isinstance(node, tree.Name | tree.Attribute | tree.Subscript) and place_of(node) == place


def _sums_all(call: tree.Call) -> bool:
    """``np.sum(x)`` or ``x.sum()``, with no axis."""
    if any(each.name in ("axis", "keepdims") for each in call.keywords):
        return False
    method = method_called(call)
    if method is None or method[0] != "sum":
        return False
    of_numpy = isinstance(method[1], tree.Name) and method[1].id in ("np", "numpy", "cp")
    return len(call.arguments) == (1 if of_numpy else 0)
