"""The host's side of the sandbox: runs jobs in children of a zygote and turns whatever comes back into an
outcome.

Nothing that a child sends is trusted: frames are decoded by :mod:`rnnlint.guest.protocol`, records are
checked field by field, and a deadline ends every wait.
"""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from rnnlint.guest.job import OUT_OF_MEMORY, Failure, Job, Outcome, Ran, Scenario, Trouble
from rnnlint.legible import one_line
from rnnlint.sandbox.bubblewrap import NAME as BUBBLEWRAP
from rnnlint.sandbox.children import Child, SandboxError, ZygoteProcess

LAYERS = ("namespaces", "rlimits", "landlock", "unprivileged", "seccomp")
"""Every layer's name, in the order in which they are entered."""
WORKING_SECONDS = 30.0
"""How long a child may go on to serve jobs of the same files."""


class Runner:
    """Runs jobs one after another, each in its own child. Use as a context manager; not for several threads
    at once.

    :meth:`start` returns at once, so that the zygote imports NumPy while the host reads and parses.
    """

    def __init__(
        self, *, reuse: bool = True, without: Iterable[str] = (), busy_machine: bool = False
    ) -> None:
        """``without`` names layers to be left out (:data:`LAYERS`); they are then reported as missing, and
        there is no bubblewrap either.

        Without ``reuse`` every job has a child of its own. On a ``busy_machine`` the time in which other
        processes kept a child from running does not count against its seconds.
        """
        self._reuse = reuse
        self._busy_machine = busy_machine
        self._without = tuple(without)
        self._wrap = not self._without
        self._zygote: ZygoteProcess | None = None
        self._next: Child | None = None
        self._loaded: _Loaded | None = None
        self._works = False  # a child has been had
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
            self._zygote = ZygoteProcess(self._without, wrap=self._wrap)
        if self._next is None:
            try:
                self._next = self._zygote.fork()
            except OSError:
                self._next = self._another_zygote().fork()
        return self

    def _another_zygote(self) -> ZygoteProcess:
        """One for a zygote that has died: a guest has killed it, or bubblewrap is there and does not work."""
        self._wrap = self._wrap and self._works
        self.close()
        self._zygote = ZygoteProcess(self._without, wrap=self._wrap)
        return self._zygote

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
    def computed(self) -> float:
        """Seconds for which the child that has loaded the last job's files has run; 0 where there is none, or
        the system does not tell.
        """
        return self._loaded.child.computed() if self._loaded is not None else 0.0

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers in force round every child, and bubblewrap where it works. Raises SandboxError."""
        self._greeted()
        return self._layers

    @property
    def missing_layers(self) -> tuple[tuple[str, str], ...]:
        """The layers that this machine does not offer, each with the reason. Raises :class:`SandboxError`."""
        self._greeted()
        return self._missing

    def run(self, job: Job, *, fresh: bool = False, most_computed: float = math.inf) -> Outcome:
        """Run one job to its end or its deadline, or until its child has computed for ``most_computed``
        seconds, where the system tells.

        Whatever the job's code does becomes an outcome; raises :class:`SandboxError` only where no child
        could be had. A job of the same files as the one before is run in the same child where ``reuse``
        allows it; a ``fresh`` one has a child of its own in any case.
        """
        loaded = self._loaded
        again = not fresh and loaded is not None and loaded.serves(job)
        if not again:
            self._retire()
        outcome = self._converse(job, most_computed)
        failures = {ran.trouble.failure for ran in outcome.runs if ran.trouble is not None}
        if outcome.trouble is not None:
            failures.add(outcome.trouble.failure)
        spent = outcome.trouble is not None or Failure.MEMORY in failures
        if spent or fresh or not self._reuse:
            self._retire()
        if again and failures & {Failure.CRASH, Failure.VIOLATION, Failure.MEMORY}:
            return self.run(
                job, most_computed=most_computed
            )  # perhaps only for what earlier scenarios left behind
        return outcome

    def _converse(self, job: Job, most_computed: float) -> Outcome:
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
        conversation = _Conversation(child, job.scenarios)
        child.expire_in(job.seconds, of_its_own=self._busy_machine, most_computed=most_computed)
        child.received = 0
        try:
            for frame in frames:
                child.send(frame)
            return conversation.listen()
        except TimeoutError:
            seconds = min(job.seconds, most_computed)
            trouble = Trouble(Failure.TIMEOUT, message=f"it was still running after {seconds:g} seconds")
        except (EOFError, OSError):
            trouble = _death(child.end())
        except ProtocolError as reason:
            trouble = Trouble(Failure.VIOLATION, message=f"its answer could not be read: {reason}")
        finally:
            self.start()
        return Outcome(runs=tuple(conversation.runs), trouble=trouble)

    def _retire(self) -> None:
        """End the child that has loaded the last job's files."""
        if self._loaded is not None:
            self._loaded.child.end()
            self._loaded = None

    def _greeted(self) -> Child:
        """The next child, with its walls up. A zygote that has died is replaced once."""
        child = self.start()._next
        assert child is not None
        if not child.greeted:
            try:
                hello = child.greet()
            except (EOFError, OSError):
                self._another_zygote()
                child = self.start()._next
                assert child is not None and self._zygote is not None
                try:
                    hello = child.greet()
                except (EOFError, OSError):
                    raise SandboxError(f"The sandbox did not start: {self._zygote.complaint()}") from None
            self._works = True
            layers, self._missing = hello
            self._layers = (BUBBLEWRAP, *layers) if self._zygote and self._zygote.is_wrapped else layers
        return child


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A child that has loaded a job's files and can run further scenarios in them."""

    child: Child
    files: Job
    since: float

    def serves(self, job: Job) -> bool:
        return time.monotonic() - self.since < WORKING_SECONDS and self.files == _files(job)


