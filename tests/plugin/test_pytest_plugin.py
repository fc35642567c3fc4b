"""The pytest plugin, used by a real pytest on projects of its own."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from xml.etree import ElementTree

import pytest

from rnnlint import api
from rnnlint.config import Config
from rnnlint.results import RunOptions

TREE = Path(__file__).parents[2]
PROGRAM = (TREE / "fixtures" / "correct" / "min_char_rnn.py").read_text(encoding="utf-8")
CARRY = "dhnext = np.dot(Whh.T, draw)"
PARAMETERS = {"Wxh", "Whh", "Why", "bh", "by"}


def broken() -> str:
    """The program with a transpose missing from the carry."""
    assert CARRY in PROGRAM
    return PROGRAM.replace(CARRY, CARRY.replace("Whh.T", "Whh"))


@pytest.fixture(scope="module", autouse=True)
def loaded() -> None:
    """All that a check imports, here: the pytest inside forgets what it imports, and NumPy loads once."""
    api.check([api.Request(TREE / "fixtures" / "correct" / "min_char_rnn.py")], RunOptions(), Config(TREE))


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project with a right and a wrong model in ``nets/`` and its tests in ``tests/``."""
    (pytester.mkdir("nets") / "right.py").write_text(PROGRAM, encoding="utf-8")
    (pytester.path / "nets" / "wrong.py").write_text(broken(), encoding="utf-8")
    pytester.mkdir("tests")
    return pytester


def run(project: pytest.Pytester, *words: str, test: str = "") -> pytest.RunResult:
    """pytest on a test whose body is ``test``, or on the project's files where there is none."""
    if test:
        body = f"def test_gradients(rnnlint_gradients):\n    {test}\n"
        (project.path / "tests" / "test_nets.py").write_text(body, encoding="utf-8")
    return project.runpytest_inprocess("-p", "no:rnnlint", "-p", "rnnlint.pytest_plugin", *words)


class TestFixture:
    def test_right_gradients_pass_and_their_checks_are_given_back(self, project: pytest.Pytester) -> None:
        test = (
            '(check,) = rnnlint_gradients("nets/right.py")\n'
            f"    assert {{parameter.name for parameter in check.judged}} == {PARAMETERS}\n"
            "    assert check.seed == 11"
        )
        run(project, "--rnnlint-seed", "11", test=test).assert_outcomes(passed=1)

    def test_a_failure_names_every_parameter_and_the_line_behind_it(self, project: pytest.Pytester) -> None:
        result = run(project, test='rnnlint_gradients("nets/wrong.py", seed=7)')
        result.assert_outcomes(failed=1)
        line = 1 + broken()[: broken().index("dhnext = np.dot(Whh, ")].count("\n")
        result.stdout.fnmatch_lines(
            [
                ">*rnnlint_gradients(?nets/wrong.py?, seed=7)",
                "E *nets/wrong.py: the gradients are not right.",
                "E *Wxh * wrong * relative error *",
                "E *Why * right * relative error *",
                "E *Behind it:",
                f"E *nets/wrong.py:{line}: RNN303 missing-transpose*",
                "E *Next: rnnlint nets/wrong.py --seed 7",
            ]
        )
        result.stdout.no_fnmatch_line("*rnnlint/pytest_plugin.py*")  # the test's line is shown, not ours

    def test_a_path_beside_the_test_comes_first(self, project: pytest.Pytester) -> None:
        (project.path / "model.py").write_text(broken(), encoding="utf-8")
        (project.path / "tests" / "model.py").write_text(PROGRAM, encoding="utf-8")
        run(project, test='rnnlint_gradients("model.py")').assert_outcomes(passed=1)
        (project.path / "tests" / "model.py").unlink()
        run(project, test='rnnlint_gradients("model.py")').assert_outcomes(failed=1)

    def test_a_file_that_is_not_there(self, project: pytest.Pytester) -> None:
        result = run(project, test='rnnlint_gradients("rigth.py")')
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(
            ["rigth.py: there is no such file; looked for */tests/rigth.py and */rigth.py."]
        )

    def test_what_could_not_be_checked_fails_with_the_reason(self, project: pytest.Pytester) -> None:
        (project.path / "nets" / "wrong.py").write_text("x = 1\n", encoding="utf-8")
        result = run(project, test='rnnlint_gradients("nets/wrong.py")')
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["E *Not checked: *"])

    def test_the_configuration_of_the_project_is_heeded(self, project: pytest.Pytester) -> None:
        (project.path / "pyproject.toml").write_text('[tool.rnnlint]\nignor = ["RNN002"]\n', encoding="utf-8")
        result = run(project, test='rnnlint_gradients("nets/right.py")')
        result.stdout.fnmatch_lines(["*unknown key 'ignor'*"])

    def test_each_parameter_is_a_property_of_a_junit_file(self, project: pytest.Pytester) -> None:
        run(project, "--junit-xml=report.xml", test='rnnlint_gradients("nets/wrong.py")')
        found = {
            each.attrib["name"].split()[-1]: each.attrib["value"].split()[0]
            for each in ElementTree.parse(project.path / "report.xml").iter("property")
        }
        assert found == {name: "wrong" if name in {"Wxh", "Whh", "bh"} else "right" for name in PARAMETERS}

    def test_warnings_of_our_libraries_are_not_the_projects(
        self, project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import warnings

        from rnnlint import config

        load = config.load_config

        def old_fashioned(start: Path) -> config.Config:
            warnings.warn("one day this will go", DeprecationWarning, stacklevel=1)
            return load(start)

        monkeypatch.setattr(config, "load_config", old_fashioned)
        (project.path / "conftest.py").write_text(
            "import pytest\n\n\n"
            "def pytest_collection_modifyitems(items):\n"
            "    for item in items:\n"
            "        item.add_marker(pytest.mark.filterwarnings('error'))\n",
            encoding="utf-8",
        )
        run(project, test='rnnlint_gradients("nets/right.py")').assert_outcomes(passed=1)


class TestScaleAndMissing:
    """One factor common to all gradients, and a parameter that has none."""

    def test_a_common_factor_is_right_unless_it_is_not_allowed(self, project: pytest.Pytester) -> None:
        assert "return loss, dWxh" in PROGRAM
        loss = PROGRAM.replace("return loss, dWxh", "return loss / 7, dWxh")
        (project.path / "nets" / "right.py").write_text(loss, encoding="utf-8")
        run(project, test='rnnlint_gradients("nets/right.py")').assert_outcomes(passed=1)
        result = run(project, test='rnnlint_gradients("nets/right.py", allow_scale=False)')
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["E *allow_scale=True accepts one factor common to all gradients."])

    def test_a_parameter_without_a_gradient(self, project: pytest.Pytester) -> None:
        program = PROGRAM
        for said in (", dby = np.zeros_like(bh), np.zeros_like(by)", "        dby += dy\n", ", dby"):
            assert said in program
            program = program.replace(said, " = np.zeros_like(bh)" if "zeros" in said else "")
        (project.path / "nets" / "right.py").write_text(program, encoding="utf-8")
        result = run(project, test='rnnlint_gradients("nets/right.py")')
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["E *by * unpaired *", "E *every_parameter=False accepts *"])
        run(project, test='rnnlint_gradients("nets/right.py", every_parameter=False)').assert_outcomes(
            passed=1
        )


