"""Files written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rnnlint.atomic import write_all


def test_all_are_written_with_the_mode_of_new_files(tmp_path: Path) -> None:
    plain, first, second = tmp_path / "plain", tmp_path / "a.json", tmp_path / "b.xml"
    plain.write_bytes(b"")
    write_all({first: b"{}", second: b"<x/>"})
    assert (first.read_bytes(), second.read_bytes()) == (b"{}", b"<x/>")
    assert first.stat().st_mode == plain.stat().st_mode
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.json", "b.xml", "plain"]


def test_where_one_cannot_be_written_none_is(tmp_path: Path) -> None:
    kept = tmp_path / "a.json"
    kept.write_bytes(b"before")
    nowhere = tmp_path / "no such folder" / "b.json"
    with pytest.raises(OSError) as raised:
        write_all({kept: b"after", nowhere: b""})
    assert raised.value.filename == str(nowhere)
    assert kept.read_bytes() == b"before"
    assert [each.name for each in tmp_path.iterdir()] == ["a.json"]


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "report"
    folder.mkdir()
    with pytest.raises(IsADirectoryError):
        write_all({folder: b""})
    assert folder.is_dir()


def test_a_link_stays_one_and_a_mode_stays(tmp_path: Path) -> None:
    target, link = tmp_path / "real.json", tmp_path / "latest.json"
    target.write_bytes(b"1")
    target.chmod(0o640)
    link.symlink_to(target)
    write_all({link: b"2"})
    assert link.is_symlink()
    assert target.read_bytes() == b"2"
    assert target.stat().st_mode & 0o777 == 0o640


def test_a_pipe_is_written_as_it_stands(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_all({pipe: b"report"})
        assert os.read(reader, 100) == b"report"
    finally:
        os.close(reader)
