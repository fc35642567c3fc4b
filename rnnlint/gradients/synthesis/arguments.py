"""What constructors and passes are given: a typed hole each, or an object that the set-up makes."""

from __future__ import annotations

import ast
from pathlib import Path

from rnnlint.gradients.callables import Callable, Parameter
from rnnlint.gradients.forms import BundleForm, Form, GivenForm, NumberForm
from rnnlint.gradients.holes import SHAPE_NAMES, STEP_SHAPE, form_of, hidden_sizes, is_stated, layer_sizes
from rnnlint.gradients.library import Library
from rnnlint.gradients.parameter_makers import Maker, maker_for
from rnnlint.gradients.parameter_objects import Instance, bundle_of, maker_of, object_for
from rnnlint.gradients.roles import Role, is_certain_size, is_layer_count, is_round_count, role_of
from rnnlint.gradients.sizes import Size
from rnnlint.gradients.synthesis.sheet import Sheet
from rnnlint.records import dataclass, field

STATED, BEGINS, MADE, OUTPUTS = "stated", "begins", "made", "outputs"
"""The choices of a layout that may make no difference."""

_NUMBERS_IN_A_CONSTRUCTOR = (
    Role.UNKNOWN,
    Role.INPUT,
    Role.HIDDEN_STATE,
    Role.TARGET,
    Role.CELL_STATE,
    Role.COTANGENT,
)
"""``hidden``, ``output``: their sizes, where nothing is done with them that arrays are for."""


