"""Writes the program of one pass under a layout: construct; forward; backward."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from rnnlint.gradients.callables import Callable
from rnnlint.gradients.draft import BACKWARD, FORWARD, MODEL, Draft
from rnnlint.gradients.glue import Joint, joint_of
from rnnlint.gradients.holes import OPTIMIZER_CLASS, UnknownArgumentError, role_in_use
from rnnlint.gradients.labels import own_nodes
from rnnlint.gradients.layouts import Layout
from rnnlint.gradients.library import Library
from rnnlint.gradients.module_state import ModuleState, module_state
from rnnlint.gradients.passes import Pass, Style, gradient_names, is_named_backward
from rnnlint.gradients.roles import Role, role_of
from rnnlint.gradients.sizes import Size
from rnnlint.gradients.synthesis.arguments import Arguments
from rnnlint.gradients.synthesis.sheet import Sheet
from rnnlint.gradients.synthesis.wiring import Wiring
from rnnlint.gradients.time_loops import goes_back
from rnnlint.model.project import Project
from rnnlint.records import dataclass, field

MOST_WATCHED = 12


@dataclass
class Writer:
    """Writes the drafts of one pass."""

    project: Project
    library: Library
    pass_: Pass
    state: ModuleState = field(init=False)

    def __post_init__(self) -> None:
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
        if self._loops_inside(forward):
            return True
        return any(goes_back(callee.node) for callee in self.library.called_by(self.pass_.backward))

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

    @cached_property
    def given(self) -> Arguments:
        """What gives the callables their arguments."""
        return Arguments(self.library, self.project.target, self.over_steps)

    @cached_property
    def _joint(self) -> Joint | None:
        return joint_of(self.library, self.pass_)

    @property
    def asked(self) -> set[str]:
        """The choices of a layout that have made a difference to a draft so far."""
        return self.given.asked

    def draft(self, layout: Layout) -> Draft:
        """The program under one layout. Raises :class:`UnknownArgumentError`."""
        sheet = Sheet(layout, dict(self.state.holes or {}))
        setup = [OPTIMIZER_CLASS, *self.state.lines]
        backward = self.pass_.backward
        has_model = backward.owner is not None and not backward.is_static
        if has_model and backward.owner is not None:
            setup.append(f"{MODEL} = {self.construct(backward.path, backward.owner, sheet)}")
        if self.pass_.style is Style.PAIR:
            forward_lines, backward_lines = self._pair(sheet, setup)
        else:
            forward_lines, backward_lines = self._whole(sheet, setup)
        setup += [f"{name} = {made}" for name, made in sheet.objects.items()]
        return Draft(
            self.pass_,
            layout,
            tuple(setup),
            tuple(forward_lines),
            tuple(backward_lines),
            sheet.holes,
            tuple(sheet.upstream),
            (*self.state.arrays, *sheet.objects),
            tuple(sorted(self._left - {*self.state.arrays})),
            has_model,
            self._watched,
            self._resets() if has_model else (),
            unpacked=sheet.unpacked,
            guesses=sheet.guesses,
        )

    def construct(self, path: Path, owner: ast.ClassDef, sheet: Sheet) -> str:
        """Python that makes the object whose methods the passes are."""
        return self.given.construct(path, owner, sheet)

    def arguments(self, callable_: Callable, sheet: Sheet) -> str:
        """The arguments of the first call."""
        return self.given.all_of(callable_, sheet)

    def repeated(self, function: str, forward: Callable, sheet: Sheet) -> list[str]:
        """A forward of one step, called once a step: its first argument is the whole sequence."""
        first = forward.parameters[0].name if forward.parameters else ""
        hole = f"_in_{first}"
        sheet.holes[hole] = sheet.layout.sequence(Size.axis("D"))
        return [f"{FORWARD} = [{function}({first}=_step) for _step in {hole}]"]

    def backward_arguments(self, forward: Callable, sheet: Sheet) -> str:
        """The arguments of a backward that is called after its forward."""
        return Wiring(self.library, self.pass_, forward, self._joint, self.repeats, self.given).all_of(sheet)

    def _pair(self, sheet: Sheet, setup: list[str]) -> tuple[list[str], list[str]]:
        """A forward, and the backward that takes what it gives."""
        forward = self.pass_.forward
        if forward is None:
            raise UnknownArgumentError(self.pass_.backward.title, "")
        function = self._function(forward, setup)
        if self.repeats:
            forward_lines = self.repeated(function, forward, sheet)
        else:
            forward_lines = [f"{FORWARD} = {function}({self.arguments(forward, sheet)})"]
        backward = self._function(self.pass_.backward, setup)
        return forward_lines, [f"{BACKWARD} = {backward}({self.backward_arguments(forward, sheet)})"]

    def _whole(self, sheet: Sheet, setup: list[str]) -> tuple[list[str], list[str]]:
        """One callable that does both; the forward that it calls inside is called once more before it."""
        function = self._function(self.pass_.backward, setup)
        backward_lines = [f"{BACKWARD} = {function}({self.arguments(self.pass_.backward, sheet)})"]
        forward = self.pass_.forward
        inner = self._inner_call(forward, sheet) if forward is not None and forward.returns_value else None
        return [f"{FORWARD} = {inner}"] if inner is not None else [], backward_lines

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

    def _inner_call(self, forward: Callable, sheet: Sheet) -> str | None:
        """The call of its forward that a pass makes inside, with the scenario's arguments: its outputs are
        then at hand."""
        backward = self.pass_.backward
        names = {p.name: sheet.held(p.name) for p in backward.parameters if p.default is None}
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


class Renamed(ast.NodeTransformer):
    """Other names for the variables of an expression."""

    def __init__(self, names: Mapping[str, str]) -> None:
        super().__init__()
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.copy_location(ast.Name(self._names.get(node.id, node.id), node.ctx), node)
