"""Resource limits: CPU time, memory, file size, processes, descriptors, no core."""

from __future__ import annotations

import math
import resource
import sys
from pathlib import Path

from . import Grant

DESCRIPTORS = 64
LARGEST_FILE = 0


class ResourceLimits:
    """What binds every guest alike; :func:`limit_work` adds what depends on the job."""

    name = "rlimits"

    def enter(self, grant: Grant) -> None:
        lower(resource.RLIMIT_CORE, 0)
        lower(resource.RLIMIT_FSIZE, LARGEST_FILE)
        lower(resource.RLIMIT_NOFILE, DESCRIPTORS)
        lower(resource.RLIMIT_NPROC, 0)


def limit_work(seconds: float, memory: int) -> None:
    """Allow ``seconds`` of processor time from now on and ``memory`` bytes of address space in all."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    lower(resource.RLIMIT_CPU, math.ceil(used.ru_utime + used.ru_stime + seconds) + 1)
    if sys.platform == "linux":  # elsewhere this limit is not kept; the deadline is
        lower(resource.RLIMIT_AS, memory)


def lower(limit: int, value: int) -> None:
    """Set both the soft and the hard limit to ``value``, or leave them where they are lower."""
    _, hard = resource.getrlimit(limit)
    bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(limit, (bound, bound))


def mapped() -> int:
    """Bytes of address space in use; 0 where the system does not tell."""
    try:
        pages = Path("/proc/self/statm").read_bytes().split()[0]
    except OSError:
        return 0
    return int(pages) * resource.getpagesize()
