"""The parsed file: its tree says what the text says, and spans are those of libcst's own provider."""

from __future__ import annotations

from pathlib import Path

import pytest
from libcst.metadata import MetadataWrapper, PositionProvider

from rnnlint.source import decode_source
from rnnlint.syntax import tree
from rnnlint.syntax.module import Module

PROGRAM = '''\
import numpy as np
from .layers import sigmoid as s, tanh


class Cell(Base):
    """Déjà vu: ∂C."""

    def step(self, x, *rest, scale=2.0, **options):
        if (x
                > 0):
            y = x[:, 1:3] @ self.W.T; z = -(y ** 2)
        elif x is None:
            y = [a * 2 for a in rest if a]
        else:
            y = {"∂": lambda q: q + 1, **options}
        """
        text over lines"""; w = y["∂"]
        while not y:
            y += (1, 2)[0] if x else 3
        try:
            return (y)
        finally:
            pass

\tdef tabs(self): return self
'''.replace("\tdef", "    def")


def module(text: str) -> Module:
    return Module(decode_source(Path("program.py"), text.encode()))


@pytest.mark.parametrize(
    "text", [PROGRAM, "x = 1", "", "\n\n# only a comment\n", "if x:\n\ty = (1 +\n\t\t2)\n"]
)
def test_spans_are_those_of_libcsts_position_provider(text: str):
    parsed = module(text)
    provider = MetadataWrapper(parsed._cst, unsafe_skip_copy=True).resolve(PositionProvider)
    for node in parsed.walk():
        expected, span = provider[node.cst], parsed.span(node)
        assert (span.line, span.column) == (expected.start.line, expected.start.column + 1)
        assert (span.end_line, span.end_column) == (expected.end.line, expected.end.column + 1)


def test_columns_count_characters():
    parsed = module('é = "∂C" + y\n')
    (name,) = [node for node in parsed.of_kind(tree.Name) if node.id == "y"]
    assert parsed.span(name).column == 12


def test_nodes_are_equal_where_they_say_the_same():
    first, second = module("f(h[t], a=1)\nf( h [t],a = 1)  # again\n").body
    assert first == second
    assert first is not second


def test_long_sums_do_not_exhaust_the_stack():
    text = "x = " + " + ".join(["a"] * 900) + "\n"
    (statement,) = module(text).body
    depth, value = 0, statement.value
    while isinstance(value, tree.Binary):
        depth, value = depth + 1, value.left
    assert depth == 899


def test_parents_lead_back_to_the_statement():
    parsed = module("def f(t):\n    y = g(h[t - 1])\n")
    (index,) = parsed.of_kind(tree.Binary)
    statement = parsed.statement_of(index)
    assert isinstance(statement, tree.Assign)
    assert [type(each).__name__ for each in parsed.ancestors(index)] == [
        "Subscript",
        "Call",
        "Assign",
        "Function",
    ]


def test_imports_are_resolved_to_what_they_bind():
    found = [(each.module, each.level, each.name, each.bound) for each in module(PROGRAM).imports]
    assert found == [("numpy", 0, None, "np"), ("layers", 1, "sigmoid", "s"), ("layers", 1, "tanh", "tanh")]


def test_negative_numbers_are_constants():
    (statement,) = module("x = h[-1]\n").body
    assert statement.value.indices[0].value == -1
