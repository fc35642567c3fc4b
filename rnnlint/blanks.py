"""An exercise's blanks (``f =  # your code here``) filled by the equations that their names stand for.

A backward pass can be checked although the forward pass above it is still a template: the LSTM's gates differ
from one another in a letter, so a gate that is written shows how the missing ones read. What has no such
pattern stays ``...``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_BLANK = re.compile(r"^(?P<head>\s*(?P<name>[A-Za-z_]\w*)\s*=)\s*(?P<comment>#.*)?$")
_ELLIPSIS = re.compile(r"^(\s*[^#=]*[-+*/@]?=)\s*(#.*)?$")
_WRITTEN_GATE = re.compile(r"^\s*(?P<letter>[A-Za-z])\s*=\s*[\w.]+\((?P<inside>.*)\)\s*(#.*)?$")
_SIGMOID_GATES = frozenset("fiou")
_CELL_STATE = re.compile(r"^[Cc](_?(t|prev|next|new))?$")


def fill_blanks(lines: Sequence[str], blanks: Sequence[int]) -> list[str]:
    """``lines`` with the standard equation at each blank (1-based), and ``...`` where there is none."""
    filled = list(lines)
    for number in blanks:
        match = _BLANK.match(lines[number - 1])
        if match is None:
            filled[number - 1] = _ELLIPSIS.sub(r"\1 ...  \2", lines[number - 1])
            continue
        value = _standard_value(match["name"], _function_around(lines, number)) or "..."
        filled[number - 1] = f"{match['head']} {value}  {match['comment'] or ''}".rstrip()
    return filled


def _standard_value(name: str, body: Sequence[str]) -> str | None:
    """The right side that ``name`` has in an LSTM, in the words of ``body``, or None."""
    if _CELL_STATE.match(name):
        return _cell_update(name, "\n".join(body))
    return _like_a_written_gate(name, body) if name in _SIGMOID_GATES else None


def _like_a_written_gate(name: str, body: Sequence[str]) -> str | None:
    for line in body:
        gate = _WRITTEN_GATE.match(line)
        if gate is None:
            continue
        letter, inside = gate["letter"], gate["inside"]
        renamed = re.sub(rf"(?<=\w_){letter}\b|(?<=\b[WbU]){letter}\b", name, inside)
        weights = set(re.findall(rf"\b\w+?_?{name}\b", renamed)) - {name}
        if renamed != inside and weights and all(_is_bound(weight, body) for weight in weights):
            return f"sigmoid({renamed})"
    return None


def _cell_update(name: str, text: str) -> str | None:
    previous = next((n for n in (f"{name[0]}_prev", name) if re.search(rf"\b{n}\b", text)), None)
    gates = [g for g in "fig" if re.search(rf"^\s*{g}\s*=", text, re.MULTILINE)]
    if previous is None or gates != ["f", "i", "g"]:
        return None
    return f"f * {previous} + i * g"


def _is_bound(name: str, body: Sequence[str]) -> bool:
    return any(re.search(rf"\b{name}\b.*=|\bdef\b.*\b{name}\b", line) for line in body)


def _function_around(lines: Sequence[str], number: int) -> Sequence[str]:
    """The lines of the top-level function round line ``number``, of the whole cell where it is in none."""
    starts = [n for n, line in enumerate(lines) if re.match(r"def\s", line)]
    first = max((n for n in starts if n < number), default=0)
    last = min((n for n in starts if n >= number), default=len(lines))
    return lines[first:last]
