"""Scenarios that are stated by hand, made into drafts: the calls as written, their sizes to be solved.

The names that the user gives to arguments and results say what they are for; the functions' own names may be
anything. What is not stated is inferred as for any other pass.
"""

from __future__ import annotations

import ast
from collections.abc import Callable as Function
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path

from rnnlint.explicit import Argument, Call, ExplicitScenario, names_in
from rnnlint.gradients.callables import Callable, Parameter
from rnnlint.gradients.draft import BACKWARD, FORWARD, MODEL, Draft, Upstream
from rnnlint.gradients.forms import BundleForm, Form, GivenForm, NumberForm
from rnnlint.gradients.holes import UnknownArgumentError, form_of, is_stated, role_in_use, weight_form
from rnnlint.gradients.labels import own_nodes
from rnnlint.gradients.layouts import Item, Layout, Steps, layouts
from rnnlint.gradients.library import Library
from rnnlint.gradients.named import NotThereError, bound, callable_named
from rnnlint.gradients.pairing import is_gradient_name, stem
from rnnlint.gradients.passes import Pass, Style
from rnnlint.gradients.probe import Probe
from rnnlint.gradients.roles import Role, role_of
from rnnlint.gradients.sizes import INPUT, TIME, Size
from rnnlint.gradients.stated_shapes import fits, shaped
from rnnlint.gradients.synthesis import different
from rnnlint.gradients.synthesis.arguments import STATED
from rnnlint.gradients.synthesis.outputs import output_of
from rnnlint.gradients.synthesis.sheet import Sheet
from rnnlint.gradients.synthesis.writer import Renamed, Writer
from rnnlint.gradients.usage import Usage
from rnnlint.model.project import Project
from rnnlint.records import dataclass, field, replace
from rnnlint.verdicts import Reason

NOTE = "What is run is stated in [tool.rnnlint.gradients]."
ADVICE = (
    "Correct the scenario in [tool.rnnlint.gradients]: the calls, and under shapes what each argument is."
)

CORRECTABLE = (Reason.UNSOLVED_SHAPES, Reason.UNKNOWN_ARGUMENT, Reason.RAISES, Reason.NO_GRADIENT)
"""What a better statement of the scenario may mend."""


def stated_pass(library: Library, target: Path, scenario: ExplicitScenario) -> Pass:
    """The pass whose functions a scenario names. Raises :class:`NotThereError`."""
    backward = _callable(library, target, scenario.backward, Reason.NO_BACKWARD)
    if scenario.forward is None:
        return Pass(backward, None, Style.WHOLE)
    forward = _callable(library, target, scenario.forward, Reason.NO_FORWARD)
    if forward.owner is not backward.owner and forward.owner is not None and backward.owner is not None:
        raise NotThereError(
            Reason.UNKNOWN_ARGUMENT,
            f"{forward.title}() and {backward.title}() are of two classes; a scenario has one object.",
        )
    return Pass(backward, forward, Style.PAIR)


def stated_drafts(
    project: Project, library: Library, pass_: Pass, scenario: ExplicitScenario
) -> Iterator[Draft]:
    """The scenario's program under every layout that it leaves open.

    Raises :class:`NotThereError` and :class:`rnnlint.gradients.holes.UnknownArgumentError`.
    """
    writer = StatedWriter(project, library, pass_, scenario=scenario)
    return different(writer, writer.hypotheses())


def with_stated_parameters(probe: Probe) -> Probe:
    """The probe with exactly the stated arrays as parameters. Raises :class:`NotThereError`."""
    draft = probe.draft
    known = {name for place in probe.places for name in (place.name, *place.words[-1:])}
    for name in (*draft.parameters, *draft.gradients):
        if name not in known:
            raise NotThereError(
                Reason.NO_GRADIENT,
                f"The scenario states a parameter {name}, and no array of the forward pass is called so, "
                f"only {', '.join(sorted(place.name for place in probe.places))}.",
            )
    if not draft.parameters:
        return probe
    places = tuple(
        replace(place, is_weight=bool({place.name, *place.words[-1:]} & set(draft.parameters)))
        for place in probe.places
    )
    return replace(probe, places=places)


def _callable(library: Library, target: Path, call: Call, missing: Reason) -> Callable:
    found = callable_named(library, target, call.function)
    if found is None:
        raise NotThereError.of(library, target, call.function, missing)
    _check_results(found, call)
    return replace(found, results=call.results)


def _check_results(callable_: Callable, call: Call) -> None:
    """Where every return is a tuple written out, the scenario must name as many results."""
    returned = [n.value for n in own_nodes(callable_.node) if isinstance(n, ast.Return) and n.value]
    counts = {len(value.elts) if isinstance(value, ast.Tuple) else 0 for value in returned}
    if len(call.results) > 1 and len(counts) == 1 and 0 not in counts and {len(call.results)} != counts:
        raise NotThereError(
            Reason.UNKNOWN_ARGUMENT,
            f"{callable_.title}() returns {counts.pop()} values, and the scenario names {len(call.results)} "
            f"({', '.join(name or '_' for name in call.results)}).",
        )


