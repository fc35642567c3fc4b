"""Where submissions are: folders, files and archives of students, and the exports of grading platforms."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from rnnlint.grading.archives import (
    LARGEST_PROGRAM,
    LARGEST_TOTAL,
    PROGRAMS,
    ArchiveError,
    is_clutter,
    listing,
    member,
    programs_in,
)
from rnnlint.records import dataclass, field, replace

GRADESCOPE_METADATA = "submission_metadata.yml"
MOST_FILES = 200
"""The most programs that a submission may hold."""
_LARGEST_ARCHIVE = 2**30
_DEEPEST = 8


class SubmissionsError(Exception):
    """The submissions cannot be found; the message is one sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Handed:
    """What a student handed in: programs by their paths, those asked for under their own names.

    ``problem`` is a sentence where nothing could be read, ``review`` what a person should know.
    """

    student_id: str
    place: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    problem: str = ""
    review: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Submission:
    """Where a student's submission lies; it is read when it is its turn.

    ``path`` is a folder, a program or an archive; None for a student of the roster who handed in nothing.
    Inside an archive of all submissions ``inner`` is the member or, ending in "/", the folder.
    """

    student_id: str
    place: str
    path: Path | None = None
    inner: str = ""
    review: tuple[str, ...] = ()

    def read(self, wanted: Sequence[str]) -> Handed:
        """What was handed in; ``wanted`` are the files that the assignment asks for."""
        handed = Handed(self.student_id, self.place, review=self.review)
        if self.path is None:
            return handed
        try:
            found = self._programs(wanted)
            return replace(handed, files=_asked_for(found, wanted))
        except ArchiveError as error:
            return replace(handed, problem=str(error))
        except OSError as error:
            return replace(handed, problem=f"It cannot be read ({error.strerror or error}).")

    def _programs(self, wanted: Sequence[str]) -> dict[str, bytes]:
        assert self.path is not None
        if self.path.is_dir():
            return _programs_below(self.path)
        raw = _bounded(self.path, _LARGEST_ARCHIVE if _is_archive(self.path.name) else LARGEST_PROGRAM)
        if not _is_archive(self.path.name):
            return {wanted[0] if len(wanted) == 1 else self.path.name: raw}
        if not self.inner or self.inner.endswith("/"):
            return programs_in(raw, self.inner)
        held = member(raw, self.inner)
        if _is_archive(self.inner):
            return programs_in(held)
        return {wanted[0] if len(wanted) == 1 else PurePosixPath(self.inner).name: held}


def locate(root: Path, wanted: Sequence[str]) -> list[Submission]:
    """Every submission in a folder or an archive, sorted by student. Raises :class:`SubmissionsError`."""
    if not root.exists():
        raise SubmissionsError(f"{root}: there is no such folder or archive.")
    if root.is_file():
        if not _is_archive(root.name):
            raise SubmissionsError(f"{root}: is neither a folder nor a zip archive of submissions.")
        found = list(_in_archive(root))
    elif (root / GRADESCOPE_METADATA).is_file():
        found = list(_of_gradescope(root))
    elif (root / wanted[0]).is_file():
        raise SubmissionsError(f"{root}: is itself one submission; grade it by --one {root}.")
    else:
        found = list(_in_folder(root))
    if not found:
        raise SubmissionsError(f"{root}: holds no submission: no folder, no program, no zip archive.")
    return _numbered(sorted(found, key=lambda each: (each.student_id, each.place)))


def the_one(folder: Path) -> Submission:
    """The submission in a folder, as Gradescope's container holds it; its student by the metadata beside it.

    Raises :class:`SubmissionsError`.
    """
    if not folder.is_dir():
        raise SubmissionsError(f"{folder}: there is no such folder.")
    return Submission(_student_of_container(folder) or folder.absolute().name, folder.name, folder)


def with_roster(found: Sequence[Submission], roster: Iterable[str]) -> list[Submission]:
    """The submissions with one that is missing for every student of the roster who handed in nothing."""
    listed = list(dict.fromkeys(roster))
    known = {each.student_id for each in found}
    strangers = known - set(listed)
    marked = [
        replace(each, review=(*each.review, "Not on the roster.")) if each.student_id in strangers else each
        for each in found
    ]
    absent = [Submission(student, "") for student in listed if student not in known]
    return sorted([*marked, *absent], key=lambda each: (each.student_id, each.place))


def _in_folder(root: Path) -> Iterator[Submission]:
    entries = [entry for entry in sorted(root.iterdir()) if not is_clutter(PurePosixPath(entry.name))]
    entries = [entry for entry in entries if not entry.is_symlink()]
    prefix = _classroom_prefix(root, [entry for entry in entries if entry.is_dir()])
    for entry in entries:
        if entry.is_dir():
            yield Submission(entry.name.removeprefix(prefix), entry.name, entry)
        elif entry.suffix.lower() in PROGRAMS or _is_archive(entry.name):
            yield Submission(entry.stem, entry.name, entry)


def _classroom_prefix(root: Path, folders: Sequence[Path]) -> str:
    """``assignment-`` of the folders ``assignment-username`` that GitHub Classroom clones."""
    names = [folder.name for folder in folders]
    stated = f"{root.absolute().name.removesuffix('-submissions')}-"
    if root.absolute().name.endswith("-submissions") and names and all(n.startswith(stated) for n in names):
        return stated
    if len(names) < 2 or not all((folder / ".git").exists() for folder in folders):
        return ""
    first, last = min(names), max(names)
    shared = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return first[: first.rfind("-", 0, shared) + 1]


