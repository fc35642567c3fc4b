"""One module a format; each renders a :class:`rnnlint.results.RunReport` to a string."""

from __future__ import annotations

import importlib

from rnnlint.results import RunReport

FORMATS = ("text", "concise", "json", "github")
"""The names of the formats, which are the names of their modules."""


def render(report: RunReport, output_format: str, *, verbose: bool = False, colour: bool = False) -> str:
    """The report in one of :data:`FORMATS`; ``verbose`` and ``colour`` concern the text alone."""
    if output_format == "text":
        from rnnlint.report import text

        return text.render(report, verbose=verbose, colour=colour)
    if output_format not in FORMATS:
        raise ValueError(f"there is no format {output_format!r}")
    rendered: str = importlib.import_module(f"rnnlint.report.{output_format}").render(report)
    return rendered
