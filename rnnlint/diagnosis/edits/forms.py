"""What may stand for a state in a product: itself, its derivative as an output, its tanh, the derivative
there.
"""

from __future__ import annotations

import ast
import re
from functools import lru_cache

from rnnlint.diagnosis.vocabulary import Vocabulary, atoms_in


def forms(state: str, words: Vocabulary) -> tuple[tuple[str, float], ...]:
    """Factors made from ``state``, with how unlikely each is."""
    return (
        (f"{state} * (1 - {state})", 0.0),
        (f"1 - {state} ** 2", 0.0),
        (state, 0.1),
        (f"1 - {words.tanh}({state}) ** 2", 0.3),
        (f"{words.tanh}({state})", 0.4),
        (f"1 - {state}", 0.6),
    )


def only_state(node: ast.expr, words: Vocabulary) -> str | None:
    """The text of the one state that ``node`` is made of; None where it is made of more, or of an adjoint."""
    program = words.program
    texts = {program.source(atom) for atom in atoms_in(node)}
    if len(texts) != 1:
        return None
    (text,) = texts
    atom = next(atoms_in(node))
    if words.is_adjoint(atom) or any(
        isinstance(n, ast.BinOp) and isinstance(n.op, ast.MatMult) for n in ast.walk(node)
    ):
        return None
    return text


def related(target: str, state: str) -> bool:
    """Whether the name of a δ and that of a state name one gate: ``df`` and ``f[t]``, ``self.dhraw`` and
    ``hs[t]``.
    """
    gate = _gate(target)
    other = re.split(r"[\[(]", state.rpartition(".")[2])[0].strip("_").lower()
    if not gate or not other:
        return False
    return (
        gate == other or gate.rstrip("s_") == other.rstrip("s_") or gate[0] == other[0] == gate.rstrip("st_")
    )


def _gate(target: str) -> str:
    name = re.split(r"[\[(]", target.rpartition(".")[2])[0].lower()
    name = re.sub(r"^(delta_?|grad_?|d_?)", "", name)
    return re.sub(r"_?(raw|d|pre|input|in|out|delta|grad|next|prev)$", "", name)


@lru_cache(maxsize=512)
def alike(text: str, others: tuple[str, ...]) -> tuple[tuple[str, str, str], ...]:
    """The texts that differ from ``text`` in one identifier of the same scheme: (other, old, new)."""
    mine = _tokens(text)
    found: list[tuple[str, str, str]] = []
    for other in others:
        theirs = _tokens(other)
        if len(theirs) != len(mine) or other == text:
            continue
        differing = [(a, b) for a, b in zip(mine, theirs, strict=True) if a != b]
        if len(differing) == 1 and _same_scheme(*differing[0]):
            found.append((other, *differing[0]))
    return tuple(found)


@lru_cache(maxsize=4096)
def _tokens(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+|\W", text))


def _same_scheme(one: str, other: str) -> bool:
    """``W_f`` and ``W_i``, ``dft`` and ``dit``, ``f`` and ``o``: one part in the middle differs, or all of a
    short name.
    """
    if not (one.isidentifier() and other.isidentifier()) or one[0].isupper() != other[0].isupper():
        return False
    if max(len(one), len(other)) <= 2:
        return len(one) == len(other)
    if one[0] != other[0]:
        return one[-1] == other[-1] and max(len(one), len(other)) <= 4
    prefix = next(
        (n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    rest = (one[prefix:], other[prefix:])
    common = next(
        (n for n, (a, b) in enumerate(zip(rest[0][::-1], rest[1][::-1], strict=False)) if a != b),
        min(map(len, rest)),
    )
    return max(map(len, rest)) - common <= 5 and prefix + common >= 1