def _of_gradescope(root: Path) -> Iterator[Submission]:
    """The export of Gradescope: ``submission_123/``, its students in ``submission_metadata.yml``."""
    try:
        import yaml
    except ImportError:
        raise SubmissionsError(
            f"{root}: to read an export of Gradescope, PyYAML is needed: pip install 'rnnlint[grade]'."
        ) from None
    try:
        metadata = yaml.safe_load((root / GRADESCOPE_METADATA).read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise SubmissionsError(f"{root / GRADESCOPE_METADATA}: cannot be read ({error}).") from None
    for folder in sorted(root.iterdir()):
        if not folder.is_dir() or folder.is_symlink() or is_clutter(PurePosixPath(folder.name)):
            continue
        held = metadata.get(folder.name) if isinstance(metadata, Mapping) else None
        for student in _submitters(held) or [folder.name]:
            yield Submission(student, folder.name, folder)


def _submitters(held: Any) -> list[str]:
    """The students of one entry of the metadata: by student number, else e-mail address, else name."""
    listed = held.get(":submitters", held.get("submitters")) if isinstance(held, Mapping) else None
    found: list[str] = []
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, Mapping):
            named = {str(key).lstrip(":"): value for key, value in each.items()}
            student = next((named[key] for key in ("sid", "email", "name") if named.get(key)), None)
            if student is not None:
                found.append(str(student))
    return found


def _student_of_container(folder: Path) -> str | None:
    metadata = folder.absolute().parent / "submission_metadata.json"
    try:
        held = json.loads(metadata.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    users = held.get("users") if isinstance(held, dict) else None
    for user in users if isinstance(users, list) else ():
        if isinstance(user, dict):
            for key in ("sid", "email", "name", "id"):
                if user.get(key):
                    return str(user[key])
    return None


def _in_archive(root: Path) -> Iterator[Submission]:
    """One archive of all submissions: a folder, a program or an archive for each student."""
    try:
        names = [PurePosixPath(name) for name in listing(_bounded(root, _LARGEST_ARCHIVE))]
    except ArchiveError as error:
        raise SubmissionsError(f"{root}: {error}") from None
    shared = names[0].parts[0] if names else ""
    depth = 1 if names and all(len(n.parts) > 2 and n.parts[0] == shared for n in names) else 0
    seen: set[str] = set()
    for name in names:
        first = name.parts[depth]
        inner = "/".join(name.parts[: depth + 1])
        if len(name.parts) > depth + 1:
            if first not in seen:
                seen.add(first)
                yield Submission(first, inner, root, f"{inner}/")
        elif name.suffix.lower() in PROGRAMS or _is_archive(first):
            yield Submission(name.stem, inner, root, inner)


def _numbered(found: Sequence[Submission]) -> list[Submission]:
    """Students who handed in more than once have their further submissions numbered."""
    counts: dict[str, int] = {}
    made: list[Submission] = []
    for each in found:
        counts[each.student_id] = count = counts.get(each.student_id, 0) + 1
        if count > 1:
            again = (*each.review, "Handed in more than once.")
            each = replace(each, student_id=f"{each.student_id} ({count})", review=again)
        made.append(each)
    return made


def _asked_for(found: Mapping[str, bytes], wanted: Sequence[str]) -> dict[str, bytes]:
    """The programs by their paths below the folder that holds what is asked for, the outermost such one."""
    bases = {
        path.removesuffix(wanted[0]) for path in found if path == wanted[0] or path.endswith(f"/{wanted[0]}")
    }
    if not bases:
        return dict(list(found.items())[:MOST_FILES])
    least = min(base.count("/") for base in bases)
    nearest = sorted(base for base in bases if base.count("/") == least)
    if len(nearest) > 1:
        raise ArchiveError(f"{wanted[0]} is there {len(nearest)} times: {', '.join(nearest)}.")
    below = {path.removeprefix(nearest[0]): raw for path, raw in found.items() if path.startswith(nearest[0])}
    first = {name: below[name] for name in wanted if name in below}
    return dict(list({**first, **below}.items())[:MOST_FILES])


def _programs_below(folder: Path) -> dict[str, bytes]:
    """The programs in a folder, links left alone."""
    found: dict[str, bytes] = {}
    room = LARGEST_TOTAL
    for current, folders, files in os.walk(folder, followlinks=False):
        here = Path(current)
        depth = len(here.relative_to(folder).parts)
        kept = [name for name in sorted(folders) if not is_clutter(PurePosixPath(name))]
        folders[:] = kept if depth < _DEEPEST else []
        for name in sorted(files):
            path = here / name
            if path.suffix.lower() not in PROGRAMS or is_clutter(PurePosixPath(name)) or path.is_symlink():
                continue
            raw = _bounded(path, min(LARGEST_PROGRAM, room))
            room -= len(raw)
            found[path.relative_to(folder).as_posix()] = raw
    archives = [each for each in sorted(folder.iterdir()) if _is_archive(each.name) and not each.is_symlink()]
    if not found and len(archives) == 1:
        return programs_in(_bounded(archives[0], LARGEST_TOTAL))
    return found


def _bounded(path: Path, limit: int) -> bytes:
    """A regular file's content. Raises :class:`ArchiveError` where it is too large, or no file."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_NOFOLLOW", 0))
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ArchiveError(f"{path.name} is no file.")
        raw = stream.read(limit + 1)
    if len(raw) > limit:
        raise ArchiveError(f"{path.name} is larger than a submission may be.")
    return raw


def _is_archive(name: str) -> bool:
    return name.lower().endswith(".zip")
