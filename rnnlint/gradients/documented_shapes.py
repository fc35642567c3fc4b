"""The shapes that a docstring states."""

from __future__ import annotations

import re

_SHAPE = re.compile(
    r"^[ \t\-*]*[`'\"]?(?P<name>[A-Za-z_]\w*)[`'\"]?\s*(?:\([^()\n]*\))?\s*(?:--|[:\-–=])[^\n]*?"
    r"(?:shape|dimensions?|size)?\s*(?:of|is|=|:)?\s*\((?P<shape>[A-Za-z0-9_*+ ]+(?:,[A-Za-z0-9_*+ ]*)+)\)",
    re.MULTILINE,
)


_SAID = re.compile(
    r"\b(?P<name>[A-Za-z_]\w*) (?:is|are|has shape|of shape)(?: an?)?(?: array)?(?: of)?(?: shape)? ?"
    r"\((?P<shape>[A-Za-z0-9_*+ ]+(?:,[A-Za-z0-9_*+ ]*)+)\)"
)


def documented_shapes(text: str) -> dict[str, tuple[str, ...]]:
    """Axes by name: ``x: input of shape (N, T, D)``, ``Wx is an array of shape (D, H)``."""
    found: dict[str, tuple[str, ...]] = {}
    for match in (*_SHAPE.finditer(text), *_SAID.finditer(text)):
        axes = tuple(a.strip() for a in match["shape"].split(",") if a.strip())
        if axes and all(re.fullmatch(r"[\w*+ ]+", a) for a in axes) and match["name"] not in found:
            found[match["name"]] = axes
    return found
