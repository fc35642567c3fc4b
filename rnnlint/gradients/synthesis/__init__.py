"""From a backward pass to the short program that runs it: construct; forward; backward, with typed holes."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from rnnlint.gradients.callables import Callable, Parameter
from rnnlint.gradients.draft import Draft
from rnnlint.gradients.holes import role_in_use
from rnnlint.gradients.layouts import Item, Layout, layouts
from rnnlint.gradients.library import Library
from rnnlint.gradients.passes import Pass, Style
from rnnlint.gradients.roles import Role
from rnnlint.gradients.synthesis.arguments import BEGINS, MADE, OUTPUTS, STATED
from rnnlint.gradients.synthesis.writer import Writer
from rnnlint.gradients.usage import Usage
from rnnlint.model.project import Project
from rnnlint.records import replace


def drafts(project: Project, library: Library, pass_: Pass) -> Iterator[Draft]:
    """The scenario under each layout hypothesis, likely ones first.

    Raises :class:`rnnlint.gradients.holes.UnknownArgumentError`.
    """
    lead = pass_.forward if pass_.style is Style.PAIR and pass_.forward is not None else pass_.backward
    writer = Writer(project, library, pass_)
    source = _input_parameter(library, lead)
    usage = library.usage(lead, source.name) if source is not None else Usage()
    hypotheses = list(layouts(writer.over_steps, usage, writer.last_target))
    if pass_.backward.takes_outer_products:  # which know no batch: of one they are as large as they are wrong
        hypotheses.sort(key=lambda layout: layout.item in (Item.COLUMNS, Item.ROWS))
    shallow = [replace(layout, layers=1) for layout in hypotheses]
    yield from different(writer, [*hypotheses, *shallow])


def different(writer: Writer, hypotheses: Iterable[Layout]) -> Iterator[Draft]:
    """The drafts under these layouts, each program once; what a choice makes no difference to is not written
    both ways.
    """
    seen: set[str] = set()
    both = (True, False)
    for begins, made, layout, stated, outputs in itertools.product(both, both, hypotheses, both, both):
        choices = {BEGINS: begins, MADE: made, STATED: stated, OUTPUTS: outputs}
        if not {name for name, taken in choices.items() if not taken} <= writer.asked:
            continue
        draft = writer.draft(replace(layout, stated=stated, made=made, begins=begins, outputs=outputs))
        key = repr((draft.setup, draft.holes, draft.forward, draft.backward, draft.upstream))
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
