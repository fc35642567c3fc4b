"""Following calls: NumPy's functions, the project's functions and methods, lists' own methods."""

from __future__ import annotations

from collections.abc import Mapping

from rnnlint.model import vocabulary
from rnnlint.model.heap import Frame, Store, UnknownCall
from rnnlint.model.helpers import Helpers
from rnnlint.model.learned import learned_places
from rnnlint.model.program import Definition, Program
from rnnlint.model.subscripts import Subscripts
from rnnlint.model.terms import Op, Term, Terms, replace_origin
from rnnlint.syntax import tree

DEEPEST_CALL = 5


class Calls(Subscripts):
    """Runs what is called, where it can be followed."""

    def __init__(self, program: Program, terms: Terms, helpers: Helpers) -> None:
        super().__init__(program, terms, helpers)
        self._calls: list[tree.Function | tree.Lambda] = []

    def run(self, definition: Definition, given: Mapping[str, Term]) -> tuple[Term | None, Frame]:
        """Run a function with ``given`` values for its parameters; the others stand for themselves."""
        function = definition.function
        frame = Frame(definition.module, definition.owner, {}, self._learned_by(function))
        for parameter in function.parameters:
            frame.names[parameter.name] = given.get(parameter.name) or self.terms.symbol(parameter.name)
        self._calls.append(function)
        try:
            if isinstance(function, tree.Lambda):
                return self.evaluate(function.body, frame), frame
            return self.block(function.body, frame), frame
        finally:
            self._calls.pop()

    def _learned_by(self, function: tree.Function | tree.Lambda) -> frozenset[str]:
        if isinstance(function, tree.Lambda):
            return frozenset()
        known = self.helpers.learned
        if id(function) not in known:
            known[id(function)] = learned_places(function.body)
        return known[id(function)]

    def call(self, definition: Definition, node: tree.Call, frame: Frame, this: Term | None) -> Term | None:
        """What a call of a project function gives; None where it is not followed."""
        function = definition.function
        if len(self._calls) >= DEEPEST_CALL or function in self._calls:
            return None
        if any(isinstance(each, tree.Starred) for each in node.arguments):
            return None
        arguments = [self.evaluate(each, frame) for each in node.arguments]
        named = {each.name: self.evaluate(each.value, frame) for each in node.keywords if each.name}
        parameters = list(function.parameters)
        if not definition.is_static:
            arguments.insert(0, this or self.terms.symbol("self"))
        if any(each.kind for each in parameters):
            return None
        given = dict(zip((each.name for each in parameters), arguments, strict=False)) | named
        for each in parameters:
            if each.name not in given and each.default is not None:
                given[each.name] = self.evaluate(each.default, Frame(definition.module, None, {}))
        contract = self.helpers.contract(definition, tuple(each.name for each in parameters), given)
        if contract is not None:
            (operand,) = (given[each] for each in contract.operands)
            return self.terms.make(Op.APPLY, operand, data=contract, origin=node)
        result, _ = self.run(definition, given)
        return result or self.terms.number(None)

    def _call(self, node: tree.Call, frame: Frame, statement: tree.Statement | None) -> Term:
        name = self.program.array_function(frame.module, node.function)
        if name is not None:
            return self._array_call(name, node, frame)
        if isinstance(node.function, tree.Name) and node.function.id in vocabulary.BUILT_IN_PASSES:
            kind = "dict" if node.function.id == "dict" else "list"
            if node.arguments:
                given = self.evaluate(node.arguments[0], frame)
                pairs = kind == "dict" and given.op is Op.TUPLE
                return self.terms.make(Op.CALL, given, data="dict", origin=node) if pairs else given
            made = self.terms.fresh(Op.SEQUENCE, kind=kind, origin=node)
            for each in node.keywords:
                if each.name:  # dict(f=f, i=i)
                    self.heap.places[f"{self._label(made)}[{each.name!r}]"] = self.evaluate(each.value, frame)
            return made
        if _copies(node.function) and node.arguments:
            return self.evaluate(node.arguments[0], frame)
        followed = self._follow(node, frame)
        if followed is not None:
            return followed
        standard = self._standard_helper(node, frame)
        if standard is not None:
            return standard
        if isinstance(node.function, tree.Attribute):
            return self._method_call(node, node.function, frame, statement)
        arguments = tuple(self.evaluate(each, frame) for each in _operands(node))
        label = node.function.id if isinstance(node.function, tree.Name) else "call"
        if label not in vocabulary.HARMLESS:
            self.heap.unknown_calls.append(UnknownCall(node, arguments, self.loop))
        return self.terms.make(Op.CALL, *arguments, data=label, origin=node)

    def _follow(self, node: tree.Call, frame: Frame) -> Term | None:
        this: Term | None = None
        definition: Definition | None = None
        match node.function:
            case tree.Name(id=name) if name in frame.local_functions:
                definition = Definition(frame.local_functions[name], frame.module)
            case tree.Name(id=name) if name not in frame.names:
                definition = self.program.function(frame.module, name)
            case tree.Attribute(value=tree.Name(id="self"), attr=attr) if frame.owner:
                this = frame.names.get("self")
                definition = self.program.method(frame.owner, frame.module, attr)
            case tree.Attribute(value=tree.Name(id=name), attr=attr) if name not in frame.names:
                definition = self._of_namespace(name, attr, frame)
        return self.call(definition, node, frame, this) if definition else None

    def _standard_helper(self, node: tree.Call, frame: Frame) -> Term | None:
        """A call of a function defined nowhere, whose name has one standard meaning."""
        match node:
            case tree.Call(function=tree.Name(id=name), arguments=(operand,), keywords=()):
                meaning = vocabulary.STANDARD_HELPERS.get(name)
                if meaning is not None and name not in frame.names and name not in frame.local_functions:
                    term = self.evaluate(operand, frame)
                    return self.terms.make(Op.ELEMENTWISE, term, data=meaning, origin=node)
        return None

    def _of_namespace(self, name: str, attr: str, frame: Frame) -> Definition | None:
        found = self.program.class_named(frame.module, name)
        if found:
            definition = self.program.method(*found, attr)
            return definition if definition and definition.is_static else None
        for each in frame.module.imports:
            if each.bound == name:
                whole = each.module if each.name is None else f"{each.module}.{each.name}".strip(".")
                path = self.program.project.resolve(frame.module.path, whole, each.level)
                module = self.program.module(path) if path else None
                return self.program.function(module, attr) if module else None
        return None

    def _method_call(
        self, node: tree.Call, function: tree.Attribute, frame: Frame, statement: tree.Statement | None
    ) -> Term:
        base = self.evaluate(function.value, frame)
        arguments = tuple(self.evaluate(each, frame) for each in _operands(node))
        match function.attr:
            case "append" if len(arguments) == 1:
                self._note_append(base, arguments[0], node, frame, statement)
                return self.terms.number(None)
            case "insert" if len(arguments) == 2:
                self._note_append(base, arguments[1], node, frame, statement, front=arguments[0].data == 0)
                return self.terms.number(None)
            case "dot" if len(arguments) == 1:
                return self.terms.make(Op.PRODUCT, base, arguments[0], origin=node)
            case "transpose":
                return self.terms.make(Op.TRANSPOSE, base, origin=node)
            case "sum" | "mean":
                return self.terms.make(Op.SUM, base, data=function.attr, origin=node)
            case attr if attr in vocabulary.METHOD_PASSES:
                return replace_origin(base, base.origin or node)
            case "extend" if len(arguments) == 1 and arguments[0].op is Op.TUPLE:
                for each in arguments[0].args:
                    self._note_append(base, each, node, frame, statement)
                return self.terms.number(None)
            case attr if attr in vocabulary.LIST_CHANGES:
                self._write_newest(base, None)
                if attr in vocabulary.REARRANGEMENTS or (attr == "pop" and arguments):
                    self.heap.rearranged.add(base.key)
        self.heap.unknown_calls.append(UnknownCall(node, (base, *arguments), self.loop))
        return self.terms.make(Op.CALL, base, *arguments, data=f".{function.attr}", origin=node)

    def _note_append(
        self,
        base: Term,
        value: Term,
        node: tree.Call,
        frame: Frame,
        statement: tree.Statement | None,
        *,
        front: bool = False,
    ) -> None:
        held_by = statement or frame.module.statement_of(node)
        self._filled.add(base.key)
        if base.op is Op.TUPLE and not any(each.sequence == base for each in self.heap.stores):
            began = frame.module.statement_of(base.origin) if base.origin else None
            if began is not None:
                initial = (Store(base, None, each, None, began, frame.module) for each in base.args)
                self.heap.stores.extend(initial)
        if held_by is not None:
            self.heap.stores.append(Store(base, None, value, self.loop, held_by, frame.module, front=front))
        if self.loop is not None and not front:
            self._write_newest(base, value)

    def _array_call(self, name: str, node: tree.Call, frame: Frame) -> Term:
        arguments = tuple(self.evaluate(each, frame) for each in _operands(node))
        named = {each.name: each.value for each in node.keywords if each.name}
        if name in vocabulary.STACKS and arguments and arguments[0].key in self._filled:
            return self.terms.make(Op.STACK, arguments[0], data=name, origin=node)
        if name == "tensordot" and "axes" in named:
            arguments = (*arguments, self.evaluate(named["axes"], frame))
        out = named.get("out")
        term = vocabulary.array_term(self.terms, name, arguments, named, node)
        if out is not None and (place := self._place(out, frame)) is not None:
            self._write_place(place, term, frame)
        return term


def _operands(node: tree.Call) -> tuple[tree.Expression, ...]:
    return tuple(each.value if isinstance(each, tree.Starred) else each for each in node.arguments)


def _copies(function: tree.Expression) -> bool:
    """``copy.deepcopy`` and ``deepcopy``: the same value."""
    match function:
        case tree.Attribute(value=tree.Name(id="copy"), attr="copy" | "deepcopy") | tree.Name(id="deepcopy"):
            return True
        case _:
            return False
