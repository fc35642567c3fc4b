"""Which findings are shown, which only counted, and which were not asked for."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from rnnlint.config import Config, selectors
from rnnlint.findings import Confidence, Finding, Severity
from rnnlint.records import dataclass
from rnnlint.results import RunOptions

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec


@dataclass(frozen=True)
class Selection:
    """The configuration with the command line's words over it.

    ``select`` empty means every rule; a rule in ``explicit`` by its whole code is shown even if it is advice.
    """

    config: Config
    select: tuple[str, ...]
    explicit: tuple[str, ...]
    ignore: tuple[str, ...]
    min_confidence: Confidence
    show_advice: bool

    @classmethod
    def of(cls, config: Config, options: RunOptions) -> Selection:
        """What holds for one run: ``--select`` replaces the configured choice, ``--ignore`` adds to it.

        Raises :class:`rnnlint.config.ConfigurationError` for a word that is no rule's.
        """
        if options.select is not None:
            explicit = select = selectors(options.select, "--select")
        else:
            explicit = (*config.select, *config.extend_select)
            select = explicit if config.select else ()
        return cls(
            config,
            select,
            explicit,
            (*config.ignore, *selectors(options.ignore, "--ignore")),
            options.min_confidence or config.min_confidence,
            options.show_advice,
        )

    def split(self, findings: Iterable[Finding]) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
        """The findings to show and those to count; what was deselected is in neither."""
        shown: list[Finding] = []
        hidden: list[Finding] = []
        for finding in findings:
            if self.selects(finding.code, finding.path):
                (shown if self._is_shown(finding) else hidden).append(finding)
        return tuple(shown), tuple(hidden)

    def selects(self, code: str, path: Path) -> bool:
        """Whether the rule speaks of that file at all; of two selectors that fit, the longer one decides."""
        wanted = _longest(code, self.select) if self.select else 0
        unwanted = _longest(code, self.ignore)
        if wanted < 0 or (unwanted >= 0 and unwanted >= wanted):
            return False
        return not any(
            _longest(code, codes) >= 0 and pattern.match_file(self._relative(path))
            for pattern, codes in self._per_file
        )

    def _is_shown(self, finding: Finding) -> bool:
        advice = finding.severity is Severity.ADVICE
        if advice and not self.show_advice and finding.code not in self.explicit:
            return False
        return finding.confidence.rank >= self.min_confidence.rank

    @cached_property
    def _per_file(self) -> tuple[tuple[GitIgnoreSpec, tuple[str, ...]], ...]:
        if not self.config.per_file_ignores:
            return ()
        from pathspec import GitIgnoreSpec

        return tuple(
            (GitIgnoreSpec.from_lines([pattern]), codes) for pattern, codes in self.config.per_file_ignores
        )

    def _relative(self, path: Path) -> str:
        absolute = path.absolute()
        root = self.config.root.absolute()
        return absolute.relative_to(root).as_posix() if absolute.is_relative_to(root) else absolute.as_posix()


def _longest(code: str, prefixes: Iterable[str]) -> int:
    """The length of the longest prefix that fits the code; −1 where none does."""
    return max((len(prefix) for prefix in prefixes if code.startswith(prefix)), default=-1)
