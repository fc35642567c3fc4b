"""``# rnnlint: ignore[RNN101]`` and its kin: which findings a file's comments hide, and which comments hide
none.

Heeded are ``# rnnlint: ignore[RNN101, dropped-carry]`` and ``# noqa: RNN101`` on any line of a statement
(of a compound statement: of its head), and ``# rnnlint: ignore-file[RNN101]`` anywhere; without codes each
of them is about every rule. Comments are found by the tokenizer: a string that holds such words is a
string."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Sequence

from rnnlint.findings import Finding, Span
from rnnlint.records import dataclass
from rnnlint.source import Source

_COMMENT = re.compile(
    r"""\#\s*(?:
        (?P<word>rnnlint:\s*ignore(?P<file>-file)?)\b(?!-) (?:\s*\[(?P<rules>[^\]\#]*)\])?
      | noqa\b (?:\s*:\s*(?P<codes>[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*))?
    )[^\#]*""",
    re.IGNORECASE | re.VERBOSE,
)
_CODE = re.compile(r"[\w-]+")
_RNNLINT_CODE = re.compile(r"RNN\d", re.IGNORECASE)
_NUMERIC_CODE = re.compile(r"RNN9", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Suppression:
    """One suppressing comment.

    ``rules`` are the codes and names it lists, None for every rule; ``span`` is where it stands, from its
    ``#``. It reaches from line ``first_line`` to ``last_line``, over the whole file where that is None.
    ``shared`` marks a ``noqa`` without codes, which speaks to other linters too. ``text`` is the comment as
    written, ``listed`` the part of it that lists rules.
    """

    text: str
    listed: str
    span: Span
    rules: tuple[str, ...] | None
    first_line: int
    last_line: int | None
    shared: bool = False

    def reaches(self, finding: Finding) -> bool:
        """Whether ``finding`` begins where the comment has a say."""
        return self.last_line is None or self.first_line <= finding.span.line <= self.last_line

    def hides(self, finding: Finding) -> bool:
        """Whether the comment hides ``finding``."""
        listed = self.rules is None or any(_is_about(rule, finding) for rule in self.rules)
        return listed and self.reaches(finding)

    def unused_rules(self, findings: Sequence[Finding], *, numbers_known: bool) -> tuple[str, ...]:
        """The listed rules that hide none of ``findings`` (``""`` for a comment without a list)."""
        if self.shared:
            return ()
        if self.rules is None:
            used = any(self.hides(finding) for finding in findings)
            return () if used or not numbers_known else ("",)
        judged = [rule for rule in self.rules if numbers_known or not _NUMERIC_CODE.match(rule)]
        near = [finding for finding in findings if self.reaches(finding)]
        return tuple(rule for rule in judged if not any(_is_about(rule, finding) for finding in near))

    def without(self, rules: Sequence[str]) -> str:
        """The comment's text once it lists none of ``rules``; empty where it then lists nothing."""
        left = [code for code in _CODE.findall(self.listed) if code not in rules]
        return self.text.replace(self.listed, ", ".join(left), 1) if left else ""


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A file's findings after its comments: those to show (unused comments, RNN001, among them) and the
    hidden."""

    shown: tuple[Finding, ...]
    hidden: tuple[Finding, ...]


def apply(source: Source, findings: Sequence[Finding], *, numbers_known: bool = False) -> Suppressed:
    """Hide what the comments of ``source`` hide.

    ``findings`` are all findings of that file, at all confidences. ``numbers_known`` says that the numeric
    check has spoken: without it no comment about its rules (RNN9xx), or about every rule, is called unused.
    """
    if not findings and "rnn" not in source.text.lower():
        return Suppressed((), ())  # a comment that names no rule of ours is never unused
    comments = suppressions(source)
    if not comments:
        return Suppressed(tuple(findings), ())
    hidden = tuple(each for each in findings if any(comment.hides(each) for comment in comments))
    unused = [
        each for each in _unused(source, comments, findings, numbers_known) if not _tolerated(each, comments)
    ]
    shown = {each: None for each in (*findings, *unused) if each not in hidden}
    return Suppressed(tuple(sorted(shown, key=lambda each: each.order)), hidden)


_MAY_SUPPRESS = re.compile(r"rnnlint:|noqa(?!\s*:)|noqa\s*:[^\n]*RNN", re.IGNORECASE)
"""A look at the words, before any comment is taken apart: most comments are for other linters."""


def suppressions(source: Source) -> tuple[Suppression, ...]:
    """The suppressing comments of a program, in its order."""
    if not _MAY_SUPPRESS.search(source.text):
        return ()
    heads = None if source.problem else _statement_lines(source.text)
    return tuple(found for comment in _comments(source.text) for found in _parsed(comment, heads or []))


def _unused(
    source: Source, comments: Sequence[Suppression], findings: Sequence[Finding], numbers_known: bool
) -> Iterator[Finding]:
    for comment in comments:
        rules = comment.unused_rules(findings, numbers_known=numbers_known)
        rules = tuple(rule for rule in rules if rule.lower() not in ("rnn001", "unused-suppression"))
        if rules:
            from rnnlint.rules.engine import findings_on
            from rnnlint.rules.the_file.unused_suppression import UnusedSuppression
            from rnnlint.rules.the_file.unused_suppression import check as unused_suppression

            before = source.line_text(comment.span.line)[: comment.span.column - 1]
            subject = UnusedSuppression(comment.span, rules, comment.without(rules), before)
            yield from findings_on(unused_suppression, subject, source.path)


def _tolerated(unused: Finding, comments: Sequence[Suppression]) -> bool:
    return any(comment.rules is not None and comment.hides(unused) for comment in comments)


def _is_about(rule: str, finding: Finding) -> bool:
    return rule.upper() == finding.code or rule.lower() == finding.name


def _comments(text: str) -> Iterator[tokenize.TokenInfo]:
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield token
    except (tokenize.TokenError, SyntaxError):
        return  # a program that does not parse: the comments up to there


def _parsed(comment: tokenize.TokenInfo, heads: Sequence[tuple[int, int]]) -> Iterator[Suppression]:
    line, offset = comment.start
    for match in _COMMENT.finditer(comment.string):
        text = match.group().rstrip()
        is_noqa = match["word"] is None
        listed = match["codes"] if is_noqa else match["rules"]
        rules = None if listed is None else tuple(_CODE.findall(listed))
        if is_noqa and rules is not None:
            rules = tuple(rule for rule in rules if _RNNLINT_CODE.match(rule))
            if not rules:
                continue  # for other linters
        column = offset + match.start() + 1
        first, last = _reach(line, heads)
        yield Suppression(
            text=text,
            listed=listed or "",
            span=Span(line, column, line, column + len(text)),
            rules=rules,
            first_line=first,
            last_line=None if match["file"] else last,
            shared=is_noqa and rules is None,
        )


def _reach(line: int, heads: Sequence[tuple[int, int]]) -> tuple[int, int]:
    around = [(first, last) for first, last in heads if first <= line <= last]
    return min((first for first, _ in around), default=line), max((last for _, last in around), default=line)


def _statement_lines(text: str) -> list[tuple[int, int]]:
    """The first and last line of every simple statement and of every compound one's head."""
    lines = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            last = max(body[0].lineno - 1, node.lineno) if body else node.end_lineno or node.lineno
            decorators = getattr(node, "decorator_list", [])
            lines.append((min([node.lineno, *(each.lineno for each in decorators)]), last))
    return lines
