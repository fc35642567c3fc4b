"""The forbidden acts. Read as a text and run in a child by :mod:`.self_test`, never imported.

None does harm where it succeeds: the folder and the port are made for it, and the process is only asked
whether it could be reached.
"""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

_TRACE_WITHOUT_STOPPING = 0x4206
_NEW_USER_NAMESPACE = 0x10000000
_libc = ctypes.CDLL(None, use_errno=True)


class Target:
    """What the acts are aimed at."""

    def __init__(self, folder: str, port: int, process: int) -> None:
        self.folder = folder
        self.port = port
        self.process = process


def _read(target: Target) -> None:
    os.close(os.open(f"{target.folder}/kept", os.O_RDONLY))


def _list(target: Target) -> None:
    list(Path(target.folder).iterdir())


def _write(target: Target) -> None:
    os.close(os.open(f"{target.folder}/kept", os.O_WRONLY))


def _create(target: Target) -> None:
    os.close(os.open(f"{target.folder}/made", os.O_CREAT | os.O_WRONLY))


def _remove(target: Target) -> None:
    Path(target.folder, "kept").unlink()


def _connect(target: Target) -> None:
    with socket.socket() as sender:
        sender.settimeout(2)
        sender.connect(("127.0.0.1", target.port))


def _send(target: Target) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", ("127.0.0.1", target.port))


def _speak(target: Target) -> None:
    with socket.socket(socket.AF_UNIX) as sender:
        sender.connect(f"\0rnnlint-self-test-{target.port}")


def _fork(target: Target) -> None:
    process = os.fork()
    if not process:
        os._exit(0)
    os.waitpid(process, 0)


def _run(target: Target) -> None:
    os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)


def _signal(target: Target) -> None:
    os.kill(target.process, 0)


def _trace(target: Target) -> None:
    _succeeded(_libc.ptrace(_TRACE_WITHOUT_STOPPING, os.getppid(), None, None))


def _unshare(target: Target) -> None:
    _succeeded(_libc.unshare(_NEW_USER_NAMESPACE))


def _take_memory(target: Target) -> None:
    bytearray(2**30)


def _succeeded(result: int) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")


ACTS: Mapping[str, Mapping[str, Callable[[Target], None]]] = {
    "files": {
        "read a file": _read,
        "list a folder": _list,
        "write to a file": _write,
        "create a file": _create,
        "remove a file": _remove,
    },
    "network": {
        "connect by TCP": _connect,
        "send by UDP": _send,
        "speak to a process here": _speak,
    },
    "processes": {
        "start a process": _fork,
        "run a program": _run,
        "signal a process": _signal,
        "trace a process": _trace,
        "make namespaces": _unshare,
    },
    "memory": {"take 1 GiB of memory": _take_memory},
}


def attempts(folder: str, port: int, process: int) -> list[tuple[str, str, str]]:
    """What is attempted (its kind, what it is) and how it was refused, "" where it succeeded."""
    target = Target(folder, port, process)
    made: list[tuple[str, str, str]] = []
    for kind, acts in ACTS.items():
        for name, act in acts.items():
            try:
                act(target)
            except (OSError, MemoryError) as error:
                made.append((kind, name, type(error).__name__))
            else:
                made.append((kind, name, ""))
    return made
