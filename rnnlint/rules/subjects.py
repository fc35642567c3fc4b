"""What a rule may ask for, by the type of its parameter, and where a file keeps those."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from rnnlint.model.backward import BackwardPass
from rnnlint.model.file_model import FileModel
from rnnlint.model.recurrent_code import RecurrentCode
from rnnlint.rules.the_file.unused_suppression import UnusedSuppression
from rnnlint.source import Source

_OF_MODEL: dict[type, Callable[[FileModel], Iterable[Any]]] = {
    FileModel: lambda model: (model,),
    BackwardPass: lambda model: model.backward_passes,
    RecurrentCode: lambda model: _present(model.recurrent_code),
    UnusedSuppression: lambda model: (),  # known once all findings are: rnnlint.suppressions
}


def subjects(wanted: type, source: Source, model: FileModel | None) -> Iterable[Any]:
    """The subjects of type ``wanted`` in a file: the file itself, or something that its model holds.

    Raises :class:`LookupError` for a type that no file holds (a rule's annotation is then wrong).
    """
    if wanted is Source:
        return (source,)
    if wanted not in _OF_MODEL:
        raise LookupError(f"no file holds subjects of type {wanted.__name__}")
    return () if model is None else _OF_MODEL[wanted](model)


def _present(subject: Any) -> tuple[Any, ...]:
    return () if subject is None else (subject,)
