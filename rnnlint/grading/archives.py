"""Programs in a zip archive that nobody trusts: bounded, and never written to disk.

Only members that are programs are unpacked, into memory, up to fixed sizes whatever the archive announces.
"""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath

PROGRAMS = (".py", ".ipynb")
"""The suffixes of what may be graded."""
LARGEST_PROGRAM = 2 * 2**20
LARGEST_TOTAL = 16 * 2**20
LARGEST_INNER_ARCHIVE = 32 * 2**20
MOST_MEMBERS = 20_000
_ENCRYPTED = 0x1


class ArchiveError(Exception):
    """An archive that is not unpacked; the message is a sentence that says why."""


def programs_in(archive: bytes, inner: str = "") -> dict[str, bytes]:
    """The programs in an archive by their paths; with ``inner``, those below that folder of it alone.

    Links, what operating systems add, and archives inside are left out. Raises :class:`ArchiveError`.
    """
    found: dict[str, bytes] = {}
    room = LARGEST_TOTAL
    with _opened(archive) as opened:
        for info, path in _members(opened):
            if path.suffix.lower() not in PROGRAMS or not path.as_posix().startswith(inner):
                continue
            raw = _content(opened, info, min(LARGEST_PROGRAM, room))
            room -= len(raw)
            found[path.as_posix().removeprefix(inner)] = raw
    return found


def listing(archive: bytes) -> tuple[str, ...]:
    """The paths of all members that are files. Raises :class:`ArchiveError`."""
    with _opened(archive) as opened:
        return tuple(path.as_posix() for _, path in _members(opened))


def member(archive: bytes, name: str) -> bytes:
    """One member's content, an archive inside it for instance. Raises :class:`ArchiveError`."""
    with _opened(archive) as opened:
        for info, path in _members(opened):
            if path.as_posix() == name:
                return _content(opened, info, LARGEST_INNER_ARCHIVE)
    raise ArchiveError(f"The archive holds no {name}.")


def _opened(archive: bytes) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(archive))
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise ArchiveError("It is no zip archive that can be read.") from None


def _members(opened: zipfile.ZipFile) -> Iterator[tuple[zipfile.ZipInfo, PurePosixPath]]:
    infos = opened.infolist()
    if len(infos) > MOST_MEMBERS:
        raise ArchiveError(f"The archive has more than {MOST_MEMBERS:,} members.")
    for info in infos:
        path = PurePosixPath(info.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in (path.parts or ("",))[0]:
            raise ArchiveError("The archive has a member that lies outside of it.")
        if info.is_dir() or stat.S_ISLNK(info.external_attr >> 16) or is_clutter(path):
            continue
        yield info, path


def is_clutter(path: PurePosixPath) -> bool:
    """What operating systems and tools put beside programs: __MACOSX, ._name, caches."""
    return any(part in ("__MACOSX", "__pycache__") or part.startswith(".") for part in path.parts)


def _content(opened: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> bytes:
    if info.flag_bits & _ENCRYPTED:
        raise ArchiveError("The archive is encrypted.")
    try:
        with opened.open(info) as stream:
            raw = stream.read(limit + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError):
        raise ArchiveError("The archive is damaged.") from None
    if len(raw) > limit:
        raise ArchiveError("The archive holds more than a submission may.")
    return raw
