"""A child's conversation with the host: hello, the limits, the job; then a frame a scenario and a last
one.
"""

from __future__ import annotations

import gc
import socket
from collections.abc import Callable, Sequence
from dataclasses import replace
from mmap import mmap

import numpy as np

from .attempts import Attempts
from .execute import Execution
from .job import OUT_OF_MEMORY, Failure, Frame, Job, Module, Outcome, Ran, Scenario, Trouble, Value
from .load import load, warm_up
from .protocol import OF_GUEST, PREFIX, Prefix, ProtocolError, decode, decode_body, encode
from .records import from_tree, to_tree

FAILED = 70
"""Exit status of a child that could not even say what went wrong."""

ALLOCATIONS_BETWEEN_COLLECTIONS = 10_000
"""Python's own 700 would spend a tenth of a small job on looking for cycles."""

ROOM = 4 * 2**20
"""Bytes that a run must leave over of its memory."""

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
    gc.set_threshold(ALLOCATIONS_BETWEEN_COLLECTIONS)
    gc.enable()
    channel.sendall(encode({HELLO: {"layers": list(layers), "missing": [list(lack) for lack in missing]}}))
    try:
        seconds, memory = read_frame(channel)
        limit_work(seconds, memory)
        job = from_tree(Job, read_frame(channel))
        attempts = Attempts()
        program = load(job)
        execution = None if program.trouble else Execution(program)
        scenarios = job.scenarios
        while True:
            for ran in execution.run_all(scenarios) if execution is not None else ():
                _see_that_memory_is_left()
                channel.sendall(_fitting(RUN, ran))
            channel.sendall(_fitting(DONE, replace(program.outcome(), attempts=attempts.acts)))
            scenarios = tuple(from_tree(Scenario, tree) for tree in read_frame(channel))
            program.begin_again()
            attempts.clear()
    except EOFError:
        return 0  # the host has nothing more for this child
    except MemoryError:
        return OUT_OF_MEMORY  # the user's code keeps all there was


def _see_that_memory_is_left() -> None:
    """Raises MemoryError after a run that has used up its memory, also where its own code has swallowed that
    error: what such a run gives depends on what the process held before.
    """
    try:
        mmap(-1, ROOM).close()
    except OSError:
        raise MemoryError from None


def read_frame(channel: socket.socket) -> Value:
    """The next frame's value. Raises EOFError where the host has closed the channel."""
    prefix = Prefix.read(_receive(channel, PREFIX.size))
    header = _receive(channel, prefix.header)
    return decode_body(header, _receive(channel, prefix.payload))


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
        return encode({kind: to_tree(record)}, OF_GUEST)
    except ProtocolError as reason:
        trouble = Trouble(Failure.OUTPUT, message=str(reason))
        return encode({kind: to_tree(type(record)(trouble=trouble))})
