"""Namespaces: a network with nobody in it, processes, messages and mounts of its own.

The zygote enters them once, and its children are born inside: a job then costs nothing more. As the first
process of its namespace the zygote cannot be signalled by its children, and all of them end with it.
"""

from __future__ import annotations

import os
import signal
import struct
import sys
from contextlib import suppress
from pathlib import Path

from . import Grant, LayerMissingError
from .system_calls import call

_USER, _PROCESSES, _NETWORK, _MESSAGES, _MOUNTS, _HOST_NAME = (
    0x10000000, 0x20000000, 0x40000000, 0x08000000, 0x00020000, 0x04000000,
)  # fmt: skip
_ALL = _PROCESSES | _NETWORK | _MESSAGES | _MOUNTS | _HOST_NAME
_RECURSIVE_PRIVATE = 0x4000 | 0x40000
_NO_SETUID_DEVICES_PROGRAMS = 0x2 | 0x4 | 0x8
_CURRENT_FOLDER, _RECURSIVE, _READ_ONLY = -100, 0x8000, 1
_PR_SET_PDEATHSIG = 1
_OWN = Path("/proc/self/ns")
_KINDS = ("net", "pid", "ipc")


class Namespaces:
    """Network, processes, messages, mounts and the host's name; with a user namespace where we are not
    root.

    ``outside`` are the judge's own (:func:`in_force`): where no further ones can be made, those that
    bubblewrap has made do as well.
    """

    name = "namespaces"

    def __init__(self, outside: str) -> None:
        self._outside = frozenset(outside.split())

    def enter(self, grant: Grant) -> None:
        if sys.platform != "linux":
            raise LayerMissingError("only Linux has them")
        user = os.geteuid()
        before = in_force()
        try:
            _unshare(user)
        except OSError as error:
            if self._outside and self._outside.isdisjoint(before.split()):
                return
            raise LayerMissingError(f"they are not allowed here ({error.strerror})") from None
        if in_force().split()[0] == before.split()[0]:
            raise LayerMissingError("the network is still the host's")
        _continue_as_first_process()
        with suppress(OSError):  # a help to the other layers, not a layer that is promised
            _own_mounts()
        if os.getpid() != 1:
            raise LayerMissingError("the processes are still the host's")


def in_force() -> str:
    """The names of this process's namespaces: network, processes, messages."""
    return " ".join(str((_OWN / kind).readlink()) for kind in _KINDS)


def _unshare(user: int) -> None:
    if user == 0:
        with suppress(PermissionError):
            call("unshare", _ALL)
            return
    group = os.getegid()
    call("unshare", _USER | _ALL)
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")


def _own_mounts() -> None:
    """Hide the host's processes from /proc, and make everything read-only, modes and attributes too."""
    call("mount", None, b"/", None, _RECURSIVE_PRIVATE, None)
    call("mount", b"proc", b"/proc", b"proc", _NO_SETUID_DEVICES_PROGRAMS, None)
    attributes = struct.pack("=QQQQ", _READ_ONLY, 0, 0, 0)
    call("mount_setattr", _CURRENT_FOLDER, b"/", _RECURSIVE, attributes, len(attributes))


def _continue_as_first_process() -> None:
    """Go on in a child, which is the new namespace's first process; this one waits for it and ends as it
    ends.
    """
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    call("prctl", _PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
