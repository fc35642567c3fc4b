"""The zygote: a fresh interpreter that holds NumPy and the guest, and forks one child for each job.

Executed by path (``python -I -S zygote.py CONTROL NUMPY``), never imported by the host. It reads no source
and no job: over the control socket it is told to fork (with the child's own channel) and to reap. The child
raises its walls, says which stand, and only then reads its job from its channel.
"""

from __future__ import annotations

import ctypes
import gc
import importlib.util
import os
import signal
import socket
import struct
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

FORK, REAP = b"F", b"R"
COMMAND = struct.Struct("<cq")
REPLY = struct.Struct("<cqq")
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


class NumPyOnly:
    """Finds NumPy in the folder it was installed to, and nothing else that lies there."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return PathFinder.find_spec(name, [self._folder]) if name == "numpy" else None


def adopt(name: str, folder: Path) -> None:
    """Import the package that lies in ``folder`` under another ``name``, so that ``rnnlint`` itself is not
    importable.
    """
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


def main(arguments: Sequence[str]) -> None:
    """Fork and reap as told until the host closes the control socket."""
    control = socket.socket(fileno=int(arguments[0]))
    numpy_folder = arguments[1]
    sys.meta_path.append(NumPyOnly(numpy_folder))
    here = Path(__file__).resolve().parent
    adopt("rnnlint_layers", here / "layers")
    adopt("rnnlint_guest", here.parent / "guest")
    from rnnlint_guest import serve  # type: ignore[import-not-found]
    from rnnlint_layers import limits  # type: ignore[import-not-found]

    serve.prepare()
    _adopt_orphans()
    gc.collect()
    gc.freeze()
    living: set[int] = set()
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, COMMAND.size, 1)
        if not message:
            return
        command, pid = COMMAND.unpack(message)
        if command == FORK:
            pid = os.fork()
            if pid == 0:
                control.close()
                _run_child(socket.socket(fileno=descriptors[0]), numpy_folder, serve, limits)
            os.close(descriptors[0])
            living.add(pid)
            control.sendall(REPLY.pack(FORK, pid, 0))
        else:
            living.discard(pid)
            control.sendall(REPLY.pack(REAP, pid, _reap(pid, living)))


def _run_child(channel: socket.socket, numpy_folder: str, serve: ModuleType, limits: ModuleType) -> None:
    """Everything a child does; never returns."""
    status = serve.FAILED
    try:
        os.setsid()
        _die_with_parent()
        null = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(null, standard)
        os.close(null)
        from rnnlint_layers import Grant, enter_all

        grant = Grant((numpy_folder, *sys.path))
        standing = enter_all((limits.ResourceLimits(),), grant)
        status = serve.answer(channel, standing.in_force, standing.missing, limits.limit_work)
    finally:
        os._exit(status)


def _reap(pid: int, living: set[int]) -> int:
    """The child's wait status. Descendants that outlived it have become ours: they are killed too."""
    _, status = os.waitpid(pid, 0)
    while strays := _children() - living:
        for stray in strays:
            os.kill(stray, signal.SIGKILL)
            os.waitpid(stray, 0)
    return status


def _children() -> set[int]:
    try:
        listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii")
    except OSError:
        return set()
    return {int(pid) for pid in listed.split()}


def _adopt_orphans() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


if __name__ == "__main__":
    main(sys.argv[1:])
