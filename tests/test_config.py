"""``[tool.rnnlint]``: found upward, every word of it checked, and what it makes of findings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rnnlint.config import Config, ConfigurationError, load_config, read_config
from rnnlint.findings import Confidence, Finding, Severity, Span
from rnnlint.results import RunOptions
from rnnlint.selection import Selection


def write(folder: Path, table: str) -> Path:
    file = folder / "pyproject.toml"
    file.write_text(f"[tool.rnnlint]\n{table}\n", encoding="utf-8")
    return file


class TestReading:
    def test_nearest_table_upward_holds(self, tmp_path: Path) -> None:
        inner = tmp_path / "course" / "week1"
        inner.mkdir(parents=True)
        write(tmp_path, 'fail-on = "advice"')
        write(tmp_path / "course", 'fail-on = "warning"')
        config = load_config(inner / "lstm.py")
        assert config.fail_on is Severity.WARNING
        assert config.root == tmp_path / "course"

    def test_a_pyproject_without_our_table_is_passed_over(self, tmp_path: Path) -> None:
        inner = tmp_path / "package"
        inner.mkdir()
        (inner / "pyproject.toml").write_text("[tool.other]\nx = 1\n", encoding="utf-8")
        write(tmp_path, 'min-confidence = "possible"')
        assert load_config(inner).min_confidence is Confidence.POSSIBLE

    def test_without_any_table_the_defaults_hold(self, tmp_path: Path) -> None:
        assert load_config(tmp_path / "lstm.py") == Config(tmp_path)

    def test_every_key_is_read(self, tmp_path: Path) -> None:
        file = write(
            tmp_path,
            'select = ["RNN0"]\nignore = ["syntax-error"]\nextend-select = ["rnn001"]\nexclude = ["old/"]\n'
            'min-confidence = "proven"\nfail-on = "warning"\nper-file-ignores = { "week1/*" = ["RNN0"] }',
        )
        assert read_config(file) == Config(
            root=tmp_path,
            select=("RNN0",),
            ignore=("RNN002",),
            extend_select=("RNN001",),
            per_file_ignores=(("week1/*", ("RNN0",)),),
            exclude=("old/",),
            min_confidence=Confidence.PROVEN,
            fail_on=Severity.WARNING,
        )


class TestMistakes:
    @pytest.mark.parametrize(
        ("table", "said"),
        [
            ('selct = ["RNN0"]', "unknown key 'selct' in [tool.rnnlint]. Did you mean 'select'?"),
            ('select = ["RNN020"]', "select: 'RNN020' is no rule. Did you mean 'RNN"),
            ('ignore = ["sintax-error"]', "ignore: 'sintax-error' is no rule. Did you mean 'syntax-error'?"),
            ('select = "RNN001"', "select must be a list of strings."),
            ('fail-on = "fatal"', "fail-on must be one of error, warning, advice, not 'fatal'."),
            ("min-confidence = 3", "min-confidence must be one of possible, likely, proven, not 3."),
            ('per-file-ignores = ["RNN001"]', "per-file-ignores must be a table of pattern = [codes]."),
            ('per-file-ignores = { "a.py" = ["E501"] }', "per-file-ignores: a.py: 'E501' is no rule."),
            ("select = [", "is not TOML"),
        ],
    )
    def test_each_is_one_sentence_that_names_file_and_word(
        self, tmp_path: Path, table: str, said: str
    ) -> None:
        file = write(tmp_path, table)
        with pytest.raises(ConfigurationError) as caught:
            load_config(tmp_path / "lstm.py")
        assert str(caught.value).startswith(str(file))
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_a_table_that_is_no_table(self, tmp_path: Path) -> None:
        file = tmp_path / "pyproject.toml"
        file.write_text("[tool]\nrnnlint = 3\n", encoding="utf-8")
        with pytest.raises(ConfigurationError, match=r"tool\.rnnlint must be a table"):
            load_config(file)

    def test_a_named_file_must_be_there_and_hold_the_table(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match="there is no such file"):
            read_config(tmp_path / "pyproject.toml")
        (tmp_path / "pyproject.toml").write_text("", encoding="utf-8")
        with pytest.raises(ConfigurationError, match=r"has no table \[tool\.rnnlint\]"):
            read_config(tmp_path / "pyproject.toml")


HERE = Path("/course")


def finding(
    code: str = "RNN001",
    severity: Severity = Severity.ERROR,
    confidence: Confidence = Confidence.LIKELY,
    path: Path = HERE / "week1" / "lstm.py",
) -> Finding:
    return Finding(code, "a-name", severity, confidence, "Said.", path, Span(1, 1, 1, 2))


def split(found: Finding, config: Config = Config(HERE), **options: object) -> str:  # noqa: B008 - frozen
    shown, hidden = Selection.of(config, replace(RunOptions(), **options)).split([found])
    return "shown" if shown else "hidden" if hidden else "dropped"


class TestSelection:
    def test_errors_and_warnings_are_shown_from_likely_up(self) -> None:
        assert split(finding()) == "shown"
        assert split(finding(severity=Severity.WARNING)) == "shown"
        assert split(finding(confidence=Confidence.POSSIBLE)) == "hidden"

    def test_advice_is_counted_until_it_is_asked_for(self) -> None:
        advice = finding(severity=Severity.ADVICE)
        assert split(advice) == "hidden"
        assert split(advice, show_advice=True) == "shown"

    def test_advice_named_by_its_whole_code_is_shown(self) -> None:
        advice = finding(severity=Severity.ADVICE)
        assert split(advice, select=("RNN001",)) == "shown"
        assert split(advice, select=("RNN0",)) == "hidden"
        assert split(advice, Config(HERE, extend_select=("RNN001",))) == "shown"

    def test_the_command_line_replaces_the_configured_confidence(self) -> None:
        config = Config(HERE, min_confidence=Confidence.PROVEN)
        assert split(finding(), config) == "hidden"
        assert split(finding(), config, min_confidence=Confidence.LIKELY) == "shown"

    def test_selecting_drops_all_others(self) -> None:
        assert split(finding("RNN101"), select=("RNN0",)) == "dropped"
        assert split(finding(), Config(HERE, select=("RNN9",))) == "dropped"

    def test_extending_a_choice_adds_to_it(self) -> None:
        config = Config(HERE, select=("RNN9",), extend_select=("RNN0",))
        assert split(finding(), config) == "shown"

    def test_the_longer_of_two_selectors_decides(self) -> None:
        assert split(finding(), Config(HERE, select=("RNN0",), ignore=("RNN001",))) == "dropped"
        assert split(finding(), Config(HERE, select=("RNN001",), ignore=("RNN0",))) == "shown"
        assert split(finding(), Config(HERE, select=("RNN001",), ignore=("RNN001",))) == "dropped"

    def test_ignoring_on_the_command_line_adds_to_the_configuration(self) -> None:
        config = Config(HERE, ignore=("RNN9",))
        assert split(finding(), config, ignore=("RNN0",)) == "dropped"
        assert split(finding("RNN901"), config, ignore=("RNN0",)) == "dropped"

    def test_ignores_of_a_file_reach_that_file_alone(self) -> None:
        config = Config(HERE, per_file_ignores=(("week1/*", ("RNN0",)),))
        assert split(finding(), config) == "dropped"
        assert split(finding(path=HERE / "week2" / "lstm.py"), config) == "shown"
        assert split(finding("RNN101"), config) == "shown"

    def test_a_selector_of_the_command_line_must_be_a_rules(self) -> None:
        with pytest.raises(ConfigurationError, match="--select: 'RNN77' is no rule"):
            Selection.of(Config(HERE), RunOptions(select=("RNN77",)))

    def test_codes_of_the_gradient_check_can_be_chosen(self) -> None:
        assert split(finding("RNN901"), ignore=("RNN901",)) == "dropped"
