"""What a shell offers where a rule is to be named."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem


def rules_beginning_with(
    ctx: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Codes and names of rules; of several by comma the last one is completed."""
    from rnnlint import pages

    before, comma, word = incomplete.rpartition(",")
    rules = [rule for _, family in pages.table() for rule in family]
    words = [(rule.code, rule.name) for rule in rules] + [(rule.name, rule.code) for rule in rules]
    return [
        CompletionItem(f"{before}{comma}{found}", help=other)
        for found, other in words
        if found.lower().startswith(word.lower())
    ]
