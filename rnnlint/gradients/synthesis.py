"""From a backward pass to the short program that runs it: construct; forward; backward, with typed holes."""

from __future__ import annotations

import ast
import copy
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path

from rnnlint.gradients.callables import Callable, Library, Parameter
from rnnlint.gradients.draft import BACKWARD, FORWARD, MODEL, Draft, Upstream
from rnnlint.gradients.forms import BundleForm, Form, NumberForm
from rnnlint.gradients.glue import Attribute, Joint, Output, SameAs, joint_of
from rnnlint.gradients.holes import (
    OPTIMIZER_CLASS,
    SHAPE_NAMES,
    STEP_SHAPE,
    UnknownArgumentError,
    form_of,
    layer_sizes,
    role_in_use,
)
from rnnlint.gradients.labels import own_nodes
from rnnlint.gradients.layouts import Layout, layouts
from rnnlint.gradients.module_state import ModuleState, module_state
from rnnlint.gradients.parameter_makers import Maker, maker_for
from rnnlint.gradients.parameter_objects import Instance, bundle_of, maker_of, object_for
from rnnlint.gradients.passes import Pass, Style, gradient_names, is_named_backward
from rnnlint.gradients.roles import Role, is_certain_size, is_layer_count, is_round_count, role_of
from rnnlint.gradients.sizes import Size
from rnnlint.model.project import Project
from rnnlint.records import dataclass, field, replace

MOST_WATCHED = 12
_BEFORE = re.compile(r"prev|old|last|before|init|0$", re.IGNORECASE)


def drafts(project: Project, library: Library, pass_: Pass) -> Iterator[Draft]:
    """The scenario under each layout hypothesis, likely ones first. Raises :class:`UnknownArgumentError`."""
    lead = pass_.forward if pass_.style is Style.PAIR and pass_.forward is not None else pass_.backward
    writer = Writer(project, library, pass_)
    source = _input_parameter(library, lead)
    usage = library.usage(lead, source.name) if source is not None else None
    over_steps = writer.over_steps
    if usage is None:
        from rnnlint.gradients.usage import Usage

        usage = Usage()
    hypotheses = list(layouts(over_steps, usage, writer.last_target))
    shallow = [replace(layout, layers=1) for layout in hypotheses]
    yield from different(writer, [*hypotheses, *shallow])


def different(writer: Writer, hypotheses: Iterable[Layout]) -> Iterator[Draft]:
    """The drafts under these layouts, each program once."""
    seen: set[str] = set()
    both = (True, False)
    for begins, made, layout, stated in itertools.product(both, both, hypotheses, both):
        draft = writer.draft(replace(layout, stated=stated, made=made, begins=begins))
        key = repr((draft.setup, draft.holes, draft.forward, draft.backward))
        if key not in seen:
            seen.add(key)
            yield draft


def _input_parameter(library: Library, callable_: Callable) -> Parameter | None:
    roles = [(p, role_in_use(library.usage(callable_, p.name), p.name)) for p in callable_.parameters]
    for parameter, role in roles:
        if role is Role.INPUT:
            return parameter
    for parameter, role in roles:
        if role in (Role.UNKNOWN, Role.OBJECT) and parameter.default is None:
            return parameter
    return None


