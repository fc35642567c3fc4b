"""From libcst's nodes to :mod:`rnnlint.syntax.tree`: the one walk over a file."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import libcst as cst

from rnnlint.syntax import tree

_BINARY = {
    "Add": "+",
    "Subtract": "-",
    "Multiply": "*",
    "Divide": "/",
    "FloorDivide": "//",
    "Modulo": "%",
    "Power": "**",
    "MatrixMultiply": "@",
    "LeftShift": "<<",
    "RightShift": ">>",
    "BitAnd": "&",
    "BitOr": "|",
    "BitXor": "^",
}
_UNARY = {"Minus": "-", "Plus": "+", "Not": "not", "BitInvert": "~"}
_COMPARE = {
    "Equal": "==",
    "NotEqual": "!=",
    "LessThan": "<",
    "LessThanEqual": "<=",
    "GreaterThan": ">",
    "GreaterThanEqual": ">=",
    "In": "in",
    "NotIn": "not in",
    "Is": "is",
    "IsNot": "is not",
}

Lowering = Callable[[Any], tree.Expression]
Given = TypeVar("Given")


def lower_module(module: cst.Module) -> tuple[tree.Statement, ...]:
    """The statements of a file."""
    return _suite(module.body)


# --- statements -----------------------------------------------------------------------------------------


def _suite(body: Iterable[cst.BaseStatement | cst.BaseSmallStatement]) -> tuple[tree.Statement, ...]:
    statements: list[tree.Statement] = []
    for each in body:
        if isinstance(each, cst.SimpleStatementLine | cst.SimpleStatementSuite):
            statements.extend(_small(small) for small in each.body)
        else:
            statements.append(_compound(each))
    return tuple(statements)


def _block(body: cst.BaseSuite) -> tuple[tree.Statement, ...]:
    return _suite(body.body)


def _small(node: Any) -> tree.Statement:
    match node:
        case cst.Assign():
            targets = tuple(expression(each.target) for each in node.targets)
            return tree.Assign(targets=targets, value=expression(node.value), cst=node)
        case cst.AnnAssign(value=cst.BaseExpression() as annotated):
            return tree.Assign(targets=(expression(node.target),), value=expression(annotated), cst=node)
        case cst.AugAssign():
            operator = _BINARY[type(node.operator).__name__.removesuffix("Assign")]
            target, value = expression(node.target), expression(node.value)
            return tree.AugmentedAssign(target=target, operator=operator, value=value, cst=node)
        case cst.Expr():
            return tree.Evaluate(value=expression(node.value), cst=node)
        case cst.Return():
            return tree.Return(value=expression(node.value) if node.value else None, cst=node)
        case cst.Import() | cst.ImportFrom():
            return tree.Import(names=tuple(_imported(node)), cst=node)
        case cst.Global() | cst.Nonlocal():
            names = tuple(each.name.value for each in node.names)
            return tree.Other(keyword=type(node).__name__.lower(), names=names, cst=node)
        case cst.Del():
            return tree.Other(keyword="del", values=(expression(node.target),), cst=node)
        case cst.Assert():
            return tree.Other(keyword="assert", values=(expression(node.test),), cst=node)
        case cst.Raise():
            values = (expression(node.exc),) if node.exc else ()
            return tree.Other(keyword="raise", values=values, cst=node)
    return tree.Other(keyword=type(node).__name__.lower(), cst=node)


def _compound(node: Any) -> tree.Statement:
    match node:
        case cst.For():
            return tree.For(
                target=expression(node.target),
                iterable=expression(node.iter),
                body=_block(node.body),
                otherwise=_otherwise(node.orelse),
                cst=node,
            )
        case cst.While():
            test, otherwise = expression(node.test), _otherwise(node.orelse)
            return tree.While(test=test, body=_block(node.body), otherwise=otherwise, cst=node)
        case cst.If():
            test, otherwise = expression(node.test), _otherwise(node.orelse)
            return tree.If(test=test, body=_block(node.body), otherwise=otherwise, cst=node)
        case cst.With():
            items = tuple(expression(each.item) for each in node.items)
            return tree.With(items=items, body=_block(node.body), cst=node)
        case cst.Try() | cst.TryStar():
            return tree.Try(
                body=_block(node.body),
                handlers=tuple(each for handler in node.handlers for each in _block(handler.body)),
                otherwise=_otherwise(node.orelse),
                final=_otherwise(node.finalbody),
                cst=node,
            )
        case cst.FunctionDef():
            return tree.Function(
                name=node.name.value,
                parameters=_parameters(node.params),
                body=_block(node.body),
                decorators=tuple(expression(each.decorator) for each in node.decorators),
                cst=node,
            )
        case cst.ClassDef():
            bases = tuple(expression(each.value) for each in node.bases)
            return tree.Class(name=node.name.value, bases=bases, body=_block(node.body), cst=node)
    return tree.Other(keyword=type(node).__name__.lower(), cst=node)


def _otherwise(node: Any) -> tuple[tree.Statement, ...]:
    match node:
        case cst.If():
            return (_compound(node),)
        case cst.Else() | cst.Finally():
            return _block(node.body)
    return ()


def _parameters(parameters: cst.Parameters) -> tuple[tree.Parameter, ...]:
    def lowered(each: cst.Param, kind: str = "") -> tree.Parameter:
        default = expression(each.default) if each.default else None
        return tree.Parameter(name=each.name.value, default=default, kind=kind, cst=each)

    found = [lowered(each) for each in (*parameters.posonly_params, *parameters.params)]
    if isinstance(parameters.star_arg, cst.Param):
        found.append(lowered(parameters.star_arg, "*"))
    found += [lowered(each) for each in parameters.kwonly_params]
    if parameters.star_kwarg:
        found.append(lowered(parameters.star_kwarg, "**"))
    return tuple(found)


def _imported(node: cst.Import | cst.ImportFrom) -> list[tree.ImportedName]:
    if isinstance(node, cst.Import):
        return [_imported_module(each) for each in node.names]
    module, level = _dotted(node.module) if node.module else "", len(node.relative)
    if isinstance(node.names, cst.ImportStar):
        return [tree.ImportedName(module=module, level=level, name="*", bound="*", cst=node)]
    found = []
    for each in node.names:
        name = _dotted(each.name)
        bound = _dotted(each.asname.name) if each.asname else name
        found.append(tree.ImportedName(module=module, level=level, name=name, bound=bound, cst=each))
    return found


def _imported_module(each: cst.ImportAlias) -> tree.ImportedName:
    module = _dotted(each.name)
    bound = _dotted(each.asname.name) if each.asname else module.partition(".")[0]
    return tree.ImportedName(module=module, level=0, name=None, bound=bound, cst=each)


def _dotted(node: cst.CSTNode) -> str:
    if isinstance(node, cst.Attribute):
        return f"{_dotted(node.value)}.{node.attr.value}"
    return node.value if isinstance(node, cst.Name) else ""


# --- expressions ----------------------------------------------------------------------------------------


def expression(node: cst.BaseExpression) -> tree.Expression:
    """One expression."""
    lower = _LOWER.get(type(node))
    return lower(node) if lower else _opaque(node)


def _opaque(node: cst.CSTNode) -> tree.Expression:
    inside = tuple(expression(each) for each in node.children if isinstance(each, cst.BaseExpression))
    return tree.Opaque(inside=inside, cst=node)


def _name(node: cst.Name) -> tree.Expression:
    if node.value in _NAMED_CONSTANTS:
        return tree.Constant(value=_NAMED_CONSTANTS[node.value], cst=node)
    return tree.Name(id=node.value, cst=node)


_NAMED_CONSTANTS: dict[str, object] = {"True": True, "False": False, "None": None}


def _literal(node: cst.Integer | cst.Float | cst.Imaginary | cst.SimpleString) -> tree.Expression:
    return tree.Constant(value=_value_of(node.value), cst=node)


@lru_cache(maxsize=1024)
def _value_of(text: str) -> object:
    """The value of a literal; a program writes the same few again and again."""
    return ast.literal_eval(text)


def _formatted(node: cst.CSTNode) -> tree.Expression:
    return tree.Constant(value=..., cst=node)


def _attribute(node: cst.Attribute) -> tree.Expression:
    return tree.Attribute(value=expression(node.value), attr=node.attr.value, cst=node)


def _subscript(node: cst.Subscript) -> tree.Expression:
    indices = tuple(_index(each.slice) for each in node.slice)
    if len(indices) == 1 and isinstance(indices[0], tree.Sequence) and indices[0].kind == "tuple":
        indices = indices[0].items
    return tree.Subscript(value=expression(node.value), indices=indices, cst=node)


def _index(node: cst.BaseSlice) -> tree.Expression:
    if isinstance(node, cst.Index):
        return expression(node.value)
    if isinstance(node, cst.Slice):
        lower, upper, step = (expression(e) if e else None for e in (node.lower, node.upper, node.step))
        return tree.Slice(lower=lower, upper=upper, step=step, cst=node)
    return _opaque(node)


def _call(node: cst.Call) -> tree.Expression:
    arguments: list[tree.Expression] = []
    keywords: list[tree.Keyword] = []
    for each in node.args:
        value = expression(each.value)
        if each.keyword or each.star == "**":
            name = each.keyword.value if each.keyword else None
            keywords.append(tree.Keyword(name=name, value=value, cst=each))
        else:
            arguments.append(tree.Starred(value=value, cst=each) if each.star else value)
    function = expression(node.func)
    return tree.Call(function=function, arguments=tuple(arguments), keywords=tuple(keywords), cst=node)


def _unary(node: cst.UnaryOperation) -> tree.Expression:
    operand, operator = expression(node.expression), _UNARY[type(node.operator).__name__]
    if operator == "-" and isinstance(operand, tree.Constant) and isinstance(operand.value, int | float):
        return tree.Constant(value=-operand.value, cst=node)
    return tree.Unary(operator=operator, operand=operand, cst=node)


def _binary(node: cst.BinaryOperation) -> tree.Expression:
    spine = []  # a chain of a hundred sums is deep on its left: walked, not recursed
    left: cst.BaseExpression = node
    while isinstance(left, cst.BinaryOperation):
        spine.append(left)
        left = left.left
    lowered = expression(left)
    for each in reversed(spine):
        operator = _BINARY[type(each.operator).__name__]
        lowered = tree.Binary(operator=operator, left=lowered, right=expression(each.right), cst=each)
    return lowered


def _logical(node: cst.BooleanOperation) -> tree.Expression:
    operator = type(node.operator).__name__.lower()
    return tree.Logical(operator=operator, left=expression(node.left), right=expression(node.right), cst=node)


def _compare(node: cst.Comparison) -> tree.Expression:
    operators = tuple(_COMPARE[type(each.operator).__name__] for each in node.comparisons)
    rights = tuple(expression(each.comparator) for each in node.comparisons)
    return tree.Compare(left=expression(node.left), operators=operators, rights=rights, cst=node)


def _conditional(node: cst.IfExp) -> tree.Expression:
    return tree.Conditional(
        test=expression(node.test), then=expression(node.body), otherwise=expression(node.orelse), cst=node
    )


def _display(node: cst.Tuple | cst.List | cst.Set) -> tree.Expression:
    items = tuple(_element(each) for each in node.elements)
    return tree.Sequence(kind=type(node).__name__.lower(), items=items, cst=node)


def _element(node: cst.BaseElement) -> tree.Expression:
    value = expression(node.value)
    return tree.Starred(value=value, cst=node) if isinstance(node, cst.StarredElement) else value


def _mapping(node: cst.Dict) -> tree.Expression:
    pairs: Sequence[Any] = node.elements
    keys = tuple(expression(e.key) if isinstance(e, cst.DictElement) else None for e in pairs)
    return tree.Mapping(keys=keys, values=tuple(expression(e.value) for e in pairs), cst=node)


def _comprehension(node: cst.ListComp | cst.GeneratorExp | cst.SetComp) -> tree.Expression:
    clause = node.for_in
    if clause.inner_for_in is not None:
        return tree.Opaque(inside=(expression(node.elt), expression(clause.iter)), cst=node)
    return tree.Comprehension(
        kind=type(node).__name__.removesuffix("Comp").removesuffix("Exp").lower(),
        element=expression(node.elt),
        target=expression(clause.target),
        iterable=expression(clause.iter),
        conditions=tuple(expression(each.test) for each in clause.ifs),
        cst=node,
    )


def _lambda(node: cst.Lambda) -> tree.Expression:
    return tree.Lambda(parameters=_parameters(node.params), body=expression(node.body), cst=node)


_LOWER: dict[type, Lowering] = {
    cst.Name: _name,
    cst.Integer: _literal,
    cst.Float: _literal,
    cst.Imaginary: _literal,
    cst.SimpleString: _literal,
    cst.FormattedString: _formatted,
    cst.ConcatenatedString: _formatted,
    cst.Attribute: _attribute,
    cst.Subscript: _subscript,
    cst.Call: _call,
    cst.UnaryOperation: _unary,
    cst.BinaryOperation: _binary,
    cst.BooleanOperation: _logical,
    cst.Comparison: _compare,
    cst.IfExp: _conditional,
    cst.Tuple: _display,
    cst.List: _display,
    cst.Set: _display,
    cst.Dict: _mapping,
    cst.ListComp: _comprehension,
    cst.GeneratorExp: _comprehension,
    cst.SetComp: _comprehension,
    cst.Lambda: _lambda,
}
