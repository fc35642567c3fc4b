"""No privileges: another user where we run as root, no capabilities, and no way to gain any.

Limits on processes do not bind root, and root's files are open to root: so the child becomes nobody. Where
nobody may not even read the interpreter (it lies in root's home), the one capability to read is kept, if
Landlock already confines what can be read.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys

from . import Grant, LayerMissingError
from .system_calls import call

NOBODY = 65534
_PR_SET_KEEPCAPS, _PR_SET_NO_NEW_PRIVS = 8, 38
_CAPABILITY_VERSION = 0x20080522
_READ_SEARCH = 1 << 2


class Privileges:
    """Users and capabilities."""

    name = "unprivileged"

    def enter(self, grant: Grant) -> None:
        if sys.platform != "linux":
            raise LayerMissingError("only Linux has it")
        kept = 0
        try:
            call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
            if os.geteuid() == 0:
                call("prctl", _PR_SET_KEEPCAPS, 1, 0, 0, 0)
                os.setgroups([])
                os.setresgid(NOBODY, NOBODY, NOBODY)
                os.setresuid(NOBODY, NOBODY, NOBODY)
                if not _readable(grant) and _is_confined():
                    kept = _READ_SEARCH
            _keep_capabilities(kept)
        except OSError as error:
            raise LayerMissingError(f"the rights cannot be given up ({error.strerror})") from None
        _attempt_forbidden()


def _keep_capabilities(kept: int) -> None:
    header = ctypes.create_string_buffer(struct.pack("=Ii", _CAPABILITY_VERSION, 0))
    sets = ctypes.create_string_buffer(struct.pack("=6I", kept, kept, 0, 0, 0, 0))
    call("capset", header, sets)


def _readable(grant: Grant) -> bool:
    return all(os.access(path, os.R_OK) for path in grant.readable)


def _is_confined() -> bool:
    """Whether Landlock is in force already: even the root folder cannot be listed."""
    try:
        os.close(os.open("/", os.O_RDONLY | os.O_DIRECTORY))
    except PermissionError:
        return True
    return False


def _attempt_forbidden() -> None:
    try:
        os.setresuid(0, 0, 0)
    except OSError:
        return
    raise LayerMissingError("it could become root again")