def _files(job: Job) -> Job:
    """What has to be the same for a loaded child to serve a job."""
    return replace(job, scenarios=(), seconds=0.0)


class _Conversation:
    """Collects a child's answers; ``runs`` are those that came before it ended, however it ended."""

    def __init__(self, child: Child, scenarios: Sequence[Scenario]) -> None:
        self.runs: list[Ran] = []
        self._child = child
        self._scenarios = scenarios

    def listen(self) -> Outcome:
        from rnnlint.guest.protocol import ProtocolError
        from rnnlint.guest.records import from_tree

        while True:
            match self._child.read_frame():
                case {"run": tree}:
                    if len(self.runs) == len(self._scenarios):
                        raise ProtocolError("it ran more than it was asked to")
                    self.runs.append(_fitting(self._scenarios[len(self.runs)], from_tree(Ran, tree)))
                case {"done": tree}:
                    return _legible(replace(from_tree(Outcome, tree), runs=tuple(self.runs)))
                case _:
                    raise ProtocolError("it is no answer")


def _fitting(scenario: Scenario, ran: Ran) -> Ran:
    """The run, if it has a value for everything that was asked for, or trouble. Raises ProtocolError."""
    from rnnlint.guest.protocol import ProtocolError

    if len(ran.values) != (0 if ran.trouble is not None else scenario.asked):
        raise ProtocolError("it answers another question")
    return ran if ran.trouble is None else replace(ran, trouble=_said(ran.trouble))


def _legible(outcome: Outcome) -> Outcome:
    """The outcome with words that may be shown to people."""
    trouble = _said(outcome.trouble) if outcome.trouble is not None else None
    return replace(outcome, trouble=trouble, notes=tuple(map(one_line, outcome.notes)))


def _said(trouble: Trouble) -> Trouble:
    return replace(trouble, exception=one_line(trouble.exception), message=one_line(trouble.message))


def _death(status: int) -> Trouble:
    """What a child's wait status says of its end."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGXCPU:
            return Trouble(Failure.TIMEOUT, message="it used up its processor time")
        return Trouble(Failure.CRASH, message=f"its process was ended by {_signal_name(number)}")
    if os.WEXITSTATUS(status) == OUT_OF_MEMORY:
        return Trouble(Failure.MEMORY, message="it left no memory to answer with")
    return Trouble(Failure.CRASH, message=f"it ended its process (exit status {os.WEXITSTATUS(status)})")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
