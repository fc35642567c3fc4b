"""Which forbidden acts the user's code attempts, by the audit events that Python raises for them (PEP 578).

A sign for whoever grades, not a wall: the layers refuse the acts, and code that speaks to the kernel by
itself is refused without being noticed here. What a program may do in good faith is not listed: reading a
file, starting a thread.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from .job import Act

_ACTS: Mapping[str, Act] = {
    event: act
    for act, events in {
        Act.NETWORK: """
            socket.__new__ socket.bind socket.connect socket.sendto socket.sendmsg socket.getaddrinfo
            socket.gethostbyname socket.gethostbyaddr
        """,
        Act.PROCESSES: """
            os.fork os.forkpty os.exec os.posix_spawn os.spawn os.system subprocess.Popen pty.spawn
        """,
        Act.SIGNALS: "os.kill os.killpg signal.pthread_kill resource.prlimit",
        Act.FILES: """
            os.chmod os.chown os.link os.mkdir os.remove os.removexattr os.rename os.rmdir os.setxattr
            os.symlink os.truncate os.utime
        """,
        Act.FOREIGN_CODE: "ctypes.dlopen ctypes.dlsym ctypes.call_function",
    }.items()
    for event in events.split()
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


class Attempts:
    """The acts attempted in this process from now on, each once."""

    def __init__(self) -> None:
        self._acts: dict[Act, None] = {}
        sys.addaudithook(self._notice)

    @property
    def acts(self) -> tuple[Act, ...]:
        return tuple(self._acts)

    def clear(self) -> None:
        """Forget them: new scenarios begin."""
        self._acts.clear()

    def _notice(self, event: str, arguments: tuple[Any, ...]) -> None:
        act = _ACTS.get(event)
        if act is not None:
            self._acts[act] = None
        elif event == "open" and arguments[2] & _WRITING:
            self._acts[Act.FILES] = None
