"""Landlock: the child may read the interpreter and NumPy, and write, list or read nothing else.

The rules are gathered once, in the zygote; each child only has to bind itself to them.
"""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path

from . import Grant, LayerMissingError
from .system_calls import call

_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1
_READ_FILE, _READ_DIRECTORY = 1 << 2, 1 << 3
_ACCESSES_BY_VERSION = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""Version of Landlock: how many kinds of access to files it knows."""
_ALL_TCP, _ALL_SCOPES = 0b11, 0b11
_PR_SET_NO_NEW_PRIVS = 38
_NOT_FOR_READING = frozenset({"site-packages", "dist-packages", "rnnlint", "reference_impl"})


class Landlock:
    """Files, and where the kernel offers it TCP, abstract sockets and signals."""

    name = "landlock"

    def __init__(self) -> None:
        self._ruleset: int | None = None

    def prepare(self, grant: Grant) -> None:
        """Gather the rules (in the zygote). Raises :class:`LayerMissingError`."""
        try:
            version = call("landlock_create_ruleset", None, 0, _CREATE_RULESET_VERSION)
        except OSError as error:
            raise LayerMissingError(f"the kernel does not offer it ({error.strerror})") from None
        files = (1 << _ACCESSES_BY_VERSION.get(version, 16)) - 1
        attributes = struct.pack(
            "=QQQ", files, _ALL_TCP if version >= 4 else 0, _ALL_SCOPES if version >= 6 else 0
        )
        size = 24 if version >= 6 else 16 if version >= 4 else 8
        self._ruleset = call("landlock_create_ruleset", attributes[:size], size, 0)
        for path in grant.readable:
            self._allow_reading(Path(path))

    def enter(self, grant: Grant) -> None:
        if self._ruleset is None:
            self.prepare(grant)
        assert self._ruleset is not None
        try:
            call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
            call("landlock_restrict_self", self._ruleset, 0)
        except OSError as error:
            raise LayerMissingError(f"it was refused ({error.strerror})") from None
        os.close(self._ruleset)
        _attempt_forbidden()

    def _allow_reading(self, path: Path) -> None:
        """A file, or a folder with all in it but what is installed beside the interpreter."""
        if not path.is_dir():
            self._add_rule(path, _READ_FILE)
            return
        names = [entry.name for entry in path.iterdir()]
        if _NOT_FOR_READING.isdisjoint(names):
            self._add_rule(path, _READ_FILE | _READ_DIRECTORY)
            return
        for name in names:
            if name not in _NOT_FOR_READING:
                self._allow_reading(path / name)

    def _add_rule(self, path: Path, accesses: int) -> None:
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            return  # not there: nothing to allow
        try:
            rule = ctypes.create_string_buffer(struct.pack("=Qi", accesses, descriptor))
            call("landlock_add_rule", self._ruleset, _RULE_PATH_BENEATH, rule, 0)
        finally:
            os.close(descriptor)


def _attempt_forbidden() -> None:
    for path, flags in (("/", os.O_RDONLY), ("/dev/null", os.O_WRONLY), (__file__, os.O_RDONLY)):
        try:
            os.close(os.open(path, flags))
        except PermissionError:
            continue
        raise LayerMissingError(f"{path} could be opened all the same")
