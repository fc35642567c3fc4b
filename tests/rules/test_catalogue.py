"""What holds of every rule: its entry in the catalogue, its page, and each of its own cases."""

from __future__ import annotations

import ast
import re
from collections import Counter
from itertools import combinations

import pytest

from rnnlint.findings import Finding, Severity
from rnnlint.fixes import apply_fixes
from rnnlint.rules.registry import HEADINGS, Invalid, Rule, Valid, all_rules, find_rule

RULES = all_rules()


def _cases(kind: str) -> list[object]:
    return [
        pytest.param(rule, case, id=f"{rule.code}: {case.name}")
        for rule in RULES
        for case in getattr(rule, kind)
    ]


# A code once published keeps its name and its severity.
CATALOGUE = {
    "RNN001": ("unused-suppression", "warning"),
    "RNN002": ("syntax-error", "error"),
    "RNN101": ("wrapped-previous-state", "error"),
    "RNN102": ("off-by-one-state", "error"),
    "RNN103": ("carry-shaped-by-initial-state", "advice"),
    "RNN104": ("dropped-carry", "error"),
    "RNN105": ("carry-not-zero", "error"),
    "RNN106": ("backward-runs-forward", "error"),
    "RNN107": ("skipped-step", "error"),
    "RNN108": ("stale-forward-value", "error"),
    "RNN109": ("rebound-sequence", "error"),
    "RNN110": ("wrong-carry-slice", "error"),
    "RNN111": ("carry-added-at-wrong-node", "error"),
    "RNN112": ("state-survives-the-call", "warning"),
    "RNN201": ("nonlinearity-twice", "error"),
    "RNN202": ("activation-for-derivative", "error"),
    "RNN203": ("derivative-of-activation", "error"),
    "RNN204": ("wrong-derivative", "error"),
    "RNN205": ("missing-derivative", "error"),
    "RNN206": ("wrong-gate", "error"),
    "RNN207": ("incomplete-cell-gradient", "error"),
    "RNN208": ("wrong-partner", "error"),
    "RNN209": ("spurious-factor", "error"),
    "RNN210": ("incomplete-carry", "error"),
    "RNN211": ("misaligned-pair", "error"),
    "RNN301": ("overwritten-gradient", "error"),
    "RNN302": ("aliased-buffers", "error"),
    "RNN303": ("missing-transpose", "error"),
    "RNN304": ("collapsed-bias-gradient", "error"),
    "RNN305": ("unused-gradient", "warning"),
    "RNN306": ("clip-inside-bptt", "warning"),
    "RNN307": ("update-before-use", "error"),
    "RNN308": ("narrow-buffer", "warning"),
    "RNN309": ("never-reset-accumulator", "warning"),
    "RNN310": ("output-gradient-every-step", "error"),
    "RNN311": ("elementwise-as-matmul", "error"),
    "RNN312": ("mutated-input", "warning"),
    "RNN313": ("global-for-parameter", "warning"),
    "RNN314": ("unreturned-initial-gradient", "warning"),
    "RNN401": ("log-without-eps", "warning"),
    "RNN402": ("unshifted-softmax", "warning"),
    "RNN403": ("overflowing-sigmoid", "advice"),
    "RNN404": ("tanh-by-exp", "warning"),
    "RNN405": ("helper-mutates-argument", "warning"),
    "RNN406": ("unsafe-normalisation", "advice"),
    "RNN408": ("mean-sum-mismatch", "advice"),
    "RNN501": ("zero-forget-bias", "advice"),
    "RNN502": ("aggressive-learning-rate", "advice"),
    "RNN503": ("unclipped-gradients", "advice"),
    "RNN504": ("symmetric-weights", "advice"),
    "RNN505": ("mixed-length-loss", "advice"),
    "RNN506": ("show-without-display", "advice"),
    "RNN507": ("unscaled-init", "advice"),
    "RNN901": ("wrong-gradient", "error"),
    "RNN902": ("nonstandard-forward", "warning"),
    "RNN903": ("scaled-gradient", "advice"),
    "RNN904": ("nondeterministic", "error"),
    "RNN905": ("not-finite", "error"),
    "RNN906": ("first-wrong-line", "error"),
    "RNN907": ("not-checked", "warning"),
    "RNN908": ("second-call-differs", "error"),
    "RNN909": ("gradient-by-differences", "warning"),
    "RNN910": ("gradient-of-another-loss", "warning"),
}

