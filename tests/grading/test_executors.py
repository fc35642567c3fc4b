"""The processes of this machine that grade: begun before there is work, replaced where they have broken."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rnnlint.grading.executors import LocalPool


def _note_who(path: str) -> None:
    with Path(path).open("a", encoding="utf-8") as stream:
        stream.write(f"{os.getpid()}\n")


def test_who_has_begun_does_the_work(tmp_path: Path) -> None:
    noted = tmp_path / "who"
    with LocalPool(2) as pool:
        pool.begin(1, _note_who, str(noted))
        with pool.opened() as executor:
            worker = executor.submit(os.getpid).result()
    assert noted.read_text(encoding="utf-8").split() == [str(worker)]


def test_a_pool_is_opened_anew(tmp_path: Path) -> None:
    with LocalPool(1) as pool:
        pool.begin(1, _note_who, str(tmp_path / "who"))
        workers = set()
        for _ in range(2):
            with pool.opened() as executor:
                workers.add(executor.submit(os.getpid).result())
    assert len(workers) == 2


def test_workers_that_are_not_needed_are_sent_home(tmp_path: Path) -> None:
    """As where the self-test refuses to grade."""
    noted = tmp_path / "who"
    with LocalPool(1) as pool:
        pool.begin(1, _note_who, str(noted))
    (worker,) = noted.read_text(encoding="utf-8").split()
    with pytest.raises(ProcessLookupError):
        os.kill(int(worker), 0)
