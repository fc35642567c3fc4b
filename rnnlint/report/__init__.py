"""One module a format; each renders a :class:`rnnlint.results.RunReport` to a string."""

from __future__ import annotations

import importlib
from importlib.util import find_spec

from rnnlint.results import RunReport

FORMATS = ("text", "concise", "json", "sarif", "github", "gitlab", "junit", "html", "markdown")
"""The names of the formats, which are the names of their modules."""

_LIBRARIES = {"junit": ("junitparser", "junitparser"), "html": ("jinja2", "Jinja2")}
"""What a format needs that not everybody has: the module, and the project it comes with."""


WITH_RULE_TEXTS = frozenset({"sarif", "html"})
"""The formats that show :attr:`rnnlint.results.RunReport.rules`."""


WITH_WALK = frozenset({"html"})
"""The formats that show :attr:`rnnlint.verdicts.GradientCheck.walk`, which takes a run of its own."""


def missing_library(output_format: str) -> str | None:
    """A sentence with the command to type, where a format needs a library that is not installed."""
    module, project = _LIBRARIES.get(output_format, (None, None))
    if module is None or find_spec(module) is not None:
        return None
    return (
        f"The {output_format} report needs {project}, which is not installed: "
        f"pip install 'rnnlint[reports]' (or: pip install {project})."
    )


def render(report: RunReport, output_format: str, *, verbose: bool = False, colour: bool = False) -> str:
    """The report in one of :data:`FORMATS`; ``verbose`` and ``colour`` concern the text alone."""
    if output_format == "text":
        from rnnlint.report import text

        return text.render(report, verbose=verbose, colour=colour)
    if output_format not in FORMATS:
        raise ValueError(f"there is no format {output_format!r}")
    rendered: str = importlib.import_module(f"rnnlint.report.{output_format}").render(report)
    return rendered
