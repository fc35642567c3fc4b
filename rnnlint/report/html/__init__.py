"""The report as one page: no network, no scripts needed, light and dark, on paper and by keyboard."""

from __future__ import annotations

from rnnlint.report.html.page import render

__all__ = ["render"]
