"""Which callables of a file are backward passes of a recurrent network, and which forward each belongs to."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from rnnlint.gradients.callables import Callable, Function
from rnnlint.gradients.labels import label, own_nodes
from rnnlint.gradients.library import Library
from rnnlint.gradients.pairing import GRADIENT_CONTAINERS
from rnnlint.gradients.roles import Role, role_of
from rnnlint.gradients.time_loops import called_on_the_way_back, goes_back
from rnnlint.records import dataclass

_BACKWARD = re.compile(
    r"back_?wards?|back_?prop|bptt|(^|_)bwd|grad_?step|top_diff|(^|_)bp$|(^|_)b_?prop|_back$|^back_|back_?pass",
    re.IGNORECASE,
)
_WHOLE = re.compile(
    r"loss_?fun|forward_?(and_?)?back|fwd_?bwd|(calc|compute|get)\w*_grad|grad(ient)?s?$|^loss$|loss_and|train\w*"
    r"|^fit$|^step$|optimi[sz]e|^learn|^update$|cost|numpy_sdg_step|sgd_step",
    re.IGNORECASE,
)
_FORWARD = re.compile(
    r"forward|fwd|feed|propag|^call$|__call__|predict|^run$|(^|_)fprop|unroll|bottom_data", re.IGNORECASE
)
_NOT_A_PASS = re.compile(
    r"check|test|numerical|verify|plot|clip|demo|example|^_?(sample|zero|reset|clear|apply|print|save|load)",
    re.IGNORECASE,
)
_RECURRENT = re.compile(
    r"\[\s*t\s*[-+]\s*1\s*\]|prev|h_?next|hidden|hstate|reversed\s*\(|\[::\s*-1\]|-1, -1\)|>= 0:|carry"
    r"|(?<![a-z])h_?t\b|rnn|lstm|gru",
    re.IGNORECASE,
)
_GRADIENT_NAME = re.compile(
    r"^(_?d_?L?_?(by_)?d?_?[A-Za-z]\w*|\w+_d|\w*grads?_?\w*|\w*delta\w*|\w+_diff|del_\w+|\w*dparam\w*)$"
)


class Style(StrEnum):
    """How a backward pass stands to its forward."""

    PAIR = "pair"  # forward first, then backward with what it left
    WHOLE = "whole"  # one callable does both


@dataclass(frozen=True)
class Pass:
    """A backward pass with the forward that goes before it."""

    backward: Callable
    forward: Callable | None
    style: Style

    @property
    def attributes_set(self) -> frozenset[str]:
        """The attributes of its object that the two callables bind, whole or in part."""
        of_forward = self.forward.attributes_set if self.forward is not None else frozenset()
        return self.backward.attributes_set | of_forward

    @property
    def attributes_replaced(self) -> frozenset[str]:
        """The attributes that the two callables set otherwise than by adding to them or taking away."""
        found = self.attributes_set
        for callable_ in (self.forward, self.backward):
            if callable_ is not None:
                found -= callable_.attributes_updated
        return found

    @property
    def attributes_updated(self) -> frozenset[str]:
        """The attributes of its object that some method updates, and that no pass replaces: parameters."""
        owner = self.backward.owner
        if owner is None:
            return frozenset()
        methods = (Callable(self.backward.path, m, owner) for m in owner.body if isinstance(m, Function))
        updated = frozenset().union(*(method.attributes_updated for method in methods))
        return updated - self.attributes_replaced

    @property
    def globals_declared(self) -> frozenset[str]:
        """The variables of the module that the two callables may set."""
        nodes = [node for c in (self.forward, self.backward) if c is not None for node in own_nodes(c.node)]
        return frozenset(name for node in nodes if isinstance(node, ast.Global) for name in node.names)

    @property
    def title(self) -> str:
        """``forward → backward``."""
        if self.forward is None or self.style is Style.WHOLE:
            return self.backward.title
        return f"{self.forward.title} → {self.backward.title}"


def passes_of(library: Library, target: Path) -> tuple[Pass, ...]:
    """The backward passes of one file, best first within a class, in order of the file."""
    found: list[Pass] = []
    for callable_ in library.of(target):
        if not _NOT_A_PASS.search(callable_.name) and not callable_.is_property:
            made = _as_pass(library, callable_)
            if made is not None:
                found.append(made)
    return tuple(_without_inner(library, found))


def is_named_backward(name: str) -> bool:
    """Whether a name says backward pass."""
    return bool(_BACKWARD.search(name))


def gradient_names(callable_: Callable) -> set[str]:
    """The names that look like gradients and that a callable assigns; ``grads[3]`` is one of its own."""
    found: set[str] = set()
    for node in own_nodes(callable_.node):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            targets = [node.target]
        for target in targets:
            for leaf in ast.walk(target):
                name = ""
                if isinstance(leaf, ast.Name):
                    name = leaf.id
                elif isinstance(leaf, ast.Attribute):
                    name = leaf.attr
                elif isinstance(leaf, ast.Constant) and isinstance(leaf.value, str):
                    name = leaf.value
                elif (
                    isinstance(leaf, ast.Subscript)
                    and isinstance(leaf.slice, ast.Constant)
                    and isinstance(leaf.value, ast.Name)
                    and _GRADIENT_NAME.match(leaf.value.id)
                ):
                    found.add(ast.unparse(leaf))
                if isinstance(leaf, ast.Attribute) and label(leaf.value) in GRADIENT_CONTAINERS:
                    found.add(ast.unparse(leaf))  # g.W
                if (
                    name
                    and _GRADIENT_NAME.match(name)
                    and not name.startswith(("data", "dim", "dtype", "depth"))
                ):
                    found.add(name)
    return found


def _says_gradient(callable_: Callable) -> bool:
    """``compute_gradients``."""
    return "grad" in callable_.name.lower()


def _gives_both(callable_: Callable) -> bool:
    """``return loss, grads``, whatever its own name."""
    words = [name.lower() for name in callable_.returned]
    return any("grad" in word for word in words) and any(re.search("loss|cost|err", word) for word in words)


def _as_pass(library: Library, callable_: Callable) -> Pass | None:
    named = is_named_backward(callable_.name)
    walks_back = goes_back(callable_.node)
    if not named and not walks_back and not (_WHOLE.search(callable_.name) or _gives_both(callable_)):
        return None
    if not walks_back and not _is_recurrent(library, callable_):
        return None
    gradients = gradient_names(callable_)
    sums_steps = walks_back and any(is_named_backward(name) for name in callable_.called)
    if not named and not sums_steps and len(gradients) < (1 if _says_gradient(callable_) else 3):
        return None
    if named and not gradients and not callable_.is_unimplemented and not callable_.returns_value:
        return None
    forward = forward_of(library, callable_)
    roles = {role_of(p.name) for p in callable_.parameters}
    calls = callable_.called
    if Role.COTANGENT in roles or Role.CACHE in roles:
        style = Style.PAIR
    elif (
        (forward is not None and forward.name in calls)
        or (not named and not (forward is not None and _goes_on_from(library, callable_, forward)))
        or (
            (callable_.owner is None or forward is None)
            and not (forward is not None and _needs(callable_, forward))
            and _computes_outputs(callable_)
        )
    ):
        style = Style.WHOLE
    else:
        style = Style.PAIR
    if style is Style.PAIR and forward is not None and not _is_recurrent_pair(library, callable_, forward):
        return None
    return Pass(callable_, forward, style)


def _is_recurrent(library: Library, callable_: Callable) -> bool:
    """Whether its words say so, or a loop that goes back through time calls it."""
    if _RECURRENT.search(ast.unparse(callable_.owner or callable_.node)):
        return True
    if callable_.owner is None:
        return any(callable_.name in called_on_the_way_back(tree) for tree in library.trees.values())
    return _holds_recurrence(library, callable_)


def forward_of(library: Library, backward: Callable) -> Callable | None:
    """The forward whose name goes best with the backward's: of the same class, else of the same file, else
    of the project."""
    candidates = [c for c in _neighbours(library, backward) if c.node is not backward.node]
    wanted = {n.lower() for n in _partner_names(backward.name)}
    for callable_ in candidates:
        if callable_.name.lower() in wanted:
            return callable_
    forwards = [c for c in candidates if _FORWARD.search(c.name) and not is_named_backward(c.name)]
    if not forwards:
        return _leaves_most(library, backward, candidates)
    return max(
        forwards, key=lambda c: (_shared_words(c.name, backward.name), _given_away(c, backward), c.has_loop)
    )


def _neighbours(library: Library, backward: Callable) -> Iterator[Callable]:
    if backward.owner is not None:
        names: set[str] = set()
        owner, path = backward.owner, backward.path
        waiting: list[tuple[Path, ast.ClassDef]] = [(path, owner)]
        while waiting:
            path, owner = waiting.pop(0)
            for c in library.of(path):
                if c.owner is owner and c.name not in names:
                    names.add(c.name)
                    yield c
            for base in owner.bases:
                found = library.class_named(base.id) if isinstance(base, ast.Name) else None
                if found is not None and found[1] is not backward.owner:
                    waiting.append(found)
        return
    yield from (c for c in library.of(backward.path) if c.owner is None)
    yield from (c for c in library.callables if c.owner is None and c.path != backward.path)


def _partner_names(name: str) -> Iterator[str]:
    for old, new in (
        ("backwards", "forward"),
        ("backward", "forward"),
        ("backward", "forwards"),
        ("back_propagation", "forward_propagation"),
        ("backpropagation", "forwardpropagation"),
        ("back_prop", "forward_prop"),
        ("back_prop", "forward"),
        ("backprop", "forwardprop"),
        ("backprop", "forward"),
        ("backprop", "feedforward"),
        ("bptt", "forward"),
        ("bptt", "forward_propagation"),
        ("bwd", "fwd"),
        ("bprop", "fprop"),
        ("back", "forward"),
    ):
        if old in name.lower():
            yield name.lower().replace(old, new)


def _shared_words(left: str, right: str) -> int:
    return len(_words(left) & _words(right))


def _words(name: str) -> set[str]:
    parts = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().split("_")
    return {p for p in parts if p and not re.match(r"for(ward)?s?$|back(ward)?s?$|prop(agation)?$|pass$", p)}


_NOT_LEFT = (Role.COTANGENT,)
_NOT_LEFT_BY_A_MAKER = (*_NOT_LEFT, Role.BUNDLE, Role.WEIGHT, Role.BIAS)
"""What another function than the forward may return: a loss's gradient, parameters that it has made."""


