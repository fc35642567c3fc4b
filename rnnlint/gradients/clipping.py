"""Clipping at the end of a pass, which the check leaves out and says so: it hides the gradient, it does not
falsify it."""

from __future__ import annotations

import re

from rnnlint.gradients.library import Library

_CLIP = re.compile(r"clip|clamp", re.IGNORECASE)

NUMPY_CLIP = "np.clip"


def clipping_functions(library: Library) -> tuple[str, ...]:
    """What a job is to neutralise: NumPy's clip and the project's own functions and methods that clip."""
    own = [c for c in library.callables if _CLIP.search(c.name) and c.parameters and not c.is_static]
    names = [NUMPY_CLIP] if _uses_numpy_clip(library) else []
    return (*names, *dict.fromkeys(c.title for c in own))


def _uses_numpy_clip(library: Library) -> bool:
    import ast

    return any(
        isinstance(node, ast.Attribute) and node.attr == "clip"
        for tree in library.trees.values()
        for node in ast.walk(tree)
    )


def clipping_sentence(names: tuple[str, ...]) -> str:
    """The note of a report."""
    shown = ", ".join(f"{name}()" for name in names)
    return (
        f"Clipping ({shown}) is left out of the check: it limits the gradient's size, it is not part of it."
    )
