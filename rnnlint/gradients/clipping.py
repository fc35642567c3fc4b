"""Clipping of gradients, which the check leaves out and says so: it hides a gradient, it does not falsify it.

What is clipped decides, not what clips: ``np.clip(a, 0, None)`` is a nonlinearity, ``eclipse(h)`` anything.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from rnnlint.gradients.callables import Callable
from rnnlint.gradients.labels import label, own_nodes
from rnnlint.gradients.library import Library
from rnnlint.gradients.pairing import GRADIENT_CONTAINERS, is_gradient_name

_CLIPS = re.compile(r"(?:^|_)(?:clip|clamp)(?:ping|_|$)|(?:^|[a-z])(?:[cC]lip|[cC]lamp)(?:ping)?(?=[A-Z_]|$)")
_LIMITS = frozenset({"clip", "minimum", "maximum", "min", "max", "norm", "where", "sqrt", "sign"})


def clipping(library: Library) -> tuple[str, ...]:
    """What a job is to neutralise: the project's own functions and methods that clip gradients, by their
    titles, and NumPy's clip by what it clips, ``np.clip(dW)`` or ``dW.clip()``.
    """
    calls = list(_calls(library))
    own = [c for c in library.callables if _clips(c) and _is_of_gradients(c, calls)]
    of_numpy = [
        f"{ast.unparse(call.func)}({ast.unparse(call.args[0])})"
        for scope, call in calls
        if _is_numpy_clip(call) and _is_gradient(call.args[0], _walked(scope))
    ]
    of_numpy += [
        f"{ast.unparse(call.func)}()"
        for scope, call in calls
        if (clipped := _clipped_by_method(call)) is not None and _is_gradient(clipped, _walked(scope))
    ]
    return (*dict.fromkeys(of_numpy), *dict.fromkeys(c.title for c in own))


def clipping_sentence(neutral: tuple[str, ...]) -> str:
    """The note of a report."""
    names = dict.fromkeys(name.partition("(")[0] for name in neutral)
    shown = ", ".join(f"{name}()" for name in names)
    return (
        f"Clipping ({shown}) is left out of the check: it limits the gradient's size, it is not part of it."
    )


def _calls(library: Library) -> Iterator[tuple[ast.AST, ast.Call]]:
    """Every call with what it stands in."""
    for scope in (*(c.node for c in library.callables), *library.trees.values()):
        for node in own_nodes(scope):
            if isinstance(node, ast.Call):
                yield scope, node


def _clips(callable_: Callable) -> bool:
    """Whether a function is called so, takes something, and sets limits."""
    if not _CLIPS.search(callable_.name) or not callable_.parameters or callable_.is_static:
        return False
    return bool(callable_.called & _LIMITS) or any(
        isinstance(node, ast.Compare) for node in own_nodes(callable_.node)
    )


def _is_of_gradients(callable_: Callable, calls: list[tuple[ast.AST, ast.Call]]) -> bool:
    """Whether all that the program gives it are gradients; what another such function gives it is."""
    given = [
        _is_gradient(call.args[0], _walked(scope))
        for scope, call in calls
        if call.args
        and label(call.func) == callable_.name
        and isinstance(call.func, ast.Attribute) == (callable_.owner is not None)
        and not _CLIPS.search(getattr(scope, "name", ""))
    ]
    return all(given)


def _is_numpy_clip(call: ast.Call) -> bool:
    """``np.clip(x, low, high)`` round zero: what begins at zero or ends nowhere is part of the program."""
    match call.func:
        case ast.Attribute(value=ast.Name(id="np" | "numpy" | "cp" | "xp"), attr="clip"):
            named = [k.value for k in call.keywords if k.arg in ("a_min", "a_max", "min", "max")]
            bounds = [*call.args[1:3], *named]
            return bool(call.args) and len(bounds) == 2 and all(_is_limit(each) for each in bounds)
        case _:
            return False


def _clipped_by_method(call: ast.Call) -> ast.expr | None:
    """The array of ``dW.clip(-5, 5)``."""
    match call:
        case ast.Call(func=ast.Attribute(value=array, attr="clip"), args=[low, high]) if (
            not _is_numpy_clip(call) and _is_limit(low) and _is_limit(high)
        ):
            return array
        case _:
            return None


def _is_limit(bound: ast.expr) -> bool:
    return not isinstance(bound, ast.Constant) or bool(bound.value)


def _walked(scope: ast.AST) -> Mapping[str, ast.expr]:
    """What the loops and comprehensions of a function or file walk, by their variables."""
    found: dict[str, ast.expr] = {}
    for node in own_nodes(scope):
        if isinstance(node, ast.For | ast.comprehension):
            found.update(_by_variable(node.target, node.iter))
    return found


def _by_variable(target: ast.expr, iterated: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """``v`` of ``for k, v in grads.items()`` walks ``grads``, ``d`` of ``for p, d in zip(ps, ds)`` ``ds``."""
    match target, iterated:
        case ast.Name(id=name), _:
            yield name, iterated
        case ast.Tuple(elts=[_, ast.Name(id=name)]), (
            ast.Call(func=ast.Attribute(value=held, attr="items"))
            | ast.Call(func=ast.Name(id="enumerate"), args=[held, *_])
        ):
            yield name, held
        case ast.Tuple(elts=names), ast.Call(func=ast.Name(id="zip"), args=lists):
            for each, held in zip(names, lists, strict=False):
                yield from _by_variable(each, held)
        case _:
            pass


def _is_gradient(value: ast.expr, walked: Mapping[str, ast.expr]) -> bool:
    if isinstance(value, ast.Name) and value.id in walked:
        match walked[value.id]:
            case ast.List() | ast.Tuple() as held:
                return _is_gradient(held, {})
            case ast.Name() | ast.Attribute() | ast.Call() as held if _is_gradient(held, {}):
                return True
            case _:
                pass
    match value:
        case ast.Starred(value=inner) | ast.Call(func=ast.Attribute(value=inner, attr="values"), args=[]):
            return _is_gradient(inner, walked)
        case _:
            pass
    if isinstance(value, ast.Tuple | ast.List):
        return bool(value.elts) and all(_is_gradient(item, walked) for item in value.elts)
    name = label(value)
    return bool(name) and (is_gradient_name(name) or name.lower() in GRADIENT_CONTAINERS)
