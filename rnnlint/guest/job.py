"""What the host asks of the guest and what it gets back: plain frozen data, the seam between the two.

The guest is blind: it is given program texts, a scenario and values, and returns values. No name, convention,
expected value or seed of the judge is ever part of a job.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[np.float64]]

Value = Any
"""What fills a hole or comes back, a tree of: None, bool, int, float, str, float64 or int64 arrays, lists,
tuples (kept apart), dicts with str or int keys, :class:`Expression`, :class:`Opaque`."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A hole that the guest fills by evaluating Python in the entry module's namespace (``np.tanh``,
    ``Sigmoid()``).
    """

    code: str


@dataclass(frozen=True, slots=True)
class Opaque:
    """A returned object the protocol does not carry: its type's name, and its attributes where they are
    wanted.
    """

    type_name: str
    attributes: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Module:
    """One file of the project as the guest sees it.

    ``names`` are the dotted names under which it is imported ("utils", "lstm.utils"); ``package`` is set for
    an ``__init__``. ``path`` is only a label for tracebacks and recorded frames.
    """

    path: str
    text: str
    names: tuple[str, ...] = ()
    package: bool = False
    python2: bool = False


OUT_OF_MEMORY = 71
"""Exit status of a child that has no memory left to answer with."""

PATCH_OWNER = "_Owner"
"""The class in a :class:`Patch`'s text that stands for a method's own."""


@dataclass(frozen=True, slots=True)
class Patch:
    """Another text of one function: ``name`` is ``backward`` or ``LSTM.backward`` in the module of that
    ``path``.

    ``text`` defines it on the lines on which it stands in the file; a method inside ``class _Owner:``.
    """

    path: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """A straight-line program in the entry module's namespace, with named holes.

    ``program`` is Python text; the names of ``holes`` are bound in its namespace before it runs. It is run
    from a fresh copy of the loaded namespace with the random state reset. ``returns`` are expressions
    evaluated afterwards, in order. Where more is to run, ``back``, it follows ``program``; what is ``early``
    is evaluated and copied in between, so that what runs later does not change it. ``frames`` are functions
    (by name, "*" for all) whose locals are recorded when they return; ``steps`` are line numbers of the entry
    module at which locals are recorded each time they are reached (the localiser's). ``patches`` are in place
    of the loaded functions for this scenario alone.
    """

    program: str
    holes: Mapping[str, Value] = field(default_factory=dict)
    returns: tuple[str, ...] = ()
    frames: tuple[str, ...] = ()
    steps: tuple[int, ...] = ()
    patches: tuple[Patch, ...] = ()
    early: tuple[str, ...] = ()
    back: str = ""

    @property
    def asked(self) -> int:
        """How many values a run of it gives."""
        return len(self.early) + len(self.returns)


@dataclass(frozen=True, slots=True)
class Job:
    """Everything one child is given.

    ``entry`` indexes ``modules``. ``scenarios`` are run in order in one loaded namespace, each from a clean
    copy: a batch (a base run and its perturbed runs) is one job. ``neutral`` names functions of the user's
    whose calls are replaced by the identity on their first argument (end-of-pass clipping), and calls of
    NumPy's clip by what is clipped: ``np.clip(dW)``. ``promote`` makes float32 mean float64.
    ``imports_of_user`` are the top-level module names that the user's own files import and that nothing
    provides: these and only these may be stubs, and inside ``try`` not even these. Jobs of the same files
    that follow one another may share a child; each scenario starts from the loaded state all the same.
    """

    modules: tuple[Module, ...]
    entry: int
    scenarios: tuple[Scenario, ...]
    neutral: tuple[str, ...] = ()
    promote: bool = True
    imports_of_user: tuple[str, ...] = ()
    seconds: float = 5.0
    memory_mb: int = 1024


class Failure(StrEnum):
    """How a run ended where it did not end well."""

    RAISED = "raised"  # the user's code raised
    LOAD = "load"  # while executing the module's definitions
    STUB = "stub"  # a stand-in for a missing library was used as a value
    TIMEOUT = "timeout"
    MEMORY = "memory"
    CRASH = "crash"  # the child died
    VIOLATION = "violation"  # what came back is no answer: the channel was tampered with
    OUTPUT = "output"  # the answer was too large or not transportable


class Act(StrEnum):
    """What no gradient needs and the layers refuse."""

    FILES = "change a file"
    NETWORK = "use the network"
    PROCESSES = "start a process"
    SIGNALS = "reach another process"
    FOREIGN_CODE = "call C functions"


class Operand(NamedTuple):
    """An array taking part in a failing expression: its text there (``p["Wf"]``, ``z[:H]``) and its shape."""

    text: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there are no values. ``line`` is of file ``path`` (the innermost frame in the user's files).

    ``operands`` are the arrays named in ``source``, the failing expression's text, in the order of the text;
    the two sides of a failing operator are among them where their shapes follow without calling anything.
    """

    failure: Failure
    exception: str = ""  # the exception's class name
    message: str = ""
    path: str = ""
    line: int = 0
    function: str = ""
    operands: tuple[Operand, ...] = ()
    source: str = ""  # the failing expression's text (Python 3.11's fine-grained positions)


@dataclass(frozen=True, slots=True)
class Frame:
    """A user function's locals at its return (``line`` 0) or at a recorded line."""

    function: str
    path: str
    line: int
    variables: Mapping[str, Value]
    iteration: int = 0


@dataclass(frozen=True, slots=True)
class Ran:
    """One scenario's outcome: values in the order of ``early`` and ``returns``, or trouble.

    Unless it was ``watched`` to its end, the code that ran has seen to it that it was not. ``beyond_float64``
    tells of complex numbers, or of floats wider than float64, in a function that was watched.
    """

    values: tuple[Value, ...] = ()
    frames: tuple[Frame, ...] = ()
    trouble: Trouble | None = None
    calls: Mapping[str, int] = field(default_factory=dict)  # how often what was called, with frames recorded
    watched: bool = True
    beyond_float64: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """A job's answer: a run for each scenario that was reached, and trouble where the job as a whole ended
    early.

    ``loaded`` names the definitions available in the entry module, ``skipped`` the names that its top-level
    statements would have bound had they been executed. ``attempts`` are forbidden acts that were noticed: an
    honest program has none, a sly one may hide its own.
    """

    runs: tuple[Ran, ...] = ()
    trouble: Trouble | None = None
    notes: tuple[str, ...] = ()  # whole sentences: what was stubbed, put back, promoted, skipped
    stdout: str = ""
    loaded: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    attempts: tuple[Act, ...] = ()
