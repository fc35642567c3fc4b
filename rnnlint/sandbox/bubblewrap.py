"""bubblewrap round the zygote, where it is installed: a file system that holds the interpreter, NumPy and the
guest and nothing else, and namespaces of its own.

It is an outer layer that is never required: where it is not there, or does not work, nothing is missing.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

NAME = "bubblewrap"
_NAMESPACES = ("--unshare-net", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try")
_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/etc/ld.so.cache")


def wrapped(command: Sequence[str], readable: Sequence[Path]) -> list[str] | None:
    """``command`` inside bubblewrap, with these files and folders to be read; None where there is no bwrap.

    That it works is for the caller to find out, by trying.
    """
    program = shutil.which("bwrap") if sys.platform == "linux" else None
    if program is None:
        return None
    binds = [word for path in _bound(readable) for word in ("--ro-bind-try", path, path)]
    rights = ("--cap-add", "ALL") if os.geteuid() == 0 else ()  # the layers inside give them up themselves
    return [program, *_NAMESPACES, *rights, *binds, "--dev", "/dev", "--proc", "/proc", *command]


def _bound(readable: Sequence[Path]) -> Iterator[str]:
    """Every path that is to be there, outer ones first: a later mount hides what lies beneath it."""
    environment = Path(sys.prefix)
    paths = {
        *_SYSTEM,
        sys.base_prefix,
        str(environment / "bin"),
        str(environment / "pyvenv.cfg"),
        *map(str, readable),
    }
    yield from sorted(paths)