each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
each_valid = pytest.mark.parametrize(("rule", "case"), _cases("valid"))
each_invalid = pytest.mark.parametrize(("rule", "case"), _cases("invalid"))


def test_codes_and_names_are_unique():
    codes, names = Counter(rule.code for rule in RULES), Counter(rule.name for rule in RULES)
    assert max(codes.values()) == max(names.values()) == 1


@each_rule
def test_rule_is_as_published(rule: Rule):
    assert CATALOGUE.get(rule.code) == (rule.name, str(rule.severity))


@each_rule
def test_rule_stands_in_its_familys_folder(rule: Rule):
    families = {
        "RNN0": "the_file",
        "RNN1": "time_and_state",
        "RNN2": "derivatives",
        "RNN3": "accumulation",
        "RNN4": "numerical_safety",
        "RNN5": "training_practice",
        "RNN9": "numeric_check",
    }
    assert rule.family == families[rule.code[:4]]
    assert rule.module.endswith("." + rule.name.replace("-", "_"))


@each_rule
def test_page_has_a_summary_and_all_headings_with_text(rule: Rule):
    summary, *sections = re.split(r"^## ", rule.documentation, flags=re.MULTILINE)
    assert summary.strip().endswith(".") and "\n" not in summary.strip()
    titles = [section.partition("\n")[0] for section in sections]
    assert titles == list(HEADINGS)
    assert all(section.partition("\n")[2].strip() for section in sections)


@each_rule
def test_rule_is_found_by_code_and_by_name(rule: Rule):
    assert find_rule(rule.code.lower()) is rule
    assert find_rule(rule.name) is rule


@each_rule
def test_rule_has_cases_of_both_kinds(rule: Rule):
    assert rule.valid and rule.invalid


@each_valid
def test_valid_case_is_silent(rule: Rule, case: Valid, lint_text):
    _, findings = lint_text(case.text, case.files)
    assert [f for f in findings if f.code == rule.code or f.severity is Severity.ERROR] == []


@each_invalid
def test_invalid_case_is_found(rule: Rule, case: Invalid, lint_text):
    _, findings = lint_text(case.text, case.files)
    own = [finding for finding in findings if finding.code == rule.code]
    assert tuple(finding.span.line for finding in own) == case.lines
    assert {finding.confidence for finding in own} == {case.confidence}
    assert {finding.severity for finding in own} == {case.severity or rule.severity}


@each_invalid
def test_invalid_case_accuses_nothing_else(rule: Rule, case: Invalid, lint_text):
    _, findings = lint_text(case.text, case.files)
    others = {f.code for f in findings if f.code != rule.code and f.severity is Severity.ERROR}
    assert others <= set(case.also)


@each_invalid
def test_two_errors_never_speak_of_one_span(rule: Rule, case: Invalid, lint_text):
    _, findings = lint_text(case.text, case.files)
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    assert not [(a.code, b.code) for a, b in combinations(errors, 2) if _overlap(a, b)]


def _overlap(first: Finding, second: Finding) -> bool:
    start = max((first.span.line, first.span.column), (second.span.line, second.span.column))
    end = min((first.span.end_line, first.span.end_column), (second.span.end_line, second.span.end_column))
    return start < end


@each_invalid
def test_fix_gives_the_stated_text_and_silences_the_finding(rule: Rule, case: Invalid, lint_text):
    source, findings = lint_text(case.text, case.files)
    fixes = [finding.fix for finding in findings if finding.code == rule.code and finding.fix]
    if case.fixed is None:
        assert fixes == []
        return
    applied = apply_fixes({source.path: source.text}, fixes)
    fixed = applied.texts[source.path]
    assert fixed == case.fixed
    assert applied.skipped == ()
    ast.parse(fixed)
    _, after = lint_text(fixed, case.files)
    left = [finding for finding in after if finding.code == rule.code]
    assert len(left) == len(case.lines) - len(fixes)
    again = apply_fixes({source.path: fixed}, [finding.fix for finding in left if finding.fix])
    assert again.texts[source.path] == fixed
