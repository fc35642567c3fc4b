"""The page as text: whole, well-formed, everything of the user's escaped, every link leading somewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pages_made as made_pages
import pytest

from rnnlint.report import render
from rnnlint.report.html.pictures import bars, by_step, heat_map
from rnnlint.results import RunReport
from rnnlint.verdicts import Elements, ParameterVerdict, Verdict

VOID = {"meta", "link", "img", "br", "hr", "input"}


@dataclass
class Page(HTMLParser):
    """A page's elements; a closing tag that does not fit fails."""

    text: str
    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.feed(self.text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"an attribute twice: {attrs}"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not set(self.open) & {"script", "style"}:
            self.words.append(data)

    @property
    def said(self) -> str:
        return " ".join(" ".join(self.words).split())

    def values(self, attribute: str) -> list[str]:
        return [attrs[attribute] or "" for _, attrs in self.elements if attribute in attrs]


def page(report: RunReport) -> Page:
    return Page(render(report, "html"))


@pytest.mark.parametrize("name", made_pages.PAGES)
class TestEveryPage:
    def test_links_lead_to_places_that_are_there_once(self, name: str) -> None:
        made = page(made_pages.PAGES[name])
        ids = made.values("id")
        assert len(ids) == len(set(ids))
        links = [link for link in made.values("href") if link != "data:,"]
        assert links
        assert {link.removeprefix("#") for link in links if link.startswith("#")} <= set(ids)
        assert all(link.startswith("#") for link in links)

    def test_labels_name_places_that_are_there(self, name: str) -> None:
        made = page(made_pages.PAGES[name])
        assert set(made.values("aria-labelledby")) <= set(made.values("id"))

    def test_nothing_is_loaded(self, name: str) -> None:
        text = render(made_pages.PAGES[name], "html")
        made = Page(text)
        assert made.values("src") == []
        (policy,) = [value for value in made.values("content") if "default-src" in value]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        for style_or_script in re.findall(r"<(?:style|script)>(.*?)</", text, re.DOTALL):
            assert "http" not in style_or_script
            assert "url(" not in style_or_script

    def test_one_first_heading(self, name: str) -> None:
        assert [tag for tag, _ in page(made_pages.PAGES[name]).elements].count("h1") == 1


def test_nothing_of_the_users_becomes_an_element() -> None:
    made = page(made_pages.HOSTILE)
    tags = [tag for tag, _ in made.elements]
    assert (tags.count("script"), tags.count("style"), tags.count("img")) == (1, 1, 0)
    assert not [name for _, attrs in made.elements for name in attrs if name.startswith("on")]
    assert made.said.count("<script>window.hacked = 1</script>") > 10


class TestNineBugs:
    made = page(made_pages.NINE)

    def test_the_answer_comes_first(self) -> None:
        said = self.made.said
        assert "WRONG : 9 of 11 gradients." in said or "WRONG : 10 of 11 gradients." in said
        assert "Ran backward() with forward.py's forward() (seed 7)." in said

    def test_findings_are_grouped_by_misunderstanding(self) -> None:
        said = self.made.said
        titles = [said.index(t) for t in ("1. Your states sit", "2. Derivatives", "3. Nothing flows")]
        assert titles == sorted(titles)

    def test_a_picture_keeps_its_columns(self) -> None:
        text = render(made_pages.NINE, "html")
        assert "  index   0      1     2    ...\n  C     [init,  C_0,  C_1,  ...]" in text

    def test_a_repair_is_shown_as_a_change(self) -> None:
        said = self.made.said
        assert "− W_v_d += dv @ h[t].T + W_v_d += dv @ h[t + 1].T" in said
        assert "+ dh_next = dh_prev + dC_next = dC * f[t]" in said

    def test_the_page_of_a_rule_stands_once_in_its_group(self) -> None:
        assert self.made.said.count("Why, with the derivation: RNN102 off-by-one-state") == 1
        assert "dW_v = Σ_t dv_t h_tᵀ" in self.made.said

    def test_the_dearest_bug_heads_the_chart(self) -> None:
        said = self.made.said
        chart = said[said.index("What each bug costs The error") :]
        figures = [float(f) for f in re.findall(r"line \d+ RNN\d+ (\d\.\d+)", chart)]
        assert len(figures) == 9
        assert figures == sorted(figures, reverse=True)

    def test_what_each_statement_made_at_each_step(self) -> None:
        first = "✗ wrong, though all that it is made of is true"
        carried = "✗ wrong, as is what it is made of"
        said = self.made.said
        assert f"line 5 do = dh * tanh(C[t]) {first} {carried} {carried} line 9" in said
        assert "0 zero ✓ a true adjoint nothing of the backward flow" in said

    def test_every_bug_stands_at_its_line(self) -> None:
        rows = re.findall(
            r'id="f1-s1-L(\d+)"><span class="number">\d+</span><code>(.*?)</code>', self.made.text
        )
        marked = [int(number) for number, code in rows if '<mark class="error' in code]
        assert marked == [3, 4, 5, 6, 7, 8, 9, 10, 11]


def test_a_file_that_was_not_checked_says_why_and_what_to_do() -> None:
    said = page(made_pages.NOT_CHECKED).said
    assert "NOT CHECKED . This does not mean it is right." in said
    assert "Why line 3 calls softmax(), defined nowhere. Do Put utils.py beside it, then run again." in said


def test_cells_of_a_notebook_are_told_apart() -> None:
    said = page(made_pages.NOTEBOOK).said
    assert "Cell 1: 2 lines" in said
    assert "cell 2:51" in said
    assert "Cell 3: 1 line" in said


class TestPictures:
    def parameter(self, shape: tuple[int, ...], axes: tuple[str, ...], *got: float) -> ParameterVerdict:
        expected = (1.0,) * len(got)
        return ParameterVerdict("W", "dW", shape, Verdict.WRONG, elements=Elements(got, expected, axes))

    def test_a_square_is_where_its_element_is(self) -> None:
        made = heat_map(self.parameter((2, 3), ("H", "D"), 1, 1, 3, 1, 0.5, 1))
        assert made is not None
        assert (made.rows, made.columns) == (2, 3)
        assert [(s.row, s.column, s.kind) for s in made.squares] == [(0, 2, "high"), (1, 1, "low")]
        assert made.squares[0].title == "W[0, 2]: 3 instead of 1"
        assert made.squares[0].strength == 1.0 > made.squares[1].strength

    def test_more_than_two_axes_lie_under_each_other(self) -> None:
        made = heat_map(self.parameter((2, 2, 2), ("", "", ""), 1, 1, 1, 1, 1, 1, 1, 9))
        assert made is not None
        assert (made.rows, made.columns) == (4, 2)
        assert [(s.row, s.column, s.title.partition(":")[0]) for s in made.squares] == [(3, 1, "W[1, 1, 1]")]

    def test_gates_of_a_stacked_matrix_are_ruled_off(self) -> None:
        made = heat_map(self.parameter((2, 8), ("D", "4H"), *[2.0] * 16))
        assert made is not None
        assert (made.row_rules, made.column_rules) == ((), (2, 4, 6))

    def test_a_gradient_too_large_for_a_picture_has_none(self) -> None:
        assert heat_map(ParameterVerdict("W", "dW", (99, 99), Verdict.WRONG, 0.3)) is None

    @pytest.mark.parametrize(
        ("shape", "axes", "got"),
        [
            ((2, 2), ("T", "D"), (1.0, 1.0, 0.0, 0.0)),
            ((2, 2), ("D", "T"), (1.0, 0.0, 1.0, 0.0)),
            ((2, 2, 1), ("B", "T", "D"), (1.0, 0.0, 1.0, 0.0)),
        ],
    )
    def test_error_by_time_step(
        self, shape: tuple[int, ...], axes: tuple[str, ...], got: tuple[float, ...]
    ) -> None:
        steps = by_step(self.parameter(shape, axes, *got))
        assert [(bar.label, bar.length) for bar in steps] == [("t = 0", 0.0), ("t = 1", 1.0)]

    def test_no_time_no_steps(self) -> None:
        assert by_step(self.parameter((2,), ("H",), 1.0, 2.0)) == ()

    def test_bars_share_a_scale_that_reaches_one(self) -> None:
        assert [bar.length for bar in bars([("a", 0.5, ""), ("b", 0.1, "")])] == [0.5, 0.1]
        assert [bar.length for bar in bars([("a", 2.0, ""), ("b", 1.0, "")])] == [1.0, 0.5]
