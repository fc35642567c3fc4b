"""Writing files whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path


def write_all(contents: Mapping[Path, bytes]) -> None:
    """Write every file beside its place, then rename all of them: no reader ever sees half of one.

    Where one cannot be written, none is. Files keep their mode and links stay links; what is no file
    (``/dev/stdout``, a pipe) is written last, as it stands. Raises :class:`OSError` with its ``filename``.
    """
    streams = {path: content for path, content in contents.items() if _is_stream(path)}
    beside: dict[Path, Path] = {}
    try:
        for path, content in contents.items():
            if path not in streams:
                target = path.resolve()
                beside[target] = _written_beside(target, content, named=path)
        for target, written in beside.items():
            written.replace(target)
    finally:
        for written in beside.values():
            written.unlink(missing_ok=True)
    for path, content in streams.items():
        path.write_bytes(content)


def write_whole(path: Path, text: str) -> None:
    """Write one file so that nobody ever sees a part of it. Raises :class:`OSError`.

    Unlike :func:`write_all` it waits for no disk: for the many small files of one run, which can be made
    again.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8", newline="\n")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _written_beside(target: Path, content: bytes, *, named: Path) -> Path:
    """The temporary neighbour of ``target`` that holds ``content`` on the disk."""
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(named))
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(named))
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(named)) from None
    written = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if target.exists():
            shutil.copymode(target, written)
        else:
            written.chmod(0o666 & ~_umask())
    except OSError as error:
        written.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(named)) from None
    return written


def _is_stream(path: Path) -> bool:
    return path.exists() and not path.is_file() and not path.is_dir()


def _umask() -> int:
    """The mode bits that new files go without; it can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
