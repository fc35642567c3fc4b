"""What the backward is given: what its forward got and gave, upstream gradients, else holes of its own."""

from __future__ import annotations

import re

from rnnlint.gradients.callables import Callable, Parameter
from rnnlint.gradients.draft import FORWARD, MODEL, Upstream
from rnnlint.gradients.glue import Attribute, Joint, Output, SameAs
from rnnlint.gradients.holes import UnknownArgumentError, role_in_use
from rnnlint.gradients.library import Library
from rnnlint.gradients.passes import Pass
from rnnlint.gradients.roles import Role, role_of
from rnnlint.gradients.synthesis.arguments import OUTPUTS, Arguments
from rnnlint.gradients.synthesis.outputs import cache, item, output_of, spellings, without_initial_state
from rnnlint.gradients.synthesis.sheet import Sheet
from rnnlint.records import dataclass

_PREDICTION = re.compile(r"(^|_)(pred|prob|hat)|(hat|pred)$", re.IGNORECASE)
_BEFORE = re.compile(r"prev|old|last|before|init|0$", re.IGNORECASE)


@dataclass
class Wiring:
    """The arguments of one pass's backward."""

    library: Library
    pass_: Pass
    forward: Callable
    joint: Joint | None  # a caller's word on where they come from
    repeats: bool  # the forward is called once a step, and gives a list
    arguments: Arguments

    def all_of(self, sheet: Sheet) -> str:
        """The arguments of the call, by their names. Raises :class:`UnknownArgumentError`."""
        given: list[str] = []
        for parameter in self.pass_.backward.parameters:
            text = self._of(parameter, sheet)
            if text is not None:
                given.append(f"{parameter.name}={text}")
        return ", ".join(given)

    def _of(self, parameter: Parameter, sheet: Sheet) -> str | None:
        """Python for one argument; None where its default does."""
        backward = self.pass_.backward
        text = self._from_forward(parameter, sheet)
        if text is not None:
            hole = text.removeprefix("_in_")
            return sheet.held(hole) if hole != text else text
        if parameter.default is None:
            text = self.arguments.object_of(backward, parameter, sheet)
        elif not self.arguments.is_wanted(backward, parameter, sheet):
            return None
        return text or self._hole_for(parameter, sheet)

    def _from_forward(self, parameter: Parameter, sheet: Sheet) -> str | None:
        name, forward = parameter.name, self.forward
        role = role_of(name)
        told = self._told(name, sheet)
        if told is not None:
            return told
        predicted = self._predicted()
        if predicted is not None and name in predicted:
            prediction, target = predicted
            return item(forward, forward.returned.index(target)) if name == prediction else None
        names = (name,) if role is Role.TARGET or f"_in_{name}" in sheet.holes else tuple(spellings(name))
        for candidate in names:
            if candidate in forward.returned and not self.repeats:
                return item(forward, forward.returned.index(candidate))
        if sheet.has(name):
            return f"_in_{name}"
        if role is Role.CACHE:
            unpacked = self.library.usage(self.pass_.backward, name).unpacked
            if len(unpacked) == len(forward.returned) > 1 and set(unpacked) & set(forward.returned):
                return FORWARD
            return cache(forward)
        if role is Role.COTANGENT and parameter.default is None:
            order = len(sheet.upstream)
            output, guessed = output_of(name, forward, order, self.pass_.attributes_set)
            sheet.guesses |= guessed
            steps = without_initial_state(forward, output)
            if steps is not None:
                self.arguments.asked.add(OUTPUTS)
                output = steps if sheet.layout.outputs else output
            sheet.upstream.append(Upstream(f"_in_{name}", output))
            return f"_in_{name}"
        unnamed = self._unnamed_output(parameter)
        if unnamed is not None:
            return unnamed
        if self._is_target_by_use(parameter):
            return None
        role = role_in_use(self.library.usage(self.pass_.backward, name), name)
        if role not in (Role.INPUT, Role.HIDDEN_STATE, Role.CELL_STATE, Role.BUNDLE):
            return None
        found = self._by_role(name, role, sheet)
        sheet.guesses |= found is not None and role is not Role.BUNDLE
        return found

    def _predicted(self) -> tuple[str, str] | None:
        """The prediction and the target of ``backward(y_pred, y, …)`` where the forward calls ``y`` what it
        predicts."""
        parameters, returned = [p.name for p in self.pass_.backward.parameters], self.forward.returned
        predictions = [n for n in parameters if _PREDICTION.search(n) and n not in returned]
        targets = [n for n in parameters if role_of(n) is Role.TARGET and n in returned]
        if self.repeats or len(predictions) != 1 or len(targets) != 1:
            return None
        return predictions[0], targets[0]

    def _told(self, name: str, sheet: Sheet) -> str | None:
        """What a caller that joins the two passes gives for an argument."""
        match self.joint.origins.get(name) if self.joint is not None else None:
            case Output(position=position):
                return FORWARD if position is None else f"{FORWARD}[{position}]"
            case SameAs(name=same) if sheet.has(same):
                return f"_in_{same}"
            case Attribute(name=attribute):
                return f"{MODEL}.{attribute}"
            case _:
                return None

    def _by_role(self, name: str, role: Role, sheet: Sheet) -> str | None:
        """What the forward was given, or gives, in the role of an argument that nothing else explains.

        An argument of the forward that the backward has too, under its own name, is not meant.
        """
        forward = self.forward
        own = {p.name for p in self.pass_.backward.parameters}
        others = [p for p in forward.parameters if p.name not in own]
        unnamed = [i for i, returned in enumerate(forward.returned) if not returned]
        is_state = role in (Role.HIDDEN_STATE, Role.CELL_STATE)
        is_of_steps = is_state and self._is_of_steps(self.pass_.backward, name)
        if is_of_steps and not any(self._is_of_steps(forward, p.name) for p in others) and len(unnamed) == 1:
            return item(forward, unnamed[0])
        for other in others:
            if role_in_use(self.library.usage(forward, other.name), other.name) is role:
                return f"_in_{other.name}" if sheet.has(other.name) else None
        if is_state and len(unnamed) == 1 and not _BEFORE.search(name):
            return item(forward, unnamed[0])
        left = [f"_in_{p.name}" for p in others if f"_in_{p.name}" in sheet.holes]
        if role is Role.INPUT or (role is Role.HIDDEN_STATE and len(left) == 1):
            return next(iter(left), None)
        return None

    def _is_of_steps(self, callable_: Callable, name: str) -> bool:
        """Whether a callable takes one step after the other of a parameter."""
        usage = self.library.usage(callable_, name)
        is_state = role_in_use(usage, name) in (Role.HIDDEN_STATE, Role.CELL_STATE)
        return is_state and (usage.time_axis is not None or bool(usage.subscripts))

    def _unnamed_output(self, parameter: Parameter) -> str | None:
        """An output that the forward returns without a name, for a parameter that nothing else explains.

        With two targets, ``y`` beside ``target``, the first is the output.
        """
        unnamed = [i for i, name in enumerate(self.forward.returned) if not name]
        if not unnamed:
            return None
        wanting = [p.name for p in self.pass_.backward.parameters if self._is_unexplained(p)]
        targets = [p.name for p in self.pass_.backward.parameters if role_of(p.name) is Role.TARGET]
        if len(targets) > 1:
            wanting += targets[:-1]
        if parameter.name in wanting and wanting.index(parameter.name) < len(unnamed):
            return item(self.forward, unnamed[wanting.index(parameter.name)])
        return None

    def _is_unexplained(self, parameter: Parameter) -> bool:
        known = {*self.forward.returned, *(p.name for p in self.forward.parameters)}
        return role_of(parameter.name) is Role.UNKNOWN and not any(
            spelling in known for spelling in spellings(parameter.name)
        )

    def _hole_for(self, parameter: Parameter, sheet: Sheet) -> str:
        backward = self.pass_.backward
        name = "targets" if self._is_target_by_use(parameter) else parameter.name
        if role_in_use(self.library.usage(backward, parameter.name), name) is Role.UNKNOWN:
            raise UnknownArgumentError(backward.title, name)
        return self.arguments.hole_of(backward, parameter, sheet, called=name)

    def _is_target_by_use(self, parameter: Parameter) -> bool:
        """Data that only the backward is given, where nothing is called a target or an upstream gradient."""
        forward, backward = self.forward, self.pass_.backward
        if role_of(parameter.name) is not Role.UNKNOWN:
            return False
        names = [p.name for c in (forward, backward) for p in c.parameters]
        if any(role_of(name) in (Role.TARGET, Role.COTANGENT, Role.CACHE) for name in names):
            return False
        if any(p.name == parameter.name for p in forward.parameters):
            return False
        return role_in_use(self.library.usage(backward, parameter.name), parameter.name) is Role.INPUT
