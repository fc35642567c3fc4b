"""The text report keeps its promises: the answer first, costly thoughts first, carets under what is wrong."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import made_reports as made
import pytest

from rnnlint.findings import Confidence, Edit, Fix, Severity, Span
from rnnlint.report import render
from rnnlint.results import FileReport, Origin, RunReport
from rnnlint.source import decode_source
from rnnlint.verdicts import GradientCheck, ParameterVerdict, Reason, Status, Verdict


def lines_of(report: RunReport, **options: bool) -> list[str]:
    return render(report, "text", **options).splitlines()


def index(lines: list[str], part: str) -> int:
    """The first line that holds ``part``."""
    return next(number for number, line in enumerate(lines) if part in line)


def alone(file: FileReport, *, ran: bool = True) -> RunReport:
    return RunReport((file,), ran=ran)


class TestNineBugs:
    lines = lines_of(made.WRONG_REPORT)

    def test_opens_with_the_verdict_and_its_figures(self) -> None:
        assert self.lines[0] == "backward.py  WRONG: 9 of 10 gradients. 9 bugs, 3 misunderstandings."

    def test_says_what_was_run_and_the_seed(self) -> None:
        assert self.lines[1] == "Ran backward() with forward.py's forward() (seed 7)."

    def test_explains_the_scale_of_errors_before_the_first_error(self) -> None:
        legend = index(self.lines, "0 right, 1 no better than zeros, 2 reversed")
        assert legend < index(self.lines, "W_v 0.95")

    def test_fits_sixty_lines_of_eighty_columns(self) -> None:
        assert len(self.lines) <= 60
        assert max(map(len, self.lines)) <= 80

    def test_costliest_misunderstanding_first(self) -> None:
        titles = [index(self.lines, g.title) for g in (made.LATE, made.DERIVATIVE, made.CARRY)]
        assert titles == sorted(titles)  # 0.95, then 0.65, then 0.61
        assert [self.lines[t][0] for t in titles] == ["1", "2", "3"]

    def test_findings_of_a_group_stand_in_the_order_of_their_lines(self) -> None:
        rows = [index(self.lines, statement.strip()) for statement in made.STATEMENTS[2:5]]
        assert rows == sorted(rows)

    @pytest.mark.parametrize(
        ("statement", "part", "instead"),
        [
            ("W_v_d += dv @ h[t].T", "h[t]", "h[t + 1]"),
            ("C_prev = C[t - 1]", "C[t - 1]", "C[t]"),
            ("df = sigmoid(f[t]) * dC * C_prev", "sigmoid(f[t])", "f[t] * (1 - f[t])"),
        ],
    )
    def test_carets_stand_exactly_under_the_wrong_part(self, statement: str, part: str, instead: str) -> None:
        row = index(self.lines, statement)
        column = self.lines[row].index(part)
        below = self.lines[row + 1]
        assert below[column : column + len(part)] == "^" * len(part)
        assert below.count("^") == len(part)
        assert below[column + len(part) :].startswith(f"  {instead}  ")

    def test_a_long_part_stands_above_its_replacement(self) -> None:
        row = index(self.lines, "do: sigmoid(o[t], derivative=True)")
        column = self.lines[row].index("sigmoid")
        assert self.lines[row + 1][column:].startswith("o[t] * (1 - o[t])  ")

    def test_every_bug_has_its_price_and_code_in_one_column_each(self) -> None:
        priced = [line for line in self.lines if re.search(r"\d\.\d\d +RNN\d{3}$", line)]
        assert len(priced) == 9
        assert len({line.index(line.split()[-1]) for line in priced}) == 1
        assert any(re.search(r"W_v 0\.95 +RNN102$", line) for line in priced)

    def test_lines_to_insert_are_marked_with_a_plus(self) -> None:
        assert any(line.strip() == "+ dh_next = dh_prev" for line in self.lines)
        assert any(line.strip().startswith("+ dC_next = dC * f[t]") for line in self.lines)

    def test_remark_stands_beside_its_statement(self) -> None:
        assert "(t=0: the LAST state)" in self.lines[index(self.lines, "C_prev = C[t - 1]")]

    def test_initial_state_is_named_by_file_and_line_above_the_picture(self) -> None:
        related = index(self.lines, "forward.py:1 stores the initial state first:")
        assert related < index(self.lines, "C     [init,  C_0")

    def test_parameters_now_and_fixed(self) -> None:
        now = index(self.lines, "Now ")
        assert self.lines[now].split() == [
            "Now",
            "W_f",
            ".76",
            "W_i",
            ".30",
            "W_g",
            ".57",
            "W_o",
            ".39",
            "W_v",
            ".95",
        ]
        assert self.lines[now + 1].split()[-2:] == ["b_v", "right"]
        assert self.lines[now + 2] == "Fixed  all ten right (run with all nine fixes)"
        assert "errors may rise" in self.lines[now + 3]

    def test_a_common_factor_is_harmless(self) -> None:
        assert "Harmless: your loss averages over V, your gradient sums (factor V)." in self.lines

    def test_warnings_come_after_the_bugs_with_their_own_file(self) -> None:
        assert index(self.lines, "forward.py:3") > index(self.lines, "Fixed")

    def test_training_notes_are_counted(self) -> None:
        assert "2 training notes hidden: --show-advice" in self.lines

    def test_ends_with_what_to_type(self) -> None:
        assert self.lines[-2].startswith("Next:  rnnlint backward.py --diff")
        assert self.lines[-1].strip().startswith("rnnlint rule RNN102")

    def test_verbose_alone_speaks_of_cosines_and_layers(self) -> None:
        assert "cosine" not in "\n".join(self.lines)
        verbose = "\n".join(lines_of(made.WRONG_REPORT, verbose=True))
        assert "cosine 0.31" in verbose
        assert "rlimits" in verbose

    def test_colour_changes_no_character(self) -> None:
        coloured = render(made.WRONG_REPORT, "text", colour=True)
        assert "\x1b[1;31mWRONG\x1b[0m" in coloured
        bare = [line.rstrip() for line in re.sub(r"\x1b\[[\d;]*m", "", coloured).splitlines()]
        assert bare == self.lines


class TestRight:
    lines = lines_of(made.RIGHT_REPORT)

    def test_one_line_says_it_with_the_worst_error_and_the_limit(self) -> None:
        assert self.lines[0] == "backward.py  RIGHT: 10 of 10 gradients (worst error 3e-13, limit 1e-6)."

    def test_no_legend_and_no_next(self) -> None:
        text = "\n".join(self.lines)
        assert "no better than zeros" not in text
        assert "Next:" not in text

    def test_training_notes_are_offered_by_name(self) -> None:
        text = " ".join(self.lines)
        assert "Still not learning? 2 training notes: zero forget bias, aggressive learning rate" in text


def unchecked(reason: str, code: Reason, advice: str | None = None) -> GradientCheck:
    return GradientCheck(
        "0", Status.NOT_CHECKED, made.BACKWARD, 1, reason=reason, reason_code=code, advice=advice
    )


class TestNotChecked:
    check = unchecked(
        "line 41 calls softmax(), defined neither here nor in the files imported.",
        Reason.MISSING_HELPER,
        "put utils.py beside it, then run again.",
    )
    likely = replace(made.BUGS[1], confidence=Confidence.LIKELY, evidence=None)
    lines = lines_of(alone(FileReport(made.BACKWARD, Origin.NAMED, made.SOURCE, (likely,), (), (check,))))

    def test_never_reads_as_right(self) -> None:
        assert self.lines[0] == "backward.py  NOT CHECKED. This does not mean it is right."

    def test_says_why_and_what_to_do(self) -> None:
        assert self.lines[1] == f"Why:   {self.check.reason}"
        assert self.lines[2] == f"Do:    {self.check.advice}"

    def test_still_tells_what_reading_found_without_a_price(self) -> None:
        assert "Reading alone found 1 likely bug:" in self.lines
        assert "left alone" not in "\n".join(self.lines)
        assert any(line.endswith("RNN101") for line in self.lines)

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            (b"", "the file is empty."),
            (b"x = 1\n", "no backward pass was found in it."),
            (b"def f(:\n", "it is not Python; the syntax error is below."),
        ],
    )
    def test_a_file_with_nothing_to_check_says_what_is_missing(self, text: bytes, why: str) -> None:
        lines = lines_of(alone(FileReport(made.BACKWARD, source=decode_source(made.BACKWARD, text))))
        assert lines[0].startswith("backward.py  NOT CHECKED.")
        assert lines[1] == f"Why:   {why}"


class TestReadingAlone:
    def test_opens_with_what_was_found_and_that_nothing_ran(self) -> None:
        findings = (replace(made.BUGS[0], evidence=None), made.UNSAFE_LOG)
        report = alone(FileReport(made.BACKWARD, source=made.SOURCE, findings=findings), ran=False)
        assert lines_of(report)[0] == "backward.py  1 error, 1 warning, reading alone; nothing was run."

    def test_finding_nothing_is_not_called_right(self) -> None:
        report = alone(FileReport(made.BACKWARD, source=made.SOURCE), ran=False)
        assert lines_of(report) == ["backward.py  No findings, reading alone; nothing was run."]


class TestParameters:
    def test_parameters_without_a_verdict_are_named_not_passed_over(self) -> None:
        unpaired = ParameterVerdict("b_y", None, (4, 1), Verdict.UNPAIRED)
        check = replace(made.RIGHT_CHECK, status=Status.PARTIAL)
        check = replace(check, parameters=(*check.parameters[:9], unpaired))
        lines = lines_of(alone(FileReport(made.BACKWARD, source=made.SOURCE, gradients=(check,))))
        assert lines[0].startswith("backward.py  RIGHT, as far as it was checked: 9 of 10 gradients")
        assert "Not judged: b_y." in lines

    def test_what_fixes_leave_wrong_is_shown(self) -> None:
        halfway = made.check({"W_f": 0.82, "b_f": 1e-12})
        now = made.check({"W_f": 0.76, "b_f": 0.5})
        file = FileReport(
            made.BACKWARD, source=made.SOURCE, findings=made.BUGS[:2], gradients=(now,), fixed=(halfway,)
        )
        lines = lines_of(alone(file))
        assert lines[index(lines, "Fixed")].split() == ["Fixed", "W_f", ".82"]
        assert any(line.strip() == "1 of 2 right with both fixes" for line in lines)

    def test_many_right_parameters_are_counted(self) -> None:
        check = made.check({"W": 0.5} | {f"b{number}": 1e-12 for number in range(30)})
        lines = lines_of(alone(FileReport(made.BACKWARD, source=made.SOURCE, gradients=(check,))))
        assert any(line.strip() == "30 others right" for line in lines)
        assert not any("b17" in line for line in lines)

    def test_not_finite_is_wrong_and_said_in_words(self) -> None:
        nan = ParameterVerdict("W_f", "dW_f", (2, 2), Verdict.NOT_FINITE)
        check = replace(made.RIGHT_CHECK, parameters=(nan, *made.RIGHT_CHECK.parameters[1:]))
        lines = lines_of(alone(FileReport(made.BACKWARD, source=made.SOURCE, gradients=(check,))))
        assert lines[0] == "backward.py  WRONG: 1 of 10 gradients."
        assert "W_f not finite" in lines[index(lines, "Now")]


class TestPlaces:
    def test_a_notebook_line_is_named_by_its_cell(self) -> None:
        cells = ["import numpy as np", "x = 1\nC_prev = C[t - 1]"]
        code = [{"cell_type": "code", "source": cell, "metadata": {}} for cell in cells]
        import json

        path = Path("lstm.ipynb")
        source = decode_source(path, json.dumps({"cells": code}).encode())
        where = Span(3, 10, 3, 18)
        finding = replace(
            made.BUGS[1], path=path, span=where, fix=Fix("", (Edit(path, where, "C[t]"),)), related=()
        )
        lines = lines_of(alone(FileReport(path, source=source, findings=(finding,)), ran=False))
        row = index(lines, "C_prev = C[t - 1]")
        assert lines[row].strip().startswith("cell 2:2  C_prev")
        column = lines[row].index("C[t - 1]")
        assert lines[row + 1][column : column + 8] == "^^^^^^^^"
        assert render(alone(FileReport(path, source=source, findings=(finding,))), "concise").startswith(
            "lstm.ipynb:cell 2:2:10: RNN101 error"
        )

    def test_a_tab_indented_line_keeps_its_caret_in_place(self) -> None:
        source = decode_source(made.BACKWARD, b"\tC_prev = C[t - 1]\n")
        finding = replace(made.BUGS[1], span=Span(1, 11, 1, 19), fix=None, related=())
        lines = lines_of(alone(FileReport(made.BACKWARD, source=source, findings=(finding,)), ran=False))
        row = index(lines, "C_prev = C[t - 1]")
        column = lines[row].index("C[t - 1]")
        assert lines[row + 1][column : column + 8] == "^^^^^^^^"

    def test_an_endless_line_is_cut_around_the_wrong_part(self) -> None:
        text = "total = " + " + ".join(f"term_{n}" for n in range(60)) + " + C[t - 1] + rest"
        source = decode_source(made.BACKWARD, text.encode())
        column = text.index("C[t - 1]") + 1
        where = Span(1, column, 1, column + 8)
        finding = replace(
            made.BUGS[1], span=where, fix=Fix("", (Edit(made.BACKWARD, where, "C[t]"),)), related=()
        )
        lines = lines_of(alone(FileReport(made.BACKWARD, source=source, findings=(finding,)), ran=False))
        assert max(map(len, lines)) <= 80
        assert any("C[t - 1]" in line for line in lines)
        assert any("C[t]" in line and "C[t - 1]" not in line for line in lines)


class TestManyFiles:
    def test_each_wrong_file_has_its_block_and_the_rest_a_line_a_finding(self) -> None:
        quiet = [FileReport(Path(f"quiet{n}.py"), Origin.FOUND, made.SOURCE) for n in range(8)]
        telling = FileReport(made.FORWARD, Origin.FOUND, made.FORWARD_SOURCE, (made.UNSAFE_LOG,))
        lines = lines_of(RunReport((*quiet, telling), ran=False, skipped=3))
        assert lines[0].startswith("forward.py:3:9: RNN401 warning")
        assert "9 files (3 more hold no word of a backward pass): 0 errors, 1 warning." in lines
        assert "quiet" not in "\n".join(lines)

    def test_a_file_that_could_not_be_read_is_one_sentence(self) -> None:
        report = alone(FileReport(made.BACKWARD, problem="backward.py: is binary, not Python source."))
        assert lines_of(report) == ["backward.py: is binary, not Python source."]


def test_findings_that_read_alike_are_said_once() -> None:
    text = b"a = tanh(C[t])\nb = tanh(C[t])\n"
    source = decode_source(made.BACKWARD, text)

    def at(row: int) -> object:
        where = Span(row, 10, row, 14)
        fix = Fix("", (Edit(made.BACKWARD, where, "C[t + 1]"),))
        return replace(made.BUGS[2], span=where, fix=fix, related=())

    lines = lines_of(alone(FileReport(made.BACKWARD, source=source, findings=(at(1), at(2))), ran=False))
    assert any("C[t + 1], also 2" in line for line in lines)
    assert sum("^^^^" in line for line in lines) == 1


def test_an_error_without_a_group_brings_its_own_message() -> None:
    finding = replace(made.BUGS[0], group=None, severity=Severity.ERROR, related=())
    lines = lines_of(alone(FileReport(made.BACKWARD, source=made.SOURCE, findings=(finding,)), ran=False))
    assert lines[index(lines, "1  ")].startswith("1  Off by one state")
    assert any("`h[t]` is wrong here. It should be something else." in line for line in lines)


class TestRepairs:
    """How a fix is shown beside its line."""

    source = decode_source(made.BACKWARD, b"y = tanh(tanh(C[t]), derivative=True)\nz = C[t]\n")
    whole = Span(1, 5, 1, 38)

    def shown(self, *edits: Edit, span: Span = whole, **fields: object) -> list[str]:
        finding = replace(made.BUGS[4], span=span, fix=Fix("", edits), group=None, **fields)
        return lines_of(alone(FileReport(made.BACKWARD, source=self.source, findings=(finding,)), ran=False))

    def edit(self, row: int, start: int, end: int, text: str, path: Path = made.BACKWARD) -> Edit:
        return Edit(path, Span(row, start, row, end), text)

    def test_several_edits_inside_the_marked_part_read_as_one_replacement(self) -> None:
        lines = self.shown(self.edit(1, 10, 15, ""), self.edit(1, 19, 20, ""))
        row = index(lines, "y: tanh(tanh(C[t]), derivative=True)")
        assert lines[row + 1].strip().startswith("tanh(C[t], derivative=True)  ")

    def test_a_smaller_edit_is_shown_as_the_part_it_makes(self) -> None:
        lines = self.shown(self.edit(2, 7, 8, "t + 1"), span=Span(2, 5, 2, 9))
        row = index(lines, "z = C[t]")
        assert lines[row + 1].strip().startswith("^^^^  C[t + 1]  ")

    def test_an_edit_outside_the_marked_part_moves_the_carets_to_it(self) -> None:
        lines = self.shown(self.edit(2, 7, 8, "t + 1"), span=Span(2, 1, 2, 2))
        row = index(lines, "z = C[t]")
        assert lines[row + 1].index("^") == lines[row].index("C[t]") + 2
        assert lines[row + 1].strip().startswith("^  t + 1  ")

    def test_what_changes_on_other_lines_and_in_other_files_is_left_to_the_diff(self) -> None:
        lines = self.shown(
            self.edit(2, 7, 8, "t + 1"),
            self.edit(1, 17, 18, "t + 7"),
            self.edit(2, 7, 8, "t + 9", made.FORWARD),
            span=Span(2, 5, 2, 9),
        )
        text = "\n".join(lines)
        assert "C[t + 1]" in text
        assert "t + 7" not in text
        assert "t + 9" not in text

    def test_lines_that_the_explanation_has_shown_are_not_shown_again(self) -> None:
        explained = replace(made.CARRY, explanation="It stays zero.\n  + dh_next = dh_prev\n")
        finding = replace(made.DROPPED, group=explained)
        lines = lines_of(alone(FileReport(made.BACKWARD, source=made.SOURCE, findings=(finding,)), ran=False))
        assert sum("+ dh_next = dh_prev" in line for line in lines) == 1
        assert sum("+ dC_next = dC * f[t]" in line for line in lines) == 1

    def test_a_place_that_the_explanation_names_is_not_named_again(self) -> None:
        explained = replace(made.LATE, explanation="forward.py:1 stores the initial state first.")
        finding = replace(made.BUGS[0], group=explained)
        lines = lines_of(alone(FileReport(made.BACKWARD, source=made.SOURCE, findings=(finding,)), ran=False))
        assert sum("forward.py:1" in line for line in lines) == 1

    def test_a_long_remark_never_comes_between_a_statement_and_its_carets(self) -> None:
        remark = "a remark that is much too long to stand beside anything at all in these columns"
        lines = self.shown(self.edit(2, 7, 8, "t + 1"), span=Span(2, 5, 2, 9), remark=remark)
        row = index(lines, "z = C[t]")
        assert "^^^^" in lines[row + 1]
        assert f"({remark})" in lines[row + 2]

    def test_a_finding_that_is_only_possible_says_so(self) -> None:
        lines = self.shown(span=Span(2, 5, 2, 9), confidence=Confidence.POSSIBLE)
        assert "(only possible)" in lines[index(lines, "z = C[t]")]


@pytest.mark.parametrize("length", [10, 40, 60, 75, 120])
def test_no_line_but_a_path_is_wider_than_a_terminal(length: int) -> None:
    path = Path("a" * length + ".py")
    check = replace(made.RIGHT_CHECK, path=path)
    lines = lines_of(alone(FileReport(path, source=made.SOURCE, gradients=(check,))))
    text = " ".join(lines)
    assert f"{path}  RIGHT: 10 of 10 gradients (worst error 3e-13, limit 1e-6)." in re.sub(
        r"\.py (?=R)", ".py  ", text
    )
    assert [line for line in lines if len(line) > 80] == ([str(path)] if length > 80 else [])


class TestUnexplained:
    """What the gradient check alone knows is wrong, but not why."""

    finding = replace(
        made.BUGS[0],
        code="RNN901",
        name="wrong-gradient",
        message="The gradient of W_f is not the derivative of the loss.",
        span=Span(1, 1, 1, 1),
        group=None,
        fix=None,
        related=(),
        evidence=None,
    )

    def shown(self, *findings: object) -> list[str]:
        check = made.check({"W_f": 0.5, "b_f": 1e-12})
        file = FileReport(made.BACKWARD, source=made.SOURCE, findings=findings, gradients=(check,))
        return lines_of(alone(file))

    def test_is_no_bug_and_no_misunderstanding(self) -> None:
        lines = self.shown(self.finding)
        assert lines[0] == "backward.py  WRONG: 1 of 2 gradients."
        assert lines[index(lines, "1  Wrong gradient")] == "1  Wrong gradient"

    def test_stands_beside_the_bugs_that_are_explained(self) -> None:
        lines = self.shown(self.finding, replace(made.BUGS[0], evidence=None))
        assert lines[0] == "backward.py  WRONG: 1 of 2 gradients. 1 bug, 1 misunderstanding."

    def test_has_a_place_but_no_caret(self) -> None:
        lines = self.shown(self.finding)
        row = lines[index(lines, "def backward(")]
        assert row.endswith("RNN901")
        assert not any("^" in line for line in lines)

    def test_a_table_without_fixes_says_nothing_of_fixes(self) -> None:
        file = FileReport(
            made.BACKWARD,
            source=made.SOURCE,
            findings=(self.finding,),
            gradients=(made.WRONG_CHECK,),
            fixed=(made.WRONG_CHECK,),
        )
        assert "Fixed" not in "\n".join(lines_of(alone(file)))


def test_why_a_check_could_not_be_made_is_said_once() -> None:
    check = unchecked("It never ended.", Reason.TIMEOUT)
    said = replace(
        made.UNSAFE_LOG,
        code="RNN907",
        name="not-checked",
        severity=Severity.ADVICE,
        message="The gradient could not be checked: It never ended.",
        path=made.BACKWARD,
    )
    report = alone(FileReport(made.BACKWARD, source=made.SOURCE, findings=(said,), gradients=(check,)))
    assert lines_of(report) == [
        "backward.py  NOT CHECKED. This does not mean it is right.",
        "Why:   It never ended.",
    ]
    assert render(report, "concise").count("never ended") == 1


def test_several_passes_have_a_line_each() -> None:
    right = replace(made.check({"W": 1e-9}), id="0", entry="step_forward → step_backward")
    wrong = replace(made.check({"W": 0.5, "b": 1e-9}), id="1", entry="forward → backward")
    lines = lines_of(alone(FileReport(made.BACKWARD, source=made.SOURCE, gradients=(right, wrong))))
    assert lines[0] == "backward.py  WRONG: 1 of 3 gradients."
    assert lines[1] == "Ran 2 passes (seed 7):"
    assert lines[2].split() == ["RIGHT", "step_forward", "→", "step_backward:", "1", "gradient"]
    assert lines[3].split() == ["WRONG", "forward", "→", "backward:", "1", "of", "2", "gradients"]
    assert lines[index(lines, "Now") - 1] == "forward → backward"


def test_a_pass_that_could_not_be_run_is_named_beside_those_that_could() -> None:
    right = made.check({"W": 1e-9})
    failed = replace(unchecked("it raises.", Reason.RAISES), entry="gru_backward")
    lines = lines_of(alone(FileReport(made.BACKWARD, source=made.SOURCE, gradients=(right, failed))))
    assert lines[0].startswith("backward.py  RIGHT, as far as it was checked: 1 of 1 gradient")
    assert "Why:   gru_backward was not checked: it raises." in lines
