"""A child's conversation with the host: hello, the limits, the job; then a frame a scenario and a last
one.
"""

from __future__ import annotations

import gc
import socket
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from .execute import Execution
from .job import Failure, Frame, Job, Module, Outcome, Ran, Scenario, Trouble, Value
from .load import load, warm_up
from .program import Program
from .protocol import PREFIX, Prefix, ProtocolError, decode, decode_body, encode
from .records import from_tree, to_tree

FAILED = 70
"""Exit status of a child that could not even say what went wrong."""

HELLO, RUN, DONE = "hello", "run", "done"


def prepare() -> None:
    """What the zygote does once for all its children."""
    warm_up()
    job = Job((Module("", "import numpy as np"),), 0, (Scenario("", {"hole": np.zeros(2)}),))
    from_tree(Job, decode(encode(to_tree(job))))
    encode(to_tree(Outcome(runs=(Ran(frames=(Frame("", "", 0, {}),), trouble=Trouble(Failure.LOAD)),))))


def answer(
    channel: socket.socket,
    layers: Sequence[str],
    missing: Sequence[tuple[str, str]],
    limit_work: Callable[[float, int], None],
) -> int:
    """Serve one job, and any further scenarios for the same files; the exit status."""
    gc.enable()
    channel.sendall(encode({HELLO: {"layers": list(layers), "missing": [list(lack) for lack in missing]}}))
    try:
        seconds, memory = read_frame(channel)
        limit_work(seconds, memory)
        job = from_tree(Job, read_frame(channel))
        program = load(job)
        execution = None if program.trouble else Execution(program)
        scenarios = job.scenarios
        while True:
            for kind, record in run(program, execution, scenarios):
                channel.sendall(_fitting(kind, record))
            scenarios = tuple(from_tree(Scenario, tree) for tree in read_frame(channel))
            program.begin_again()
    except EOFError:
        return 0  # the host has nothing more for this child


def run(
    program: Program, execution: Execution | None, scenarios: Sequence[Scenario]
) -> Iterator[tuple[str, Ran | Outcome]]:
    """The answers in order: a run a scenario, then the outcome with all but the runs."""
    if execution is not None:
        for ran in execution.run_all(scenarios):
            yield RUN, ran
    yield DONE, program.outcome()


def read_frame(channel: socket.socket) -> Value:
    """The next frame's value. Raises EOFError where the host has closed the channel."""
    prefix = Prefix.read(_receive(channel, PREFIX.size))
    header = _receive(channel, prefix.header)
    return decode_body(bytes(header), _receive(channel, prefix.payload))


def _receive(channel: socket.socket, size: int) -> bytearray:
    received = bytearray(size)
    view = memoryview(received)
    while view:
        count = channel.recv_into(view)
        if not count:
            raise EOFError
        view = view[count:]
    return received


def _fitting(kind: str, record: Ran | Outcome) -> bytes:
    try:
        return encode({kind: to_tree(record)})
    except ProtocolError as reason:
        trouble = Trouble(Failure.OUTPUT, message=str(reason))
        return encode({kind: to_tree(type(record)(trouble=trouble))})
