"""The host's side of the sandbox: runs jobs in children of a zygote and turns whatever comes back into an
outcome.

Nothing that a child sends is trusted: frames are decoded by :mod:`rnnlint.guest.protocol`, records are
checked field by field, and a deadline ends every wait.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rnnlint.guest.job import Failure, Job, Outcome, Ran, Trouble
from rnnlint.sandbox.zygote import COMMAND, FORK, REAP, REPLY

if TYPE_CHECKING:
    from rnnlint.guest.job import Value

LAYERS = ("namespaces", "rlimits", "landlock", "unprivileged", "seccomp")
"""Every layer's name, in the order in which they are entered."""
START_SECONDS = 30.0
"""For a zygote to import NumPy and a child to raise its walls, on the slowest machine worth waiting for."""
WORKING_SECONDS = 30.0
"""How long a child may go on to serve jobs of the same files."""
LARGEST_ANSWER = 512 * 2**20
_ZYGOTE = Path(__file__).with_name("zygote.py")


class SandboxError(Exception):
    """The sandbox itself failed, whatever the guest did; the message is one sentence."""


class Runner:
    """Runs jobs one after another, each in its own child. Use as a context manager; not for several threads
    at once.

    :meth:`start` returns at once, so that the zygote imports NumPy while the host reads and parses.
    """

    def __init__(self, *, reuse: bool = True, without: Iterable[str] = ()) -> None:
        """``without`` names layers to be left out (:data:`LAYERS`); they are then reported as missing.

        Without ``reuse`` every job has a child of its own.
        """
        self._reuse = reuse
        self._without = tuple(without)
        self._zygote: _Zygote | None = None
        self._next: _Child | None = None
        self._loaded: _Loaded | None = None
        self._layers: tuple[str, ...] = ()
        self._missing: tuple[tuple[str, str], ...] = ()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> Self:
        """Begin to start the zygote and its first child, without waiting for them."""
        if self._zygote is None:
            self._zygote = _Zygote(self._without)
        if self._next is None:
            try:
                self._next = self._zygote.fork()
            except OSError:  # a guest has killed it
                self.close()
                self._zygote = _Zygote(self._without)
                self._next = self._zygote.fork()
        return self

    def close(self) -> None:
        """End the zygote and every child."""
        if self._zygote is not None:
            self._retire()
            if self._next is not None:
                self._next.channel.close()
                self._next = None
            self._zygote.close()
            self._zygote = None

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers in force round every child. Raises :class:`SandboxError`."""
        self._greeted()
        return self._layers

    @property
    def missing_layers(self) -> tuple[tuple[str, str], ...]:
        """The layers that this machine does not offer, each with the reason. Raises :class:`SandboxError`."""
        self._greeted()
        return self._missing

    def run(self, job: Job) -> Outcome:
        """Run one job to its end or its deadline.

        Whatever the job's code does becomes an outcome; raises :class:`SandboxError` only where no child
        could be had. A job of the same files as the one before is run in the same child where ``reuse``
        allows it.
        """
        loaded = self._loaded
        again = loaded is not None and loaded.serves(job)
        if not again:
            self._retire()
        outcome = self._converse(job)
        failures = {ran.trouble.failure for ran in outcome.runs if ran.trouble is not None}
        if outcome.trouble is not None:
            failures.add(outcome.trouble.failure)
        spent = outcome.trouble is not None or Failure.MEMORY in failures
        if spent or not self._reuse:
            self._retire()
        if again and failures & {Failure.CRASH, Failure.MEMORY}:
            return self.run(job)  # perhaps only for what earlier scenarios left behind
        return outcome

    def _converse(self, job: Job) -> Outcome:
        from rnnlint.guest.protocol import ProtocolError, encode
        from rnnlint.guest.records import to_tree

        if self._loaded is None:
            child = self._greeted()
            self._next = None
            self._loaded = _Loaded(child, _files(job), time.monotonic())
            frames = [encode([job.seconds + WORKING_SECONDS, job.memory_mb * 2**20]), encode(to_tree(job))]
        else:
            child = self._loaded.child
            frames = [encode([to_tree(scenario) for scenario in job.scenarios])]
        conversation = _Conversation(child, len(job.scenarios))
        child.expire_in(job.seconds)
        child.received = 0
        try:
            for frame in frames:
                child.send(frame)
            return conversation.listen()
        except TimeoutError:
            trouble = Trouble(Failure.TIMEOUT, message=f"it was still running after {job.seconds:g} seconds")
        except (EOFError, OSError):
            trouble = _death(child.end())
        except ProtocolError as reason:
            trouble = Trouble(Failure.CRASH, message=f"its answer could not be read: {reason}")
        finally:
            self.start()
        return Outcome(runs=tuple(conversation.runs), trouble=trouble)

    def _retire(self) -> None:
        """End the child that has loaded the last job's files."""
        if self._loaded is not None:
            self._loaded.child.end()
            self._loaded = None

    def _greeted(self) -> _Child:
        """The next child, with its walls up. A zygote that has died is replaced once."""
        child = self.start()._next
        assert child is not None
        if not child.greeted:
            try:
                hello = child.greet()
            except (EOFError, OSError):
                self.close()
                child = self.start()._next
                assert child is not None and self._zygote is not None
                try:
                    hello = child.greet()
                except (EOFError, OSError):
                    raise SandboxError(f"The sandbox did not start: {self._zygote.complaint()}") from None
            self._layers, self._missing = hello
        return child


