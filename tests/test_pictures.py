"""The README shows what rnnlint says today."""

from __future__ import annotations

import re

import pytest
from pictures import PICTURES, PROGRAMS, TREE, picture, report_on, without_figures, words_in

README = (TREE / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_picture_is_current(name: str) -> None:
    stored = (PICTURES / f"{name}.svg").read_text(encoding="utf-8")
    assert words_in(picture(name)) == words_in(stored), "draw it anew: python -m tests.pictures"


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_picture_loads_nothing(name: str) -> None:
    stored = (PICTURES / f"{name}.svg").read_text(encoding="utf-8")
    assert re.findall(r"https?://[^\"' )]+", stored) == ["http://www.w3.org/2000/svg"]


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_readme_shows_it(name: str) -> None:
    assert f"(.github/pictures/{name}.svg)" in README


def test_the_report_that_it_begins_with_is_current() -> None:
    """Line by line, but for what it leaves out and says so."""
    block = re.search(r"```console\n\$ rnnlint (\S+) --seed 7\n(.*?)```", README, re.DOTALL)
    assert block is not None
    printed = {" ".join(without_figures(line)) for line in report_on(block[1], colour=False).splitlines()}
    shown = [" ".join(without_figures(line)) for line in block[2].splitlines()]
    left_out = [line for line in shown if line.startswith("[")]
    assert len(left_out) == 1
    assert [line for line in shown if line not in printed and line not in left_out] == []
