"""Work done by a second process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from rnnlint.beside import Beside


def test_result_is_what_the_function_returns() -> None:
    with Beside(lambda: {"answer": [1, 2.5, "three"]}) as work:
        assert work.result() == {"answer": [1, 2.5, "three"]}


def test_what_the_function_raises_is_raised_by_result() -> None:
    def fails() -> None:
        raise LookupError("nothing there")

    with Beside(fails) as work, pytest.raises(LookupError, match="nothing there"):
        work.result()


def test_result_that_cannot_be_sent_is_computed_here() -> None:
    with Beside(lambda: lambda: "of this process") as work:
        assert work.result()() == "of this process"


def test_process_that_dies_leaves_the_work_to_this_one() -> None:
    here = os.getpid()

    def dies() -> int:
        if os.getpid() != here:
            os._exit(1)
        return here

    with Beside(dies) as work:
        assert work.result() == here


PROGRAM = """
import os, time
from rnnlint.beside import Beside
with Beside(os.getpid) as work:
    elsewhere = work.result() != os.getpid()
with Beside(lambda: time.sleep(600)) as unwanted:
    pass
try:
    os.waitpid(-1, 0)
except ChildProcessError:
    print(elsewhere, "none left")
"""


@pytest.mark.skipif(
    len(os.sched_getaffinity(0)) < 2 if hasattr(os, "sched_getaffinity") else True,
    reason="one processor, or an unknown number",
)
def test_second_process_does_the_work_and_does_not_outlive_its_use() -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60)
    assert ran.stdout.split(None, 1) == ["True", "none left\n"], ran.stderr
