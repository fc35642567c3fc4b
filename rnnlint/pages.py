"""The rules as text: the table of all of them, the page of one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from rnnlint.measured_rules import MEASURED, MeasuredRule
from rnnlint.records import replace
from rnnlint.results import RuleText, RunReport
from rnnlint.rules.registry import Rule, all_rules

FAMILIES = {
    "the_file": "The file",
    "time_and_state": "Time and state",
    "derivatives": "Derivatives",
    "accumulation": "Accumulation and shapes",
    "numerical_safety": "Numerical safety",
    "training_practice": "Training practice",
}


class NoSuchRuleError(LookupError):
    """The word is no rule's code or name; the message says so and which is nearest."""


def page(word: str) -> str:
    """The page of the rule with that code or name, in Markdown. Raises :class:`NoSuchRuleError`."""
    rules: list[Rule | MeasuredRule] = [*all_rules(), *MEASURED]
    pages = {key: rule.page for rule in rules for key in (rule.code, rule.name)}
    spellings = (word, word.upper(), word.lower())
    for spelling in spellings:
        if spelling in pages:
            return pages[spelling]
    close = [match for spelling in spellings for match in difflib.get_close_matches(spelling, list(pages), 1)]
    hint = f" Did you mean {close[0]}?" if close else " `rnnlint rule` lists them all."
    raise NoSuchRuleError(f"{word!r} is no rule.{hint}")


def texts(codes: Iterable[str]) -> tuple[RuleText, ...]:
    """The text of every rule of ``codes``, in the order of the catalogue."""
    wanted = set(codes)
    rules: list[Rule | MeasuredRule] = [*all_rules(), *MEASURED]
    return tuple(
        RuleText(rule.code, rule.name, rule.severity, rule.summary, rule.page)
        for rule in rules
        if rule.code in wanted
    )


def with_rules(report: RunReport) -> RunReport:
    """``report`` with the text of every rule that has a finding in it."""
    return replace(report, rules=texts(finding.code for finding in report.findings))


def table() -> list[tuple[str, list[Rule | MeasuredRule]]]:
    """Every rule under the title of its family, in the order of the codes."""
    families: dict[str, list[Rule | MeasuredRule]] = {}
    for rule in all_rules():
        families.setdefault(FAMILIES[rule.family], []).append(rule)
    return [*families.items(), ("The gradient check", list(MEASURED))]
