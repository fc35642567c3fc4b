"""``%%rnnlint`` and ``%rnnlint`` in a real kernel, driven as a front end drives it."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

TREE = Path(__file__).parents[2]
CELLS = [
    cell.source
    for cell in nbformat.read(TREE / "fixtures" / "notebooks" / "lstm_missing_derivative.ipynb", 4).cells
    if cell.cell_type == "code"
]
(SIGMOID,) = (text for text in CELLS if text.startswith("def sigmoid"))
(FORWARD,) = (text for text in CELLS if text.startswith("def forward"))
(BACKWARD,) = (text for text in CELLS if text.startswith("def backward"))
BUG = "dc * g[t]"
RIGHT = BACKWARD.replace(BUG, f"{BUG} * i[t] * (1 - i[t])")
BUG_LINE = 1 + BACKWARD[: BACKWARD.index(BUG)].count("\n")
PARAMETERS = [kind + gate for kind in ("W_", "b_") for gate in "figoy"]

SESSION = {
    "load": "%load_ext rnnlint",
    "imports": "import numpy as np\nfrom gates import sigmoid",
    "broken": "this never ran (",
    "forward": FORWARD,
    "checked": f"%%rnnlint --seed 7\n{BACKWARD}",
    "not defined": "backward",
    "and run": f"%%rnnlint --exec --no-run\n{BACKWARD}",
    "defined": "backward.__name__",
    "mended": RIGHT,
    "session": "%rnnlint --seed 7",
    "misspelt": "%rnnlint --sead 7",
    "advice": "%rnnlint --no-run --show-advice",
    "help": "get_ipython().find_line_magic('rnnlint').__doc__",
    "escaped": '%%rnnlint --no-run\nnote = "<script>" ; x = (1 if 2 < 3 else',
}


class Page(HTMLParser):
    """The text of a page, its tags, and whether they close."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []
        self.rows: list[list[str]] = []
        self._open: list[str] = []
        self.feed(html)
        assert not self._open, f"left open: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag != "br":
            self._open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if {"td", "th"} & set(self._open):
            self.rows[-1][-1] += data

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


class Session:
    """A notebook that was run, its cells by name."""

    def __init__(self, notebook: Any) -> None:
        self.outputs = dict(zip(SESSION, (cell.outputs for cell in notebook.cells), strict=True))

    def page(self, name: str) -> Page:
        (html,) = (
            each.data["text/html"]
            for each in self.outputs[name]
            if "data" in each and "text/html" in each.data
        )
        return Page(html)

    def text(self, name: str) -> str:
        """All that a front end without HTML would show."""
        shown = (
            each.data["text/plain"] if "data" in each else each.get("text", "") for each in self.outputs[name]
        )
        return "\n".join(shown)

    def error(self, name: str) -> str:
        return " ".join(each.ename for each in self.outputs[name] if each.output_type == "error")


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """The notebook above, run from top to bottom in a folder with a module ``gates`` beside it."""
    folder = tmp_path_factory.mktemp("course")
    (folder / "gates.py").write_text(f"import numpy as np\n\n\n{SIGMOID}\n", encoding="utf-8")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in SESSION.values()])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(TREE))
        patch.setenv("IPYTHONDIR", str(folder / "ipython"))  # nothing is left at home
        patch.setenv("JUPYTER_RUNTIME_DIR", str(folder / "runtime"))
        patch.delenv("JPY_SESSION_NAME", raising=False)
        NotebookClient(
            notebook, timeout=60, allow_errors=True, resources={"metadata": {"path": str(folder)}}
        ).execute()
    yield Session(notebook)


def test_a_cell_is_judged_with_what_was_defined_before_it(session: Session) -> None:
    page = session.page("checked")
    assert page.text.startswith("WRONG: 8 of 10 gradients.")
    assert f"cell 5:{BUG_LINE + 1} RNN205" in page.text  # the magic is the cell's first line


def test_its_table_has_a_row_a_parameter(session: Session) -> None:
    head, *rows = session.page("checked").rows
    assert head[:4] == ["parameter", "shape", "gradient", "error"]
    assert [row[0] for row in rows] == PARAMETERS
    assert {row[0] for row in rows if row[2] == "right"} == {"W_y", "b_y"}
    assert {row[-1] for row in rows} == {"right"}  # with the fix


def test_the_replacement_stands_below_the_line(session: Session) -> None:
    assert f"di = {BUG}di = {BUG} * i[t] * (1 - i[t])" in session.page("checked").text.replace("  ", " ")


def test_the_cell_is_not_run_in_the_kernel_unless_that_is_asked_for(session: Session) -> None:
    assert session.error("not defined") == "NameError"
    assert "not run in this kernel" in session.page("checked").text
    assert session.text("defined") == "'backward'"
    assert "not run in this kernel" not in session.page("and run").text


def test_the_session_is_judged_by_its_last_definitions(session: Session) -> None:
    assert session.page("session").text.startswith("RIGHT: 10 of 10 gradients")


def test_without_html_it_is_the_text_report(session: Session) -> None:
    text = session.text("checked")
    assert "WRONG: 8 of 10 gradients." in text
    assert "\x1b" not in text
    assert "--diff" not in text  # there is no file to make it of


def test_reading_alone_runs_nothing(session: Session) -> None:
    assert "nothing was run" in session.page("advice").text


def test_a_mistyped_option_is_said_in_a_line(session: Session) -> None:
    assert session.text("misspelt").strip() == (
        "UsageError: %rnnlint: unrecognized arguments: --sead 7 (%rnnlint? lists the options.)"
    )


def test_its_help_lists_the_options(session: Session) -> None:
    text = session.text("help")
    assert all(option in text for option in ("--exec", "--no-run", "--entry", "--seed", "--show-advice"))


def test_what_a_cell_says_is_never_markup(session: Session) -> None:
    page = session.page("escaped")
    assert "script" not in page.tags
    assert "RNN002" in page.text
