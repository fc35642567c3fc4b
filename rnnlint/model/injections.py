"""The gradient of a loss on the last output, and where a loop over the steps adds it at every one of them."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.model.accumulators import gradient_stem
from rnnlint.model.backward import BackwardPass
from rnnlint.model.forward import last_word
from rnnlint.model.gradient_names import stem_of
from rnnlint.model.heap import Binding
from rnnlint.model.steps import Loop
from rnnlint.model.terms import Op, Term
from rnnlint.records import dataclass
from rnnlint.syntax import tree


@dataclass(frozen=True, slots=True)
class Injection:
    """``node``, a product of the output weights with one and the same adjoint, is added at every step."""

    binding: Binding
    node: tree.Expression


def repeated_injections(bptt: BackwardPass) -> Iterator[Injection]:
    """The products with output weights that a loop over the steps adds each time, though they belong to one
    step.

    That they do is seen from the output weights' own gradient: it is formed once, outside of the loop over
    the steps (a loop over epochs may be around both), from the same adjoint.
    """
    once: dict[tuple[str, int], list[Loop | None]] = {}
    for each in _gradients_of_products(bptt):
        once.setdefault((each.stem, each.adjoint), []).append(each.loop)
    seen: set[int] = set()
    for binding in bptt.bindings:
        if binding.loop is None or not bptt.module.holds(binding.statement) or _is_conditional(bptt, binding):
            continue
        for product in bptt.derivatives.products_in(binding.value):
            pair = bptt.forward.weighted_of(product)
            if pair is None or not _is_the_same_at_every_step(product, binding.loop):
                continue
            node = product.origin
            formed = once.get((stem_of(last_word(pair.weight)), _plain(pair.operand).key), [])
            belongs_once = any(_is_around(loop, binding.loop) for loop in formed)
            inside = node is not None and any(each is node for each in binding.statement.walk())
            if belongs_once and inside and node is not None and id(node) not in seen:
                seen.add(id(node))
                yield Injection(binding, node)


@dataclass(frozen=True, slots=True)
class _Formed:
    """The gradient of the parameter ``stem`` made of an adjoint (its key), and the loop it is made in."""

    stem: str
    adjoint: int
    loop: Loop | None


def _gradients_of_products(bptt: BackwardPass) -> Iterator[_Formed]:
    for binding in bptt.bindings:
        stem = gradient_stem(binding)
        if stem is not None:
            for product in bptt.derivatives.products_in(binding.value):
                yield from (_Formed(stem, _plain(side).key, binding.loop) for side in product.args)


def _is_around(outer: Loop | None, inner: Loop) -> bool:
    """Whether ``outer`` is a loop around ``inner``, or no loop at all."""
    around = inner.outer
    while around is not None and around is not outer:
        around = around.outer
    return around is outer


def _plain(term: Term) -> Term:
    while term.op is Op.TRANSPOSE:
        term = term.args[0]
    return term


def _is_the_same_at_every_step(term: Term, loop: Loop) -> bool:
    for each in term.walk():
        if each == loop.variable:
            return False
        if each.op is Op.CARRIED and isinstance(each.data, tuple) and each.data[0] == loop.number:
            return False
    return True


def _is_conditional(bptt: BackwardPass, binding: Binding) -> bool:
    """Whether a condition inside the loop decides on the statement."""
    for outer in bptt.module.ancestors(binding.statement):
        if binding.loop is not None and outer is binding.loop.statement:
            return any(isinstance(node, tree.Conditional) for node in binding.statement.walk())
        if isinstance(outer, tree.If):
            return True
    return False