@dataclass
class Writer:
    """Writes the drafts of one pass."""

    project: Project
    library: Library
    pass_: Pass
    joint: Joint | None = None
    state: ModuleState = field(default_factory=ModuleState)
    _objects: dict[str, str] = field(default_factory=dict)  # Python that makes an argument, by its name
    _unpacked: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _makers: dict[tuple[int, str], Maker | None] = field(default_factory=dict)
    _guesses: bool = False  # an argument of the backward is told by its role alone

    def __post_init__(self) -> None:
        self.joint = joint_of(self.library, self.pass_) if self.pass_.style is Style.PAIR else None
        users = [c for c in (self.pass_.forward, self.pass_.backward) if c is not None]
        owner = self.pass_.backward.owner
        if owner is not None:
            init = self.library.method(self.pass_.backward.path, owner, "__init__")
            users += [init] if init is not None else []
        self.state = module_state(self.library, self.project.target, users)

    @cached_property
    def over_steps(self) -> bool:
        """Whether the input is a sequence: the forward loops, or the backward does and the instance keeps
        the states."""
        forward = self.pass_.forward if self.pass_.style is Style.PAIR else None
        if forward is None:
            return True
        if forward.has_loop or self.repeats:
            return True
        return self._loops_inside(forward)

    @cached_property
    def repeats(self) -> bool:
        """A forward of one step, called once a step by its caller, with a backward over all of them."""
        forward, backward = self.pass_.forward, self.pass_.backward
        if forward is None or forward.owner is None or forward.has_loop or not backward.has_loop:
            return False
        if self._loops_inside(forward):
            return False
        takes_state = any(role_of(p.name) in (Role.HIDDEN_STATE, Role.CELL_STATE) for p in forward.parameters)
        return not takes_state

    def _loops_inside(self, callable_: Callable) -> bool:
        for node in ast.walk(callable_.node):
            if isinstance(node, ast.Call):
                callee = self.library.callee(callable_, node)
                if callee is not None and callee.has_loop and re.search("forward|pass", callee.name):
                    return True
        return False

    @cached_property
    def last_target(self) -> bool | None:
        """Whether the targets are of one step: never indexed by step nor walked over."""
        for callable_ in (self.pass_.backward, self.pass_.forward):
            for parameter in callable_.parameters if callable_ is not None else ():
                usage = self.library.usage(callable_, parameter.name)  # type: ignore[arg-type]
                if role_in_use(usage, parameter.name) is Role.TARGET:
                    indexed = usage.time_axis is not None or usage.is_sequence or usage.subscripts
                    return None if indexed else True
        return False

    def draft(self, layout: Layout) -> Draft:
        holes: dict[str, Form] = dict(self.state.holes or {})
        setup: list[str] = [OPTIMIZER_CLASS, *self.state.lines]
        self._objects = {}
        self._unpacked = {}
        self._guesses = False
        owner = self.pass_.backward.owner
        has_model = owner is not None and not self.pass_.backward.is_static
        if has_model and owner is not None:
            made = self.construct(self.pass_.backward.path, owner, layout, holes, 0)
            setup.append(f"{MODEL} = {made}")
        forward_lines: list[str] = []
        upstream: list[Upstream] = []
        forward = self.pass_.forward
        if self.pass_.style is Style.PAIR:
            if forward is None:
                raise UnknownArgumentError(self.pass_.backward.title, "")
            function = self._function(forward, setup)
            if self.repeats:
                forward_lines = self.repeated(function, forward, layout, holes)
            else:
                arguments = self.arguments(forward, layout, holes)
                forward_lines = [f"{FORWARD} = {function}({arguments})"]
            backward_call = self._function(self.pass_.backward, setup)
            given = self.backward_arguments(layout, holes, upstream)
            backward_lines = [f"{BACKWARD} = {backward_call}({given})"]
        else:
            function = self._function(self.pass_.backward, setup)
            arguments = self.arguments(self.pass_.backward, layout, holes)
            backward_lines = [f"{BACKWARD} = {function}({arguments})"]
            inner = self._inner_call(forward) if forward is not None and forward.returns_value else None
            if inner is not None:
                forward_lines = [f"{FORWARD} = {inner}"]
        setup += [f"{name} = {made}" for name, made in self._objects.items()]
        return Draft(
            self.pass_,
            layout,
            tuple(setup),
            tuple(forward_lines),
            tuple(backward_lines),
            holes,
            tuple(upstream),
            (*self.state.arrays, *self._objects),
            tuple(sorted(self._left - {*self.state.arrays})),
            has_model,
            self._watched,
            self._resets() if has_model else (),
            unpacked=dict(self._unpacked),
            guesses=self._guesses,
        )

    @cached_property
    def _watched(self) -> tuple[str, ...]:
        """The pass itself, what it calls that makes gradients, and a forward that is called once."""
        names = {self.pass_.backward.name}
        waiting = [self.pass_.backward]
        for caller in waiting[:MOST_WATCHED]:
            for node in ast.walk(caller.node):
                callee = self.library.callee(caller, node) if isinstance(node, ast.Call) else None
                if callee is not None and callee.name not in names and gradient_names(callee):
                    names.add(callee.name)
                    waiting.append(callee)
        if self.pass_.forward is not None and not self.repeats:
            names.add(self.pass_.forward.name)
        names |= {c.name for c in self.library.of(self.pass_.backward.path) if is_named_backward(c.name)}
        return tuple(sorted(names))

    @cached_property
    def _left(self) -> set[str]:
        """``global dWf`` in the backward: gradients that are left in the module."""
        backward = self.pass_.backward
        if backward.path != self.project.target:
            return set()
        nodes = list(own_nodes(backward.node))
        declared = {name for node in nodes if isinstance(node, ast.Global) for name in node.names}
        stored = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        return declared & stored

    def _resets(self) -> tuple[str, ...]:
        """What the class offers for between two passes: ``reset()``, ``zero_grad()``."""
        methods = [
            c for c in self.library.callables if c.owner is self.pass_.backward.owner and not c.is_property
        ]
        return tuple(
            c.name
            for c in methods
            if re.match(r"_?(reset|clear|zero_?grad|flush|init_(hidden|state))", c.name)
            and all(p.default is not None for p in c.parameters)
        )

    def _inner_call(self, forward: Callable) -> str | None:
        """The call of its forward that a pass makes inside, with the scenario's arguments: its outputs are
        then at hand."""
        backward = self.pass_.backward
        names = {p.name: self._object_or(f"_in_{p.name}") for p in backward.parameters if p.default is None}
        for node in own_nodes(backward.node):
            if not isinstance(node, ast.Call) or self.library.callee(backward, node) is None:
                continue
            callee = self.library.callee(backward, node)
            if callee is None or callee.node is not forward.node:
                continue
            renamed = Renamed(names | {"self": MODEL})
            call: ast.expr = renamed.visit(copy.deepcopy(node))
            bound = {n.id for n in ast.walk(call) if isinstance(n, ast.Name)}
            local = {
                n.id
                for n in own_nodes(backward.node)
                if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
            }
            return None if bound & local else ast.unparse(call)
        return None

    def _function(self, callable_: Callable, setup: list[str]) -> str:
        if callable_.owner is not None:
            return f"{callable_.owner.name if callable_.is_static else MODEL}.{callable_.name}"
        if callable_.path == self.project.target:
            return callable_.name
        line = f"from {self._module(callable_.path)} import {callable_.name} as _{callable_.name}"
        if line not in setup:
            setup.append(line)
        return f"_{callable_.name}"

    def _module(self, path: Path) -> str:
        names = self.project.module_names(path)
        return names[0] if names else path.stem

    def construct(
        self, path: Path, owner: ast.ClassDef, layout: Layout, holes: dict[str, Form], depth: int
    ) -> str:
        init = self.library.method(path, owner, "__init__")
        if init is None or depth > 2:
            return f"{owner.name}()"
        given: list[str] = []
        for parameter in init.parameters:
            if parameter.default is not None and not self._is_open_size(init, parameter):
                continue
            inner = self._class_for(parameter.name, owner)
            if inner is not None and parameter.default is None:
                given.append(
                    f"{parameter.name}={self.construct(inner[0], inner[1], layout, holes, depth + 1)}"
                )
                continue
            hole = f"_in_{parameter.name}"
            if hole not in holes:
                holes[hole] = self._constructor_form(init, parameter, layout)
            given.append(f"{parameter.name}={hole}")
        return f"{owner.name}({', '.join(given)})"

    def _is_open_size(self, init: Callable, parameter: Parameter) -> bool:
        """A size that has a default: the driver's, not the probe's."""
        default, role = parameter.default, role_of(parameter.name)
        if parameter.name in SHAPE_NAMES:
            return True
        if not isinstance(default, ast.Constant):
            return False
        if default.value is None:
            return role is Role.SIZE and is_certain_size(parameter.name)
        if type(default.value) is not int or default.value <= 1 or is_layer_count(parameter.name):
            return False
        called_a_size = role in (Role.SIZE, Role.HIDDEN_STATE)
        return called_a_size or self.library.usage(init, parameter.name).is_number

    def _constructor_form(self, init: Callable, parameter: Parameter, layout: Layout) -> Form:
        role = role_of(parameter.name)
        if parameter.name in SHAPE_NAMES:
            return STEP_SHAPE
        usage = self.library.usage(init, parameter.name)
        if role is Role.SIZE and usage.subscripts and not usage.unpacked:
            return layer_sizes(parameter.name)
        if usage.unpacked and all(self._is_a_size(init, name) for name in usage.unpacked):
            return BundleForm({n: NumberForm(Size.axis(f"size.{n}")) for n in usage.unpacked}, "tuple")
        if role in (
            Role.UNKNOWN,
            Role.INPUT,
            Role.HIDDEN_STATE,
            Role.TARGET,
            Role.CELL_STATE,
            Role.COTANGENT,
        ) and (usage.is_number or not (usage.shape_names or usage.subscripts or usage.is_sequence)):
            return NumberForm(Size.axis(f"size.{parameter.name}"))
        return form_of(self.library, init, parameter, layout, self.over_steps)

    def _is_a_size(self, callable_: Callable, name: str) -> bool:
        return role_of(name) is Role.SIZE or self.library.usage(callable_, name).is_number

    def _class_for(self, name: str, owner: ast.ClassDef) -> tuple[Path, ast.ClassDef] | None:
        """A class of the same file that an argument such as ``cell`` or ``lstm_param`` is an instance of."""
        wanted = name.lower().replace("_", "")
        if len(wanted) < 4 or role_of(name) in (Role.SIZE, Role.INPUT, Role.RATE):
            return None
        tree = self.library.trees[self.project.target]
        classes = [s for s in tree.body if isinstance(s, ast.ClassDef) and s is not owner]
        same = [c for c in classes if c.name.lower() == wanted]
        alike = [c for c in classes if c.name.lower().endswith(wanted)]
        found = same or alike
        return (self.project.target, found[0]) if found else None

    def arguments(self, callable_: Callable, layout: Layout, holes: dict[str, Form]) -> str:
        given: list[str] = []
        for parameter in callable_.parameters:
            if parameter.default is not None and not self._wants(callable_, parameter, layout):
                continue
            made = self._object(callable_, parameter, layout, holes)
            hole = f"_in_{parameter.name}"
            if made is None and hole not in holes:
                holes[hole] = form_of(self.library, callable_, parameter, layout, self.over_steps)
            given.append(f"{parameter.name}={made or hole}")
        return ", ".join(given)

    def _object(
        self, callable_: Callable, parameter: Parameter, layout: Layout, holes: dict[str, Form]
    ) -> str | None:
        """The variable that holds an object with parameters, made by the set-up; None for other arguments."""
        name = f"_object_{parameter.name}"
        if name in self._objects:
            return name
        maker = self._maker(callable_, parameter) if layout.made else None
        if maker is not None:
            self._objects[name] = self._made(maker, layout, holes)
            self._unpacked[name] = self.library.usage(callable_, parameter.name).unpacked
            return name
        found = object_for(self.library, callable_, parameter)
        if found is None:
            return None
        if isinstance(found, Instance):
            self._objects[name] = self.construct(found.path, found.owner, layout, holes, 1)
        else:
            usage = self.library.usage(callable_, parameter.name)
            holes[f"_in_{parameter.name}"] = bundle_of(found, layout, usage)
            self._objects[name] = f"{maker_of(found)}(**_in_{parameter.name})"
        return name

    def _maker(self, callable_: Callable, parameter: Parameter) -> Maker | None:
        """What makes an argument: looked for once, not under every layout."""
        key = (id(callable_.node), parameter.name)
        if key not in self._makers:
            self._makers[key] = maker_for(self.library, callable_, parameter)
        return self._makers[key]

    def _made(self, maker: Maker, layout: Layout, holes: dict[str, Form]) -> str:
        """The call that makes parameters, with sizes for its arguments."""
        given: list[str] = []
        for parameter in maker.function.parameters:
            if parameter.default is None or self._is_open_size(maker.function, parameter):
                hole = f"_in_{parameter.name}"
                holes[hole] = self._constructor_form(maker.function, parameter, layout)
                given.append(f"{parameter.name}={hole}")
        item = "" if maker.position is None else f"[{maker.position}]"
        return f"{maker.function.name}({', '.join(given)}){item}"

    def _wants(self, callable_: Callable, parameter: Parameter, layout: Layout) -> bool:
        """Defaults that are better filled: states left to None, parameters bound to a global, many rounds."""
        role = role_of(parameter.name)
        if is_round_count(parameter.name):
            return True
        if isinstance(parameter.default, ast.Constant) and parameter.default.value is None:
            return role in (Role.HIDDEN_STATE, Role.CELL_STATE) and layout.begins
        usage = self.library.usage(callable_, parameter.name)
        return role is Role.BUNDLE and bool(usage.unpacked or usage.keys)

    def repeated(self, function: str, forward: Callable, layout: Layout, holes: dict[str, Form]) -> list[str]:
        first = forward.parameters[0].name if forward.parameters else ""
        hole = f"_in_{first}"
        holes[hole] = layout.sequence(Size.axis("D"))
        return [f"{FORWARD} = [{function}({first}=_step) for _step in {hole}]"]

    def backward_arguments(self, layout: Layout, holes: dict[str, Form], upstream: list[Upstream]) -> str:
        backward, forward = self.pass_.backward, self.pass_.forward
        assert forward is not None
        given: list[str] = []
        for parameter in backward.parameters:
            text = self._from_forward(parameter, forward, holes, upstream)
            if text is not None and text.removeprefix("_in_") != text:
                text = self._object_or(text)
            if text is None and parameter.default is None:
                text = self._object(backward, parameter, layout, holes)
            spared = parameter.default is not None and not self._wants(backward, parameter, layout)
            if text is None and spared:
                continue
            if text is None:
                text = self._hole_for(parameter, layout, holes)
            given.append(f"{parameter.name}={text}")
        return ", ".join(given)

    def _object_or(self, hole: str) -> str:
        """The object that is made of a hole's values, or the hole itself."""
        name = f"_object_{hole.removeprefix('_in_')}"
        return name if name in self._objects else hole

    def _from_forward(
        self, parameter: Parameter, forward: Callable, holes: Mapping[str, Form], upstream: list[Upstream]
    ) -> str | None:
        name = parameter.name
        role = role_of(name)
        origin = self.joint.origins.get(name) if self.joint is not None else None
        match origin:
            case Output(position=position):
                return FORWARD if position is None else f"{FORWARD}[{position}]"
            case SameAs(name=same) if f"_in_{same}" in holes or f"_object_{same}" in self._objects:
                return f"_in_{same}"
            case Attribute(name=attribute):
                return f"{MODEL}.{attribute}"
            case _:
                pass
        names = (name,) if role is Role.TARGET or f"_in_{name}" in holes else tuple(_spellings(name))
        for candidate in names:
            if candidate in forward.returned and not self.repeats:
                return _item(forward, forward.returned.index(candidate))
        if f"_in_{name}" in holes or f"_object_{name}" in self._objects:
            return f"_in_{name}"
        if role is Role.CACHE:
            unpacked = self.library.usage(self.pass_.backward, name).unpacked
            if len(unpacked) == len(forward.returned) > 1 and set(unpacked) & set(forward.returned):
                return FORWARD
            return self._cache(forward)
        if role is Role.COTANGENT and parameter.default is None:
            output = self.output_for(name, forward, len(upstream))
            upstream.append(Upstream(f"_in_{name}", output))
            return f"_in_{name}"
        unnamed = self._unnamed_output(parameter, forward)
        if unnamed is not None:
            return unnamed
        if self._is_target_by_use(parameter):
            return None
        usage = self.library.usage(self.pass_.backward, name)
        role = role_in_use(usage, name)
        if role not in (Role.INPUT, Role.HIDDEN_STATE, Role.CELL_STATE, Role.BUNDLE):
            return None
        found = self._by_role(name, role, forward, holes)
        self._guesses |= found is not None and role is not Role.BUNDLE
        return found

    def _by_role(self, name: str, role: Role, forward: Callable, holes: Mapping[str, Form]) -> str | None:
        """What the forward was given, or gives, in the role of an argument that nothing else explains.

        An argument of the forward that the backward has too, under its own name, is not meant.
        """
        own = {p.name for p in self.pass_.backward.parameters}
        others = [p for p in forward.parameters if p.name not in own]
        for other in others:
            if role_in_use(self.library.usage(forward, other.name), other.name) is role:
                known = f"_in_{other.name}" in holes or f"_object_{other.name}" in self._objects
                return f"_in_{other.name}" if known else None
        unnamed = [i for i, returned in enumerate(forward.returned) if not returned]
        if role in (Role.HIDDEN_STATE, Role.CELL_STATE) and len(unnamed) == 1 and not _BEFORE.search(name):
            return _item(forward, unnamed[0])
        left = [f"_in_{p.name}" for p in others if f"_in_{p.name}" in holes]
        if role is Role.INPUT or (role is Role.HIDDEN_STATE and len(left) == 1):
            return next(iter(left), None)
        return None

    def _unnamed_output(self, parameter: Parameter, forward: Callable) -> str | None:
        """An output that the forward returns without a name, for a parameter that nothing else explains.

        With two targets, ``y`` beside ``target``, the first is the output.
        """
        unnamed = [i for i, name in enumerate(forward.returned) if not name]
        if not unnamed:
            return None
        wanting = [p.name for p in self.pass_.backward.parameters if self._is_unexplained(p, forward)]
        targets = [p.name for p in self.pass_.backward.parameters if role_of(p.name) is Role.TARGET]
        if len(targets) > 1:
            wanting += targets[:-1]
        if parameter.name in wanting and wanting.index(parameter.name) < len(unnamed):
            return _item(forward, unnamed[wanting.index(parameter.name)])
        return None

    @staticmethod
    def _is_unexplained(parameter: Parameter, forward: Callable) -> bool:
        known = {*forward.returned, *(p.name for p in forward.parameters)}
        return role_of(parameter.name) is Role.UNKNOWN and not any(
            s in known for s in _spellings(parameter.name)
        )

    def _hole_for(self, parameter: Parameter, layout: Layout, holes: dict[str, Form]) -> str:
        name = "targets" if self._is_target_by_use(parameter) else parameter.name
        hole = f"_in_{name}"
        usage = self.library.usage(self.pass_.backward, parameter.name)
        if role_in_use(usage, name) is Role.UNKNOWN:
            raise UnknownArgumentError(self.pass_.backward.title, name)
        if hole not in holes:
            holes[hole] = form_of(
                self.library, self.pass_.backward, parameter, layout, self.over_steps, called=name
            )
        return hole

    def _is_target_by_use(self, parameter: Parameter) -> bool:
        """Data that only the backward is given, where nothing is called a target or an upstream gradient."""
        forward, backward = self.pass_.forward, self.pass_.backward
        if forward is None or role_of(parameter.name) is not Role.UNKNOWN:
            return False
        names = [p.name for c in (forward, backward) for p in c.parameters]
        if any(role_of(name) in (Role.TARGET, Role.COTANGENT, Role.CACHE) for name in names):
            return False
        if any(p.name == parameter.name for p in forward.parameters):
            return False
        return role_in_use(self.library.usage(backward, parameter.name), parameter.name) is Role.INPUT

    def _cache(self, forward: Callable) -> str:
        for position, name in reversed(list(enumerate(forward.returned))):
            if role_of(name) is Role.CACHE:
                return _item(forward, position)
        return _item(forward, len(forward.returned) - 1) if forward.returned else FORWARD

    def output_for(self, name: str, forward: Callable, order: int) -> str:
        """The forward's output that a cotangent belongs to: by name, by kind of state, else by order."""
        names = [n for n in forward.returned if role_of(n) is not Role.CACHE]
        stem = re.sub(r"^(d_?l?_?d?_?|grad_?|top_diff_|delta_)", "", name.lower())
        stem = re.sub(r"^(next|new|cur(rent)?)_?(?=.)|_?(next|new|out|in|t)$", "", stem) or stem
        if not forward.returned and forward.owner is not None:
            return _stored_output(forward, stem)
        if len(forward.returned) <= 1 and order == 0:
            return FORWARD
        if len(forward.returned) <= 1:  # a second one: of a state that the object keeps
            kept = f"{MODEL}.{stem}" if stem in self.pass_.attributes_set else None
            self._guesses |= kept is None
            return kept or FORWARD
        for position, returned in enumerate(forward.returned):
            if returned.lower() in (stem, f"{stem}_next", f"next_{stem}", f"{stem}s", f"{stem}_out"):
                return _item(forward, position)
        cell = bool(re.search(r"(^|_)d?c(?!ur)|cell", stem))
        for position, returned in enumerate(forward.returned):
            is_cell = bool(re.match(r"(next_|prev_)?c(ell|_|$|t)|.*cell", returned.lower()))
            if returned in names and is_cell == cell and (cell or order == 0):
                return _item(forward, position)
        return _item(forward, min(order, len(forward.returned) - 1))


