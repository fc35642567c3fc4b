"""Signs that a submission's gradients are not derived by hand, or that it looks at who runs it: they may be
right, and a teacher should look.

Nothing is decided here. What the sandbox counts (:mod:`.marking`) and what stands in the text are put
together as sentences.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Set

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
_CHANGING = (ast.Assign, ast.AugAssign, ast.Call)
_TYPES = frozenset({"bool", "complex", "float", "int", "object", "str"})
"""What old programs put back into NumPy by its former name."""


def signs(program: Program) -> tuple[str, ...]:
    """What in the text suggests differences or an autodiff, a sentence each."""
    found = (
        f"{name}, line {line}: {said} ({RULE})."
        for name, source in program.sources.items()
        for line, said in _in(nodes_of(source.text), {"numpy", *program.unprovided})
    )
    return tuple(dict.fromkeys(found))


def _in(nodes: Iterable[ast.AST], foreign: Set[str]) -> Iterator[tuple[int, str]]:
    libraries: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            libraries |= {
                alias.asname or _top(alias.name): alias.name
                for alias in node.names
                if _top(alias.name) in foreign
            }
    for node in nodes:
        if isinstance(node, _TELLING):
            yield from _of(node)
        elif isinstance(node, _CHANGING):
            yield from ((node.lineno, f"it changes {libraries[n]}") for n in _changed(node) if n in libraries)


def _changed(node: ast.Assign | ast.AugAssign | ast.Call) -> Iterator[str]:
    """The names of which a statement or call changes an attribute."""
    match node:
        case ast.Assign(value=ast.Name(id=known)) if known in _TYPES:
            return
        case ast.Assign(targets=targets):
            yield from (_root(target) for target in targets if isinstance(target, ast.Attribute))
        case ast.AugAssign(target=ast.Attribute() as target):
            yield _root(target)
        case ast.Call(func=ast.Name(id="setattr" | "delattr"), args=[holder, *_]):
            yield _root(holder)


def _root(node: ast.expr) -> str:
    """``np`` of ``np.linalg.norm``; "" where there is no name."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _of(node: ast.AST) -> Iterator[tuple[int, str]]:
    match node:
        case ast.Import(names=names, lineno=line):
            yield from ((line, f"it imports {a.name}") for a in names if _top(a.name) in LIBRARIES)
        case ast.ImportFrom(module=str(module), level=0, lineno=line) if _top(module) in LIBRARIES:
            yield line, f"it imports {module}"
        case ast.ImportFrom(module="sys" | "gc" | "inspect", names=names, lineno=line):
            yield from ((line, f"it uses {a.name}") for a in names if a.name in _INTERPRETER)
        case ast.Attribute(value=ast.Name(id="sys"), attr="modules", lineno=line):
            yield line, "it uses sys.modules"
        case ast.Attribute(attr=str(attribute), lineno=line) if attribute in _INTERPRETER:
            yield line, f"it uses {attribute}"
        case ast.ClassDef(name=name, body=body, lineno=line):
            if any(isinstance(member, ast.FunctionDef) and member.name in _OPERATORS for member in body):
                yield line, f"class {name} has arithmetic of its own"
        case ast.Constant(value=complex(), lineno=line):
            yield line, "it computes with complex numbers"


def _top(module: str) -> str:
    return module.partition(".")[0]
