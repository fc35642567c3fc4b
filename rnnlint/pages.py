"""The rules as text: the table of all of them, the page of one."""

from __future__ import annotations

import difflib

from rnnlint.rules.registry import Rule, all_rules, find_rule

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
    rule = find_rule(word)
    if rule is not None:
        return rule.page
    known = [name for each in all_rules() for name in (each.code, each.name)]
    close = [
        match
        for form in (word, word.upper(), word.lower())
        for match in difflib.get_close_matches(form, known, 1)
    ]
    hint = f" Did you mean {close[0]}?" if close else " `rnnlint rule` lists them all."
    raise NoSuchRuleError(f"{word!r} is no rule.{hint}")


def table() -> list[tuple[str, list[Rule]]]:
    """Every rule under the title of its family, in the order of the codes."""
    families: dict[str, list[Rule]] = {}
    for rule in all_rules():
        families.setdefault(rule.family, []).append(rule)
    return [
        (FAMILIES.get(family, family.replace("_", " ").capitalize()), rules)
        for family, rules in families.items()
    ]
