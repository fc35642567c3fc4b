"""The zygote: a fresh interpreter that holds NumPy and the guest, and forks one child for each job.

Executed by path (``python -I -S zygote.py CONTROL NUMPY WITHOUT OUTSIDE``), never imported by the host. It
reads no source and no job: over the control socket it is told to fork (with the child's own channel) and to
reap, and asked how long a child has computed and been kept waiting for a processor. The child raises its
walls, says which stand, and only then reads its job from its channel.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib.util
import os
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

FORK, REAP, COMPUTED, DELAY = b"F", b"R", b"C", b"D"
COMMAND = struct.Struct("<cq")
REPLY = struct.Struct("<cqq")
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_LIBC = ctypes.CDLL(None)


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
    """Fork and reap as told until the host closes the control socket.

    The arguments are the control socket's descriptor, the folder that holds NumPy, the names of the layers to
    be left out, separated by commas, and the names of the judge's namespaces.
    """
    gc.disable()  # nothing here is garbage, and its children share these pages
    control = socket.socket(fileno=int(arguments[0]))
    sys.meta_path.append(NumPyOnly(arguments[1]))
    here = Path(__file__).resolve().parent
    adopt("rnnlint_layers", here / "layers")
    adopt("rnnlint_guest", here.parent / "guest")
    from rnnlint_guest import serve  # type: ignore[import-not-found]

    walls = _Walls(arguments[1], frozenset(arguments[2].split(",")), arguments[3])
    sys.dont_write_bytecode = True  # from here on an import that kept its own would look like the user's act
    serve.prepare()
    _adopt_orphans()
    gc.freeze()
    living: set[int] = set()
    zygote = os.getpid()
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, COMMAND.size, 1)
        if not message:
            return
        command, pid = COMMAND.unpack(message)
        if command == FORK:
            pid = os.fork()
            if pid == 0:
                control.close()
                _run_child(socket.socket(fileno=descriptors[0]), walls, serve, zygote)
            os.close(descriptors[0])
            living.add(pid)
            control.sendall(REPLY.pack(FORK, pid, 0))
        elif command in (COMPUTED, DELAY):
            computed, delay = _scheduled(pid)
            control.sendall(REPLY.pack(command, pid, computed if command == COMPUTED else delay))
        else:
            living.discard(pid)
            control.sendall(REPLY.pack(REAP, pid, _reap(pid, living)))


class _Walls:
    """The layers: some are entered by the zygote itself, once, the others by each child."""

    def __init__(self, numpy_folder: str, left_out: frozenset[str], outside: str) -> None:
        from rnnlint_layers import Grant, LayerMissingError, Standing, enter_all  # type: ignore[import-not-found]
        from rnnlint_layers.landlock import Landlock  # type: ignore[import-not-found]
        from rnnlint_layers.limits import ResourceLimits, limit_work, mapped  # type: ignore[import-not-found]
        from rnnlint_layers.namespaces import Namespaces  # type: ignore[import-not-found]
        from rnnlint_layers.privileges import Privileges  # type: ignore[import-not-found]
        from rnnlint_layers.seccomp import Seccomp  # type: ignore[import-not-found]

        libraries = (str(Path(numpy_folder) / name) for name in ("numpy", "numpy.libs"))
        self._grant = Grant((*libraries, *sys.path))
        self._left_out = left_out
        self._enter_all = enter_all
        self._limit_work, self._mapped = limit_work, mapped
        self._limits, landlock, seccomp = ResourceLimits(), Landlock(), Seccomp()
        self._of_child = (self._limits, landlock, Privileges(), seccomp)
        self._standing: Standing = enter_all((Namespaces(outside),), self._grant, left_out)
        for layer in (landlock, seccomp):
            with contextlib.suppress(LayerMissingError, OSError):  # each child will say so
                layer.prepare(self._grant)

    def enter(self) -> tuple[Any, Callable[[float, int], None]]:
        """Enter the child's own layers; which stand, and what sets the limits that depend on the job."""
        mapped = self._mapped()  # /proc is out of reach afterwards
        standing = self._standing.joined(self._enter_all(self._of_child, self._grant, self._left_out))
        if self._limits.name not in standing.in_force:
            return standing, lambda seconds, memory: None
        return standing, lambda seconds, memory: self._limit_work(seconds, mapped + memory)


def _run_child(channel: socket.socket, walls: _Walls, serve: ModuleType, zygote: int) -> None:
    """Everything a child does; never returns."""
    status = serve.FAILED
    try:
        os.setsid()
        _die_with(zygote)
        null = os.open(os.devnull, os.O_RDWR)
        standing, limit_work = walls.enter()
        _die_with(zygote)  # a change of user has undone it
        for standard in (0, 1, 2):
            os.dup2(null, standard)
        os.close(null)
        status = serve.answer(channel, standing.in_force, standing.missing, limit_work)
    except BaseException:
        # Whatever it is, this child must not go on as a second zygote. Before the walls stand the trace says
        # what keeps them from standing; afterwards there is nowhere to say it.
        traceback.print_exc()
        raise
    finally:
        os._exit(status)


def _reap(pid: int, living: set[int]) -> int:
    """Kill a child with its group; its wait status. Descendants that outlived it have become ours: they end
    too.
    """
    for kill in (os.kill, os.killpg):
        with contextlib.suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    while strays := _children() - living:
        for stray in strays:
            os.kill(stray, signal.SIGKILL)
            os.waitpid(stray, 0)
    return status


def _scheduled(pid: int) -> tuple[int, int]:
    """Nanoseconds for which a child ran, and for which it was ready and others ran; 0 where the system does
    not tell.
    """
    try:
        computed, delay, *_ = _read_of_processes(f"{pid}/schedstat").split()
        return int(computed), int(delay)
    except ValueError:
        return 0, 0


def _children() -> set[int]:
    """Our children, where the system tells."""
    return {int(pid) for pid in _read_of_processes(f"self/task/{os.getpid()}/children").split()}


def _read_of_processes(name: str) -> str:
    """A file of /proc; "" where there is none, or where it shows the processes not as we number them."""
    try:
        if Path("/proc/self").readlink().name != str(os.getpid()):
            return ""
        return Path(f"/proc/{name}").read_text(encoding="ascii")
    except OSError:
        return ""


def _adopt_orphans() -> None:
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _die_with(parent: int) -> None:
    """End when ``parent`` ends, also where it has ended before it could be asked for."""
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