class Renamed(ast.NodeTransformer):
    def __init__(self, names: Mapping[str, str]) -> None:
        super().__init__()
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.copy_location(ast.Name(self._names.get(node.id, node.id), node.ctx), node)


def _item(forward: Callable, position: int) -> str:
    return FORWARD if len(forward.returned) <= 1 else f"{FORWARD}[{position}]"


def _stored_output(forward: Callable, stem: str) -> str:
    """The attribute in which a forward that returns nothing leaves the output that a cotangent belongs to."""
    stored = [
        ast.unparse(target).replace("self.", f"{MODEL}.", 1)
        for node in ast.walk(forward.node)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Attribute) and ast.unparse(target).startswith("self.")
    ]
    for text in reversed(stored):
        if text.rpartition(".")[2].lower() in (stem, f"{stem}_t", f"{stem}t"):
            return text
    outputs = [t for t in stored if role_of(t.rpartition(".")[2]) in (Role.HIDDEN_STATE, Role.TARGET)]
    return outputs[-1] if outputs else stored[-1] if stored else FORWARD


def _spellings(name: str) -> Iterator[str]:
    yield name
    yield f"{name}_s"
    yield f"{name}s"
    yield f"{name}_t"
    if name.endswith("s") and len(name) > 2:
        yield name[:-1]
