"""Sizes that an assert compares: ``assert x.shape == (V, 1)``, ``assert n_a_check == n_a``, as equations of
the holes."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from rnnlint.gradients.forms import ArrayForm, BundleForm, Form, NumberForm, StepsForm
from rnnlint.gradients.library import Library
from rnnlint.gradients.sizes import Size, decode
from rnnlint.sandbox.job import Trouble


def asserted_equations(
    library: Library, holes: Mapping[str, Form], trouble: Trouble, sizes: Mapping[str, int]
) -> list[tuple[Size, Size]]:
    """What a failed assert demands; empty where its names are not understood."""
    try:
        test = ast.parse(trouble.source.strip(), mode="eval").body
    except SyntaxError:
        return []
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq)):
        return []
    reader = _Reader(library, holes, trouble, sizes)
    left, right = reader.sizes_of(test.left), reader.sizes_of(test.comparators[0])
    if left is None or right is None or len(left) != len(right):
        return []
    return [(a, b) for a, b in zip(left, right, strict=True) if a is not None and b is not None]


class _Reader:
    def __init__(
        self, library: Library, holes: Mapping[str, Form], trouble: Trouble, sizes: Mapping[str, int]
    ) -> None:
        self._holes = holes
        self._trouble = trouble
        self._sizes = sizes
        self._callable = next((c for c in library.callables if c.title == trouble.function), None)
        owner = self._callable.owner if self._callable is not None else None
        self._init = (
            library.method(self._callable.path, owner, "__init__") if owner and self._callable else None
        )

    def sizes_of(self, node: ast.expr) -> list[Size | None] | None:
        """The sizes that an expression holds: one of a number, several of a shape."""
        match node:
            case ast.Tuple(elts=elements):
                return [self.size(e) for e in elements]
            case ast.Attribute(attr="shape", value=array):
                return self._shape(array)
            case _:
                size = self.size(node)
                return None if size is None else [size]

    def size(self, node: ast.expr) -> Size | None:
        """The size that a number is."""
        match node:
            case ast.Constant(value=int(number)):
                return Size(constant=number)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                a, b = self.size(left), self.size(right)
                return None if a is None or b is None else a + b
            case ast.BinOp(left=ast.Constant(value=int(times)), op=ast.Mult(), right=right):
                inner = self.size(right)
                return None if inner is None else inner.times(times)
            case ast.Subscript(
                value=ast.Attribute(attr="shape", value=array), slice=ast.Constant(value=int(axis))
            ):
                shape = self._shape(array)
                return shape[axis] if shape is not None and -len(shape) <= axis < len(shape) else None
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                return self._of_instance(name)
            case ast.Name(id=name):
                return self._of_name(name)
            case _:
                return None

    def _shape(self, array: ast.expr) -> list[Size | None] | None:
        text = ast.unparse(array)
        for operand in self._trouble.operands:
            if operand.text == text:
                return [decode(number, self._sizes) for number in operand.shape]
        form = self._form(array)
        return list(form.axes) if isinstance(form, ArrayForm) else None

    def _form(self, node: ast.expr) -> Form | None:
        match node:
            case ast.Name(id=name):
                return self._holes.get(f"_in_{name}")
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str(key))):
                bundle = self._holes.get(f"_in_{name}")
                return bundle.items.get(key) if isinstance(bundle, BundleForm) else None
            case _:
                return None

    def _of_name(self, name: str) -> Size | None:
        for node in ast.walk(self._callable.node) if self._callable is not None else ():
            if not isinstance(node, ast.Assign):
                continue
            target = node.targets[0]
            if (
                isinstance(target, ast.Tuple)
                and isinstance(node.value, ast.Attribute)
                and node.value.attr == "shape"
            ):
                names = [e.id if isinstance(e, ast.Name) else "" for e in target.elts]
                if name in names:
                    shape = self._shape(node.value.value)
                    if shape is not None and len(shape) == len(names):
                        return shape[names.index(name)]
            elif isinstance(target, ast.Name) and target.id == name and not isinstance(node.value, ast.Name):
                if isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "len":
                    return self._length(node.value.args[0])
                return self.size(node.value)
        form = self._holes.get(f"_in_{name}")
        return form.size if isinstance(form, NumberForm) else None

    def _length(self, node: ast.expr) -> Size | None:
        form = self._form(node)
        if isinstance(form, StepsForm):
            return form.length
        return form.axes[0] if isinstance(form, ArrayForm) and form.axes else None

    def _of_instance(self, name: str) -> Size | None:
        if self._init is None:
            return None
        for node in ast.walk(self._init.node):
            if not isinstance(node, ast.Assign):
                continue
            targets = node.targets[0].elts if isinstance(node.targets[0], ast.Tuple) else [node.targets[0]]
            values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            for target, value in zip(targets, values, strict=False):
                if isinstance(target, ast.Attribute) and target.attr == name and isinstance(value, ast.Name):
                    form = self._holes.get(f"_in_{value.id}")
                    return form.size if isinstance(form, NumberForm) else None
        return None
