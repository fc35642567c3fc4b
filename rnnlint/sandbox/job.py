"""The seam between host and guest, under the host's name; the definitions live with the guest, which may
import no host.
"""

from __future__ import annotations

from rnnlint.guest.job import (
    PATCH_OWNER,
    Act,
    Expression,
    Failure,
    Frame,
    Job,
    Module,
    Opaque,
    Operand,
    Outcome,
    Patch,
    Ran,
    Scenario,
    Trouble,
    Value,
)

__all__ = [
    "PATCH_OWNER",
    "Act",
    "Expression",
    "Failure",
    "Frame",
    "Job",
    "Module",
    "Opaque",
    "Operand",
    "Outcome",
    "Patch",
    "Ran",
    "Scenario",
    "Trouble",
    "Value",
]
