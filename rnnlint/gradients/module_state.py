"""The module globals that a pass reads: the statements that make them, with their sizes left open.

A script that keeps its weights in globals (``Wxh = np.random.randn(H, V)``) is not executed; of its top
level only the assignments that the pass needs are, with every size and everything that hangs on data files
turned into a hole.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping
from pathlib import Path

from rnnlint.gradients.callables import Callable
from rnnlint.gradients.forms import Form, GivenForm, NumberForm
from rnnlint.gradients.layouts import LAYERS_DEEP
from rnnlint.gradients.library import Library
from rnnlint.gradients.roles import Role, is_layer_count, role_of, size_axis
from rnnlint.gradients.sizes import Size
from rnnlint.records import dataclass, field

_SAFE_CALLS = frozenset(
    {
        "len",
        "range",
        "xrange",
        "list",
        "dict",
        "tuple",
        "float",
        "int",
        "max",
        "min",
        "abs",
        "zip",
        "sum",
        "pow",
        "round",
    }
)
_READING = ("load", "loadtxt", "read", "open", "genfromtxt", "read_csv", "parse_args", "parse_known_args")
_OF_THE_RUN = frozenset({"argv", "environ", "stdin"})
"""What differs from one run of the script to the next: ``sys.argv[1]``."""


@dataclass(frozen=True, slots=True)
class ModuleState:
    """Statements in order, the holes they contain, and the names they bind to values that may be arrays."""

    lines: tuple[str, ...] = ()
    holes: Mapping[str, Form] | None = None
    arrays: tuple[str, ...] = ()


def module_state(library: Library, path: Path, users: list[Callable]) -> ModuleState:
    """What ``users`` read, directly or through the functions they call, of the globals of ``path``.

    What loading the file has left in a variable stays there, unless it hangs on a size that is left open.
    """
    tree = library.trees.get(path)
    if tree is None:
        return ModuleState()
    bound = _bound(tree)
    assigned = {name: each.value for name, each in bound.items()}
    needed = _closure(library, path, users, bound)
    lines: list[str] = []
    holes: dict[str, Form] = {}
    arrays: list[str] = []
    made: set[str] = set()
    open_: set[str] = set()  # what hangs on a hole
    for name, each in bound.items():
        if name not in needed:
            continue
        value, form = each.value, _hole(name, each.value)
        is_structural = _is_structural(library, path, value, made, assigned)
        if form is None and not is_structural and role_of(name) is Role.SIZE:
            form = _number(name)
        if form is not None:
            holes[f"_in_{name}"] = form
            lines.append(f"{name} = _in_{name}")
            open_.add(name)
        elif is_structural:
            changes = [c for c in each.changes if _is_structural(library, path, c, made | {name}, assigned)]
            is_open = any(free_names(node) & open_ for node in (value, *changes))
            is_unfinished = any(isinstance(change, ast.For) for change in changes)  # loading runs no loop
            if (
                is_open
                or is_unfinished
                or not each.loaded
                or (each.settled and not isinstance(value, ast.Constant))
            ):
                lines.append(f"{name} = {ast.unparse(value)}")
            if is_open or is_unfinished:
                lines += [ast.unparse(change) for change in changes]
            if is_open:
                open_.add(name)
            if not isinstance(value, ast.Constant):
                arrays.append(name)
        else:
            continue
        made.add(name)
    lines += _rebound_defaults(library, path, arrays)
    return ModuleState(tuple(lines), holes, tuple(arrays))


def _rebound_defaults(library: Library, path: Path, arrays: list[str]) -> Iterator[str]:
    """``def forward(x, p=parameters)``: the default is the object that was made when the file was loaded."""
    for callable_ in library.of(path):
        defaults = callable_.node.args.defaults
        if any(isinstance(default, ast.Name) and default.id in arrays for default in defaults):
            values = "".join(f"{ast.unparse(default)}, " for default in defaults)
            yield f"{callable_.title}.__defaults__ = ({values})"


def free_names(node: ast.AST) -> set[str]:
    """The names that are read in ``node`` and not bound there."""
    loaded, bound = set[str](), set[str]()
    declared_global = {n for s in ast.walk(node) if isinstance(s, ast.Global) for n in s.names}
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            (loaded if isinstance(inner.ctx, ast.Load) else bound).add(inner.id)
        elif isinstance(inner, ast.AugAssign) and isinstance(inner.target, ast.Name):
            loaded.add(inner.target.id)
        elif isinstance(inner, ast.arg):
            bound.add(inner.arg)
    return (loaded - (bound - declared_global)) | (loaded & declared_global) | declared_global


@dataclass
class _Bound:
    """How a file's top level makes a variable.

    ``loaded``: loading the file does so. ``settled``: nothing gives it another value there. ``changes`` are
    the statements that change it in place or by its old value.
    """

    value: ast.expr
    loaded: bool
    settled: bool = True
    changes: list[ast.stmt] = field(default_factory=list)


def _bound(tree: ast.Module) -> dict[str, _Bound]:
    """The variables of a file's top level, by the first value that each is given."""
    found: dict[str, _Bound] = {}
    for statement, loaded in _straight(tree.body, True):
        for name, value in _values(statement):
            if name in found:
                found[name].settled = False
            else:
                found[name] = _Bound(value, loaded)
        changed = found.get(_changed(statement))
        if changed is not None:
            changed.settled = False
            changed.changes.append(statement)
    return found


