"""Submissions by the hundred: the solution, small edits of it, the starter, and hostile ones, mixed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

FIXTURES = Path(__file__).parents[2] / "fixtures"
LAYERS = FIXTURES / "grading" / "layers"
ASSIGNMENT = LAYERS / "assignment.toml"
FILE = "rnn_layers.py"
TIMEOUTS = ("cpu", "endless_loop", "endless_import", "waits", "endless_frame", "memory", "memory_caught")
"""Hostile submissions that run until they are stopped."""

EDITS = (
    ("df * f * (1 - f)", "df"),
    ("df * f * (1 - f)", "df * f * (1 + f)"),
    ("di * i * (1 - i)", "di * i"),
    ("di * i * (1 - i)", "di * f * (1 - f)"),
    ("do * o * (1 - o)", "do"),
    ("dg * (1 - g**2)", "dg"),
    ("dg * (1 - g**2)", "dg * g * (1 - g)"),
    ("dc = dnext_c + dnext_h", "dc = dnext_h"),
    ("o * (1 - shown**2)", "o"),
    ("o * (1 - shown**2)", "(1 - shown**2)"),
    ("do = dnext_h * shown", "do = dnext_h * o"),
    ("df = dc * prev_c", "df = dc * g"),
    ("di = dc * g", "di = dc * prev_c"),
    ("dg = dc * i", "dg = dc * f"),
    ("dprev_c = dc * f", "dprev_c = dc"),
    ("dprev_c = dc * f", "dprev_c = dnext_c * f"),
    ("dx = da @ Wx.T", "dx = da @ Wx"),
    ("dWx = x.T @ da", "dWx = 2 * x.T @ da"),
    ("dWh = prev_h.T @ da", "dWh = (f * prev_h).T @ da"),
    ("db = da.sum(axis=0)", "db = da.sum()"),
    ("db = da.sum(axis=0)", "db = da.mean(axis=0)"),
    ("next_h = o * shown", "next_h = o * next_c"),
    ("f * prev_c + i * g", "i * prev_c + f * g"),
    ("g = np.tanh(a[:, 3 * hidden :])", "g = sigmoid(a[:, 3 * hidden :])"),
    ("state, cell = h0, np.zeros_like(h0)", "state, cell = h0, h0"),
    ("state, cell = h0, np.zeros_like(h0)", "state, cell = np.zeros_like(h0), np.zeros_like(h0)"),
    ("dh[:, t] + dstate, dcell", "dh[:, t], dcell"),
    ("dh[:, t] + dstate, dcell", "dh[:, t] + dstate, 0 * dcell"),
    ("dWx += dWx_t", "dWx = dWx_t"),
    ("db += db_t", "db = db_t"),
    ("for t in reversed(range(steps)):", "for t in range(steps):"),
    ("return dx, dstate, dWx, dWh, db", "return dx, dh[:, 0], dWx, dWh, db"),
)
"""Bugs of one edit; every one changes some gradient or value."""
_HARMLESS = "\n\n# {number}: the same, and a comment\n"


def texts(count: int) -> Iterator[tuple[str, str]]:
    """``count`` programs, each a little different from every other, with names that sort in another order."""
    solution = (LAYERS / "solution" / FILE).read_text(encoding="utf-8")
    starter = (LAYERS / "starter" / FILE).read_text(encoding="utf-8")
    for number in range(count):
        text = solution
        if number % 4:  # three of four have a bug or two
            text = _edited(text, number // 4 * 3 + number % 4)
        if number % 40 == 7:
            text = starter
        if number % 50 == 13:
            text = text.replace("da.sum(axis=0)", "da.sum(axis=0))")
        yield f"student-{number * 7919 % 10007:05d}", text + _HARMLESS.format(number=number)


def _edited(text: str, number: int) -> str:
    edits = [EDITS[number % len(EDITS)]]
    if number >= len(EDITS):
        edits.append(EDITS[(number * 7 + number // len(EDITS)) % len(EDITS)])
    for old, new in edits:
        text = text.replace(old, new)
    return text


def write_cohort(folder: Path, count: int, hostile: tuple[str, ...] = ()) -> None:
    """A folder a student, ``count`` in all; the hostile ones, by the names of their fixtures, among them."""
    for student, text in texts(count - len(hostile)):
        (folder / student).mkdir(parents=True)
        (folder / student / FILE).write_text(text, encoding="utf-8")
    for name in hostile:
        (folder / f"m-{name}").mkdir(parents=True)
        shutil.copy(FIXTURES / "hostile" / name / FILE, folder / f"m-{name}" / FILE)
