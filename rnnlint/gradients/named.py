"""Functions that a user names, in the configuration or with ``--entry``, and what is given to them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rnnlint.explicit import Argument, Call
from rnnlint.gradients.callables import Callable, Parameter
from rnnlint.gradients.library import Library
from rnnlint.gradients.passes import Pass, Style, forward_of
from rnnlint.records import replace
from rnnlint.sentences import listed
from rnnlint.suggestions import suggestion
from rnnlint.verdicts import Reason


class NotThereError(Exception):
    """What a user names is not in the program, or not as they say: one sentence, and its stable code."""

    def __init__(self, code: Reason, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code

    @staticmethod
    def of(library: Library, target: Path, name: str, code: Reason) -> NotThereError:
        """No function or method is called so."""
        methods = [c.title for c in library.of(target) if c.owner is not None and c.name == name]
        if methods:
            return NotThereError(code, f"{name}() is a method: write {' or '.join(methods)}.")
        titles = [c.title for c in library.of(target)]
        hint = suggestion(name, titles, name.rpartition(".")[2])
        return NotThereError(code, f"{target.name} defines no {name}().{hint}")


def callable_named(library: Library, target: Path, name: str) -> Callable | None:
    """The function or method (``LSTM.forward``, also an inherited one) of that name, of the file first."""
    owner, _, method = name.rpartition(".")
    if not owner:
        found = [c for c in library.functions_named(method) if c.owner is None]
        return min(found, key=lambda c: c.path != target, default=None)
    class_ = library.class_named(owner)
    if class_ is None:
        return None
    inherited = library.method(*class_, method)
    return None if inherited is None else replace(inherited, path=class_[0], owner=class_[1])


def bound(callable_: Callable, call: Call) -> list[tuple[Parameter, Argument]]:
    """The call's arguments beside the parameters that they are given to. Raises :class:`NotThereError`."""
    parameters = callable_.parameters
    signature = callable_.node.args
    positional = [a for a in call.arguments if a.keyword is None]
    if len(positional) > len(parameters) and signature.vararg is None:
        raise NotThereError(
            Reason.UNKNOWN_ARGUMENT,
            f"{callable_.title}() takes {listed(p.name for p in parameters)}, and the scenario gives it "
            f"{len(positional)} arguments.",
        )
    made: list[tuple[Parameter, Argument]] = []
    for position, argument in enumerate(positional):
        given_to = parameters[position] if position < len(parameters) else Parameter(argument.text)
        made.append((given_to, argument))
    by_name = {p.name: p for p in parameters}
    for argument in call.arguments:
        if argument.keyword is None:
            continue
        if argument.keyword not in by_name and signature.kwarg is None:
            raise NotThereError(
                Reason.UNKNOWN_ARGUMENT,
                f"{callable_.title}() takes no {argument.keyword}.{suggestion(argument.keyword, by_name)}",
            )
        made.append((by_name.get(argument.keyword, Parameter(argument.keyword)), argument))
    given = {parameter.name for parameter, _ in made}
    missing = [p.name for p in parameters if p.default is None and p.name not in given]
    if missing:
        raise NotThereError(
            Reason.UNKNOWN_ARGUMENT,
            f"{callable_.title}() also needs {listed(missing)}, which the scenario does not give it.",
        )
    return made


def entered(library: Library, target: Path, entry: str, found: Sequence[Pass]) -> tuple[Pass, ...]:
    """The passes that ``--entry`` means: of those found by inference, else made of the functions it names.

    ``entry`` is a function, ``Class.method``, or two of them as ``forward -> backward``; a part of a name
    will do where a pass was found. Raises :class:`NotThereError`.
    """
    names = [part.strip().removesuffix("()") for part in entry.replace("→", "->").split("->")]
    named = [callable_named(library, target, name) for name in names]
    exact = [c for c in named if c is not None]
    if len(exact) == len(names) <= 2:
        backward, forward = exact[-1], exact[0] if len(names) == 2 else None
        fitting = tuple(p for p in found if p.backward.node is backward.node and _is_forward(p, forward))
        return fitting or (_made(library, backward, forward),)
    partly = tuple(p for p in found if all(n in p.title or n in p.backward.title for n in names))
    if partly:
        return partly
    missing = next(name for name, c in zip(names, named, strict=True) if c is None)
    raise NotThereError.of(library, target, missing, Reason.NO_BACKWARD)


def _is_forward(pass_: Pass, forward: Callable | None) -> bool:
    return forward is None or (pass_.forward is not None and pass_.forward.node is forward.node)


def _made(library: Library, backward: Callable, forward: Callable | None) -> Pass:
    if forward is not None:
        return Pass(backward, forward, Style.PAIR)
    partner = forward_of(library, backward)
    return Pass(backward, partner, Style.WHOLE if partner is None else Style.PAIR)
