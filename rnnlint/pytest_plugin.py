"""The pytest plugin: a project's own tests ask whether the gradients of one of its files are right.

    def test_gradients(rnnlint_gradients):
        rnnlint_gradients("model.py")

Every pytest run of an environment with rnnlint in it loads this module, so it imports pytest and nothing
else until a test asks. ``pytest --rnnlint`` collects files with a backward pass as tests of their own.
"""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from _pytest._code.code import TerminalRepr

    from rnnlint.findings import Finding
    from rnnlint.results import FileReport, RunReport
    from rnnlint.verdicts import GradientCheck

SUFFIXES = (".py", ".ipynb")
WIDTH = 88


class GradientsNotRightError(AssertionError):
    """Some gradient of a file is wrong or could not be checked; ``checks`` hold what is known of each."""

    def __init__(self, message: str, checks: Sequence[GradientCheck]) -> None:
        super().__init__(message)
        self.checks = tuple(checks)


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--rnnlint`` and ``--rnnlint-seed``."""
    group = parser.getgroup("rnnlint", "gradients of hand-written recurrent networks")
    group.addoption(
        "--rnnlint",
        action="store_true",
        help="Check the gradients of every collected file that holds a backward pass.",
    )
    group.addoption(
        "--rnnlint-seed",
        type=int,
        metavar="N",
        help="Repeat the gradient checks of an earlier run: its failures print their seed.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Makes ``-m rnnlint`` a known marker."""
    config.addinivalue_line("markers", "rnnlint: the gradients of a file, collected by --rnnlint")


@pytest.fixture
def rnnlint_gradients(request: pytest.FixtureRequest) -> GradientsOf:
    """Check the gradients of a file: ``rnnlint_gradients("model.py")``; see ``GradientsOf``."""
    home = request.config.rootpath
    return GradientsOf(
        (request.path.parent, home),
        request.config.invocation_params.dir,
        request.config.getoption("rnnlint_seed"),
        lambda name, value: request.node.user_properties.append((name, value)),
    )


@dataclass(frozen=True, slots=True, repr=False)
class GradientsOf:
    """What the fixture ``rnnlint_gradients`` is: called with a file, raises unless the gradients are right.

    A relative path is looked for beside the test, then in pytest's root folder. ``seen_from`` is the folder
    that messages name files from, ``record`` takes each parameter's verdict (the properties of a JUnit file).
    """

    folders: tuple[Path, ...]
    seen_from: Path
    seed: int | None
    record: Callable[[str, str], None]

    def __repr__(self) -> str:
        """Short: pytest prints the arguments of a failing test."""
        return "<rnnlint_gradients>"

    def __call__(
        self,
        path: str | Path,
        *,
        entry: str | None = None,
        seed: int | None = None,
        allow_scale: bool = True,
        every_parameter: bool = True,
    ) -> tuple[GradientCheck, ...]:
        """The checks of the file, one a backward pass, all of them right.

        ``entry`` names the pass to run (``"backward"``, ``"Net.forward -> Net.backward"``), ``seed`` repeats
        a run. One factor common to all gradients (a loss that averages, gradients that sum) is right unless
        ``allow_scale`` is false; a parameter without a gradient fails unless ``every_parameter`` is false.

        Raises :class:`GradientsNotRightError` where a gradient is wrong and where nothing could be checked;
        its message has a line a parameter and the lines of the file behind it.
        """
        __tracebackhide__ = True
        report = _report(
            self._file(Path(path)), self.seen_from, seed if seed is not None else self.seed, entry
        )
        checks = tuple(report.checks)
        for check in checks:
            for name, said in _said_of_each(check):
                self.record(f"rnnlint {check.id} {name}", said)
        if not checks or not all(_is_right(check, allow_scale, every_parameter) for check in checks):
            raise GradientsNotRightError(_message(report, allow_scale, every_parameter), checks)
        return checks

    def _file(self, path: Path) -> Path:
        __tracebackhide__ = True
        tried = list(dict.fromkeys(folder / path for folder in self.folders))
        for file in tried:
            if file.is_file():
                return file
        pytest.fail(
            f"{path}: there is no such file; looked for {' and '.join(map(str, tried))}.", pytrace=False
        )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> GradientsFile | None:
    """With ``--rnnlint``, a collector for every file that may hold a backward pass."""
    if not parent.config.getoption("rnnlint") or file_path.suffix not in SUFFIXES:
        return None
    from rnnlint.discovery import may_hold_backward_pass

    if not may_hold_backward_pass(file_path):
        return None
    collector: GradientsFile = GradientsFile.from_parent(parent, path=file_path)
    return collector


class GradientsFile(pytest.File):
    """A file whose gradients are one test."""

    def collect(self) -> Iterator[GradientsItem]:
        """The one test."""
        item: GradientsItem = GradientsItem.from_parent(self, name="gradients")
        item.add_marker("rnnlint")
        yield item


