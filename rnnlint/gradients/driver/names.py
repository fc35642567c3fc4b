"""What a statement reads and binds, by dotted names: ``W``, ``self.W``, ``params['W']``."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator


def name_of(node: ast.expr) -> str:
    """The dotted name of a variable, attribute or named item; an element has its sequence's name; else ""."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=owner, attr=attribute):
            outer = name_of(owner)
            return f"{outer}.{attribute}" if outer else ""
        case ast.Subscript(value=owner, slice=ast.Constant(value=str(key))):
            outer = name_of(owner)
            return f"{outer}[{key!r}]" if outer else ""
        case ast.Subscript(value=owner):
            return name_of(owner)
        case _:
            return ""


def root_of(name: str) -> str:
    """The variable that a dotted name begins with."""
    return name.partition(".")[0].partition("[")[0]


def last_word(name: str) -> str:
    """``self.params['Wf']`` → "Wf"."""
    if name.endswith("']"):
        return name[:-2].rpartition("'")[2]
    return name.rpartition(".")[2]


def targets_of(statement: ast.stmt) -> Iterator[ast.expr]:
    """The single targets of one assignment."""
    match statement:
        case ast.Assign(targets=targets):
            waiting = list(targets)
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
            waiting = [target]
        case ast.For(target=target):
            waiting = [target]
        case ast.With(items=items):
            waiting = [item.optional_vars for item in items if item.optional_vars is not None]
        case _:
            return
    while waiting:
        target = waiting.pop(0)
        if isinstance(target, ast.Tuple | ast.List):
            waiting[:0] = target.elts
        elif isinstance(target, ast.Starred):
            waiting.insert(0, target.value)
        else:
            yield target


def statements_in(statements: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements and all inside them, but not those of functions and classes."""
    for statement in statements:
        yield statement
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for block in blocks_of(statement):
            yield from statements_in(block)


def blocks_of(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The statement lists of a compound statement."""
    for field in ("body", "orelse", "finalbody"):
        block = getattr(statement, field, None)
        if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
            yield block
    for handler in getattr(statement, "handlers", ()):
        yield handler.body


def bound_in(statements: Iterable[ast.stmt]) -> set[str]:
    """The variables that are bound anywhere in the statements."""
    found: set[str] = set()
    for statement in statements_in(statements):
        for target in targets_of(statement):
            if isinstance(target, ast.Name):
                found.add(target.id)
        if isinstance(statement, ast.Import | ast.ImportFrom):
            found |= {(a.asname or a.name).split(".")[0] for a in statement.names}
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            found.add(statement.name)
    return found


def read_in(node: ast.AST) -> set[str]:
    """The variables that are read in a node and not bound by a function or comprehension inside it."""
    found: set[str] = set()
    _read(node, frozenset(), found)
    return found


def _read(node: ast.AST, inner: frozenset[str], found: set[str]) -> None:
    if isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Load) and node.id not in inner:
            found.add(node.id)
        return
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        found.add(node.target.id)
    if isinstance(node, ast.Lambda | ast.FunctionDef):
        inner = inner | {a.arg for a in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]}
    if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
        inner = inner | {
            leaf.id
            for generator in node.generators
            for leaf in ast.walk(generator.target)
            if isinstance(leaf, ast.Name)
        }
    for child in ast.iter_child_nodes(node):
        _read(child, inner, found)


def free_in(statements: list[ast.stmt]) -> set[str]:
    """The variables that are read before the statements bind them, in the order of the text."""
    free: set[str] = set()
    bound: set[str] = set()
    for statement in statements:
        _free(statement, bound, free)
    return free


def _free(statement: ast.stmt, bound: set[str], free: set[str]) -> None:
    blocks = list(blocks_of(statement))
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        free |= read_in(statement) - bound - bound_in(statement.body)
        bound.add(statement.name)
        return
    heads: list[ast.AST] = [statement]
    if blocks:
        heads = [
            child
            for child in ast.iter_child_nodes(statement)
            if not isinstance(child, ast.stmt | ast.ExceptHandler)
        ]
    for head in heads:
        free |= read_in(head) - bound
    bound |= {t.id for t in targets_of(statement) if isinstance(t, ast.Name)}
    for block in blocks:
        for inner in block:
            _free(inner, bound, free)