@dataclass
class StatedWriter(Writer):
    """Writes the drafts of a stated scenario."""

    scenario: ExplicitScenario = field(kw_only=True)

    def hypotheses(self) -> Sequence[Layout]:
        """The layouts that the scenario leaves open, likely ones first."""
        open_ = list(layouts(self.over_steps, self._input_usage(), self.last_target))
        wanted = self.scenario.layout
        if not wanted:
            return open_
        kept = [layout for layout in open_ if fits(layout, wanted)]
        every = (Layout(item, steps) for steps in Steps for item in Item if steps is not Steps.SINGLE)
        return kept or [layout for layout in every if fits(layout, wanted)]

    def draft(self, layout: Layout) -> Draft:
        """The program under one layout."""
        draft = super().draft(layout)
        gradients = {name: self._gradient(text) for name, text in self.scenario.gradients.items()}
        return replace(
            draft,
            holes=self._with_shapes(draft.holes),
            parameters=self.scenario.parameters,
            gradients=gradients,
        )

    @cached_property
    def over_steps(self) -> bool:
        """Whether the forward runs over the steps: it loops, or a stated shape has an axis T."""
        return TIME in self._axes or super().over_steps

    @cached_property
    def last_target(self) -> bool | None:
        """Whether the targets are of one step: never indexed by step nor walked over."""
        for callable_, call in self._calls():
            for parameter, argument in bound(callable_, call):
                usage = self.library.usage(callable_, parameter.name)
                if role_in_use(usage, argument.name or "") is Role.TARGET:
                    indexed = usage.time_axis is not None or usage.is_sequence or usage.subscripts
                    return None if indexed else True
        return False

    def construct(self, path: Path, owner: ast.ClassDef, sheet: Sheet) -> str:
        """The stated construction of the object, or the inferred one."""
        call = self.scenario.construct
        if call is None:
            return super().construct(path, owner, sheet)
        if call.function != owner.name:
            raise NotThereError(
                Reason.UNKNOWN_ARGUMENT,
                f"The scenario constructs {call.function}, and {self.pass_.backward.title}() is a method of "
                f"{owner.name}.",
            )
        init = self.library.method(path, owner, "__init__")
        if init is not None:
            bound(init, call)
        given = (_written(argument, lambda name: self._size(name, sheet)) for argument in call.arguments)
        return f"{owner.name}({', '.join(given)})"

    def arguments(self, callable_: Callable, sheet: Sheet) -> str:
        """The arguments of the first call, each name of them a hole."""
        call = self.scenario.backward if self.scenario.forward is None else self.scenario.forward
        return ", ".join(
            _written(argument, partial(self._hole, callable_, parameter, sheet))
            for parameter, argument in bound(callable_, call)
        )

    def repeated(self, function: str, forward: Callable, sheet: Sheet) -> list[str]:
        """A forward of one step, called once a step: its first argument is the whole sequence."""
        assert self.scenario.forward is not None
        _, argument = bound(forward, self.scenario.forward)[0]
        hole = f"_in_{argument.name or 'x'}"
        sheet.holes[hole] = sheet.layout.sequence(Size.axis(INPUT))
        return [f"{FORWARD} = [{function}(_step) for _step in {hole}]"]

    def backward_arguments(self, forward: Callable, sheet: Sheet) -> str:
        """The backward's arguments: what the forward got and gave, upstream gradients, else holes."""
        backward = self.pass_.backward

        def place(parameter: Parameter, name: str) -> str:
            code = self._from_the_forward(name, sheet)
            if code is not None:
                return code
            output = self._differentiated(name, forward, sheet)
            if output is None:
                return self._hole(backward, parameter, sheet, name)
            if not any(u.hole == f"_in_{name}" for u in sheet.upstream):
                sheet.upstream.append(Upstream(f"_in_{name}", output, is_stated=True))
            return f"_in_{name}"

        return ", ".join(
            _written(argument, partial(place, parameter))
            for parameter, argument in bound(backward, self.scenario.backward)
        )

    def _calls(self) -> Iterator[tuple[Callable, Call]]:
        yield self.pass_.backward, self.scenario.backward
        if self.pass_.forward is not None and self.scenario.forward is not None:
            yield self.pass_.forward, self.scenario.forward

    def _input_usage(self) -> Usage:
        callable_, call = list(self._calls())[-1]
        for parameter, argument in bound(callable_, call):
            usage = self.library.usage(callable_, parameter.name)
            if role_in_use(usage, argument.name or parameter.name) is Role.INPUT:
                return usage
        return Usage()

    @cached_property
    def _axes(self) -> frozenset[str]:
        """The axes that the stated shapes name."""
        shapes = self.scenario.shapes.values()
        sizes = [size for s in shapes for size in (*s.axes, *((s.below,) if s.below else ()))]
        return frozenset(axis for size in sizes for axis, _ in size.terms)

    def _size(self, name: str, sheet: Sheet) -> str:
        """A name in the construction: an array whose shape is stated, a rate, else a size."""
        stated = self.scenario.shapes.get(name)
        if stated is not None:
            sheet.holes[f"_in_{name}"] = shaped(stated, name)
        elif role_of(name) is Role.RATE:
            sheet.holes[f"_in_{name}"] = GivenForm(0.5)
        else:
            sheet.holes[f"_in_{name}"] = NumberForm(Size.axis(name))
        return f"_in_{name}"

    def _hole(self, callable_: Callable, parameter: Parameter, sheet: Sheet, name: str) -> str:
        """A name that the scenario draws: by its stated shape, as an axis of one, else by use and name."""
        if name == "self" and callable_.owner is not None:
            return MODEL
        hole = f"_in_{name}"
        if name in self.state.arrays and name not in self.scenario.shapes:
            return name
        if hole not in sheet.holes:
            sheet.holes[hole] = self._form(name, callable_, parameter, sheet.layout)
        return hole

    def _form(self, name: str, callable_: Callable, parameter: Parameter, layout: Layout) -> Form:
        stated = self.scenario.shapes.get(name)
        if stated is not None:
            return shaped(stated, name)
        if name in self._axes:
            return NumberForm(Size.axis(name))
        role = role_in_use(self.library.usage(callable_, parameter.name), name)
        if name in self.scenario.parameters and role not in (Role.BUNDLE, Role.WEIGHT, Role.BIAS):
            vectors = callable_.elementwise
            return weight_form(name, layout, None, vectors | {name} if parameter.name in vectors else vectors)
        if is_stated(self.library, callable_, parameter):
            self.asked.add(STATED)
        try:
            return form_of(self.library, callable_, parameter, layout, self.over_steps, called=name)
        except UnknownArgumentError:
            raise UnknownArgumentError(callable_.title, name) from None

    def _from_the_forward(self, name: str, sheet: Sheet) -> str | None:
        """Python for a name that the forward returned or was given."""
        forward = self.pass_.forward
        if forward is not None and name in forward.results:
            return f"{FORWARD}[{forward.results.index(name)}]" if len(forward.results) > 1 else FORWARD
        return f"_in_{name}" if f"_in_{name}" in sheet.holes else None

    def _differentiated(self, name: str, forward: Callable, sheet: Sheet) -> str | None:
        """Python for the forward's output whose gradient a name is: ``dh`` is that of ``h``."""
        if is_gradient_name(name):
            for result in forward.results:
                if stem(name) == result.replace("_", "").lower():
                    return self._from_the_forward(result, sheet)
        if name in self.scenario.shapes or role_of(name) is not Role.COTANGENT:
            return None
        output, guessed = output_of(name, forward, len(sheet.upstream), self.pass_.attributes_set)
        sheet.guesses |= guessed
        return output

    def _gradient(self, text: str) -> str:
        """Python for the place of a stated gradient."""
        results = self.pass_.backward.results

        def place(name: str) -> str:
            if name == "self" and self.pass_.backward.owner is not None:
                return MODEL
            if name in results:
                return f"{BACKWARD}[{results.index(name)}]" if len(results) > 1 else BACKWARD
            raise NotThereError(
                Reason.NO_GRADIENT,
                f"The scenario looks for a gradient in {text}, and {name} is no result of "
                f"{self.pass_.backward.title}(); name its results after ->.",
            )

        return _written(Argument(text), place)

    def _with_shapes(self, holes: Mapping[str, Form]) -> dict[str, Form]:
        """The stated shapes of what is inside a dict or tuple of parameters."""
        found = dict(holes)
        inner = {name: s for name, s in self.scenario.shapes.items() if f"_in_{name}" not in holes}
        for name, stated in inner.items():
            bundles = [h for h, form in found.items() if isinstance(form, BundleForm)]
            holding = [h for h in bundles if name in getattr(found[h], "items", {})]
            for hole in holding or [h for h in bundles if getattr(found[h], "container", "") == "dict"][:1]:
                form = found[hole]
                assert isinstance(form, BundleForm)
                found[hole] = replace(form, items={**form.items, name: shaped(stated, name)})
        return found


def _written(argument: Argument, place: Function[[str], str]) -> str:
    """An argument with each name of it replaced by what stands for it in the program."""
    names = {name: place(name) for name in names_in(argument.text)}
    tree = Renamed(names).visit(ast.parse(argument.text, mode="eval"))
    text = ast.unparse(tree)
    return f"{argument.keyword}={text}" if argument.keyword else text
