"""The page without a browser: nothing from outside, a strict policy, and no text of a stranger becomes markup."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

from hypothesis import example, given

from tests.experiments.reports.making import NASTY, made, nasty, report
from tests.experiments.results.made import EVIL, check, trial
from workbench import safe
from workbench.experiments.reports import page_data

ASKING = ("src", "href", "srcset", "action", "formaction", "data", "poster", "background", "ping", "style")
LEADING = ("link", "img", "iframe", "object", "embed", "base", "form", "a", "video", "audio", "image")
RISKY = r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|Function\(|fetch|import\(|https?:"


class Page(HTMLParser):
    """Every tag with its attributes, and the text within each script, style and pre."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[tuple[str, dict[str, str | None], str]] = []
        self._open = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open = tag in ("script", "style", "pre", "th", "td", "title")
        if self._open:
            self.inside.append((tag, dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        self._open = False

    def handle_data(self, data: str) -> None:
        if self._open:
            tag, attrs, text = self.inside[-1]
            self.inside[-1] = (tag, attrs, text + data)

    def texts(self) -> dict[str, Any]:
        parts = [json.loads(text) for tag, attrs, text in self.inside if tag == "script" and attrs.get("class")]
        return {case: found for part in parts for case, found in part.items()}

    def data(self) -> dict[str, Any]:
        found = next(text for tag, attrs, text in self.inside if tag == "script" and attrs.get("id") == "data")
        data: dict[str, Any] = json.loads(found)
        return data


def digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_it_is_one_file_that_asks_for_nothing() -> None:
    text = made(report(nasty(EVIL), before=nasty("x"), title=EVIL), "html")
    page = Page(text)
    for tag, attrs in page.tags:
        assert tag not in LEADING
        assert not [name for name in attrs if name in ASKING or name.startswith(("on", "xlink"))], (tag, attrs)
    style = next(text for tag, _, text in page.inside if tag == "style")
    assert not re.search(r"url\(|@import|expression|https?:", style)
    script = next(text for tag, attrs, text in page.inside if tag == "script" and not attrs)
    assert not re.search(RISKY, script)


def test_its_policy_allows_its_own_script_and_style_only() -> None:
    page = Page(made(report([trial()]), "html"))
    names = [tag for tag, _ in page.tags]
    at = names.index("meta", names.index("meta") + 1)
    assert page.tags[at][1]["http-equiv"] == "Content-Security-Policy"
    assert at < names.index("style") < names.index("script")
    policy = dict(part.strip().split(" ", 1) for part in str(page.tags[at][1]["content"]).split(";"))
    assert policy == {
        "default-src": "'none'",
        "style-src": f"'{digest(next(text for tag, _, text in page.inside if tag == 'style'))}'",
        "script-src": f"'{digest(next(text for tag, attrs, text in page.inside if tag == 'script' and not attrs))}'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def with_text(text: str) -> str:
    told = text or "x"
    return made(report(nasty(text), before=nasty(text), title=told, source=told, file=told), "html")


PLAIN = [tag for tag, _ in Page(with_text("x")).tags]


@given(NASTY)
@example(EVIL)
@example("</script><script>alert(1)</script>")
@example("<!-- <script>")
def test_no_text_becomes_markup(text: str) -> None:
    page = with_text(text)
    assert safe.is_safe(page)
    assert page.encode()
    parsed = Page(page)
    assert [tag for tag, _ in parsed.tags if tag != "script"] == [tag for tag in PLAIN if tag != "script"]
    told = [found["text"] for case in parsed.texts().values() for found in case["trials"]]
    assert told.count(safe.text(text)) >= 4
    assert parsed.data()["cases"][0] == safe.line("one" + text)


def test_numbers_stand_beside_what_is_drawn() -> None:
    trials = [trial("A", f"c{at}", float(at < 6)) for at in range(8)]
    page = made(report(trials), "html")
    cell = re.search(
        r'<td class="number" data-v="0.75">(75 %[^<]*)<svg.*?aria-label="75 %, ([\d.]+) to ([\d.]+)"', page
    )
    assert cell is not None
    assert "8 cases" in cell[1]
    low, high = float(cell[2]), float(cell[3])
    span = re.search(r'class="span" x="([\d.]+)" y="1.5" width="([\d.]+)"', page)
    assert span is not None
    assert abs(float(span[1]) - 2 - low) < 0.11
    assert abs(float(span[2]) - (high - low)) < 0.11


def test_it_says_the_verdict_of_every_pair_and_what_runs_it_again() -> None:
    trials = [trial(label, f"c{at}", float(label == "B")) for at in range(30) for label in "AB"]
    page = made(report(trials, source="schema = 1  # <the file>", file="/home/x/e.toml"), "html")
    assert "B better" in page
    assert "<pre>workbench run e.toml</pre>" in page
    assert "/home/x" not in page
    assert "schema = 1  # &lt;the file&gt;" in page
    assert "workbench history replay r1-A-c0-0" in page


def test_long_texts_are_cut_and_it_says_so() -> None:
    long = "x" * (page_data.ONE + 7000)
    found = Page(made(report([trial(text=long)]), "html")).texts()["0"]["trials"][0]["text"]
    assert len(found) < len(long)
    assert found.endswith("… (7,000 more characters)")


def test_of_many_texts_those_of_failed_cases_are_there_first(monkeypatch: Any) -> None:
    monkeypatch.setattr(page_data, "LETTERS", 20_000)
    monkeypatch.setattr(page_data, "CHUNK", 3000)
    trials = [
        trial(label, f"c{at}", 0.0 if at >= 90 else 1.0, text="y" * 500) for at in range(100) for label in ("A", "B")
    ]
    page = Page(made(report(trials), "html"))
    assert len(page.texts()) == 15  # 200 letters are counted for what surrounds each
    assert set(page.texts()) > {str(at) for at in range(90, 100)}
    assert page.data()["without"] == 85
    assert all(len(case["trials"]) == 2 for case in page.texts().values())
    assert len([1 for tag, attrs, _ in page.inside if attrs.get("class") == "texts"]) > 3


def test_of_a_case_with_many_trials_the_first_are_there() -> None:
    trials = [trial(label, "one", 1.0, repeat=repeat) for repeat in range(50) for label in ("A", "B")]
    case = Page(made(report(trials), "html")).texts()["0"]
    assert len(case["trials"]) == page_data.ENOUGH
    assert case["more"] == 100 - page_data.ENOUGH


def test_cells_are_the_results() -> None:
    trials = [
        trial("A", "one", 1.0),
        trial("A", "one", 0.5, repeat=1),
        trial("B", "one", None, finish="error", error="gone"),
        trial("B", "two", None, checks=[check(score=0.0)]),
    ]
    data = Page(made(report(trials), "html")).data()
    assert data["cases"] == ["one", "two"]
    assert data["columns"] == [[[2, 0, 2, 1, 0.75], None], [[1, 1, 0, 0, None], [1, 0, 1, 0, 0.0]]]
