"""The page in a real headless Chromium: no request, no complaint, keys and mouse, light and dark, 100,000 trials."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests import browser
from tests.browser import Browser
from tests.experiments.reports.making import nasty, report
from tests.experiments.results.made import EVIL, check, trial
from workbench import safe
from workbench.experiments.reports import formats

PROGRAM = browser.found()
pytestmark = pytest.mark.skipif(not PROGRAM, reason="no Chromium: apt-get install chromium, or playwright's")
HEADS = "[...document.querySelectorAll('#{} thead th')].map((head) => head.getAttribute('aria-sort'))"
ANSWERS = "[...document.querySelectorAll('.trial pre')].map((pre) => pre.textContent)"
SCRIPT = "document.body.append(Object.assign(document.createElement('script'), {textContent: 'bad = 1'}))"
IMAGE = "document.body.append(Object.assign(document.createElement('p'), {innerHTML: '<img src=x onerror=bad=2>'}))"
COLUMN = "[...document.querySelectorAll('#{} tbody tr:not(.detail)')].map((row) => row.cells[{}].textContent)"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with closing(Browser(PROGRAM, tmp_path_factory.mktemp("chromium"))) as made:
        made.size(1200, 900)
        yield made


def opened(page: Browser, path: Path, trials: list[dict[str, Any]], **meta: Any) -> None:
    formats.write(report(trials, **meta), "html", path, over=True)
    page.requests.clear()
    page.complaints.clear()
    page.open(path)


def some() -> list[dict[str, Any]]:
    return [
        trial(
            label, f"case {at}", float((at + index) % 3 > 0), text=f"{label} says {at}", tokens_per_s=10.0 * index + at
        )
        for at in range(9)
        for index, label in enumerate("CAB")
    ]


def test_it_asks_for_nothing_and_nothing_evil_happens(page: Browser, tmp_path: Path) -> None:
    path = tmp_path / "evil.html"
    opened(page, path, nasty(EVIL), before=nasty("x"), title=EVIL, source=EVIL, file="/e.toml")
    for at in range(2):  # every case unfolded
        page.run(f"document.querySelectorAll('button.case')[{at}].click()")
    assert (
        page.run("[...document.querySelectorAll('.trial pre')].map((pre) => pre.textContent)").count(safe.text(EVIL))
        == 4
    )
    assert page.run("document.querySelector('.asked pre').textContent") == safe.text(f"[user] {EVIL}")
    assert page.run("document.images.length + document.links.length + document.forms.length") == 0
    assert page.run("document.title") == safe.line(EVIL)
    assert page.requests == [path.as_uri()]
    assert page.complaints == []


def test_its_policy_holds(page: Browser, tmp_path: Path) -> None:
    """What would be put into the page by whatever way neither runs nor reaches a server."""
    path = tmp_path / "a.html"
    opened(page, path, [trial()])
    page.run("window.bad = 0")
    page.run(SCRIPT)
    page.run(IMAGE)
    assert page.run("fetch('http://127.0.0.1:9/').then(() => 'reached', () => 'refused')") == "refused"
    assert page.run("bad") == 0
    assert page.requests == [path.as_uri(), *page.blocked]
    assert len(page.blocked) == 1
    assert len([said for said in page.complaints if "Content Security Policy" in said]) >= 3


def test_a_click_on_a_head_sorts(page: Browser, tmp_path: Path) -> None:
    opened(page, tmp_path / "a.html", some())
    assert page.run(COLUMN.format("variants", 0)) == ["C", "A", "B"]
    page.click("#variants th:nth-child(1) button")
    assert page.run(COLUMN.format("variants", 0)) == ["A", "B", "C"]
    assert page.run(HEADS.format("variants"))[0] == "ascending"
    page.click("#variants th:nth-child(8) button")  # tokens a second: as numbers
    assert page.run(COLUMN.format("variants", 0)) == ["C", "A", "B"]
    page.click("#variants th:nth-child(8) button")
    assert page.run(COLUMN.format("variants", 0)) == ["B", "A", "C"]
    assert page.run(HEADS.format("variants")) == [None] * 7 + ["descending", None]
    page.click("#matrix th:nth-child(1) button")
    page.click("#matrix th:nth-child(1) button")
    assert page.run(COLUMN.format("matrix", 0)) == [f"case {at}" for at in range(8, -1, -1)]
    assert page.complaints == []


def test_all_of_it_by_the_keyboard(page: Browser, tmp_path: Path) -> None:
    opened(page, tmp_path / "a.html", some())
    focus = "document.activeElement"
    page.tab_to(lambda: page.run(f"{focus}.closest('#variants') && {focus}.textContent === 'variant'"))
    page.tab_to(lambda: page.run(f"{focus}.textContent === 'tok/s'"))
    page.key("Enter", 2)
    assert page.run(COLUMN.format("variants", 0)) == ["B", "A", "C"]
    page.tab_to(lambda: page.run(f"{focus}.id === 'show'"))
    page.key("f")  # failed, by its first letter
    page.until("document.querySelector('#show').value === 'failed'")
    page.until("document.querySelector('#count').textContent === '9 of 9 cases'")
    page.key("Tab")
    assert page.run(f"{focus}.id") == "search"
    for letter in "c says 4":
        page.key(letter)
    page.until("document.querySelector('#count').textContent === '1 of 9 cases'")
    page.tab_to(lambda: page.run(f"{focus}.className === 'case'"))
    page.key("Enter")
    assert page.run(f"{focus}.getAttribute('aria-expanded')") == "true"
    assert page.run(ANSWERS) == ["C says 4", "A says 4", "B says 4"]
    assert page.run("getComputedStyle(document.activeElement).outlineStyle") != "none"
    page.key("Enter")
    assert page.run("document.querySelectorAll('tr.detail').length") == 0
    page.tab_to(lambda: page.run(f"{focus}.tagName === 'SUMMARY'"))
    page.key("Enter")
    assert page.run(f"{focus}.parentElement.open") is True
    assert page.complaints == []


def contrast(page: Browser, selector: str) -> float:
    """Of an element's text on what is behind it, as WCAG 2.2 works it out."""
    script = """(() => {
        const node = document.querySelector(SELECTOR);
        let behind = node;
        while (getComputedStyle(behind).backgroundColor === 'rgba(0, 0, 0, 0)') behind = behind.parentElement;
        return [getComputedStyle(node).color, getComputedStyle(behind).backgroundColor];
    })()""".replace("SELECTOR", repr(selector))
    lights = []
    for color in page.run(script):
        parts = [int(part) / 255 for part in color.removeprefix("rgb(").removesuffix(")").split(",")]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        lights.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(lights) + 0.05) / (min(lights) + 0.05)


