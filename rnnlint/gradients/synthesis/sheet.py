"""A draft in the making: its layout, and what its passes are given so far."""

from __future__ import annotations

from rnnlint.gradients.draft import Upstream
from rnnlint.gradients.forms import Form
from rnnlint.gradients.layouts import Layout
from rnnlint.records import dataclass, field


@dataclass
class Sheet:
    """What one draft holds until it is written."""

    layout: Layout
    holes: dict[str, Form] = field(default_factory=dict)
    objects: dict[str, str] = field(default_factory=dict)  # variable -> Python that makes what it holds
    unpacked: dict[str, tuple[str, ...]] = field(default_factory=dict)  # variable -> names of its items
    upstream: list[Upstream] = field(default_factory=list)
    guesses: bool = False  # an argument of the backward is told by its role alone

    def has(self, name: str) -> bool:
        """Whether an argument of this name is there already."""
        return f"_in_{name}" in self.holes or f"_object_{name}" in self.objects

    def held(self, name: str) -> str:
        """Python for an argument: the object that is made of its values, or the hole itself."""
        variable = f"_object_{name}"
        return variable if variable in self.objects else f"_in_{name}"
