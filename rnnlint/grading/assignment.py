"""``assignment.toml``: what is graded, on what, for how many points. Read strictly, every word of it.

A scenario of a task is stated in the grammar of :mod:`rnnlint.explicit`. A file that is empty, or that gives
points for nothing, is an error: no mistake in it may turn into a full score.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from rnnlint.explicit import KEYS as SCENARIO_KEYS
from rnnlint.explicit import ExplicitScenario, ScenarioError, parse_call, parse_scenario
from rnnlint.grading.results import FORWARD, Detail
from rnnlint.records import dataclass, replace
from rnnlint.suggestions import suggestion

EACH = "each"
"""The key of ``points`` that stands for every gradient that is not named beside it."""
CELLS = {"lstm": "figo", "gru": "zrn", "rnn": "h"}
"""The cells that are known, with the letters of their gates."""
MOST_HIDDEN_PROBES = 50
MOST_SECONDS = 600.0
LEAST_MEMORY_MB, MOST_MEMORY_MB = 64, 16_384


class AssignmentError(Exception):
    """The assignment cannot be graded as stated; the message is one sentence that says where and why."""


@dataclass(frozen=True, slots=True)
class Task:
    """A forward and a backward function, and the points of their parts in the order of the columns.

    ``follow_through`` names the task of one step whose results a sequence may be right by.
    """

    name: str
    scenario: ExplicitScenario
    points: tuple[tuple[str, float], ...]
    follow_through: str | None = None

    @property
    def gradients(self) -> tuple[str, ...]:
        """The parts that are gradients."""
        return tuple(part for part, _ in self.points if part != FORWARD)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run of a submission may take: so many seconds, or fewer, where the solution takes few.

    ``times_solution`` times what all runs of the solution take together is enough for one of a submission,
    and so are two seconds.
    """

    seconds: float = 5.0
    memory_mb: int = 512
    times_solution: float | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """All of ``assignment.toml``.

    ``files`` are what a submission hands in, ``provided`` the files that the teacher puts in their place;
    both relative, with ``/``. ``solution`` and ``starter`` are folders. ``gates`` and ``input_first`` state
    the cell's convention, None where they are left to the solution. ``other_sizes`` lets a hidden probe have
    other sizes than the public one. ``sha256`` is of the file and of the
    files of the solution that a grade rests on.
    """

    path: Path
    title: str
    files: tuple[str, ...]
    provided: tuple[str, ...]
    cell: str
    gates: str | None
    input_first: bool | None
    initial_state_first: bool | None
    any_scale: bool
    loss: str
    tasks: tuple[Task, ...]
    require_forward: bool
    tolerance: float
    hidden_probes: int
    other_sizes: bool
    limits: Limits
    detail: Detail
    solution: Path
    starter: Path | None
    sha256: str

    @property
    def max_score(self) -> float:
        """Full marks."""
        return math.fsum(points for task in self.tasks for _, points in task.points)

    def task(self, name: str) -> Task:
        """The task of that name."""
        return next(task for task in self.tasks if task.name == name)


