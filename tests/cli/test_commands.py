"""The command line's shape: check by default, pages of rules, versions, several reports in one run."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from calling import Ended

from rnnlint import __version__, api
from rnnlint.cli.commands import COMMANDS
from rnnlint.cli.outputs import Output, pair
from rnnlint.findings import Confidence, Edit, Evidence, Finding, Fix, Severity, Span
from rnnlint.measured_rules import MEASURED, MeasuredRule
from rnnlint.results import Change, FileReport, Origin, RunOptions, RunReport
from rnnlint.source import decode_source
from rnnlint.verdicts import GradientCheck, ParameterVerdict, Reason, Status, Verdict

Call = Callable[..., Ended]


def modules_after(*words: str) -> set[str]:
    """The top-level modules that a run of the command line has imported."""
    program = (
        "import sys\nfrom rnnlint.cli import main\n"
        f"try:\n    main({list(words)!r})\nexcept SystemExit:\n    pass\n"
        "print(*{name.partition('.')[0] for name in sys.modules})\n"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    return set(out.splitlines()[-1].split())


class TestShape:
    def test_version(self, call: Call) -> None:
        ended = call("--version")
        assert (ended.status, ended.out) == (0, f"rnnlint {__version__}\n")

    def test_version_loads_nothing_heavy(self) -> None:
        loaded = modules_after("--version")
        assert "click" in loaded
        assert not loaded & {"libcst", "numpy", "rich", "nbformat", "pathspec", "jsonschema"}

    def test_reading_a_file_loads_no_numbers_and_no_terminal(self, folder: Path) -> None:
        file = folder / "a.py"
        file.write_text("x = 1\n", encoding="utf-8")
        assert not modules_after("--no-run", str(file)) & {"numpy", "rich", "nbformat"}

    def test_module_and_command_are_the_same(self) -> None:
        words = [sys.executable, "-m", "rnnlint", "--version"]
        out = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        assert out == f"rnnlint {__version__}\n"

    @pytest.mark.parametrize("words", [("--help",), ("check", "--help"), ("rule", "-h"), ("doctor", "-h")])
    def test_help_of_every_command(self, call: Call, words: tuple[str, ...]) -> None:
        ended = call(*words)
        assert ended.status == 0
        assert ended.out.startswith("Usage: rnnlint")

    def test_every_option_stands_under_a_heading(self, call: Call) -> None:
        from rnnlint.cli.check import CheckCommand, command

        placed = [name for names in CheckCommand.sections.values() for name in names]
        options = [each.name for each in command.params if isinstance(each, click.Option)]
        assert sorted(placed) == sorted(filter(None, options))
        out = call("check", "--help").out
        assert all(f"\n{heading}:\n" in out for heading in (*CheckCommand.sections, "  Environment"))

    @pytest.mark.parametrize("name", COMMANDS)
    def test_every_command_tells_examples_and_exit_statuses(self, call: Call, name: str) -> None:
        _, _, rest = call(name, "--help").out.partition("Examples")
        examples, _, statuses = rest.partition("Exit status:")
        assert f"rnnlint {name}" in examples
        assert statuses.split()[0] == "0"

    def test_help_tells_examples_and_exit_statuses(self, call: Call) -> None:
        for words in (("--help",), ("check", "--help")):
            out = call(*words).out
            assert "Examples:" in out
            assert "3  rnnlint itself failed" in out

    def test_nothing_to_do_shows_the_help(self, call: Call) -> None:
        ended = call()
        assert "Usage: rnnlint" in ended.out + ended.err

    def test_doctor_names_versions(self, call: Call) -> None:
        ended = call("doctor")
        assert ended.status in (0, 1)  # 1 on a machine that lacks a layer
        facts = {line.split()[0] for line in ended.out.splitlines() if line.strip()}
        assert {"rnnlint", "python", "numpy", "libcst", "sandbox"} <= facts


class TestRulePages:
    def test_table_lists_every_rule_under_its_family(self, call: Call) -> None:
        from rnnlint.rules.registry import all_rules

        out = call("rule").out
        for rule in (*all_rules(), *MEASURED):
            assert f"{rule.code}  {rule.name}" in out

    @pytest.mark.parametrize("rule", MEASURED, ids=lambda rule: rule.code)
    def test_codes_of_the_gradient_check_have_pages(self, call: Call, rule: MeasuredRule) -> None:
        out = call("rule", rule.code).out
        assert out.startswith(f"# {rule.code} {rule.name}\n\nSeverity: {rule.severity}.")
        for heading in ("What it does", "Why it is wrong", "What to do", "When it is right"):
            assert f"\n## {heading}\n" in out
        assert call("rule", rule.name).out == out

    def test_a_page_by_code_by_name_and_in_any_case(self, call: Call) -> None:
        by_code = call("rule", "RNN002")
        assert by_code.status == 0
        assert by_code.out.startswith("# RNN002 syntax-error\n")
        assert call("rule", "rnn002").out == call("rule", "syntax-error").out == by_code.out

    def test_a_page_off_a_terminal_is_markdown(self, call: Call) -> None:
        assert "## What it does" in call("rule", "RNN002").out


class TestOutputs:
    def test_the_first_word_may_be_left_out(self, call: Call, folder: Path) -> None:
        (folder / "a.py").write_text("x = 1\n", encoding="utf-8")
        plain, spelt = call("--no-run", "a.py"), call("check", "--no-run", "a.py")
        assert plain == spelt
        assert plain.status == 0

    def test_a_file_named_like_a_command(self, call: Call, folder: Path) -> None:
        (folder / "rule").write_text("x = 1\n", encoding="utf-8")
        assert call("check", "--no-run", "rule").out.startswith("rule  No findings")

    def test_several_reports_of_one_run(self, call: Call, folder: Path) -> None:
        (folder / "a.py").write_text("def f(:\n", encoding="utf-8")
        words = "--no-run a.py --output-format concise --output-format json --output-file report.json"
        ended = call(*words.split())
        assert ended.out.startswith("a.py:1:")
        document = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        assert document["files"][0]["findings"][0]["code"] == "RNN002"

    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            ([], [("text", None)]),
            ([("f", "json")], [("json", None)]),
            ([("f", "json"), ("o", "r.json")], [("json", "r.json")]),
            ([("o", "r.json"), ("f", "json")], [("json", "r.json")]),
            ([("f", "text"), ("f", "json"), ("o", "r.json")], [("text", None), ("json", "r.json")]),
            ([("f", "json"), ("o", "r.json"), ("f", "text")], [("json", "r.json"), ("text", None)]),
            ([("f", "text"), ("o", "-")], [("text", None)]),
            ([("o", "r.txt")], [("text", "r.txt")]),
        ],
    )
    def test_a_file_belongs_to_the_format_before_it(
        self, words: list[tuple[str, str]], expected: list[tuple[str, str | None]]
    ) -> None:
        names = {"f": "output_format", "o": "output_file"}
        outputs = pair((names[word], value) for word, value in words)
        assert outputs == tuple(Output(kind, Path(file) if file else None) for kind, file in expected)

    def test_two_reports_never_go_to_one_file(self) -> None:
        words = [
            ("output_format", "json"),
            ("output_file", "r"),
            ("output_format", "text"),
            ("output_file", "r"),
        ]
        with pytest.raises(click.UsageError):
            pair(words)

    def test_standard_input_has_the_name_it_is_given(
        self, call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"def f(:\n")))
        ended = call("-", "--no-run", "--stdin-filename", "lstm.py", "--output-format", "concise")
        assert ended.status == 1
        assert ended.out.startswith("lstm.py:1:")

    def test_standard_input_is_read_with_the_files_beside_its_name(
        self, call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gates = "import numpy as np\n\n\ndef squash(x):\n    return np.tanh(x)\n"
        (folder / "gates.py").write_text(gates, encoding="utf-8")
        program = (Path(__file__).parents[2] / "fixtures" / "correct" / "min_char_rnn.py").read_bytes()
        text = b"from gates import squash\n" + program.replace(b"np.tanh(", b"squash(")
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(text)))
        assert call("-", "--stdin-filename", "net.py").out.startswith("net.py  RIGHT: 5 of 5 gradients")

    def test_fixing_standard_input_is_refused(self, call: Call) -> None:
        ended = call("-", "--fix")
        assert ended.status == 2
        assert "--fix cannot write to standard input: take --diff, or name the file." in ended.err

    def test_statistics_count_the_findings_of_each_rule(self, call: Call, folder: Path) -> None:
        (folder / "a.py").write_text("def f(:\n", encoding="utf-8")
        (folder / "b.py").write_text("def f(:\n", encoding="utf-8")
        words = (
            "--no-run --statistics a.py b.py --output-format text --output-format json --output-file r.json"
        )
        ended = call(*words.split())
        assert ended.out == "    2  RNN002  syntax-error  error\n2 findings in 2 files.\n"
        assert ended.status == 1
        assert len(json.loads((folder / "r.json").read_text(encoding="utf-8"))["files"]) == 2

    def test_no_colour_off_a_terminal(self, call: Call, folder: Path) -> None:
        (folder / "a.py").write_text("def f(:\n", encoding="utf-8")
        assert "\x1b" not in call("--no-run", "a.py").out

    @pytest.mark.parametrize(
        ("variables", "coloured"),
        [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
    )
    def test_colour_on_a_terminal_that_wants_it(
        self,
        call: Call,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        variables: dict[str, str],
        coloured: bool,
    ) -> None:
        (folder / "a.py").write_text("def f(:\n", encoding="utf-8")
        monkeypatch.setattr("rnnlint.cli.outputs.is_terminal", lambda: True)
        monkeypatch.delenv("NO_COLOR", raising=False)
        monkeypatch.setenv("TERM", "xterm")
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert ("\x1b[" in call("--no-run", "a.py").out) is coloured

    def test_reports_name_files_as_the_user_does(self, call: Call, folder: Path) -> None:
        (folder / "week1").mkdir()
        (folder / "week1" / "a.py").write_text("def f(:\n", encoding="utf-8")
        for words in (("week1/a.py",), (str(folder / "week1" / "a.py"),)):
            assert str(folder) not in call("--no-run", *words).out


def finding(severity: Severity = Severity.ERROR, evidence: Evidence | None = None) -> Finding:
    where = Span(1, 1, 1, 2)
    return Finding(
        "RNN101", "a-name", severity, Confidence.LIKELY, "Said.", Path("a.py"), where, evidence=evidence
    )


def check_of(verdict: Verdict, status: Status = Status.CHECKED) -> GradientCheck:
    parameter = ParameterVerdict("W", "dW", (2, 2), verdict, 0.5)
    parameters = () if status is Status.NOT_CHECKED else (parameter,)
    return GradientCheck(
        "0", status, Path("a.py"), 1, reason="No.", reason_code=Reason.RAISES, parameters=parameters
    )


class TestExitStatus:
    """What the API found decides; here it is made up."""

    @pytest.fixture
    def found(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
        (folder / "a.py").write_text("x = 1\n", encoding="utf-8")

        def pretend(*findings: Finding, checks: tuple[GradientCheck, ...] = (), **report: object) -> None:
            source = decode_source(Path("a.py"), b"x = 1\n")
            file = FileReport(Path("a.py"), source=source, findings=findings, gradients=checks)
            made = replace(RunReport((file,)), **report)
            monkeypatch.setattr(api, "check", lambda requests, options, config, announce: made)

        return pretend

    @pytest.mark.parametrize(
        ("severity", "words", "status"),
        [
            (Severity.ERROR, (), 1),
            (Severity.WARNING, (), 0),
            (Severity.WARNING, ("--fail-on", "warning"), 1),
            (Severity.ADVICE, ("--fail-on", "advice"), 1),
            (Severity.ERROR, ("--exit-zero",), 0),
        ],
    )
    def test_by_severity(
        self, call: Call, found: Callable[..., None], severity: Severity, words: tuple[str, ...], status: int
    ) -> None:
        found(finding(severity))
        assert call("a.py", *words).status == status

    def test_the_configuration_sets_what_fails(
        self, call: Call, found: Callable[..., None], folder: Path
    ) -> None:
        (folder / "pyproject.toml").write_text('[tool.rnnlint]\nfail-on = "warning"\n', encoding="utf-8")
        found(finding(Severity.WARNING))
        assert call("a.py").status == 1
        assert call("a.py", "--fail-on", "error").status == 0

    @pytest.mark.parametrize(
        ("check", "words", "status"),
        [
            (check_of(Verdict.RIGHT), (), 0),
            (check_of(Verdict.SCALED), (), 0),
            (check_of(Verdict.WRONG), (), 1),
            (check_of(Verdict.NOT_FINITE), (), 1),
            (check_of(Verdict.WRONG, Status.NOT_CHECKED), (), 0),
            (check_of(Verdict.WRONG, Status.NOT_CHECKED), ("--require-check",), 1),
            (check_of(Verdict.RIGHT, Status.PARTIAL), ("--require-check",), 1),
            (check_of(Verdict.RIGHT), ("--require-check",), 0),
        ],
    )
    def test_by_gradient(
        self,
        call: Call,
        found: Callable[..., None],
        check: GradientCheck,
        words: tuple[str, ...],
        status: int,
    ) -> None:
        found(checks=(check,))
        assert call("a.py", *words).status == status

    def test_a_required_check_of_a_file_without_a_backward_pass(
        self, call: Call, found: Callable[..., None]
    ) -> None:
        found()
        assert call("a.py").status == 0
        assert call("a.py", "--require-check").status == 1

    def test_a_diff_stands_alone_on_standard_output(self, call: Call, found: Callable[..., None]) -> None:
        found(finding(), changes=(Change(Path("a.py"), "x = 1\ny = 2", "x = 2\ny = 2", 1),))
        ended = call("a.py", "--diff")
        assert ended.out == (
            "--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n-x = 1\n+x = 2\n y = 2\n\\ No newline at end of file\n"
        )
        assert ended.err == "1 fix in 1 file: --fix writes them.\n"
        assert ended.status == 1

    def test_fixing_says_what_was_written(self, call: Call, found: Callable[..., None]) -> None:
        changes = tuple(Change(Path(name), "a", "b", 2, written=True) for name in ("a.py", "b.py"))
        found(changes=changes)
        ended = call("a.py", "--fix")
        assert ended.err == "Wrote 4 fixes to 2 files.\n"
        assert ended.status == 0

    def test_repairs_that_no_run_has_verified_are_counted(
        self, call: Call, found: Callable[..., None]
    ) -> None:
        unverified = replace(finding(), fix=Fix("", (Edit(Path("a.py"), Span(1, 1, 1, 2), "y"),)))
        found(unverified)
        assert call("a.py", "--fix").err == (
            "Nothing was fixed. 1 repair is not verified by a run: --unsafe-fixes writes them too.\n"
        )
        found(unverified, changes=(Change(Path("a.py"), "a", "b", 3),))
        assert call("a.py", "--diff").err == (
            "3 fixes in 1 file, 1 not verified by a run: --fix --unsafe-fixes writes those too.\n"
        )

    def test_a_baseline_accepts_what_is_there(self, call: Call, found: Callable[..., None]) -> None:
        found(finding())
        written = call("a.py", "--no-run", "--write-baseline", "known.json")
        assert (written.status, written.out) == (0, "")
        assert written.err == "known.json: 1 finding accepted.\n"
        assert call("a.py", "--no-run", "--baseline", "known.json").status == 0

    def test_options_reach_the_api(self, call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (folder / "a.py").write_text("x = 1\n", encoding="utf-8")
        (folder / "src").mkdir()
        (folder / "src" / "b.py").write_text(
            "def backward(dh): return dh * (1 - tanh(h)**2)\n", encoding="utf-8"
        )
        (folder / "src" / "c.py").write_text("x = 1\n", encoding="utf-8")
        asked: list[RunOptions] = []
        targets: list[tuple[str, Origin]] = []

        def remember(requests: object, options: RunOptions, config: object, announce: object) -> RunReport:
            targets.extend((request.path.as_posix(), request.origin) for request in requests)  # type: ignore[attr-defined]
            asked.append(options)
            return RunReport()

        monkeypatch.setattr(api, "check", remember)
        words = "a.py src --run --seed 7 --select RNN0,RNN002 --ignore RNN001 --ignore RNN9 --show-advice"
        assert call(*words.split()).status == 0
        assert targets == [("a.py", Origin.NAMED), ("src/b.py", Origin.FOUND)]
        options = asked[0]
        assert (options.run, options.seed, options.show_advice) == (True, 7, True)
        assert (options.select, options.ignore) == (("RNN0", "RNN002"), ("RNN001", "RNN9"))