class TestCollection:
    def test_without_the_option_no_file_is_collected(self, project: pytest.Pytester) -> None:
        run(project).assert_outcomes()

    def test_every_file_with_a_backward_pass_is_a_test(self, project: pytest.Pytester) -> None:
        (project.path / "nets" / "other.py").write_text("x = 1\n", encoding="utf-8")
        half = PROGRAM[: PROGRAM.index("    dWxh")] + "    return loss\n"
        (project.path / "nets" / "half.py").write_text(half, encoding="utf-8")
        result = run(project, "--rnnlint", "-v", "-rs")
        result.assert_outcomes(passed=1, failed=1, skipped=1)
        result.stdout.fnmatch_lines_random(
            [
                "nets/right.py::gradients PASSED*",
                "nets/wrong.py::gradients FAILED*",
                "nets/half.py::gradients SKIPPED*",
                "nets/wrong.py: the gradients are not right.",
            ]
        )

    def test_they_can_be_chosen_by_their_marker(self, project: pytest.Pytester) -> None:
        (project.path / "tests" / "test_other.py").write_text("def test_it(): pass\n", encoding="utf-8")
        run(project, "--rnnlint", "--strict-markers", "-m", "not rnnlint").assert_outcomes(
            passed=1, deselected=2
        )


class TestInstallation:
    def test_the_entry_point_leads_to_the_plugin(self) -> None:
        project = tomllib.loads((TREE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        plugin = import_module(project["entry-points"]["pytest11"]["rnnlint"])
        assert plugin.rnnlint_gradients.__doc__.startswith("Check the gradients of a file")

    @pytest.mark.skipif(
        "rnnlint" not in {each.name for each in entry_points(group="pytest11")},
        reason="rnnlint is not installed here with its entry points",
    )
    def test_where_it_is_installed_pytest_knows_it_by_itself(self, tmp_path: Path) -> None:
        body = (
            "def test_it(rnnlint_gradients):\n    assert repr(rnnlint_gradients) == '<rnnlint_gradients>'\n"
        )
        (tmp_path / "test_a.py").write_text(body, encoding="utf-8")
        words = [sys.executable, "-m", "pytest", "-q", "--rootdir", str(tmp_path), str(tmp_path)]
        ran = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
        assert "1 passed" in ran.stdout, ran.stdout + ran.stderr

    def test_a_run_that_does_not_use_it_pays_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "test_a.py").write_text(
            "import sys\n\n\n"
            "def test_it():\n"
            "    assert 'rnnlint.pytest_plugin' in sys.modules\n"
            "    heavy = {'numpy', 'rnnlint.api', 'rnnlint.config', 'click'}\n"
            "    assert not heavy & set(sys.modules)\n",
            encoding="utf-8",
        )
        plugins = ("-p", "no:rnnlint", "-p", "rnnlint.pytest_plugin")
        words = [sys.executable, "-m", "pytest", "-q", *plugins, str(tmp_path)]
        ran = subprocess.run(
            words,
            cwd=TREE,
            env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PATH": ""},
            capture_output=True,
            text=True,
        )
        assert "1 passed" in ran.stdout, ran.stdout + ran.stderr
