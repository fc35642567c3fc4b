"""From the nodes of Python's own tree to :mod:`rnnlint.syntax.tree`: the one walk over a file."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from rnnlint.syntax import tree

_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.MatMult: "@",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.USub: "-",
    ast.UAdd: "+",
    ast.Not: "not",
    ast.Invert: "~",
    ast.And: "and",
    ast.Or: "or",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.Is: "is",
    ast.IsNot: "is not",
}


def lower_module(module: ast.Module) -> tuple[tree.Statement, ...]:
    """The statements of a file."""
    return _block(module.body)


# --- statements -----------------------------------------------------------------------------------------


def _block(body: Iterable[ast.stmt]) -> tuple[tree.Statement, ...]:
    return tuple([_statement(each) for each in body])


def _statement(node: ast.stmt) -> tree.Statement:
    lower = _STATEMENTS.get(type(node))
    return lower(node) if lower else tree.Other(keyword=type(node).__name__.lower(), at=node)


def _assign(node: ast.Assign) -> tree.Statement:
    return tree.Assign(targets=_all(node.targets), value=expression(node.value), at=node)


def _annotated(node: ast.AnnAssign) -> tree.Statement:
    if node.value is None:
        return tree.Other(keyword="annassign", at=node)
    return tree.Assign(targets=(expression(node.target),), value=expression(node.value), at=node)


def _augmented(node: ast.AugAssign) -> tree.Statement:
    operator, value = _OPERATORS[type(node.op)], expression(node.value)
    return tree.AugmentedAssign(target=expression(node.target), operator=operator, value=value, at=node)


def _evaluate(node: ast.Expr) -> tree.Statement:
    return tree.Evaluate(value=expression(node.value), at=node)


def _return(node: ast.Return) -> tree.Statement:
    return tree.Return(value=_optional(node.value), at=node)


def _for(node: ast.For | ast.AsyncFor) -> tree.Statement:
    return tree.For(
        target=expression(node.target),
        iterable=expression(node.iter),
        body=_block(node.body),
        otherwise=_block(node.orelse),
        at=node,
    )


def _while(node: ast.While) -> tree.Statement:
    test, otherwise = expression(node.test), _block(node.orelse)
    return tree.While(test=test, body=_block(node.body), otherwise=otherwise, at=node)


def _if(node: ast.If) -> tree.Statement:
    test, otherwise = expression(node.test), _block(node.orelse)
    return tree.If(test=test, body=_block(node.body), otherwise=otherwise, at=node)


def _with(node: ast.With | ast.AsyncWith) -> tree.Statement:
    items = tuple([expression(each.context_expr) for each in node.items])
    return tree.With(items=items, body=_block(node.body), at=node)


def _try(node: ast.Try | ast.TryStar) -> tree.Statement:
    return tree.Try(
        body=_block(node.body),
        handlers=tuple(each for handler in node.handlers for each in _block(handler.body)),
        otherwise=_block(node.orelse),
        final=_block(node.finalbody),
        at=node,
    )


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef) -> tree.Statement:
    return tree.Function(
        name=node.name,
        parameters=_parameters(node.args),
        body=_block(node.body),
        decorators=_all(node.decorator_list),
        at=node,
    )


def _class(node: ast.ClassDef) -> tree.Statement:
    bases = (each.value if isinstance(each, ast.Starred) else each for each in node.bases)
    return tree.Class(name=node.name, bases=_all(bases), body=_block(node.body), at=node)


def _delete(node: ast.Delete) -> tree.Statement:
    return tree.Other(keyword="del", values=_all(node.targets), at=node)


def _assert(node: ast.Assert) -> tree.Statement:
    return tree.Other(keyword="assert", values=(expression(node.test),), at=node)


def _raise(node: ast.Raise) -> tree.Statement:
    return tree.Other(keyword="raise", values=(expression(node.exc),) if node.exc else (), at=node)


def _outer_names(node: ast.Global | ast.Nonlocal) -> tree.Statement:
    return tree.Other(keyword=type(node).__name__.lower(), names=tuple(node.names), at=node)


def _parameters(arguments: ast.arguments) -> tuple[tree.Parameter, ...]:
    return tuple(_each_parameter(arguments))


def _each_parameter(arguments: ast.arguments) -> Iterator[tree.Parameter]:
    plain = [*arguments.posonlyargs, *arguments.args]
    bare: list[ast.expr | None] = [None] * (len(plain) - len(arguments.defaults))
    for each, default in zip(plain, [*bare, *arguments.defaults], strict=True):
        yield tree.Parameter(name=each.arg, default=_optional(default), kind="", at=each)
    if arguments.vararg:
        yield tree.Parameter(name=arguments.vararg.arg, default=None, kind="*", at=arguments.vararg)
    for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield tree.Parameter(name=each.arg, default=_optional(default), kind="", at=each)
    if arguments.kwarg:
        yield tree.Parameter(name=arguments.kwarg.arg, default=None, kind="**", at=arguments.kwarg)


def _import(node: ast.Import) -> tree.Statement:
    names = [
        tree.ImportedName(
            module=each.name, level=0, name=None, bound=each.asname or each.name.partition(".")[0], at=each
        )
        for each in node.names
    ]
    return tree.Import(names=tuple(names), at=node)


def _import_from(node: ast.ImportFrom) -> tree.Statement:
    module = node.module or ""
    names = [
        tree.ImportedName(
            module=module, level=node.level, name=each.name, bound=each.asname or each.name, at=each
        )
        for each in node.names
    ]
    return tree.Import(names=tuple(names), at=node)


# --- expressions ----------------------------------------------------------------------------------------


def expression(node: ast.expr) -> tree.Expression:
    """One expression."""
    return _EXPRESSIONS.get(type(node), _opaque)(node)


def _all(nodes: Iterable[ast.expr]) -> tuple[tree.Expression, ...]:
    return tuple([expression(each) for each in nodes])


def _optional(node: ast.expr | None) -> tree.Expression | None:
    return None if node is None else expression(node)


def _opaque(node: ast.expr) -> tree.Expression:
    inside = (each for each in ast.iter_child_nodes(node) if isinstance(each, ast.expr))
    return tree.Opaque(inside=_all(inside), at=node)


def _name(node: ast.Name) -> tree.Expression:
    return tree.Name(id=node.id, at=node)


def _constant(node: ast.Constant) -> tree.Expression:
    if node.value is ...:
        return tree.Opaque(inside=(), at=node)
    return tree.Constant(value=node.value, at=node)


def _formatted(node: ast.JoinedStr) -> tree.Expression:
    return tree.Constant(value=..., at=node)


def _attribute(node: ast.Attribute) -> tree.Expression:
    return tree.Attribute(value=expression(node.value), attr=node.attr, at=node)


def _subscript(node: ast.Subscript) -> tree.Expression:
    index = node.slice
    indices = _all(index.elts) if isinstance(index, ast.Tuple) else (expression(index),)
    return tree.Subscript(value=expression(node.value), indices=indices, at=node)


def _slice(node: ast.Slice) -> tree.Expression:
    lower, upper, step = _optional(node.lower), _optional(node.upper), _optional(node.step)
    return tree.Slice(lower=lower, upper=upper, step=step, at=node)


def _call(node: ast.Call) -> tree.Expression:
    keywords = [tree.Keyword(name=each.arg, value=expression(each.value), at=each) for each in node.keywords]
    return tree.Call(
        function=expression(node.func), arguments=_all(node.args), keywords=tuple(keywords), at=node
    )


def _starred(node: ast.Starred) -> tree.Expression:
    return tree.Starred(value=expression(node.value), at=node)


def _unary(node: ast.UnaryOp) -> tree.Expression:
    operand, operator = expression(node.operand), _OPERATORS[type(node.op)]
    if operator == "-" and isinstance(operand, tree.Constant) and isinstance(operand.value, int | float):
        return tree.Constant(value=-operand.value, at=node)
    return tree.Unary(operator=operator, operand=operand, at=node)


def _binary(node: ast.BinOp) -> tree.Expression:
    spine = []  # a chain of a hundred sums is deep on its left: walked, not recursed
    left: ast.expr = node
    while isinstance(left, ast.BinOp):
        spine.append(left)
        left = left.left
    lowered = expression(left)
    for each in reversed(spine):
        operator = _OPERATORS[type(each.op)]
        lowered = tree.Binary(operator=operator, left=lowered, right=expression(each.right), at=each)
    return lowered


def _logical(node: ast.BoolOp) -> tree.Expression:
    operator = _OPERATORS[type(node.op)]
    lowered, *others = _all(node.values)
    for each in others:
        lowered = tree.Logical(operator=operator, left=lowered, right=each, at=node)
    return lowered


def _compare(node: ast.Compare) -> tree.Expression:
    operators = tuple([_OPERATORS[type(each)] for each in node.ops])
    left, rights = expression(node.left), _all(node.comparators)
    return tree.Compare(left=left, operators=operators, rights=rights, at=node)


def _conditional(node: ast.IfExp) -> tree.Expression:
    return tree.Conditional(
        test=expression(node.test), then=expression(node.body), otherwise=expression(node.orelse), at=node
    )


def _display(node: ast.Tuple | ast.List | ast.Set) -> tree.Expression:
    return tree.Sequence(kind=type(node).__name__.lower(), items=_all(node.elts), at=node)


def _mapping(node: ast.Dict) -> tree.Expression:
    keys = tuple([_optional(each) for each in node.keys])
    return tree.Mapping(keys=keys, values=_all(node.values), at=node)


_COMPREHENSIONS = {ast.ListComp: "list", ast.SetComp: "set", ast.GeneratorExp: "generator"}


def _comprehension(node: ast.ListComp | ast.GeneratorExp | ast.SetComp) -> tree.Expression:
    clause = node.generators[0]
    if len(node.generators) > 1:
        return tree.Opaque(inside=(expression(node.elt), expression(clause.iter)), at=node)
    return tree.Comprehension(
        kind=_COMPREHENSIONS[type(node)],
        element=expression(node.elt),
        target=expression(clause.target),
        iterable=expression(clause.iter),
        conditions=_all(clause.ifs),
        at=node,
    )


def _lambda(node: ast.Lambda) -> tree.Expression:
    return tree.Lambda(parameters=_parameters(node.args), body=expression(node.body), at=node)


_STATEMENTS: dict[type[ast.stmt], Callable[[Any], tree.Statement]] = {
    ast.Assign: _assign,
    ast.AnnAssign: _annotated,
    ast.AugAssign: _augmented,
    ast.Expr: _evaluate,
    ast.Return: _return,
    ast.For: _for,
    ast.AsyncFor: _for,
    ast.While: _while,
    ast.If: _if,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.Try: _try,
    ast.TryStar: _try,
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.ClassDef: _class,
    ast.Delete: _delete,
    ast.Assert: _assert,
    ast.Raise: _raise,
    ast.Global: _outer_names,
    ast.Nonlocal: _outer_names,
    ast.Import: _import,
    ast.ImportFrom: _import_from,
}

_EXPRESSIONS: dict[type[ast.expr], Callable[[Any], tree.Expression]] = {
    ast.Name: _name,
    ast.Constant: _constant,
    ast.JoinedStr: _formatted,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.Slice: _slice,
    ast.Call: _call,
    ast.Starred: _starred,
    ast.UnaryOp: _unary,
    ast.BinOp: _binary,
    ast.BoolOp: _logical,
    ast.Compare: _compare,
    ast.IfExp: _conditional,
    ast.Tuple: _display,
    ast.List: _display,
    ast.Set: _display,
    ast.Dict: _mapping,
    ast.ListComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.SetComp: _comprehension,
    ast.Lambda: _lambda,
}
