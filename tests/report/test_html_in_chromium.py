"""The page in a real browser: silent, whole, readable in both themes, by keyboard, narrow and on paper."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pages_made as made_pages
import pytest
from axe_selenium_python import Axe
from book_made import BOOK, HOSTILE_BOOK
from browser import Browser
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from rnnlint.report import render
from rnnlint.report.html import grades

READABLE = 4.5
"""The contrast that WCAG 2.1 asks of running text."""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    texts = {name: render(report, "html") for name, report in made_pages.PAGES.items()}
    few = replace(BOOK, students=BOOK.students[-4:])
    texts |= {"grades": grades.render(BOOK), "few grades": grades.render(few)}
    texts |= {"hostile grades": grades.render(HOSTILE_BOOK)}
    paths = {name: folder / f"{name.replace(' ', '-')}.html" for name in texts}
    for name, text in texts.items():
        paths[name].write_text(text, encoding="utf-8")
    return paths


@pytest.mark.parametrize("name", [*made_pages.PAGES, "grades", "hostile grades"])
def test_the_console_is_silent_and_nothing_is_fetched(
    browser: Browser, pages: dict[str, Path], name: str
) -> None:
    browser.requests()
    browser.show(pages[name])
    assert browser.logs() == []
    fetched = [url for url in browser.requests() if url not in ("about:blank", "data:,")]
    assert fetched == [pages[name].as_uri()]
    assert browser.evaluate("return window.hacked") is None


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", ["nine", "right", "notebook", "grades"])
def test_every_text_can_be_read(browser: Browser, pages: dict[str, Path], name: str, dark: bool) -> None:
    browser.show(pages[name], dark=dark)
    found = browser.contrasts()
    assert len(found) > 20
    assert [each for each in found if each[0] < READABLE] == []


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", ["nine", "notebook", "hostile", "grades", "hostile grades"])
def test_nothing_reaches_over_the_side(
    browser: Browser, pages: dict[str, Path], name: str, width: int
) -> None:
    browser.show(pages[name], width=width)
    browser.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert browser.evaluate("return document.documentElement.scrollWidth") <= width


def test_the_tab_key_reaches_every_finding_in_order(browser: Browser, pages: dict[str, Path]) -> None:
    browser.show(pages["nine"])
    reached: list[str] = []
    first = ""
    for _ in range(120):
        browser.driver.switch_to.active_element.send_keys(Keys.TAB)
        active = browser.evaluate(
            "const e = document.activeElement; return [e.className, e.closest('.finding')?.id ?? '']"
        )
        first = first or active[0]
        if active[1] and active[1] not in reached:
            reached.append(active[1])
        if len(reached) == 10:
            break
    assert first == "skip"
    assert reached == [f"f1-{number}" for number in range(1, 11)]


def test_a_link_to_a_folded_line_unfolds_it(browser: Browser, pages: dict[str, Path]) -> None:
    browser.show(pages["notebook"])
    shown = "return document.getElementById('f1-s1-L5').checkVisibility()"
    assert not browser.evaluate(shown)
    browser.evaluate("location.hash = '#f1-s1-L5'; dispatchEvent(new HashChangeEvent('hashchange'))")
    assert browser.evaluate(shown)


def test_the_theme_goes_round(browser: Browser, pages: dict[str, Path]) -> None:
    browser.show(pages["nine"], dark=True)
    colour = "return getComputedStyle(document.body).backgroundColor"
    button = browser.driver.find_element(By.ID, "theme")
    automatic = browser.evaluate(colour)
    button.click()
    light = browser.evaluate(colour)
    button.click()
    dark = browser.evaluate(colour)
    button.click()
    assert light != automatic == dark
    assert button.text == "Theme: automatic"


def test_a_table_is_sorted_by_its_heads(browser: Browser, pages: dict[str, Path]) -> None:
    browser.show(pages["nine"])
    rows = "[...document.querySelectorAll('.parameters tbody tr')]"
    errors = f"return {rows}.map((row) => Number(row.cells[3].dataset.value))"
    before = browser.evaluate(errors)
    (head,) = [
        each
        for each in browser.driver.find_elements(By.CSS_SELECTOR, ".parameters th button")
        if each.text == "Error now"
    ]
    head.click()
    assert browser.evaluate(errors) == sorted(before) != before
    head.send_keys(Keys.ENTER)
    assert browser.evaluate(errors) == sorted(before, reverse=True)


def test_all_is_there_without_scripts(browser: Browser, pages: dict[str, Path]) -> None:
    browser.show(pages["nine"], scripts=False)
    text = browser.driver.find_element(By.TAG_NAME, "main").text
    browser.show(pages["nine"])
    assert browser.driver.find_element(By.TAG_NAME, "main").text == text
    assert "Your states sit one place later than you index" in text


def test_paper_is_white_and_begins_with_the_findings(browser: Browser, pages: dict[str, Path]) -> None:
    browser.show(pages["nine"], dark=True, media="print")
    assert browser.evaluate("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not browser.driver.find_element(By.ID, "theme").is_displayed()
    heads = browser.driver.find_elements(By.CSS_SELECTOR, ".parameters th[scope=col] button")
    assert [head.text for head in heads if head.is_displayed()][:2] == ["Parameter", "Gradient"]
    style = "return getComputedStyle(document.querySelector(arguments[0])).breakInside"
    kept = {part: browser.driver.execute_script(style, part) for part in (".finding", ".card")}
    assert kept == {".finding": "avoid", ".card": "auto"}  # a whole card kept together leaves a page empty


@pytest.mark.parametrize("name", ["nine", "notebook", "few grades"])
def test_a_checker_of_accessibility_has_no_complaint(
    browser: Browser, pages: dict[str, Path], name: str
) -> None:
    browser.show(pages[name])
    axe = Axe(browser.driver)
    axe.inject()
    assert [(v["id"], v["nodes"][0]["html"]) for v in axe.run()["violations"]] == []


def shown_students(browser: Browser) -> list[str]:
    rows = "[...document.querySelectorAll('#table tbody tr')].filter((row) => row.checkVisibility())"
    names: list[str] = browser.evaluate(f"return {rows}.map((row) => row.cells[0].textContent.trim())")
    return names


def test_students_are_searched(browser: Browser, pages: dict[str, Path]) -> None:
    browser.show(pages["grades"])
    field = browser.driver.find_element(By.ID, "search")
    field.send_keys("rnn104 student-1")
    assert shown_students(browser) == [f"student-{number}" for number in (11, 13, 15, 17, 19)]
    assert browser.driver.find_element(By.TAG_NAME, "output").text == "5 of 42"
    browser.driver.find_element(By.CSS_SELECTOR, "input[data-only]").click()
    assert shown_students(browser) == ["student-17"]


def test_students_are_sorted_by_a_part(browser: Browser, pages: dict[str, Path]) -> None:
    browser.show(pages["grades"])
    score = browser.driver.find_element(By.XPATH, "//table[@id='table']//th/button[text()='Score']")
    score.click()
    assert shown_students(browser)[:2] == ["unlucky", "late"]
    score.click()
    assert set(shown_students(browser)[:10]) == {f"student-0{number}" for number in range(10)}


def test_the_search_is_not_offered_without_scripts(browser: Browser, pages: dict[str, Path]) -> None:
    browser.show(pages["grades"], scripts=False)
    assert not browser.driver.find_element(By.ID, "search").is_displayed()
    assert len(shown_students(browser)) == 42
