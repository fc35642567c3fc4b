"""What the user's code says steers neither the terminal nor the build server that shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnlint.api import Request, check
from rnnlint.config import load_config
from rnnlint.legible import legible, one_line
from rnnlint.results import RunOptions
from tests.grading.cohort import LAYERS

OBEYED = "\x00\x07\x08\x1b\x7f\x9b\u202e\u2066\ud800"


def test_what_is_obeyed_is_replaced_and_what_is_read_stays() -> None:
    assert legible(f"a{OBEYED}b") == f"a{chr(0xFFFD) * len(OBEYED)}b"
    read = "\tδ ≠ ĥ, 数\nשלום \U0001f600"
    assert legible(read) == read


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x85", "\u2028", " \n\n "])
def test_nothing_begins_a_line(end: str) -> None:
    assert one_line(f"no{end}::error::yes") == "no ::error::yes"


def test_an_exception_says_one_legible_line(tmp_path: Path) -> None:
    path = tmp_path / "rnn_layers.py"
    text = (LAYERS / "solution" / "rnn_layers.py").read_text(encoding="utf-8")
    said = "raise ValueError('no\\x1b[2J\\n::error::yes')\n"
    path.write_text(text.replace("    do = dnext_h * shown\n", f"    {said}"), encoding="utf-8")
    report = check([Request(path)], RunOptions(seed=7), load_config(path))
    reasons = [each.reason for each in report.checks if each.reason]
    assert any("no\ufffd[2J ::error::yes" in reason for reason in reasons)