def _leaves_most(library: Library, backward: Callable, candidates: list[Callable]) -> Callable | None:
    """The forward that has another name: it leaves the most of what only it could have made for the backward.

    Of a class, the attributes that the backward reads and the constructor does not make; else arguments.
    """
    init = library.method(backward.path, backward.owner, "__init__") if backward.owner is not None else None
    made = init.attributes_bound if init is not None else frozenset()
    wanted = backward.attributes_read - backward.attributes_bound - made

    def left(callable_: Callable) -> int:
        if backward.owner is not None and callable_.attributes_bound & wanted:
            return len(callable_.attributes_bound & wanted)
        if callable_.path != backward.path or not is_named_backward(backward.name):
            return 0
        given = {p.name for p in backward.parameters} & set(callable_.returned)
        makes = not {p.name for p in callable_.parameters} & {p.name for p in backward.parameters}
        return sum(role_of(name) not in (_NOT_LEFT_BY_A_MAKER if makes else _NOT_LEFT) for name in given)

    others = [
        c
        for c in candidates
        if c.node is not (init.node if init is not None else None)
        and not is_named_backward(c.name)
        and not _NOT_A_PASS.search(c.name)
        and not c.is_property
        and c.parameters
        and backward.name not in c.called
    ]
    best = max(others, key=left, default=None)
    return best if best is not None and left(best) else None