class _Zygote:
    """The zygote's process and the control socket to it."""

    def __init__(self, without: Sequence[str]) -> None:
        if not hasattr(os, "fork"):
            raise SandboxError("Code can only be run where processes fork (Linux, macOS); use --no-run here.")
        numpy_folder = _numpy_folder()
        self._control, theirs = socket.socketpair()
        self._replies: list[tuple[bytes, int, int]] = []
        with theirs:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-I",
                    "-S",
                    str(_ZYGOTE),
                    str(theirs.fileno()),
                    numpy_folder,
                    ",".join(without),
                ],
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

    def fork(self) -> _Child:
        """Ask for a child, without waiting for it. Raises OSError where the zygote has died."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(self._control, [COMMAND.pack(FORK, 0)], [theirs.fileno()])
            except OSError:
                ours.close()
                raise
        return _Child(self, ours)

    def pid_of_child(self) -> int:
        """The pid of the child forked last. Raises EOFError or OSError where the zygote has died."""
        return self._reply(FORK)[0]

    def reap(self, pid: int) -> int:
        """The wait status of a child that has been killed or has ended."""
        self._control.sendall(COMMAND.pack(REAP, pid))
        return self._reply(REAP)[1]

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
        self._process.kill()
        _, errors = self._process.communicate()
        lines = errors.decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else f"exit status {self._process.returncode}"

    def kill(self) -> None:
        """End it at once, and with it all its children."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End it; nothing in it is worth a farewell."""
        self._control.close()
        self.kill()
        if self._process.stderr is not None:
            self._process.stderr.close()


@dataclass(slots=True)
class _Child:
    """A forked child and the channel to it."""

    zygote: _Zygote
    channel: socket.socket
    greeted: bool = False
    pid: int = 0
    status: int | None = None
    deadline: float = 0.0
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

    def expire_in(self, seconds: float) -> None:
        self.deadline = time.monotonic() + seconds

    def send(self, frame: bytes) -> None:
        """Raises TimeoutError at the deadline, OSError where the child has gone."""
        self.channel.settimeout(self._remaining())
        self.channel.sendall(frame)

    def read_frame(self) -> Value:
        """The next frame. Raises TimeoutError at the deadline, EOFError at the end, ProtocolError for
        anything else.
        """
        from rnnlint.guest.protocol import PREFIX, Prefix, ProtocolError, decode_body

        prefix = Prefix.read(self._receive(PREFIX.size))
        self.received += prefix.rest
        if self.received > LARGEST_ANSWER:
            raise ProtocolError("it is too long")
        header = self._receive(prefix.header)
        return decode_body(bytes(header), self._receive(prefix.payload))

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
            part = self.channel.recv(min(size - len(received), 2**20))
            if not part:
                raise EOFError
            received += part
        return received

    def _remaining(self) -> float:
        remaining = self.deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        return remaining


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A child that has loaded a job's files and can run further scenarios in them."""

    child: _Child
    files: Job
    since: float

    def serves(self, job: Job) -> bool:
        return time.monotonic() - self.since < WORKING_SECONDS and self.files == _files(job)


def _files(job: Job) -> Job:
    """What has to be the same for a loaded child to serve a job."""
    return replace(job, scenarios=(), seconds=0.0)


class _Conversation:
    """Collects a child's answers; ``runs`` are those that came before it ended, however it ended."""

    def __init__(self, child: _Child, scenarios: int) -> None:
        self.runs: list[Ran] = []
        self._child = child
        self._scenarios = scenarios

    def listen(self) -> Outcome:
        from rnnlint.guest.protocol import ProtocolError
        from rnnlint.guest.records import from_tree

        while True:
            match self._child.read_frame():
                case {"run": tree}:
                    if len(self.runs) == self._scenarios:
                        raise ProtocolError("it ran more than it was asked to")
                    self.runs.append(from_tree(Ran, tree))
                case {"done": tree}:
                    return replace(from_tree(Outcome, tree), runs=tuple(self.runs))
                case _:
                    raise ProtocolError("it is no answer")


def _death(status: int) -> Trouble:
    """What a child's wait status says of its end."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGXCPU:
            return Trouble(Failure.TIMEOUT, message="it used up its processor time")
        return Trouble(Failure.CRASH, message=f"its process was ended by {_signal_name(number)}")
    return Trouble(Failure.CRASH, message=f"it ended its process (exit status {os.WEXITSTATUS(status)})")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _numpy_folder() -> str:
    """The folder that holds the NumPy installed beside rnnlint, found without importing it."""
    spec = importlib.util.find_spec("numpy")
    if spec is None or not spec.submodule_search_locations:
        raise SandboxError("NumPy is not installed.")
    return str(Path(next(iter(spec.submodule_search_locations))).parent)
