"""What a run of the command line leaves behind."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Ended:
    """How a run ended: its status and what stood on the two streams."""

    status: int
    out: str
    err: str