def _given_away(forward: Callable, backward: Callable) -> int:
    """How many of the backward's parameters the forward returns by name."""
    return len({p.name for p in backward.parameters} & set(forward.returned))


def _needs(callable_: Callable, forward: Callable) -> bool:
    return bool({p.name for p in callable_.parameters if p.default is None} & set(forward.returned))


def _goes_on_from(library: Library, callable_: Callable, forward: Callable) -> bool:
    """Whether it takes what the forward returns, or reads attributes that only the forward sets."""
    if _needs(callable_, forward):
        return True
    if callable_.owner is None or callable_.owner is not forward.owner:
        return False
    init = library.method(callable_.path, callable_.owner, "__init__")
    begun = init.attributes_bound if init is not None else frozenset()
    kept = forward.attributes_bound - begun - callable_.attributes_bound
    return bool(kept & callable_.attributes_read)


def _computes_outputs(callable_: Callable) -> bool:
    """A function that runs forward by itself before it goes back: one loop over steps up, then one down."""
    loops = [n for n in own_nodes(callable_.node) if isinstance(n, ast.For | ast.While)]
    return len(loops) >= 2 or bool(re.search(r"forward.?(and)?.?back", callable_.name, re.IGNORECASE))


def _is_recurrent_pair(library: Library, backward: Callable, forward: Callable) -> bool:
    """Whether the forward takes a state, or runs over steps, or its class keeps one."""
    if any(role_of(p.name) in (Role.HIDDEN_STATE, Role.CELL_STATE) for p in forward.parameters):
        return True
    text = ast.unparse(forward.node) + ast.unparse(backward.node)
    steps = re.search(
        r"(h|s|c|a|state|hidden|cell)s?_?prev|prev(ious)?_?(h|s|c|a|state|hidden|cell)(_|\b|s)|\[\s*t\s*[-+]\s*1\s*\]"
        r"|hidden|carry|h_?next|reversed|\[::\s*-1\]|\.h\b|states",
        text,
    )
    words = re.search(
        r"rnn|lstm|gru|recurrent", (backward.owner.name if backward.owner else backward.name), re.IGNORECASE
    )
    return bool(steps) or bool(words) or goes_back(backward.node) or _holds_recurrence(library, backward)


def _holds_recurrence(library: Library, backward: Callable) -> bool:
    """Whether its object is made of others, one of which goes back through time."""
    if backward.owner is None:
        return False
    return any(
        goes_back(member)
        for _, class_ in library.parts(backward.owner).values()
        for member in class_.body
        if isinstance(member, ast.FunctionDef)
    )


def _without_inner(library: Library, found: list[Pass]) -> Iterator[Pass]:
    """Leaves out passes that only another pass of the same class calls, and training loops round a named
    backward."""
    for item in found:
        named = is_named_backward(item.backward.name) or goes_back(item.backward.node)
        named = named or _says_gradient(item.backward) or _gives_both(item.backward)
        siblings = [o for o in found if o.backward.owner is item.backward.owner and o is not item]
        if not named and any(o.backward.name in item.backward.called for o in siblings):
            continue
        if (
            not named
            and any(
                is_named_backward(n)
                or (_FORWARD.search(n) and n in {c.name for c in library.of(item.backward.path)})
                for n in item.backward.called
            )
            and any(is_named_backward(o.backward.name) for o in siblings)
        ):
            continue
        yield item
