"""The walls round a guest: each layer a module with a name and one function that raises the wall, or says why
it cannot.

Loaded by path into the zygote, so nothing here imports anything but the standard library and its own
neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class LayerMissingError(Exception):
    """This machine does not offer the layer; the message says what is lacking."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a guest may reach: folders that it may read. Nothing may be written."""

    readable: tuple[str, ...] = ()


class Layer(Protocol):
    """One wall."""

    name: str

    def enter(self, grant: Grant) -> None:
        """Raise the wall round this process for good. Raises :class:`LayerMissingError`."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Which layers hold, and why the others do not (name, reason)."""

    in_force: tuple[str, ...]
    missing: tuple[tuple[str, str], ...]

    def joined(self, other: Standing) -> Standing:
        """Both together."""
        return Standing(self.in_force + other.in_force, self.missing + other.missing)


def enter_all(layers: Sequence[Layer], grant: Grant, left_out: frozenset[str] = frozenset()) -> Standing:
    """Enter the layers in order, but for those that are to be left out."""
    in_force: list[str] = []
    missing: list[tuple[str, str]] = []
    for layer in layers:
        if layer.name in left_out:
            missing.append((layer.name, "it was left out on request"))
            continue
        try:
            layer.enter(grant)
        except LayerMissingError as lack:
            missing.append((layer.name, str(lack)))
        except OSError as error:
            missing.append((layer.name, f"it failed ({error.strerror})"))
        else:
            in_force.append(layer.name)
    return Standing(tuple(in_force), tuple(missing))
