"""The page of a graded batch: its figures by hand, and everything of a submission's escaped."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

from book_made import BOOK, HOSTILE_BOOK
from test_html import Page

from rnnlint.grading.results import GradeBook
from rnnlint.grading.results_folder import write_results
from rnnlint.report.html.grades import render

LINKS = {student.student_id: f"feedback/{student.student_id}.md" for student in BOOK.students}


def page(book: GradeBook, feedback: dict[str, str] | None = None) -> Page:
    return Page(render(book, feedback))


class TestForty:
    made = page(BOOK, LINKS)

    def test_the_class_in_figures(self) -> None:
        """Ten of forty have 20; wrong parts cost 1, 2, 3 or 4 in turn from the eleventh on; one has 0."""
        said = self.made.said
        assert "42 submissions, 1 to be reviewed" in said
        assert "Graded 41 Median 18 of 20" in said
        assert "Full marks 10 No marks 1" in said

    def test_the_distribution_of_scores(self) -> None:
        said = self.made.said
        scores = said[said.index("Scores") : said.index("How it ended")]
        assert scores.split()[1:] == "0 1 16 8 17 8 18 7 19 7 20 10".split()

    def test_the_distribution_of_a_part(self) -> None:
        rows = re.findall(r"step (dx|dprev_h|dWh) 1 (\d+) (\d+) %", self.made.said)
        assert rows[:3] == [("dx", "10", "25"), ("dprev_h", "17", "42"), ("dWh", "40", "100")]

    def test_how_often_each_rule_speaks(self) -> None:
        assert "RNN205 missing derivative 15" in self.made.said
        assert "RNN104 dropped carry 15" in self.made.said

    def test_every_student_leads_to_the_feedback(self) -> None:
        links = [link for link in self.made.values("href") if link.startswith("feedback/")]
        assert links == list(LINKS.values())

    def test_links_stay_beside_the_page(self) -> None:
        made = self.made
        others = [link for link in made.values("href") if not link.startswith(("feedback/", "data:,"))]
        assert {link.removeprefix("#") for link in others} <= set(made.values("id"))
        assert made.values("src") == []

    def test_a_reason_and_what_is_to_be_reviewed(self) -> None:
        assert "syntax error rnn_layers.py, line 3: invalid syntax." in self.made.said
        assert "It looks at the name of its caller." in self.made.said


def test_many_scores_are_counted_by_tenths() -> None:
    students = tuple(replace(BOOK.students[0], student_id=str(n), score=n / 2) for n in range(41))
    said = page(replace(BOOK, students=students)).said
    scores = said[said.index("Scores") : said.index("How it ended")]
    assert scores.startswith("Scores 0 – 2 4 2 – 4 4 ")
    assert scores.strip().endswith("18 – 20 5")


def test_nothing_of_a_submission_becomes_an_element() -> None:
    made = page(HOSTILE_BOOK, {HOSTILE_BOOK.students[0].student_id: 'feedback/a b" onload=.md'})
    tags = [tag for tag, _ in made.elements]
    assert (tags.count("script"), tags.count("style"), tags.count("img")) == (1, 1, 0)
    assert not [name for _, attrs in made.elements for name in attrs if name.startswith("on")]
    assert "feedback/a%20b%22%20onload%3D.md" in made.values("href")


def test_a_batch_of_nobody() -> None:
    said = page(replace(BOOK, students=(), tasks=())).said
    assert "0 submissions" in said
    assert "Nobody has a score." in said


def test_the_page_stands_beside_the_feedback_that_it_links_to(tmp_path: Path) -> None:
    strange = replace(BOOK.students[0], student_id="Ünal, Ö. (2)")
    book = replace(BOOK, students=(strange, *BOOK.students[1:3]))
    write_results(tmp_path, book, ("html", "csv", "feedback"))
    made = Page((tmp_path / "grades.html").read_text(encoding="utf-8"))
    links = [unquote(link) for link in made.values("href") if link.startswith("feedback/")]
    assert len(links) == 3
    assert all((tmp_path / link).is_file() for link in links)


def test_without_feedback_no_link_leads_nowhere(tmp_path: Path) -> None:
    write_results(tmp_path, BOOK, ("html",))
    made = Page((tmp_path / "grades.html").read_text(encoding="utf-8"))
    assert [link for link in made.values("href") if link.startswith("feedback/")] == []
