"""The page round its contents: templates, style, script, and the policy that lets nothing else in."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from rnnlint import __version__
from rnnlint.report.html.view import page_view
from rnnlint.results import RunReport


def render(report: RunReport) -> str:
    """The report as a whole HTML document."""
    return filled("report.html.j2", page=page_view(report))


def filled(template: str, **values: Any) -> str:
    """A template of this package with ``values``, every one of them escaped where it is put in."""
    environment = Environment(
        loader=PackageLoader(__name__.rpartition(".")[0], "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    style, script = _asset("style.css"), _asset("script.js")
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    page = environment.get_template(template)
    return page.render(
        style=Markup(style), script=Markup(script), policy=policy, version=__version__, **values
    )


def _asset(name: str) -> str:
    """A file of this package that stands in the page as it is: ours, and free of closing tags."""
    return (files(__package__) / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """What a Content-Security-Policy knows an inline style or script by."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
