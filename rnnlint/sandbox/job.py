"""The seam between host and guest, under the host's name; the definitions live with the guest, which may
import no host.
"""

from __future__ import annotations

from rnnlint.guest.job import (
    Expression,
    Failure,
    Frame,
    Job,
    Module,
    Opaque,
    Operand,
    Outcome,
    Ran,
    Scenario,
    Trouble,
    Value,
)

__all__ = [
    "Expression",
    "Failure",
    "Frame",
    "Job",
    "Module",
    "Opaque",
    "Operand",
    "Outcome",
    "Ran",
    "Scenario",
    "Trouble",
    "Value",
]
