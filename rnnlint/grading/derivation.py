"""Signs that a submission's gradients are not derived by hand, or that it looks at who runs it: they may be
right, and a teacher should look.

Nothing is decided here. What the sandbox counts (:mod:`.marking`) and what stands in the text are put
together as sentences.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from rnnlint.grading.submission import Program
from rnnlint.source import nodes_of

RULE = "RNN909"
LIBRARIES = frozenset(
    "algopy autograd casadi chainer dezero ivy jax jaxlib keras micrograd minitorch mxnet mygrad "
    "numdifftools paddle sympy tensorflow theano tinygrad torch".split()
)
_OPERATORS = frozenset(
    {"__add__", "__mul__", "__matmul__", "__truediv__", "__array_ufunc__", "__array_function__"}
)
_INTERPRETER = frozenset(
    "_current_frames _getframe currentframe f_back get_objects get_referrers monitoring setprofile settrace "
    "tb_frame".split()
)
"""What no pass needs of the interpreter: with it a program sees who calls it, or is not seen."""
_TELLING = (ast.Import, ast.ImportFrom, ast.ClassDef, ast.Constant, ast.Attribute)


def signs(program: Program) -> tuple[str, ...]:
    """What in the text suggests differences or an autodiff, a sentence each."""
    found = (
        f"{name}, line {line}: {said} ({RULE})."
        for name, source in program.sources.items()
        for node in nodes_of(source.text)
        if isinstance(node, _TELLING)
        for line, said in _of(node)
    )
    return tuple(dict.fromkeys(found))


def _of(node: ast.AST) -> Iterator[tuple[int, str]]:
    match node:
        case ast.Import(names=names, lineno=line):
            yield from ((line, f"it imports {a.name}") for a in names if _top(a.name) in LIBRARIES)
        case ast.ImportFrom(module=str(module), level=0, lineno=line) if _top(module) in LIBRARIES:
            yield line, f"it imports {module}"
        case ast.ImportFrom(module="sys" | "gc" | "inspect", names=names, lineno=line):
            yield from ((line, f"it uses {a.name}") for a in names if a.name in _INTERPRETER)
        case ast.Attribute(attr=str(attribute), lineno=line) if attribute in _INTERPRETER:
            yield line, f"it uses {attribute}"
        case ast.ClassDef(name=name, body=body, lineno=line):
            if any(isinstance(member, ast.FunctionDef) and member.name in _OPERATORS for member in body):
                yield line, f"class {name} has arithmetic of its own"
        case ast.Constant(value=complex(), lineno=line):
            yield line, "it computes with complex numbers"


def _top(module: str) -> str:
    return module.partition(".")[0]
