"""What every submission is run on, made once from the teacher's solution: plain data, ready to be sent.

A plan holds the answers: it goes to the workers' hosts, never to the processes that run a submission. Those
get programs and arguments alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from rnnlint.grading.clips import Clips
from rnnlint.guest.protocol import decode, encode
from rnnlint.guest.records import from_tree, to_tree
from rnnlint.records import dataclass, field
from rnnlint.sandbox.job import Value

OTHERWISE_SIZED = 1
"""The hidden probe whose sizes are other than the public one's: what is right at those alone ends there."""


@dataclass(frozen=True, slots=True)
class Carried:
    """A state on its way through the steps: the argument that takes it, the output that gives it, and on the
    way back the argument that takes its gradient and the result that gives that ("" where there is none).
    """

    argument: str
    output: str
    upstream: str
    result: str


@dataclass(frozen=True, slots=True)
class Unrolling:
    """Step functions driven over the steps of a sequence, and where the sequence's results stand in theirs.

    ``whole`` and ``ahead`` run in the submission with ``arguments`` and give a list of the step's outputs for
    each step; ``whole`` gives what the step's backward returned, too. The numbers of these outputs are put
    together behind ``known``; ``outputs`` maps each result of the sequence to indices into that. The step's
    gradients in the order of ``gradient_sizes``, step by step, are put together likewise; ``gradients`` maps
    each gradient of the sequence to indices to be summed over the last axis, -1 standing for nothing. What
    cannot be followed is left out of both. ``output_sizes`` and ``gradient_sizes`` count the numbers of the
    step's results.
    """

    whole: str
    ahead: str
    steps: int
    arguments: Value
    known: Value
    outputs: Mapping[str, Value]
    output_sizes: Mapping[str, int]
    gradients: Mapping[str, Value]
    gradient_sizes: Mapping[str, int]
    carried: tuple[Carried, ...] = ()


@dataclass(frozen=True, slots=True)
class Probe:
    """Arguments, and what is true of them: each forward result and each gradient by its name.

    ``sizes`` are those of all axes: T, B, H, D, V, as far as the task has them. ``unrolling`` is there where
    the task is a sequence that may be right by its step.
    """

    arguments: Mapping[str, Value]
    outputs: Mapping[str, Value]
    gradients: Mapping[str, Value]
    sizes: Mapping[str, int]
    unrolling: Unrolling | None = None


@dataclass(frozen=True, slots=True)
class TaskPlan:
    """One task's program with its probes, the public one first.

    ``ahead`` runs the forward and ``back``, after it, the backward, with ``outputs`` and ``backward`` as
    Python for their values. ``returned`` names what the backward returns; empty where ``gradients`` are taken
    from where the assignment says. ``forward_title`` and ``backward_title`` are the functions' names.
    ``stacked`` maps a gradient of all gates side by side to the axis along which the ``gates`` stand.
    """

    name: str
    entry: str
    forward_title: str
    backward_title: str
    ahead: str
    back: str
    outputs: Mapping[str, str]
    backward: str
    returned: tuple[str, ...]
    points: Mapping[str, float]
    probes: tuple[Probe, ...]
    gates: str = ""
    stacked: Mapping[str, int] = field(default_factory=dict)
    follow_through: str | None = None

    def is_sized_as_the_public(self, probe: int) -> bool:
        """Whether a probe's arrays have the sizes of the public one's."""
        return self.probes[probe].sizes == self.probes[0].sizes


@dataclass(frozen=True, slots=True)
class Plan:
    """All tasks, with what the grades rest on besides.

    ``provided`` are the teacher's files by name, in place of the submission's; ``clips`` is what clips
    gradients in these and in the solution. ``notes`` are sentences for the teacher on what no probe tells.
    Unless the solution ``is_derived``, nobody is asked whether a submission takes differences.
    """

    files: tuple[str, ...]
    provided: Mapping[str, str]
    clips: Clips
    tasks: tuple[TaskPlan, ...]
    require_forward: bool
    any_scale: bool
    tolerance: float
    seconds: float
    memory_mb: int
    needs_sandbox: bool
    detail: str
    seed_id: str
    assignment_sha256: str
    notes: tuple[str, ...] = ()
    is_derived: bool = True

    @property
    def max_score(self) -> float:
        """Full marks."""
        return math.fsum(points for task in self.tasks for points in task.points.values())

    def task(self, name: str) -> TaskPlan:
        """The task of that name."""
        return next(task for task in self.tasks if task.name == name)

    def to_bytes(self) -> bytes:
        """A frame of the plan."""
        return encode(to_tree(self))

    @staticmethod
    def from_bytes(raw: bytes) -> Plan:
        """Raises :class:`rnnlint.guest.protocol.ProtocolError`."""
        return from_tree(Plan, decode(raw))
