"""The zygote's process and its children, as the host holds them: a socket to each, and a deadline on every
wait.
"""

from __future__ import annotations

import contextlib
import importlib.util
import math
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rnnlint.sandbox.bubblewrap import wrapped
from rnnlint.sandbox.zygote import COMMAND, COMPUTED, DELAY, FORK, REAP, REPLY

if TYPE_CHECKING:
    from rnnlint.guest.job import Value

START_SECONDS = 30.0
"""For a zygote to import NumPy and a child to raise its walls, on the slowest machine worth waiting for."""
MOST_DELAY = 3
"""So many times its seconds may be added to a deadline for what other processes took."""
SELDOM = 0.01
"""Seconds between two questions for how long a child has computed."""
LARGEST_ANSWER = 512 * 2**20
_SCRIPT = Path(__file__).with_name("zygote.py")


class SandboxError(Exception):
    """The sandbox itself failed, whatever the guest did; the message is one sentence."""


class ZygoteProcess:
    """The zygote's process and the control socket to it; ``wrap`` asks for bubblewrap round it."""

    def __init__(self, without: Sequence[str], *, wrap: bool = False) -> None:
        if not hasattr(os, "fork"):
            raise SandboxError("Code can only be run where processes fork (Linux, macOS); use --no-run here.")
        numpy_folder = _numpy_folder()
        self._control, theirs = socket.socketpair()
        self._replies: list[tuple[bytes, int, int]] = []
        command = [
            *(sys.executable, "-I", "-S", str(_SCRIPT)),
            *(str(theirs.fileno()), numpy_folder, ",".join(without), _namespaces()),
        ]
        inside = wrapped(command, _needed(Path(numpy_folder))) if wrap else None
        self.is_wrapped = inside is not None
        with theirs:
            self._process = subprocess.Popen(
                inside or command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=(theirs.fileno(),),
                cwd="/",
                env={
                    "OPENBLAS_NUM_THREADS": "1",
                    "OMP_NUM_THREADS": "1",
                    "MKL_NUM_THREADS": "1",
                    "LC_ALL": "C.UTF-8",
                },
                start_new_session=True,
            )

    def fork(self) -> Child:
        """Ask for a child, without waiting for it. Raises OSError where the zygote has died."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(self._control, [COMMAND.pack(FORK, 0)], [theirs.fileno()])
            except OSError:
                ours.close()
                raise
        return Child(self, ours)

    def pid_of_child(self) -> int:
        """The pid of the child forked last. Raises EOFError or OSError where the zygote has died."""
        return self._reply(FORK)[0]

    def reap(self, pid: int) -> int:
        """The wait status of a child that has been killed or has ended."""
        self._control.sendall(COMMAND.pack(REAP, pid))
        return self._reply(REAP)[1]

    def computed_by(self, pid: int) -> float:
        """Seconds for which a child has run; 0 where the system does not tell."""
        return self._asked(COMPUTED, pid) / 1e9

    def delay_of(self, pid: int) -> float:
        """Seconds for which a child was ready to run while others did; 0 where the system does not tell."""
        return self._asked(DELAY, pid) / 1e9

    def _asked(self, command: bytes, pid: int) -> int:
        self._control.sendall(COMMAND.pack(command, pid))
        return self._reply(command)[1]

    def _reply(self, kind: bytes) -> tuple[int, int]:
        """The first reply of a kind; those to other commands are kept until they are asked for."""
        while not any(reply[0] == kind for reply in self._replies):
            self._replies.append(self._read_reply())
        index = next(i for i, reply in enumerate(self._replies) if reply[0] == kind)
        _, pid, status = self._replies.pop(index)
        return pid, status

    def _read_reply(self) -> tuple[bytes, int, int]:
        self._control.settimeout(START_SECONDS)
        raw = b""
        while len(raw) < REPLY.size:
            part = self._control.recv(REPLY.size - len(raw))
            if not part:
                raise EOFError
            raw += part
        kind, pid, status = REPLY.unpack(raw)
        return kind, pid, status

    def complaint(self) -> str:
        """The last line that the zygote wrote to its standard error before it died."""
        self._kill_group()
        _, errors = self._process.communicate()
        lines = errors.decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else f"exit status {self._process.returncode}"

    def kill(self) -> None:
        """End it at once, and with it all its children."""
        self._kill_group()
        self._process.wait()

    def _kill_group(self) -> None:
        """The zygote's process, the one it waits in, and bubblewrap's: they share a group, which outlives its
        leader until that is reaped.
        """
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """End it; nothing in it is worth a farewell."""
        self._control.close()
        self.kill()
        if self._process.stderr is not None:
            self._process.stderr.close()


@dataclass(slots=True)
class Child:
    """A forked child and the channel to it."""

    zygote: ZygoteProcess
    channel: socket.socket
    greeted: bool = False
    pid: int = 0
    status: int | None = None
    deadline: float = 0.0
    latest: float = 0.0
    repaid: float = 0.0
    most_computed: float = math.inf
    next_look: float = 0.0
    received: int = 0

    def greet(self) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
        """Wait for the child's hello: the layers in force and those missing."""
        from rnnlint.guest.protocol import ProtocolError

        self.expire_in(START_SECONDS)
        self.pid = self.zygote.pid_of_child()
        try:
            hello = self.read_frame()["hello"]
            layers = tuple(str(name) for name in hello["layers"])
            missing = tuple((str(name), str(reason)) for name, reason in hello["missing"])
        except (ProtocolError, TypeError, KeyError, ValueError):
            raise SandboxError("The sandbox's own child spoke no sense.") from None
        self.greeted = True
        return layers, missing

    def expire_in(self, seconds: float, *, of_its_own: bool = False, most_computed: float = math.inf) -> None:
        """Let every wait end after so many seconds; ``of_its_own``: of which other processes took none. Or
        sooner, once the child has run for ``most_computed`` more seconds, where the system tells.
        """
        so_far = 0.0 if math.isinf(most_computed) else self.computed()
        now = time.monotonic()
        self.deadline = now + seconds
        self.latest = self.deadline + (MOST_DELAY * seconds if of_its_own else 0.0)
        self.most_computed, self.next_look = so_far + most_computed, now + most_computed

    def send(self, frame: bytes) -> None:
        """Raises TimeoutError at the deadline, OSError where the child has gone."""
        self.channel.settimeout(self._remaining())
        self.channel.sendall(frame)

    def read_frame(self) -> Value:
        """The next frame. Raises TimeoutError at the deadline, EOFError at the end, ProtocolError for
        anything else.
        """
        from rnnlint.guest.protocol import OF_GUEST, PREFIX, Prefix, ProtocolError, decode_body

        prefix = Prefix.read(self._receive(PREFIX.size), OF_GUEST)
        self.received += prefix.rest
        if self.received > LARGEST_ANSWER:
            raise ProtocolError("it is too long")
        header = self._receive(prefix.header)
        return decode_body(header, self._receive(prefix.payload), OF_GUEST)

    def computed(self) -> float:
        """Seconds for which it has run; 0 where the system does not tell."""
        try:
            return self.zygote.computed_by(self.pid)
        except (EOFError, OSError):
            return 0.0  # the zygote has died; whoever reaps will notice

    def end(self) -> int:
        """Have the child's whole process group killed and reaped; its wait status."""
        if self.status is None:
            self.channel.close()
            try:
                self.status = self.zygote.reap(self.pid)
            except (EOFError, OSError):
                self.zygote.kill()
                self.status = signal.SIGKILL
        return self.status

    def _receive(self, size: int) -> bytearray:
        received = bytearray()
        while len(received) < size:
            self.channel.settimeout(self._remaining())
            try:
                part = self.channel.recv(min(size - len(received), 2**20))
            except TimeoutError:
                continue  # whether there is more time is known above
            if not part:
                raise EOFError
            received += part
        return received

    def _remaining(self) -> float:
        remaining = self.deadline - time.monotonic()
        if remaining <= 0 and self.deadline < self.latest:
            self._repay()
            remaining = self.deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        return min(remaining, self._until_next_look())

    def _until_next_look(self) -> float:
        """Seconds before the child can have computed for too long. Raises TimeoutError where it has."""
        if time.monotonic() >= self.next_look:
            left = self.most_computed - self.computed()
            if left <= 0:
                raise TimeoutError
            self.next_look = time.monotonic() + max(left, SELDOM)
        return self.next_look - time.monotonic()

    def _repay(self) -> None:
        """Add to the deadline what others have taken since this was last asked, or since the child began."""
        try:
            delay = self.zygote.delay_of(self.pid)
        except (EOFError, OSError):
            return  # the zygote has died; whoever reaps will notice
        self.deadline = min(self.deadline + delay - self.repaid, self.latest)
        self.repaid = delay


def _namespaces() -> str:
    """The names of this process's namespaces; "" where there are none."""
    from rnnlint.sandbox.layers.namespaces import in_force

    try:
        return in_force()
    except OSError:
        return ""


def _needed(numpy_folder: Path) -> tuple[Path, ...]:
    """What the zygote and its children read, besides the interpreter."""
    return (
        _SCRIPT.parent,
        _SCRIPT.parents[1] / "guest",
        *(numpy_folder / name for name in ("numpy", "numpy.libs")),
    )


def _numpy_folder() -> str:
    """The folder that holds the NumPy installed beside rnnlint, found without importing it."""
    spec = importlib.util.find_spec("numpy")
    if spec is None or not spec.submodule_search_locations:
        raise SandboxError("NumPy is not installed.")
    return str(Path(next(iter(spec.submodule_search_locations))).parent)
