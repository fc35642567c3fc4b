"""Signs that a submission's gradients are not derived by hand, or that it looks at who runs it: they may be
right, and a teacher should look.

Nothing is decided here: what the sandbox counts and what stands in the text are put into sentences. What the
digits of a gradient say is in :mod:`.digits`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Set

from rnnlint.grading.plan import Plan
from rnnlint.grading.submission import Program
from rnnlint.sandbox.job import Ran
from rnnlint.source import imports_of, nodes_of

RULE = "RNN909"
LIBRARIES = frozenset(
    "algopy autograd casadi chainer dezero ivy jax jaxlib keras micrograd minitorch mxnet mygrad "
    "decimal fractions gmpy2 mpmath numdifftools paddle sympy tensorflow theano tinygrad torch".split()
)
MOST_FORWARD_CALLS = 25
"""So often no backward pass of a few steps needs its forward; one that takes differences needs it hundreds of
times."""
MOST_CALLS = 600
"""So often no function is called in one pass over a few small steps, unless each number is derived alone."""
_MORE = 8
"""So many times as often, in two passes over nearly twice as many steps that each go through all of them."""
_ARITHMETIC = ("add", "sub", "mul", "matmul", "truediv", "pow")
_OPERATORS = frozenset(
    {f"__{reflected}{name}__" for name in _ARITHMETIC for reflected in ("", "r")}
    | {"__array_ufunc__", "__array_function__"}
)
_NUMBERS = frozenset(
    "angle clongdouble complex complex128 complex256 complex64 conj conjugate emath fft float128 imag "
    "longdouble longfloat scimath".split()
)
"""What makes or takes apart numbers beyond float64, of which no derivation has need."""
_INTERPRETER = frozenset(
    "_current_frames _getframe currentframe f_back get_objects get_referrers monitoring setprofile settrace "
    "tb_frame".split()
)
"""What no pass needs of the interpreter: with it a program sees who calls it, or is not seen."""
_TELLING = (ast.Import, ast.ImportFrom, ast.ClassDef, ast.Constant, ast.Attribute, ast.Name)
_CHANGING = (ast.Assign, ast.AugAssign, ast.Call)
_LOADING = frozenset({"load"})
"""What programs replace to read their data."""
_TYPES = frozenset({"bool", "complex", "float", "int", "object", "str"})
"""What old programs put back into NumPy by its former name."""


def signs(program: Program) -> tuple[str, ...]:
    """What in the text suggests differences or an autodiff, a sentence each."""
    found = (
        f"{name}, line {line}: {said} ({RULE})."
        for name, source in program.reached.items()
        for line, said in _in(source.text, {"numpy", *program.unprovided})
    )
    return tuple(dict.fromkeys(found))


def signs_of(ran: Ran, plan: Plan, *, more: bool) -> Iterator[str]:
    """What a counted run says; ``more`` than on the public probe may be called by one of more steps."""
    if ran.trouble is None and not ran.watched:
        yield f"It switches off the counting of its calls ({RULE})."
    if not plan.is_derived:
        return
    if ran.beyond_float64:
        yield f"It computes with complex numbers, or with floats wider than float64 ({RULE})."
    forwards = {task.forward_title for task in plan.tasks if task.forward_title}
    allowed = _MORE if more else 1
    if max((count for title, count in ran.calls.items() if title in forwards), default=0) > (
        allowed * MOST_FORWARD_CALLS
    ):
        yield f"Its backward pass calls its forward pass again and again ({RULE})."
    elif max(ran.calls.values(), default=0) > allowed * MOST_CALLS:
        yield f"Its passes call a function of theirs hundreds of times ({RULE})."


def _in(text: str, foreign: Set[str]) -> Iterator[tuple[int, str]]:
    libraries = {
        alias.asname or _top(alias.name): alias.name
        for statement in imports_of(text)
        if isinstance(statement, ast.Import)
        for alias in statement.names
        if _top(alias.name) in foreign
    }
    for node in nodes_of(text):
        if isinstance(node, _TELLING):
            yield from _of(node)
        elif isinstance(node, _CHANGING):
            if _is_run_as_code(node):
                yield node.lineno, "it makes code or modules of texts"
            yield from ((node.lineno, f"it changes {libraries[n]}") for n in _changed(node) if n in libraries)


def _bound_by(member: ast.stmt) -> Iterator[str]:
    """The names that a statement of a class binds."""
    match member:
        case ast.FunctionDef(name=name):
            yield name
        case ast.Assign(targets=targets):
            yield from (target.id for target in targets if isinstance(target, ast.Name))


def _changed(node: ast.Assign | ast.AugAssign | ast.Call) -> Iterator[str]:
    """The names of which a statement or call changes an attribute."""
    match node:
        case ast.Assign(value=ast.Name(id=known)) if known in _TYPES:
            return
        case ast.Assign(targets=targets):
            changed = (target for target in targets if isinstance(target, ast.Attribute))
            yield from (_root(target) for target in changed if target.attr not in _LOADING)
        case ast.AugAssign(target=ast.Attribute() as target):
            yield _root(target)
        case ast.Call(func=ast.Name(id="setattr" | "delattr"), args=[holder, *_]):
            yield _root(holder)


def _is_run_as_code(node: ast.AST) -> bool:
    """Whether a text is made into code, or a module is found by its name."""
    match node:
        case ast.Call(func=ast.Name(id="eval" | "exec" | "compile" | "__import__")):
            return True
        case ast.Call(func=ast.Attribute(attr="import_module")):
            return True
        case _:
            return False


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
        case ast.Attribute(attr=str(name), lineno=line) | ast.Name(id=name, lineno=line) if name in _NUMBERS:
            yield line, f"it computes with {name}"
        case ast.Attribute(attr=str(attribute), lineno=line) if attribute in _INTERPRETER:
            yield line, f"it uses {attribute}"
        case ast.ClassDef(name=name, body=body, lineno=line):
            if any(not _OPERATORS.isdisjoint(_bound_by(member)) for member in body):
                yield line, f"class {name} has arithmetic of its own"
        case ast.Constant(value=str(text), lineno=line) if text in _OPERATORS:
            yield line, f"it speaks of {text}"
        case ast.Constant(value=str(text), lineno=line) if text in _INTERPRETER:
            yield line, f"it uses {text}"
        case ast.Constant(value=complex(), lineno=line):
            yield line, "it computes with complex numbers"


def _top(module: str) -> str:
    return module.partition(".")[0]
