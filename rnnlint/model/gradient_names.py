"""What names say of gradients: whose gradient ``dWf``, ``W_f_d`` and ``grads['Wf']`` are."""

from __future__ import annotations

import re

from rnnlint.syntax import tree


def place_name(place: str) -> str:
    """The last word of a place: ``dWf`` of ``local dWf``, ``self.dWf``, ``grads['dWf']``."""
    words = re.findall(r"\w+", place)
    return words[-1] if words else ""


def gradient_stem(target: tree.Expression) -> str | None:
    """The stem of the parameter whose gradient a target holds (``dWf``, ``grads["Wf"]``), or None."""
    match target:
        case tree.Name(id=name) | tree.Attribute(attr=name):
            return stem_of_gradient(name)
        case tree.Subscript(value=value, indices=(tree.Constant(value=str() as key),)):
            base = (
                value.id
                if isinstance(value, tree.Name)
                else value.attr
                if isinstance(value, tree.Attribute)
                else ""
            )
            return stem_of_gradient(key) or (stem_of(key) if _GRADIENTS.search(base) else None)
    return None


def may_be_of(target: tree.Expression, parameter: str) -> bool:
    """Whether a target of a parameter's stem can hold its gradient.

    ``dc`` is the adjoint of C, whatever ``w["c"]`` is: what a key alone calls a parameter has its gradient
    under a key too.
    """
    key = _ONLY_A_KEY.search(parameter)
    return key is None or bool(_LIKE_A_PARAMETER.match(key["key"])) or isinstance(target, tree.Subscript)


def stem_of(name: str) -> str:
    """A parameter's name without what people vary: ``W_f`` and ``Wf`` are ``wf``."""
    return name.replace("_", "").lower()


def stem_of_gradient(name: str) -> str | None:
    """The stem of the parameter whose gradient a name says it is (``dWf``, ``W_f_d``), or None."""
    match = _GRADIENT.match(name)
    if not match:
        return None
    return stem_of((match["after"] or match["before"]).removeprefix("_"))


_ONLY_A_KEY = re.compile(r"\[['\"](?P<key>\w+)['\"]\]$")
_LIKE_A_PARAMETER = re.compile(r"[WUVRB].|[wuvrb]_?\w", re.ASCII)
_GRADIENTS = re.compile(r"^d$|grad|delta|^d_?(params|weights|p|w)", re.IGNORECASE)
_GRADIENT = re.compile(
    r"^(?:_?(?:gradients?|grads?|delta|del|d(?:[LlEJ]|loss|cost|err|error)_?(?:by|over|wrt)?_?d|nabla|d)_?"
    r"(?P<after>.+)"
    r"|(?P<before>.+?)_?(?:_d|_grad|grad|_delta|_gradient|_update))$"
)
