"""Why a gradient could not be checked: one sentence that a student understands, and what they can do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rnnlint.deadline import SECONDS_A_FILE
from rnnlint.gradients.callables import Library
from rnnlint.gradients.holes import UnknownArgumentError
from rnnlint.gradients.losses import Loss
from rnnlint.gradients.passes import Pass
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


def oracles_disagree(names: Sequence[str]) -> Explained:
    """Central differences of the code's loss and the reference cell's adjoints are not the same."""
    return Explained(
        Reason.NO_ORACLE,
        "There is no verdict: the derivative of the code's own loss and the gradient of the reference cell "
        f"that it agrees with are not the same for {', '.join(names)}.",
        "Please report this: it is a mistake of the check, or a kink of the loss at the numbers drawn; "
        "another --seed may help.",
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
    if pass_ is not None and (
        pass_.backward.is_unimplemented or (pass_.forward is not None and pass_.forward.is_unimplemented)
    ):
        which = pass_.backward if pass_.backward.is_unimplemented else pass_.forward
        assert which is not None
        return Explained(
            Reason.UNIMPLEMENTED,
            f"{which.title}() is a template that has not been filled in.",
            "Write it, then run again.",
        )
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
            Reason.UNIMPLEMENTED if pass_ is not None and _has_blanks(pass_) else Reason.RAISES,
            f"{title} stops at {where} on a value that is None ({trouble.exception}: {trouble.message}).",
            "Fill in what is still None, then run again.",
        )
    code = Reason.UNSOLVED_SHAPES if _is_about_shapes(trouble) else Reason.RAISES
    return Explained(
        code,
        f"{title} could not be run: {trouble.exception} at {where} ({trouble.message[:160].strip()}).",
        _BY_HAND
        if code is Reason.UNSOLVED_SHAPES
        else "If that is the code's own error, mend it; else " + _BY_HAND[0].lower() + _BY_HAND[1:],
    )


def _is_about_shapes(trouble: Trouble) -> bool:
    return bool(
        re.search(r"shape|dimension|broadcast|aligned|axis|unpack|index|matmul|size", trouble.message)
    )


def _has_blanks(pass_: Pass) -> bool:
    import ast

    return any(
        isinstance(n, ast.Assign) and isinstance(n.value, ast.Constant) and n.value.value is None
        for c in (pass_.backward, pass_.forward)
        if c is not None
        for n in ast.walk(c.node)
    )
