"""The pictures of the README: what a terminal shows, as SVG. ``python -m tests.pictures`` draws them anew."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path

from rich.console import Console
from rich.text import Text

from rnnlint import api
from rnnlint.config import load_config
from rnnlint.report import text
from rnnlint.report.layout import WIDTH
from rnnlint.report.paths import as_seen_from
from rnnlint.results import RunOptions
from rnnlint.verdicts import GradientCheck

TREE = Path(__file__).parents[1]
PICTURES = TREE / ".github" / "pictures"
SEED = 7

PROGRAMS = {
    "wrong": "fixtures/article/backward.py",
    "right": "fixtures/correct/gru_class.py",
    "notebook": "fixtures/notebooks/lstm_missing_derivative.ipynb",
}

SVG = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
    <style>
    .{unique_id}-matrix {{ font-family: ui-monospace, Consolas, Menlo, "DejaVu Sans Mono", monospace;
        font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width; }}
    .{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
    {styles}
    </style>
    <defs>
    <clipPath id="{unique_id}-clip-terminal">
      <rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
    </clipPath>
    {lines}
    </defs>
    {chrome}
    <g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
    {backgrounds}
    <g class="{unique_id}-matrix">
    {matrix}
    </g>
    </g>
</svg>
"""
"""Rich's own frame without the fonts that it fetches: a picture that loads nothing."""


def report_on(program: str, *, colour: bool = True) -> str:
    """What a terminal is sent for ``rnnlint PROGRAM --seed 7`` in this tree."""
    path = TREE / program
    report = api.check([api.Request(path)], RunOptions(seed=SEED), load_config(path))
    files = tuple(replace(file, gradients=_behind_all_walls(file.gradients)) for file in report.files)
    return text.render(as_seen_from(replace(report, files=files), TREE), colour=colour)


def _behind_all_walls(checks: Iterable[GradientCheck]) -> tuple[GradientCheck, ...]:
    """The checks without what this machine's sandbox lacks."""
    return tuple(replace(check, missing_layers=()) for check in checks)


def picture(name: str) -> str:
    """The SVG of a run."""
    program = PROGRAMS[name]
    console = Console(
        record=True, width=WIDTH + 2, file=_Nowhere(), force_terminal=True, legacy_windows=False
    )
    console.print(Text.from_ansi(report_on(program)), end="")
    return console.export_svg(title=f"rnnlint {program}", code_format=SVG, unique_id=f"rnnlint-{name}")


class _Nowhere:
    """A terminal that nobody looks at."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        return


def words_in(svg: str) -> list[str]:
    """What stands in a picture, without the figures, whose last digits are the machine's."""
    return without_figures(" ".join(unescape(found).replace("\xa0", " ") for found in _texts(svg)))


def _texts(svg: str) -> Iterator[str]:
    return (match.group(1) for match in re.finditer(r"<text[^>]*>([^<]*)</text>", svg))


def without_figures(said: str) -> list[str]:
    """The words of a report, each figure as #."""
    return re.sub(r"\d*\.\d+|\de-\d+", "#", said).split()


if __name__ == "__main__":
    PICTURES.mkdir(parents=True, exist_ok=True)
    for each in PROGRAMS:
        (PICTURES / f"{each}.svg").write_text(picture(each), encoding="utf-8")