def _values(statement: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    """The names that an assignment binds, each with its value."""
    match statement:
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            yield from _split(target, value)
        case ast.Assign(targets=targets, value=value):
            for each in targets:
                yield from _split(each, value)
        case _:
            pass


def _changed(statement: ast.stmt) -> str:
    """The variable that a statement changes: ``p["W"] = …``, ``g *= 2``, ``p.update(…)``; "" for others."""
    match statement:
        case ast.For():
            return _filled(statement)
        case (
            ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name)), *_])
            | ast.AugAssign(target=ast.Name(id=name) | ast.Subscript(value=ast.Name(id=name)))
            | ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name))))
        ):
            return name
        case _:
            return ""


def _filled(loop: ast.For) -> str:
    """The one container that a loop puts items into; "" where it does anything else.

    A loop that reads it makes nothing: an update ``p[k] = p[k] - rate * g[k]`` is of the training.
    """
    changed: list[str] = []
    for leaf in _leaves(loop):
        match leaf:
            case ast.Assign(targets=[ast.Name()]):
                continue
            case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name))]):
                changed.append(name)
            case ast.Expr(
                value=ast.Call(
                    func=ast.Attribute(value=ast.Name(id=name), attr="append" | "update" | "extend")
                )
            ):
                changed.append(name)
            case _:
                return ""
    reads = sum(isinstance(node, ast.Name) and node.id in changed for node in ast.walk(loop))
    return changed[0] if len(set(changed)) == 1 and reads == len(changed) else ""


def _leaves(statement: ast.stmt) -> Iterator[ast.stmt]:
    """The statements inside loops, or the statement itself."""
    if isinstance(statement, ast.For) and not statement.orelse:
        for inner in statement.body:
            yield from _leaves(inner)
    else:
        yield statement


def _straight(body: list[ast.stmt], loaded: bool) -> Iterator[tuple[ast.stmt, bool]]:
    """The statements outside of functions and loops, each with whether loading the file may execute it."""
    for statement in body:
        match statement:
            case ast.If(test=test, body=then, orelse=otherwise):
                is_guard = "__name__" in {n.id for n in ast.walk(test) if isinstance(n, ast.Name)}
                yield from _straight(then, loaded and not is_guard)
                yield from _straight(otherwise, loaded)
            case ast.With(body=inner) | ast.Try(body=inner):
                yield from _straight(inner, False)
            case _:
                yield statement, loaded