TEXTS = ("td.good", "td.bad", "p.soft", "th button", "button.case", ".yes", ".no", "pre", "summary")


def test_light_and_dark_as_the_system_has_it(page: Browser, tmp_path: Path) -> None:
    opened(page, tmp_path / "a.html", [*some(), trial("A", "gone", None, finish="error", error="it died")])
    page.run("document.querySelector('button.case').click()")
    try:
        for scheme, color in (("light", (255, 255, 255)), ("dark", (20, 22, 26))):
            page.scheme(scheme)
            assert page.color(5, 5) == color
            for selector in TEXTS:
                assert contrast(page, selector) >= 4.5, (scheme, selector)
            if folder := os.environ.get("WORKBENCH_PICTURES"):  # to be looked at
                (Path(folder) / f"report-{scheme}.png").write_bytes(page.picture())
        page.click("#theme")  # the person's own choice goes before
        assert page.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    finally:
        page.scheme("")


def test_a_narrow_window_scrolls_within_its_tables(page: Browser, tmp_path: Path) -> None:
    opened(page, tmp_path / "a.html", some())
    try:
        page.size(390, 800)
        assert page.run("document.documentElement.scrollWidth <= innerWidth")
    finally:
        page.size(1200, 900)


def test_many_cases_are_drawn_as_one_scrolls(page: Browser, tmp_path: Path) -> None:
    trials = [
        trial(label, f"c{at:05}", float(at % 7 > 0), checks=[check(score=float(at % 7 > 0))])
        for at in range(5000)
        for label in "AB"
    ]
    opened(page, tmp_path / "a.html", trials)
    rows = "document.querySelectorAll('#matrix tbody tr').length"
    assert page.run(rows) == 200
    assert page.run("document.querySelector('#count').textContent") == "5,000 of 5,000 cases"
    page.run("document.querySelector('#more').scrollIntoView()")
    page.until(f"{rows} >= 400")
    page.click("#matrix th:nth-child(2) button")
    assert page.run(rows) == 200
    assert page.run(COLUMN.format("matrix", 0))[:3] == ["c00000", "c00007", "c00014"]
    assert page.complaints == []
