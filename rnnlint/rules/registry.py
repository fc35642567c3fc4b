"""What a rule is, and how the rules are found: a rule file holds one ``check``, its page, its cases.

A rule's whole definition is its module::

    @rule("RNN104", "dropped-carry", severity=Severity.ERROR, needs="forward or data flow")
    def check(bptt: BackwardPass) -> Iterator[Report]:
        \"\"\"One sentence, then the page under :data:`HEADINGS`.\"\"\"

    VALID = (Valid("what it shows", \"\"\"program\"\"\"), ...)
    INVALID = (Invalid("what it shows", \"\"\"program\"\"\", lines=(12,)), ...)

The annotation of the one parameter is the *subject*: the rule is called once for each of them that
:mod:`rnnlint.rules.subjects` finds in a file.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from rnnlint.findings import Confidence, Misunderstanding, Severity, Span
from rnnlint.records import dataclass, field

HEADINGS = ("What it does", "Why it is wrong", "Example", "Use instead", "When it is right", "Fix safety")
"""The second-level headings of every rule's page, in their order."""

Where = Any
"""A :class:`rnnlint.findings.Span`, or a syntax node whose span the file's module index knows."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """Put ``text`` in the place of ``where`` (an empty :class:`Span` inserts)."""

    where: Where
    text: str


@dataclass(frozen=True, slots=True)
class FixDraft:
    """A repair as a rule states it; the spans are looked up when the finding is made."""

    description: str
    replacements: tuple[Replacement, ...]
    safe: bool = False

    @classmethod
    def replace(cls, where: Where, text: str, description: str = "", *, safe: bool = False) -> FixDraft:
        """One replacement; described as ``Use `text`.`` unless said otherwise."""
        return cls(description or f"Use `{text}`.", (Replacement(where, text),), safe)


@dataclass(frozen=True, slots=True)
class RelatedDraft:
    """Another place the reader needs; ``source_path`` only where it stands in another file."""

    where: Where
    message: str
    path: Any = None


@dataclass(frozen=True, slots=True)
class Report:
    """What a rule yields: the place, the sentences, how sure it is; the engine makes the finding of it.

    ``severity`` overrides the rule's own, in the one direction or the other.
    """

    where: Where
    message: str
    confidence: Confidence = Confidence.LIKELY
    remark: str = ""
    fix: FixDraft | None = None
    group: Misunderstanding | None = None
    related: tuple[RelatedDraft, ...] = ()
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Valid:
    """A right program on which the rule says nothing. ``files`` are the siblings it needs, by name."""

    name: str
    text: str
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Invalid:
    """A wrong program and what the rule says of it.

    ``lines`` holds the first line of every finding of this rule, in order. ``fixed`` is the program with all
    of its fixes applied; None says that it offers none. ``confidence`` is that of every finding. ``also``
    names the other rules with an error to find in this program.
    """

    name: str
    text: str
    lines: tuple[int, ...]
    fixed: str | None = None
    confidence: Confidence = Confidence.LIKELY
    severity: Severity | None = None
    also: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)


Check = Callable[[Any], Iterator[Report]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the catalogue.

    ``needs`` says what must be resolved before it speaks with `likely`. Where it speaks, the rules of the
    codes in ``overrules`` are silent about the same site.
    """

    code: str
    name: str
    severity: Severity
    needs: str
    check: Check
    overrules: frozenset[str] = frozenset()

    def __call__(self, subject: Any) -> Iterator[Report]:
        """The reports on one subject."""
        return self.check(subject)

    @property
    def module(self) -> str:
        """The dotted name of the file that holds the rule."""
        return self.check.__module__

    @property
    def family(self) -> str:
        """The folder it stands in: ``time_and_state``."""
        return self.module.rpartition(".")[0].rpartition(".")[2]

    @property
    def subject(self) -> type:
        """The type that the rule wants to look at."""
        return _subject_of(self.check)

    @property
    def summary(self) -> str:
        """The first sentence of the page."""
        return self.documentation.partition("\n")[0]

    @property
    def documentation(self) -> str:
        """The docstring without its indentation: the summary, then the six headings."""
        return inspect.cleandoc(self.check.__doc__ or "")

    @property
    def page(self) -> str:
        """The rule's page, Markdown: title, severity and needs, and the documentation."""
        needs = f" Needs: {self.needs}." if self.needs else ""
        return f"# {self.code} {self.name}\n\nSeverity: {self.severity}.{needs}\n\n{self.documentation}\n"

    @property
    def valid(self) -> tuple[Valid, ...]:
        """The right programs of the rule's file."""
        cases: tuple[Valid, ...] = sys.modules[self.module].VALID
        return cases

    @property
    def invalid(self) -> tuple[Invalid, ...]:
        """The wrong programs of the rule's file."""
        cases: tuple[Invalid, ...] = sys.modules[self.module].INVALID
        return cases


@cache
def _subject_of(check: Check) -> type:
    (parameter,) = inspect.signature(check, eval_str=True).parameters.values()
    subject: type = parameter.annotation
    return subject


def rule(
    code: str, name: str, *, severity: Severity, needs: str = "", overrules: Iterable[str] = ()
) -> Callable[[Check], Rule]:
    """Make the decorated function a :class:`Rule`; its docstring is the rule's page."""

    def decorate(check: Check) -> Rule:
        return Rule(code, name, severity, needs, check, frozenset(overrules))

    return decorate


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule, by code: each module of each folder beside this file whose ``check`` is a rule."""
    package = importlib.import_module(__package__)
    found = [
        check
        for family in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
        if family.ispkg
        for module in pkgutil.iter_modules(importlib.import_module(family.name).__path__, f"{family.name}.")
        if isinstance(check := getattr(importlib.import_module(module.name), "check", None), Rule)
    ]
    return tuple(sorted(found, key=lambda each: each.code))


def find_rule(code_or_name: str) -> Rule | None:
    """The rule of that code (any case) or name, or None."""
    wanted = code_or_name.strip().lower()
    return next((each for each in all_rules() if wanted in (each.code.lower(), each.name)), None)


def empty_span(line: int, column: int) -> Span:
    """The place before a character, where a replacement inserts."""
    return Span(line, column, line, column)