class GradientsItem(pytest.Item):
    """The gradients of a file that was not asked for by name: skipped where they could not be checked."""

    def runtest(self) -> None:
        """Passes if all gradients are right; skips with the reason where none could be checked."""
        config = self.config
        report = _report(self.path, config.invocation_params.dir, config.getoption("rnnlint_seed"), None)
        judged = [check for check in report.checks if check.judged]
        if not judged:
            reasons = [check.reason for check in report.checks if check.reason]
            problems = [file.problem for file in report.files if file.problem]
            pytest.skip(" ".join((*reasons, *problems)) or "it holds no backward pass.")
        for check in judged:
            self.user_properties.extend(
                (f"rnnlint {check.id} {name}", said) for name, said in _said_of_each(check)
            )
        if any(check.wrong for check in judged):
            raise GradientsNotRightError(_message(report, True, False), judged)

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None
    ) -> str | TerminalRepr:
        """The message alone: there is no line of a test to show."""
        if isinstance(excinfo.value, GradientsNotRightError | pytest.UsageError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """As pytest's ``-v`` and its headings name it."""
        return self.path, 0, f"gradients of {self.path.name}"


def _report(file: Path, seen_from: Path, seed: int | None, entry: str | None) -> RunReport:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of our libraries are not what `-W error` asks about
        from rnnlint import api
        from rnnlint.config import ConfigurationError, load_config
        from rnnlint.report.paths import as_seen_from
        from rnnlint.results import RunOptions

        try:
            config = load_config(file)
        except ConfigurationError as error:
            raise pytest.UsageError(str(error)) from None
        report = api.check([api.Request(file)], RunOptions(run=True, seed=seed, entry=entry), config)
    return as_seen_from(report, seen_from)


def _is_right(check: GradientCheck, allow_scale: bool, every_parameter: bool) -> bool:
    from rnnlint.verdicts import Verdict

    verdicts = {parameter.verdict for parameter in check.parameters}
    bad = {Verdict.WRONG, Verdict.NOT_FINITE}
    if not allow_scale:
        bad.add(Verdict.SCALED)
    if every_parameter:
        bad.add(Verdict.UNPAIRED)
    return bool(check.judged) and not check.nondeterministic and not verdicts & bad


def _said_of_each(check: GradientCheck) -> Iterator[tuple[str, str]]:
    """The parameters, each with its verdict and figure."""
    for parameter in check.parameters:
        error = "" if parameter.relative_error is None else f" {parameter.relative_error:.2g}"
        yield parameter.name, f"{parameter.verdict.value}{error}"


def _message(report: RunReport, allow_scale: bool, every_parameter: bool) -> str:
    """The failure: what is wrong, a line a parameter, the findings behind it, what to type next."""
    named = report.files[0]
    if named.problem is not None:
        return named.problem
    bad = [check for check in named.gradients if not _is_right(check, allow_scale, every_parameter)]
    if not bad:
        return f"{named.path}: it holds no backward pass that could be checked."
    lines = [f"{named.path}: the gradients are not right."]
    for check in bad:
        lines += ["", *str(check).split("\n")]
        lines += [f"  {check.advice}"] if check.advice else []
        lines += _hints(check, allow_scale)
    behind = [row for file in report.files for finding in _behind(file) for row in _lines_of(file, finding)]
    lines += ["", "Behind it:", *behind] if behind else []
    seeds = [f" --seed {check.seed}" for check in bad if check.seed is not None][:1]
    lines += ["", f"Next: rnnlint {named.path}{''.join(seeds)}"]
    return "\n".join(lines)


def _hints(check: GradientCheck, allow_scale: bool) -> list[str]:
    from rnnlint.verdicts import Verdict

    verdicts = {parameter.verdict for parameter in check.parameters}
    hints: list[str] = []
    if Verdict.UNPAIRED in verdicts and not check.wrong:
        hints.append("every_parameter=False accepts that a parameter has no gradient.")
    if Verdict.SCALED in verdicts and not allow_scale and not check.wrong:
        hints.append("allow_scale=True accepts one factor common to all gradients.")
    return hints


def _behind(file: FileReport) -> Iterator[Finding]:
    """The findings that make a gradient wrong."""
    from rnnlint.findings import Severity

    return (finding for finding in file.findings if finding.severity is Severity.ERROR)


def _lines_of(file: FileReport, finding: Finding) -> list[str]:
    line = finding.span.line if file.source is None else file.source.label(finding.span.line)
    opening = f"{finding.path}:{line}: {finding.code} {finding.name}"
    if finding.evidence is not None:
        worst, error = finding.evidence.parameters[:1], finding.evidence.error_if_left
        opening += f" (left alone: {', '.join(worst)} {error:.2f})"
    said = textwrap.wrap(finding.message, WIDTH - 4, break_long_words=False, break_on_hyphens=False)
    return [f"  {opening}", *(f"    {row}" for row in said)]