def read_assignment(path: Path) -> Assignment:
    """Read and check ``assignment.toml``. Raises :class:`AssignmentError`."""
    import tomllib

    try:
        raw = path.read_bytes()
        document = tomllib.loads(raw.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AssignmentError(f"{path}: is not TOML ({error}).") from None
    except FileNotFoundError:
        raise AssignmentError(
            f"{path}: there is no such file; rnnlint grade --init cs231n writes one to begin with."
        ) from None
    except OSError as error:
        raise AssignmentError(f"{path}: cannot be read ({error.strerror or error}).") from None
    if not document:
        raise AssignmentError(f"{path}: is empty; rnnlint grade --init cs231n writes one to begin with.")
    return _assignment(path, document, raw)


_TOP = (
    "version", "title", "file", "files", "provided", "cell", "gates", "layout", "concat", "initial_state",
    "scale", "loss", "task", "grading", "limits", "feedback", "selftest",
)  # fmt: skip
_TASK = ("name", "returns", "points", "follow_through", *SCENARIO_KEYS)


def _assignment(path: Path, document: Mapping[str, Any], raw: bytes) -> Assignment:
    top = _Table(document, str(path), _TOP)
    if "version" not in document:
        raise AssignmentError(f"{path}: the key version is missing; write version = 1.")
    if top.whole("version", 1) != 1:
        raise AssignmentError(f"{path}: version {document['version']} is not known, only 1.")
    cell = top.one_of("cell", tuple(CELLS))
    grading = top.table("grading", ("require_forward", "tolerance", "hidden_probes", "other_sizes"))
    limits = top.table("limits", ("seconds", "memory_mb", "times_solution"))
    feedback = top.table("feedback", ("detail",))
    selftest = top.table("selftest", ("solution", "starter"))
    concat = top.one_of("concat", ("h,x", "x,h"), "")
    files = _files(top)
    assignment = Assignment(
        path=path,
        title=top.text("title", path.absolute().parent.name),
        files=files,
        provided=tuple(_inside(name, f"{path}: provided") for name in top.texts("provided")),
        cell=cell,
        gates=_gates(top, cell),
        input_first=concat == "x,h" if concat else None,
        initial_state_first=True if top.one_of("initial_state", ("list-first",), "") else None,
        any_scale=top.one_of("scale", ("any", "exact"), "exact") == "any",
        loss=top.one_of("loss", ("cross-entropy", "squared-error"), "cross-entropy"),
        tasks=_tasks(top, files[0]),
        require_forward=grading.flag("require_forward", True),
        tolerance=grading.number("tolerance", 1e-6, 1e-13, 1e-2),
        hidden_probes=grading.whole("hidden_probes", 3, 1, MOST_HIDDEN_PROBES),
        other_sizes=grading.flag("other_sizes", True),
        limits=Limits(
            limits.number("seconds", 5.0, 0.1, MOST_SECONDS),
            limits.whole("memory_mb", 512, LEAST_MEMORY_MB, MOST_MEMORY_MB),
            limits.number("times_solution", 20, 2, 1000) if limits.holds("times_solution") else None,
        ),
        detail=Detail(feedback.one_of("detail", tuple(each.value for each in Detail), "line")),
        solution=_folder(selftest, "solution", path),
        starter=_folder(selftest, "starter", path) if selftest.holds("starter") else None,
        sha256="",
    )
    if overlap := sorted(set(assignment.files) & set(assignment.provided)):
        raise AssignmentError(f"{path}: {overlap[0]} is both handed in and provided.")
    return replace(assignment, sha256=_fingerprint(raw, assignment))


def _files(top: _Table) -> tuple[str, ...]:
    if top.holds("file") == top.holds("files"):
        raise AssignmentError(f'{top.where}: say what is handed in, either file = "…" or files = ["…"].')
    names = (top.text("file"),) if top.holds("file") else top.texts("files")
    if not names:
        raise AssignmentError(f"{top.where}: files names no file.")
    for name in names:
        if PurePosixPath(name).suffix not in (".py", ".ipynb"):
            raise AssignmentError(f"{top.where}: {name!r} is neither a .py file nor a notebook.")
    return tuple(_inside(name, f"{top.where}: files") for name in names)


def _inside(name: str, where: str) -> str:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise AssignmentError(f"{where}: {name!r} must be a path inside the submission.")
    return path.as_posix()


def _gates(top: _Table, cell: str) -> str | None:
    if not top.holds("gates"):
        return None
    gates = top.text("gates")
    if sorted(gates) != sorted(CELLS[cell]):
        raise AssignmentError(
            f"{top.where}: gates must hold each of the letters {', '.join(CELLS[cell])} once, not {gates!r}."
        )
    return gates


def _tasks(top: _Table, file: str) -> tuple[Task, ...]:
    tables = top.tables("task")
    if not tables:
        raise AssignmentError(f"{top.where}: has no [[task]], so there is nothing to give points for.")
    layout = top.text("layout", "")
    tasks: list[Task] = []
    for number, table in enumerate(tables, 1):
        task = _task(table, number, file, layout, top.where)
        if any(task.name == known.name for known in tasks):
            raise AssignmentError(f"{top.where}: two tasks are called {task.name!r}.")
        tasks.append(task)
    names = [task.name for task in tasks]
    for task in tasks:
        if task.follow_through is not None and (
            task.follow_through not in names or task.follow_through == task.name
        ):
            others = [name for name in names if name != task.name]
            raise AssignmentError(
                f"{top.where}: [[task]] {task.name}: follow_through must name another task, and "
                f"{task.follow_through!r} is none.{suggestion(task.follow_through, others)}"
            )
    return tuple(tasks)


def _task(table: Mapping[str, Any], number: int, file: str, layout: str, where: str) -> Task:
    name = table.get("name")
    if not isinstance(name, str) or not name.isidentifier():
        raise AssignmentError(f'{where}: [[task]] {number}: name must be a word such as "step".')
    here = f"{where}: [[task]] {name}"
    own = _Table(table, here, _TASK)
    for key in ("backward", "points"):
        if not own.holds(key):
            raise AssignmentError(f"{here}: the key {key} is missing.")
    scenario_table = {key: table[key] for key in SCENARIO_KEYS if key in table}
    if layout:
        scenario_table.setdefault("layout", layout)
    try:
        scenario = parse_scenario(file, scenario_table, here)
        if own.holds("returns"):
            stated = f"backward() -> {own.text('returns')}"
            returned = parse_call(stated, f"{here}: returns").results
            if scenario.backward.results and scenario.backward.results != returned:
                raise AssignmentError(f"{here}: returns and the results after -> say different things.")
            scenario = replace(scenario, backward=replace(scenario.backward, results=returned))
    except ScenarioError as error:
        raise AssignmentError(str(error)) from None
    follow = own.text("follow_through") if own.holds("follow_through") else None
    return Task(name, scenario, _points(own, scenario), follow)


def _points(own: _Table, scenario: ExplicitScenario) -> tuple[tuple[str, float], ...]:
    """The points of every part: the forward first, then the gradients as the backward returns them."""
    stated = own.data["points"]
    if not isinstance(stated, Mapping) or not stated:
        raise AssignmentError(f"{own.where}: points must be a table such as {{forward=4, dW=1}}.")
    gradients = [name for name in (*scenario.backward.results, *scenario.gradients) if name]
    parts = [FORWARD, *gradients] if scenario.forward is not None else gradients
    for part, value in stated.items():
        if part not in (*parts, EACH):
            raise AssignmentError(
                f"{own.where}: points are given for {part!r}, which is none of {', '.join(parts)}."
                f"{suggestion(part, (*parts, EACH))}"
            )
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
            raise AssignmentError(f"{own.where}: points.{part} must be a number from 0 up, not {value!r}.")
    found = {part: float(stated[part]) for part in parts if part in stated}
    if EACH in stated:
        found |= {part: float(stated[EACH]) for part in gradients if part not in stated}
    if not math.fsum(found.values()):
        raise AssignmentError(f"{own.where}: gives no points.")
    return tuple((part, found[part]) for part in parts if part in found)


def _folder(selftest: _Table, key: str, path: Path) -> Path:
    if not selftest.holds(key):
        raise AssignmentError(
            f'{path}: [selftest] must name the solution, solution = "solution/": the scenario is solved on '
            "it, and nothing is graded before it scores full marks."
        )
    folder = path.absolute().parent / selftest.text(key)
    if not folder.is_dir():
        raise AssignmentError(f"{path}: [selftest] {key}: {selftest.text(key)} is no folder beside it.")
    return folder


def _fingerprint(raw: bytes, assignment: Assignment) -> str:
    """Of everything that a grade rests on: the file, the solution's files, the provided ones."""
    digest = hashlib.sha256(raw)
    for name in sorted((*assignment.files, *assignment.provided)):
        held = assignment.solution / name
        digest.update(hashlib.sha256(held.read_bytes() if held.is_file() else b"").digest())
    return digest.hexdigest()


class _Table:
    """A table of the TOML whose keys are known; every wrong value is an :class:`AssignmentError`."""

    def __init__(self, data: object, where: str, keys: Iterable[str]) -> None:
        if not isinstance(data, Mapping):
            raise AssignmentError(f"{where} must be a table.")
        known = tuple(keys)
        for key in data:
            if key not in known:
                raise AssignmentError(f"{where}: unknown key {key!r}.{suggestion(key, known)}")
        self.data: Mapping[str, Any] = data
        self.where = where

    def holds(self, key: str) -> bool:
        return key in self.data

    def table(self, key: str, keys: Iterable[str]) -> _Table:
        return _Table(self.data.get(key, {}), f"{self.where}: [{key}]", keys)

    def tables(self, key: str) -> list[Mapping[str, Any]]:
        value = self.data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
            raise AssignmentError(f"{self.where}: write [[{key}]] above each {key}.")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        value = self.data.get(key, default)
        if not isinstance(value, str) or (not value.strip() and default is None):
            raise AssignmentError(f"{self.where}: {key} must be a text in quotes.")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise AssignmentError(f"{self.where}: {key} must be a list of texts in quotes.")
        return tuple(value)

    def one_of(self, key: str, words: tuple[str, ...], default: str | None = None) -> str:
        if key not in self.data and default is not None:
            return default
        value = self.data.get(key)
        if value not in words:
            said = f"not {value!r}" if key in self.data else "and is missing"
            raise AssignmentError(
                f"{self.where}: {key} must be {' or '.join(words)}, {said}.{suggestion(str(value), words)}"
            )
        return str(value)

    def flag(self, key: str, default: bool) -> bool:
        value = self.data.get(key, default)
        if not isinstance(value, bool):
            raise AssignmentError(f"{self.where}: {key} must be true or false.")
        return value

    def number(self, key: str, default: float, least: float, most: float) -> float:
        value = self.data.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise AssignmentError(f"{self.where}: {key} must be a number from {least:g} to {most:g}.")
        return float(value)

    def whole(self, key: str, default: int, least: int = 0, most: int = 1_000_000) -> int:
        value = self.data.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise AssignmentError(f"{self.where}: {key} must be a whole number from {least} to {most}.")
        return value