def _split(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """``a, b = f()`` gives each name its part: ``[*f()][0]``, ``[*f()][1]``."""
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Tuple | ast.List) and all(isinstance(e, ast.Name) for e in target.elts):
        parts = (
            value.elts
            if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts)
            else [_part(value, k) for k in range(len(target.elts))]
        )
        for element, part in zip(target.elts, parts, strict=True):
            if isinstance(element, ast.Name):
                yield element.id, part


def _part(value: ast.expr, position: int) -> ast.expr:
    whole = ast.List([ast.Starred(value, ast.Load())], ast.Load())
    return ast.copy_location(ast.Subscript(whole, ast.Constant(position), ast.Load()), value)


def _closure(library: Library, path: Path, users: list[Callable], bound: Mapping[str, _Bound]) -> set[str]:
    functions = {c.name: c for c in library.of(path) if c.owner is None}
    methods = [c for c in library.of(path) if c.owner is not None]
    classes = {s.name: s for s in library.trees[path].body if isinstance(s, ast.ClassDef)}
    needed: set[str] = set()
    waiting: list[ast.AST] = [u.node for u in users if u.path == path]
    visited: set[int] = set()
    while waiting:
        node = waiting.pop()
        if id(node) in visited:
            continue
        visited.add(id(node))
        for name in free_names(node):
            if name in functions:
                waiting.append(functions[name].node)
            elif name in classes:
                waiting.append(classes[name])
            elif name in bound and name not in needed:
                needed.add(name)
                waiting += [bound[name].value, *bound[name].changes]
        called = {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}
        waiting.extend(m.node for m in methods if m.name in called)
    return needed


def _hole(name: str, value: ast.expr) -> Form | None:
    if isinstance(value, ast.Constant) and isinstance(value.value, int) and not isinstance(value.value, bool):
        if role_of(name) is Role.SIZE or size_axis(name) or name.isupper():
            return _number(name)
        return None
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "len":
        return _number(name)
    if isinstance(value, ast.BinOp) and all(
        isinstance(n, ast.BinOp | ast.operator) or (isinstance(n, ast.Constant) and isinstance(n.value, int))
        for n in ast.walk(value)
    ):
        return _number(name) if role_of(name) is Role.SIZE else None
    match value:
        case ast.Subscript(value=ast.List(elts=[ast.Starred()])) if role_of(name) is Role.SIZE:
            return _number(name)  # one of several sizes that a call gives
        case _:
            pass
    if isinstance(value, ast.Attribute) and value.attr == "size" and role_of(name) is Role.SIZE:
        return _number(name)
    return None


def _number(name: str) -> Form:
    lowered = name.lower()
    if is_layer_count(name):
        return GivenForm(LAYERS_DEEP)
    if lowered in ("batch_size", "batchsize"):
        return NumberForm(Size.axis("B"))
    return NumberForm(Size.axis("T" if size_axis(name) == "T" else f"size.{name}"))


def _is_structural(
    library: Library, path: Path, value: ast.expr | ast.stmt, made: set[str], assigned: Mapping[str, ast.expr]
) -> bool:
    """Whether an expression can be evaluated without the script's data: NumPy, arithmetic and its own
    functions."""
    functions = {c.name for c in library.of(path) if c.owner is None}
    classes = {s.name for s in library.trees[path].body if isinstance(s, ast.ClassDef)}
    local = {n.id for n in ast.walk(value) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    imported = _imported(library.trees[path])
    for node in ast.walk(value):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            known = (
                node.id in made or node.id in functions | classes | local | imported or node.id in _SAFE_CALLS
            )
            if not known and not (hasattr(builtins, node.id) and node.id not in ("open", "input", "print")):
                return False
            if node.id in assigned and node.id not in made:
                return False
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(_READING):
            return False
        if isinstance(node, ast.Attribute) and node.attr in _OF_THE_RUN:
            return False
    return True


def _imported(tree: ast.Module) -> set[str]:
    return {
        (alias.asname or alias.name).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
