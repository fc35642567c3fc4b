"""A solved scenario with values in its holes: the programs that are run and perturbed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from rnnlint.gradients.draft import BACKWARD, FORWARD, MODEL, Draft
from rnnlint.gradients.places import Place
from rnnlint.records import dataclass, field, replace
from rnnlint.sandbox.job import Scenario, Value

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Probe:
    """The scenario with everything filled in."""

    draft: Draft
    sizes: Mapping[str, int]
    holes: Mapping[str, Value]
    places: tuple[Place, ...]
    secret: int  # stays with the judge, who draws by it what the child must not foresee
    fills: Mapping[str, Array] = field(default_factory=dict)  # Python for an array -> its value
    upstream: Mapping[str, Value] = field(default_factory=dict)
    earlier: Mapping[str, Value] = field(default_factory=dict)  # other arguments, for a pass before

    def with_earlier_arguments(self) -> Probe:
        """The same probe on the other arguments."""
        holes = {name: self.earlier.get(name, value) for name, value in self.holes.items()}
        upstream = {name: self.earlier.get(name, value) for name, value in self.upstream.items()}
        return replace(self, holes=holes, upstream=upstream)

    def scenario(
        self, returns: Sequence[str], *, backward: bool = True, passes: int = 1, frames: tuple[str, ...] = ()
    ) -> Scenario:
        """The program as text; with two ``passes`` the first runs on other arguments and leaves its objects
        behind."""
        lines = [*self._opening(), *self._body(backward)]
        for number in range(1, passes):
            lines += self._refreshed(f"_given_{number}") + self._body(backward)
        return Scenario("\n".join(lines), self._given(passes), tuple(returns), frames)

    def sweep(
        self,
        places: Sequence[Place],
        returns: Sequence[str],
        step: float,
        *,
        backward: bool,
        after: int = 0,
        early: frozenset[str] = frozenset(),
        along: Sequence[Array] = (),
    ) -> Scenario:
        """Every element of every place up and down by ``step``, in one program that replays the scenario
        each time; or every place ``along`` so many directions of its own, (k, *shape) each.

        It returns the unperturbed values, then those of each perturbed run, then the unperturbed ones again:
        equal values first and last show that a replay starts where the first one did. ``after`` passes go
        before the perturbation (state that survives is then a constant of the pass that is judged). What is
        ``early`` is read before the backward pass.
        """
        moved = "[...] += _by * _directions[_place][_index]" if along else ".flat[_index] += _by"
        made = self._replaying(
            returns,
            "def _replay(_place=-1, _index=0, _by=0.0):",
            between=[
                line
                for number, place in enumerate(places)
                for line in (f"if _place == {number}:", f"    {place.code}{moved}")
            ],
            backward=backward,
            after=after,
            early=early,
        )
        counts = [len(each) for each in along] or [place.array.size for place in places]
        program = [
            COPIED,
            *_definitions(self.draft.setup),
            *made,
            "_values = [_replay()]",
            f"for _place, _count in enumerate({counts!r}):",
            "    for _index in range(_count):",
            f"        _values += [_replay(_place, _index, {step!r}), _replay(_place, _index, {-step!r})]",
            "_values.append(_replay())",
        ]
        holes = {**self._given(1 + after), **({"_directions": list(along)} if along else {})}
        return Scenario("\n".join(program), holes, ("_values",))

    def replays(
        self, returns: Sequence[str], before: str, loop: Sequence[str], kept: str, *, backward: bool
    ) -> Scenario:
        """One program that defines ``before``, then runs ``loop``, which calls ``_replay()`` as often as it
        likes: the scenario from its start, with what it ``returns``. The program's value is ``kept``.
        """
        made = self._replaying(returns, "def _replay():", backward=backward)
        program = [COPIED, before, *_definitions(self.draft.setup), *made, *loop]
        return Scenario("\n".join(program), self._given(1), (kept,))

    def _replaying(
        self,
        returns: Sequence[str],
        head: str,
        between: Sequence[str] = (),
        *,
        backward: bool,
        after: int = 0,
        early: frozenset[str] = frozenset(),
    ) -> list[str]:
        """A function that runs the whole scenario, ``between`` its setup and its passes, and gives copies
        back."""
        made = [
            head,
            *_indented(self._declared(returns)),
            *_indented(
                ["_given_now = _copied(_given_0)", *self._assigned("_given_now"), *self._opening(bare=True)]
            ),
        ]
        for number in range(after):
            made += _indented([*self._body(True), *self._refreshed(f"_given_{number + 1}", copy=True)])
        made += _indented(between)
        kept = {code: f"_early_{number}" for number, code in enumerate(returns) if code in early}
        if not self.draft.forward:
            kept = {}
        read = [f"{name} = _copied({code})" for code, name in kept.items()]
        given = "".join(f"{kept.get(code, code)}, " for code in returns)
        backward_lines = self.draft.backward if backward else ()
        return made + _indented([*self.draft.forward, *read, *backward_lines, f"return _copied(({given}))"])

    def _given(self, passes: int) -> dict[str, Value]:
        last = {**self.holes, **self.upstream}
        before = {**last, **self.earlier}
        holes: dict[str, Value] = dict(before if passes > 1 else last)
        for number in range(passes):
            holes[f"_given_{number}"] = last if number == passes - 1 else before
        for number, value in enumerate(self.fills.values()):
            holes[f"_fill_{number}"] = value
        return holes

    def _opening(self, bare: bool = False) -> list[str]:
        setup = [line for line in self.draft.setup if not (bare and _is_definition(line))]
        seeded = ["__import__('numpy').random.seed(7)", "__import__('random').seed(7)"]
        return [*seeded, *setup, *self._fill_lines()]

    def _fill_lines(self) -> list[str]:
        return [f"{code}[...] = _fill_{number}" for number, code in enumerate(self.fills)]

    def _body(self, backward: bool) -> list[str]:
        return [*self.draft.forward, *(self.draft.backward if backward else ())]

    def _assigned(self, given: str) -> list[str]:
        return [f"{hole} = {given}[{hole!r}]" for hole in (*self.holes, *self.upstream)]

    def _refreshed(self, given: str, copy: bool = False) -> list[str]:
        """Fresh arguments for a next pass; parameters get their values back in place."""
        lines: list[str] = []
        if copy:
            lines, given = [f"_fresh = _copied({given})"], "_fresh"
        weights = {place.code for place in self.places if place.in_hole and place.is_weight}
        kept = {code.partition("[")[0] for code in weights}
        lines += [f"{MODEL}.{name}()" for name in self.draft.resets]
        lines += [f"{hole} = {given}[{hole!r}]" for hole in (*self.holes, *self.upstream) if hole not in kept]
        for code in weights:
            hole, bracket, rest = code.partition("[")
            lines.append(f"{code}[...] = {given}[{hole!r}]{bracket}{rest}")
        return lines + self._fill_lines()

    def _declared(self, returns: Sequence[str]) -> list[str]:
        """Names that the scenario binds in the module, so that the user's functions see them."""
        import ast

        names: dict[str, None] = dict.fromkeys((*self.holes, *self.upstream))
        for line in (*self.draft.setup, *self.draft.forward, *self.draft.backward, *returns):
            for node in ast.walk(ast.parse(line)):
                if (
                    isinstance(node, ast.Name)
                    and isinstance(node.ctx, ast.Store)
                    and not _is_definition(line)
                ):
                    names[node.id] = None
        return [f"global {', '.join(names)}"] if names else []


COPIED = """def _copied(value):
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_copied(item) for item in value)
    if hasattr(value, "dtype"):
        return value.copy()
    return value if isinstance(value, (int, float, str)) else __import__("copy").deepcopy(value)"""


def _is_definition(line: str) -> bool:
    return line.startswith(("class ", "def ", "from ", "import "))


def _definitions(lines: Iterable[str]) -> list[str]:
    return [line for line in lines if _is_definition(line)]


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"    {part}" for line in lines for part in line.split("\n")]


def returned_codes(draft: Draft) -> tuple[str, ...]:
    """What a base run returns: the forward's and backward's results, the instance, the globals before and
    after."""
    codes = [FORWARD] if draft.forward else []
    codes += [BACKWARD]
    if draft.has_model:
        codes.append(MODEL)
    if draft.gradients:
        codes.append(draft.stated_gradients)
    return (*codes, *draft.globals_, *draft.left)
