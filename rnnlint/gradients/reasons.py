"""Why a gradient could not be checked: one sentence that a student understands, and what they can do."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from pathlib import Path

from rnnlint.deadline import SECONDS_A_FILE
from rnnlint.gradients.holes import UnknownArgumentError
from rnnlint.gradients.library import Library
from rnnlint.gradients.losses import Loss
from rnnlint.gradients.passes import Pass
from rnnlint.records import dataclass
from rnnlint.sandbox.job import Failure, Trouble
from rnnlint.sentences import listed
from rnnlint.verdicts import Reason


@dataclass(frozen=True, slots=True)
class Explained:
    """A reason, its stable code, and the advice that goes with it."""

    code: Reason
    reason: str
    advice: str | None = None


MOST_NAMED = 3
_BY_HAND = "State what is called under [tool.rnnlint.gradients], or with --entry."


def no_backward(library: Library, path: Path) -> Explained:
    """No backward pass was recognised in the file."""
    names = [c.name for c in library.of(path)]
    seen = f" (it defines {', '.join(names[:4])}{', …' if len(names) > 4 else ''})" if names else ""
    return Explained(
        Reason.NO_BACKWARD,
        f"No backward pass of a recurrent network was found in {path.name}{seen}.",
        "If there is one, name its function backward, or name it with --entry.",
    )


def no_forward(pass_: Pass) -> Explained:
    """A backward alone."""
    return Explained(
        Reason.NO_FORWARD,
        f"{pass_.backward.title}() needs what a forward pass leaves, and no forward pass was found.",
        "Put the file with the forward pass beside it, then run again.",
    )


def unknown_argument(unknown: UnknownArgumentError) -> Explained:
    """An argument whose meaning is not known."""
    return Explained(
        Reason.UNKNOWN_ARGUMENT,
        f"It is not clear what to give {unknown.callable_ or 'it'}() for {unknown.name}.",
        _BY_HAND,
    )


def nothing_agrees(loss: Loss) -> Explained:
    """No parameter agrees under any loss, which proves nothing."""
    return Explained(
        Reason.NO_ORACLE,
        "The code runs, but which loss its gradient belongs to is not clear: under none that was tried "
        f"({loss.sentence}, last) does any parameter agree.",
        "Return the loss from the pass, so that the gradient can be compared with its derivative.",
    )


def one_step_only(pass_: Pass) -> Explained:
    """Everything is right, of a single step."""
    return Explained(
        Reason.UNSOLVED_SHAPES,
        f"{pass_.title} runs, but of the sequence that it was given only one step counts, over which nothing "
        "flows back: a wrong gradient would look right.",
        _BY_HAND,
    )


def order_not_stated(pass_: Pass, cotangents: Sequence[str]) -> Explained:
    """Right or wrong, as the upstream gradients come in one order or the other."""
    return Explained(
        Reason.NO_ORACLE,
        f"Whether {pass_.title} is right hangs on the order of {listed(cotangents)}: every gradient agrees "
        "if the last step's upstream gradient comes first, and not if they come in the order of the outputs.",
        "If they come in the order of the outputs, read them by the step's number. If the last one comes "
        "first, say so: state both calls under [tool.rnnlint.gradients], "
        f"with {cotangents[0]}[::-1] in the second.",
    )


def oracles_disagree(names: Sequence[str]) -> Explained:
    """Central differences of the code's loss and the reference cell's adjoints are not the same."""
    return Explained(
        Reason.NO_ORACLE,
        "There is no verdict: the derivative of the code's own loss and the gradient of the reference cell "
        f"that it agrees with are not the same for {', '.join(names)}.",
        "Please report this: it is a mistake of the check, or a kink of the loss at the numbers drawn; "
        "another --seed may help.",
    )


def runs_are_remembered(pass_: Pass) -> Explained:
    """By itself a run gives something else than among the others."""
    return Explained(
        Reason.NO_ORACLE,
        f"There is no verdict: run by itself, in its own process, {pass_.title} gives another derivative "
        "of the loss than in a row of runs. Something outlives a run, or the loss has a kink at the numbers "
        "drawn.",
        "Keep nothing between two calls outside of what they are given and give; another --seed may help.",
    )


def out_of_time(passes: Sequence[Pass]) -> Explained:
    """The time for the file was over before these passes could be judged."""
    titles = [pass_.title for pass_ in passes]
    shown = titles if len(titles) <= MOST_NAMED else [*titles[: MOST_NAMED - 1], "others"]
    return Explained(
        Reason.TIMEOUT,
        f"There was no time left for {listed(shown)}: a file has {SECONDS_A_FILE:g} seconds.",
        f"Check one alone: --entry {passes[0].backward.title}.",
    )


def explain_trouble(trouble: Trouble | None, pass_: Pass | None = None) -> Explained:
    """What ended the runs, in words."""
    title = f"{pass_.title}" if pass_ is not None else "The pass"
    if pass_ is not None:
        template = _template(pass_, ran=trouble is None or "NoneType" in trouble.message)
        if template is not None:
            return template
    if trouble is None:
        return Explained(
            Reason.NO_GRADIENT,
            f"{title} runs, but no array in it could be told to be the gradient of a parameter.",
            "Return the gradients, or name them after their parameters (dWf for Wf).",
        )
    where = f"line {trouble.line}" + (f" of {trouble.path}" if trouble.path else "")
    opening = where[0].upper() + where[1:]
    match trouble.failure:
        case Failure.TIMEOUT:
            return Explained(
                Reason.TIMEOUT,
                f"{title} did not end in time: {trouble.message}.",
                "Look for a loop without an end.",
            )
        case Failure.MEMORY:
            return Explained(Reason.MEMORY, f"{title} needs more memory than it may have.", None)
        case Failure.CRASH | Failure.VIOLATION:
            return Explained(Reason.CRASH, f"The process running {title} ended: {trouble.message}.", None)
        case Failure.STUB:
            return Explained(
                Reason.STUB_USED,
                f"{opening} needs a library that is not available here ({trouble.message}).",
                "Keep the NumPy code in a file of its own, without that library.",
            )
        case Failure.LOAD:
            return Explained(
                Reason.SYNTAX_ERROR, f"The file cannot be loaded: {trouble.message} ({where}).", None
            )
        case _:
            pass
    name = re.search(r"name '(\w+)' is not defined", trouble.message)
    if name is not None:
        return Explained(
            Reason.MISSING_HELPER,
            f"{opening} uses {name[1]}, which is defined neither here nor in the files imported.",
            f"Put the file that defines {name[1]} beside it, then run again.",
        )
    if trouble.exception == "NotImplementedError":
        return Explained(
            Reason.UNIMPLEMENTED,
            f"{opening} is not implemented yet.",
            "Write it, then run again.",
        )
    if "NoneType" in trouble.message:
        return Explained(
            Reason.RAISES,
            f"{title} stops at {where} on a value that is None ({trouble.exception}: {trouble.message}).",
            "Fill in what is still None, then run again.",
        )
    if pass_ is not None and (early := _read_before_it_is_set(trouble, pass_)) is not None:
        return early
    code = Reason.UNSOLVED_SHAPES if _is_about_shapes(trouble) else Reason.RAISES
    return Explained(
        code,
        f"{title} could not be run: {trouble.exception} at {where} ({trouble.message[:160].strip()}).",
        _BY_HAND
        if code is Reason.UNSOLVED_SHAPES
        else "If that is the code's own error, mend it; else " + _BY_HAND[0].lower() + _BY_HAND[1:],
    )


def is_about_what_was_given(trouble: Trouble) -> bool:
    """Whether an error says that the program wants other values: an assertion, a list for an array."""
    given = re.search(
        r"'(list|tuple|dict|int|float|numpy\.ndarray)' object has no attribute", trouble.message
    )
    return trouble.exception == "AssertionError" or given is not None


def _is_about_shapes(trouble: Trouble) -> bool:
    return bool(
        re.search(r"shape|dimension|broadcast|aligned|axis|unpack|index|matmul|size", trouble.message)
    )


def _template(pass_: Pass, *, ran: bool) -> Explained | None:
    """What says that a pass is not written yet; once it ``ran`` to a None, a few blanks are telling."""
    for callable_ in (pass_.backward, pass_.forward):
        if callable_ is not None and (callable_.is_unimplemented or (ran and callable_.has_blanks)):
            return Explained(
                Reason.UNIMPLEMENTED,
                f"{callable_.title}() is a template that has not been filled in.",
                "Write it, then run again.",
            )
    return None


def _read_before_it_is_set(trouble: Trouble, pass_: Pass) -> Explained | None:
    """An attribute that the constructor sets, but reads before: the object cannot be made as it stands."""
    missing = re.search(r"'(\w+)' object has no attribute '(\w+)'", trouble.message)
    owner = pass_.backward.owner
    if missing is None or owner is None or owner.name != missing[1]:
        return None
    made = next((m for m in owner.body if isinstance(m, ast.FunctionDef) and m.name == "__init__"), None)
    set_at = [
        node.lineno
        for node in (ast.walk(made) if made is not None else ())
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr == missing[2]
    ]
    if not set_at:
        return None
    return Explained(
        Reason.RAISES,
        f"{missing[1]}() cannot be made: line {trouble.line} of {trouble.path} reads self.{missing[2]}, "
        f"which the constructor sets only later, at line {min(set_at)}.",
        f"Set self.{missing[2]} first, then run again.",
    )
