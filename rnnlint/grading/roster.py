"""The list of a course's students: a CSV file with a column of identifiers, or one a line."""

from __future__ import annotations

import csv
from pathlib import Path

COLUMNS = ("student_id", "identifier", "id", "sid", "student", "username", "github_username", "email", "name")
"""The names of the column that holds the identifiers, the first of them that is there."""


class RosterError(Exception):
    """The roster cannot be read; the message is one sentence."""


def read_roster(path: Path) -> tuple[str, ...]:
    """The students in the file's order. Raises :class:`RosterError`."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise RosterError(f"{path}: there is no such file.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RosterError(f"{path}: cannot be read ({error}).") from None
    rows = [row for row in csv.reader(text.splitlines()) if any(cell.strip() for cell in row)]
    if not rows:
        raise RosterError(f"{path}: is empty.")
    head = [cell.strip().lower() for cell in rows[0]]
    column = next((head.index(name) for name in COLUMNS if name in head), None)
    if column is None:
        if len(head) > 1:
            raise RosterError(f"{path}: needs a column called {', '.join(COLUMNS[:4])} or the like.")
        return tuple(dict.fromkeys(row[0].strip() for row in rows))
    students = (row[column].strip() for row in rows[1:] if len(row) > column)
    return tuple(dict.fromkeys(student for student in students if student))
