"""``rnnlint rule``: a rule's page, or the table of rules."""

from __future__ import annotations

import os

import click

from rnnlint import pages
from rnnlint.cli.commands import HELP_OPTIONS
from rnnlint.cli.completing import rules_beginning_with
from rnnlint.cli.failures import Mistake
from rnnlint.cli.outputs import is_terminal


@click.command(
    "rule",
    context_settings=HELP_OPTIONS,
    epilog="""\b
Examples:
  rnnlint rule                      the table of rules
  rnnlint rule RNN102               by code
  rnnlint rule off-by-one-state     by name

\b
Exit status:
  0  the page or the table was shown
  2  there is no such rule
""",
)
@click.argument("rule", required=False, metavar="[CODE|NAME]", shell_complete=rules_beginning_with)
def command(rule: str | None) -> int:
    """Show a rule's page: what it finds, why that is wrong, an example, and when it is right."""
    if rule is None:
        click.echo(_table(), nl=False)
        return 0
    try:
        _show(pages.page(rule))
    except pages.NoSuchRuleError as error:
        raise Mistake(str(error)) from None
    return 0


def _table() -> str:
    rows: list[str] = []
    for title, rules in pages.table():
        rows.append(f"{title}\n")
        width = max(len(rule.name) for rule in rules) + 2
        rows.extend(f"  {rule.code}  {rule.name:{width}}{rule.severity:9}{rule.summary}\n" for rule in rules)
        rows.append("\n")
    return "".join(rows)


def _show(markdown: str) -> None:
    """Rendered on a terminal, as it is elsewhere."""
    if not is_terminal() or os.environ.get("NO_COLOR"):
        click.echo(markdown, nl=False)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    console.print(Markdown(markdown), width=min(console.width, 88))
