"""What a run over functions leaves behind: what places hold, and what was stored, bound, read and called."""

from __future__ import annotations

from rnnlint.model.steps import Loop, Where
from rnnlint.model.terms import Term
from rnnlint.records import dataclass, field
from rnnlint.syntax import tree
from rnnlint.syntax.module import Module


@dataclass(frozen=True, slots=True)
class Store:
    """``sequence[index] = value``; ``index`` is None for ``append``, ``front`` for ``insert(0, …)``.

    ``added``: by ``+=``.
    """

    sequence: Term
    index: Term | None
    value: Term
    loop: Loop | None
    statement: tree.Statement
    module: Module
    front: bool = False
    added: bool = False


@dataclass(frozen=True, slots=True)
class Guard:
    """A condition of the loop's step under which a statement or branch stands, or its negation."""

    condition: Term
    holds: bool
    loop: Loop | None

    @property
    def is_of_few_steps(self) -> bool:
        """Whether it keeps a step in the middle of the loop out: ``if t == T - 1``."""
        met = self.loop.holds_at(self.condition, Where.MIDDLE) if self.loop else None
        return met is not None and met is not self.holds


@dataclass(frozen=True, slots=True)
class Binding:
    """``place = value`` or ``place += value`` (``added``; ``value`` is then what is added)."""

    place: str
    value: Term
    added: bool
    loop: Loop | None
    statement: tree.Statement
    target: tree.Expression
    module: Module
    depth: int
    guards: tuple[Guard, ...]

    @property
    def is_of_few_steps(self) -> bool:
        """Whether only some particular step does it."""
        return any(each.is_of_few_steps for each in self.guards)


@dataclass(frozen=True, slots=True)
class Read:
    """A sequence read at an index, with the guards it stands under."""

    term: Term
    node: tree.Expression
    module: Module
    loop: Loop | None
    guards: tuple[Guard, ...]


@dataclass(frozen=True, slots=True)
class UnknownCall:
    """A call that was not followed: what was handed over, the object of a method included."""

    node: tree.Call
    operands: tuple[Term, ...]
    loop: Loop | None


@dataclass(frozen=True, slots=True)
class SliceKey:
    """``begin:end`` in an array whose unit of size is large, whatever the unit is called; None for an open
    side.

    Slices of one array by ``H`` and by ``W.shape[0]`` are then the same, as they are when the program runs.
    """

    begin: int | None
    end: int | None


@dataclass(slots=True)
class Frame:
    """A function while it runs; ``learned`` are the places that it updates by gradients."""

    module: Module
    owner: tree.Class | None
    names: dict[str, Term]
    learned: frozenset[str] = frozenset()
    local_functions: dict[str, tree.Function] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """The entry of a sequence (its key) under an index."""

    sequence: int
    index: Term


@dataclass(slots=True)
class Heap:
    """What the running functions share: attributes and dict items by place, and what was noted of them.

    ``entries`` are those of sequences that the step at hand has set itself. ``rearranged`` are the sequences
    (their keys) of which entries were moved, or taken out from between others.
    """

    places: dict[str, Term] = field(default_factory=dict)
    entries: dict[Entry, Term] = field(default_factory=dict)
    stores: list[Store] = field(default_factory=list)
    bindings: list[Binding] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    loops: list[Loop] = field(default_factory=list)
    unknown_calls: list[UnknownCall] = field(default_factory=list)
    rearranged: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Snapshot:
    names: dict[str, Term]
    places: dict[str, Term]
    entries: dict[Entry, Term]