@dataclass
class Arguments:
    """Gives callables what they ask for; every method puts what it gives on a draft's sheet."""

    library: Library
    target: Path
    over_steps: bool
    asked: set[str] = field(default_factory=set)  # the layout's choices that have made a difference
    _makers: dict[tuple[int, str], Maker | None] = field(default_factory=dict)

    def construct(self, path: Path, owner: ast.ClassDef, sheet: Sheet, depth: int = 0) -> str:
        """Python that makes an instance of a class, and of the classes that it asks for."""
        init = self.library.method(path, owner, "__init__")
        if init is None or depth > 2:
            return f"{owner.name}()"
        given: list[str] = []
        for parameter in init.parameters:
            is_open = is_round_count(parameter.name) or self._is_open_size(init, parameter)
            if parameter.default is not None and not is_open:
                continue
            inner = self._class_for(parameter.name, owner)
            if inner is not None and parameter.default is None:
                made = self.construct(self.target, inner, sheet, depth + 1)
                given.append(f"{parameter.name}={made}")
                continue
            hole = f"_in_{parameter.name}"
            if hole not in sheet.holes:
                sheet.holes[hole] = self._constructor_form(init, parameter, sheet)
            given.append(f"{parameter.name}={hole}")
        return f"{owner.name}({', '.join(given)})"

    def all_of(self, callable_: Callable, sheet: Sheet) -> str:
        """The arguments of a call, by their names."""
        given: list[str] = []
        for parameter in callable_.parameters:
            if parameter.default is not None and not self.is_wanted(callable_, parameter, sheet):
                continue
            text = self.object_of(callable_, parameter, sheet) or self.hole_of(callable_, parameter, sheet)
            given.append(f"{parameter.name}={text}")
        return ", ".join(given)

    def hole_of(self, callable_: Callable, parameter: Parameter, sheet: Sheet, called: str = "") -> str:
        """The hole of an argument, formed by what the code ``called`` it where it has another name.

        Raises :class:`rnnlint.gradients.holes.UnknownArgumentError`.
        """
        hole = f"_in_{called or parameter.name}"
        if hole not in sheet.holes:
            if is_stated(self.library, callable_, parameter):
                self.asked.add(STATED)
            sheet.holes[hole] = form_of(
                self.library, callable_, parameter, sheet.layout, self.over_steps, called=called
            )
        return hole

    def object_of(self, callable_: Callable, parameter: Parameter, sheet: Sheet) -> str | None:
        """The variable that holds an object with parameters, made by the set-up; None for other arguments."""
        name = f"_object_{parameter.name}"
        if name in sheet.objects:
            return name
        maker = self._maker(callable_, parameter)
        if maker is not None:
            self.asked.add(MADE)
        if maker is not None and sheet.layout.made:
            sheet.objects[name] = self._made(maker, sheet)
            sheet.unpacked[name] = self.library.usage(callable_, parameter.name).unpacked
            return name
        found = object_for(self.library, callable_, parameter)
        if found is None:
            return None
        if isinstance(found, Instance):
            sheet.objects[name] = self.construct(found.path, found.owner, sheet, 1)
        else:
            usage = self.library.usage(callable_, parameter.name)
            sheet.holes[f"_in_{parameter.name}"] = bundle_of(found, sheet.layout, usage)
            sheet.objects[name] = f"{maker_of(found)}(**_in_{parameter.name})"
        return name

    def is_wanted(self, callable_: Callable, parameter: Parameter, sheet: Sheet) -> bool:
        """Defaults that are better filled: states left to None, parameters bound to a global, many rounds."""
        role = role_of(parameter.name)
        if is_round_count(parameter.name):
            return True
        if isinstance(parameter.default, ast.Constant) and parameter.default.value is None:
            is_state = role in (Role.HIDDEN_STATE, Role.CELL_STATE)
            if is_state:
                self.asked.add(BEGINS)
            return is_state and sheet.layout.begins
        usage = self.library.usage(callable_, parameter.name)
        return role is Role.BUNDLE and bool(usage.unpacked or usage.keys)

    def _maker(self, callable_: Callable, parameter: Parameter) -> Maker | None:
        """What makes an argument: looked for once, not under every layout."""
        key = (id(callable_.node), parameter.name)
        if key not in self._makers:
            self._makers[key] = maker_for(self.library, callable_, parameter)
        return self._makers[key]

    def _made(self, maker: Maker, sheet: Sheet) -> str:
        """The call that makes parameters, with sizes for its arguments."""
        given: list[str] = []
        for parameter in maker.function.parameters:
            if parameter.default is None or self._is_open_size(maker.function, parameter):
                hole = f"_in_{parameter.name}"
                sheet.holes[hole] = self._constructor_form(maker.function, parameter, sheet)
                given.append(f"{parameter.name}={hole}")
        item = "" if maker.position is None else f"[{maker.position}]"
        return f"{maker.function.name}({', '.join(given)}){item}"

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

    def _constructor_form(self, init: Callable, parameter: Parameter, sheet: Sheet) -> Form:
        role = role_of(parameter.name)
        if parameter.name in SHAPE_NAMES:
            return STEP_SHAPE
        usage = self.library.usage(init, parameter.name)
        if is_round_count(parameter.name):
            return GivenForm(1)
        if role is Role.SIZE and usage.subscripts and not usage.unpacked:
            return layer_sizes(parameter.name)
        if role is Role.SIZE and usage.is_sequence and not usage.unpacked:
            return hidden_sizes(parameter.name, sheet.layout.layers)
        if usage.unpacked and all(self._is_a_size(init, name) for name in usage.unpacked):
            return BundleForm({n: NumberForm(Size.axis(f"size.{n}")) for n in usage.unpacked}, "tuple")
        is_like_an_array = usage.shape_names or usage.subscripts or usage.is_sequence
        if role in _NUMBERS_IN_A_CONSTRUCTOR and (usage.is_number or not is_like_an_array):
            return NumberForm(Size.axis(f"size.{parameter.name}"))
        if is_stated(self.library, init, parameter):
            self.asked.add(STATED)
        return form_of(self.library, init, parameter, sheet.layout, self.over_steps)

    def _is_a_size(self, callable_: Callable, name: str) -> bool:
        return role_of(name) is Role.SIZE or self.library.usage(callable_, name).is_number

    def _class_for(self, name: str, owner: ast.ClassDef) -> ast.ClassDef | None:
        """A class of the same file that an argument such as ``cell`` or ``lstm_param`` is an instance of."""
        wanted = name.lower().replace("_", "")
        if len(wanted) < 4 or role_of(name) in (Role.SIZE, Role.INPUT, Role.RATE):
            return None
        classes = [
            s for s in self.library.trees[self.target].body if isinstance(s, ast.ClassDef) and s is not owner
        ]
        same = [c for c in classes if c.name.lower() == wanted]
        alike = [c for c in classes if c.name.lower().endswith(wanted)]
        return next(iter(same or alike), None)
