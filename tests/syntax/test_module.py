"""The parsed file: its tree says what the text says, and places are those that libcst sees."""

from __future__ import annotations

from pathlib import Path

import libcst
import pytest
from libcst.metadata import MetadataWrapper, PositionProvider

from rnnlint.findings import Span
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


PARENTHESES = """\
@call((1), f((2)))
@ (decorated)
def f(x=(1), *, y=((2))):
    return (a + b) * (c)(d)(e) - ((g))[(h)]
z = f((a), (b, c), (x for x in y), ((x for x in y)), *(d), k=(e), **(m))
z = sum(x for x in (y)); w = ((a) and (b)) or (c) and d
z = (a), (b)
z = not (a), -(b), (yield_)
z = (lambda: (a))() if (b) else ("c")(d)
z = (None)
"""


def module(text: str) -> Module:
    return Module(decode_source(Path("program.py"), text.encode()))


Place = tuple[int, int, int, int]


def place(span: Span) -> Place:
    return span.line, span.column, span.end_line, span.end_column


def read_by_libcst(text: str) -> tuple[libcst.Module, dict[Place, list[libcst.CSTNode]]]:
    """The file as libcst reads it, and its nodes by their places."""
    wrapper = MetadataWrapper(libcst.parse_module(text), unsafe_skip_copy=True)
    found: dict[Place, list[libcst.CSTNode]] = {}
    for node, at in wrapper.resolve(PositionProvider).items():
        key = at.start.line, at.start.column + 1, at.end.line, at.end.column + 1
        found.setdefault(key, []).append(node)
    return wrapper.module, found


@pytest.mark.parametrize(
    "text", [PROGRAM, "x = 1", "\n\n# only a comment\nx\n", "if x:\n\ty = (1 +\n\t\t2)\n", PARENTHESES]
)
def test_expressions_and_statements_stand_where_libcst_sees_them(text: str):
    parsed, (_, expected) = module(text), read_by_libcst(text)
    nodes = [node for node in parsed.walk() if isinstance(node, tree.Expression | tree.Statement)]
    assert nodes
    for node in nodes:
        assert place(parsed.span(node)) in expected, node


def test_a_text_has_the_parentheses_that_are_its_own():
    parsed, (whole, expected) = module(PARENTHESES), read_by_libcst(PARENTHESES)
    for node in parsed.of_kind(tree.Expression):
        nodes = expected[place(parsed.span(node))]
        same = [each for each in nodes if isinstance(each, libcst.BaseExpression | libcst.Slice)]
        if same:  # all but `*a` and `k=a`, to which libcst counts the comma behind them
            assert parsed.text_of(node) in {whole.code_for_node(each).strip() for each in same}
            assert parsed.is_in_parentheses(node) == any(getattr(each, "lpar", ()) for each in same)


def test_a_text_over_lines_is_the_text_of_the_file():
    parsed = module("if x:\n    y = f(a,  # (\n          b)\n")
    (statement,) = parsed.of_kind(tree.Assign)
    assert parsed.text_of(statement.value) == "f(a,  # (\n          b)"


def test_a_node_of_another_file_has_no_place_in_this_one():
    (foreign,) = module("x = 1\n").body
    with pytest.raises(KeyError):
        module("x = 1\n").span(foreign)


def test_a_body_on_the_line_of_its_head_is_read():
    parsed = module("def f(x): return g(x)\nfor t in ts: h = f(h); k = 1\nif a: pass\nelse: b = 2\n")
    kinds = [type(each).__name__ for each in parsed.walk() if isinstance(each, tree.Statement)]
    assert kinds == ["Function", "Return", "For", "Assign", "Assign", "If", "Other", "Assign"]


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


def test_a_body_behind_the_colon_is_one_on_lines_of_its_own():
    beside = module("def f(a): b = a; return b\nfor x in y: f(x)\nif x: z = 1\nelse: z = 2\n").body
    below = module(
        "def f(a):\n    b = a\n    return b\nfor x in y:\n    f(x)\nif x:\n    z = 1\nelse:\n    z = 2\n"
    ).body
    assert beside == below
    assert isinstance(beside[0].body[-1], tree.Return)
