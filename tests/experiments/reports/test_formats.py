"""Markdown, CSV, JSON lines, JUnit: nothing untrusted takes effect, what is said can be read back, all run again."""

from __future__ import annotations

import csv
import io
import json
import re
from html import unescape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import example, given

from tests.experiments.reports.making import NASTY, made, nasty, report
from tests.experiments.results.made import EVIL, check, trial
from workbench import safe
from workbench.errors import UsageError
from workbench.experiments.reports import formats, junit, markdown
from workbench.experiments.results.results import Results
from workbench.experiments.results.rows import from_json


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_end_of_a_name_says_the_format() -> None:
    names = {"a.html": "html", "a.md": "markdown", "A.CSV": "csv", "a.jsonl": "jsonl", "junit.xml": "junit"}
    assert {name: formats.of_file(Path(name)) for name in names} == names
    with pytest.raises(UsageError, match=r"a\.pdf: the name does not say which format \(\.pdf\)"):
        formats.of_file(Path("a.pdf"))
    with pytest.raises(UsageError, match="pdf is no format"):
        formats.lines(report([trial()]), "pdf")


# ---- CSV


@given(NASTY)
@example("=HYPERLINK(1)")
@example("'=1")
@example("＝1")
def test_csv_is_read_back_and_is_no_formula(text: str) -> None:
    trials = nasty(text)
    rows = rows_of(made(report(trials), "csv"))
    assert len(rows) == len(trials)
    for row, told in zip(rows, trials, strict=True):
        for name in ("variant", "case", "text", "error", "prompt", "model"):
            assert not row[name].startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))
            assert row[name].removeprefix("'") == safe.text(str(told[name] or ""))
        assert json.loads(row["messages"]) == told["messages"]
        assert json.loads(row["checks"]) == told["checks"]


def test_a_line_of_csv_has_what_makes_its_trial_again() -> None:
    row = rows_of(made(report([trial(score=0.25)], workbench="0.1.0"), "csv"))[0]
    assert row["score"] == "0.25"
    assert row["passed"] == "false"
    assert row["model_file"] == "tiny.gguf"
    assert (row["version"], row["seed"], row["mode"], row["coupled"]) == ("f" * 64, "1", "fast", "true")
    assert json.loads(row["sampling"])["temperature"] == 0.7
    assert json.loads(row["lead"])[0]["content"] == "Be brief."
    assert row["workbench"] == "0.1.0"


# ---- JSON lines


@given(NASTY)
def test_json_lines_give_every_trial_back_as_it_was(text: str) -> None:
    trials = nasty(text)
    out = made(report(trials), "jsonl")
    assert safe.is_safe(out)
    assert list(from_json(out.split("\n"))) == trials
    *_, summary, again = [json.loads(line) for line in out.split("\n") if line]
    assert summary == json.loads(json.dumps(Results.of(trials, stopped="done").summary()))
    assert again["again"]["cases"][0]["messages"] == trials[0]["messages"]


def test_json_lines_say_what_got_worse() -> None:
    before = [trial("A", f"c{at}", 1.0) for at in range(12)]
    now = [trial("A", f"c{at}", 0.0) for at in range(12)]
    found = next(
        json.loads(line) for line in made(report(now, before=before), "jsonl").splitlines() if "summary" in line
    )
    assert found["summary"]["against"]["run"] == "r0"
    assert found["summary"]["against"]["worse"] is True


# ---- JUnit


@given(NASTY)
@example("]]>")
@example("\ufffe")
def test_junit_is_xml_whatever_the_texts_are(text: str) -> None:
    out = made(report(nasty(text), title=text), "junit")
    assert safe.is_safe(out)
    root = ElementTree.fromstring(out)
    assert [suite.get("tests") for suite in root] == ["2", "2", "2"]
    assert [len(suite.findall("testcase")) for suite in root] == [2, 2, 2]
    again = root[0].find("system-out")
    assert again is not None
    assert json.loads(again.text or "")["again"]["cases"][0]["messages"][0]["content"] == text


def test_junit_counts_as_ci_reads_it() -> None:
    trials = [
        trial("A", "good"),
        trial("A", "bad", 0.0, checks=[check(score=0.0, reason='has no "42"')], text="the answer"),
        trial("A", "mixed", 1.0),
        trial("A", "mixed", 0.0, repeat=1),
        trial("A", "gone", None, finish="error", error="the worker died"),
        trial("A", "open", None),
    ]
    suite = ElementTree.fromstring(made(report(trials), "junit"))[0]
    counts = {name: suite.get(name) for name in ("name", "tests", "failures", "errors", "skipped")}
    assert counts == {"name": "A", "tests": "5", "failures": "2", "errors": "1", "skipped": "1"}
    by_name = {case.get("name"): case for case in suite.findall("testcase")}
    assert len(by_name["good"]) == 0
    failure = by_name["bad"].find("failure")
    assert failure is not None
    assert failure.get("message") == '1 of 1 trials failed: contains: has no "42"'
    assert "the answer" in (failure.text or "")
    assert (by_name["mixed"][0].get("message") or "").startswith("1 of 2 trials failed")
    assert by_name["gone"][0].tag == "error"
    assert by_name["open"][0].tag == "skipped"
    assert by_name["bad"].get("time") == "1.000"  # first token after 0.5 s, then 10 tokens at 20 a second


def test_junit_of_a_great_run_keeps_only_so_many_reasons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(junit, "ROOM", 100)
    trials = [trial("A", f"c{at}", 0.0, checks=[check(score=0.0, reason="no")]) for at in range(20)]
    cases = ElementTree.fromstring(made(report(trials), "junit"))[0].findall("testcase")
    texts = [case[0].text or "" for case in cases]
    assert 1 <= len([text for text in texts if text]) < 10
    assert all((case[0].get("message") or "").startswith("1 of 1 trials failed") for case in cases)


# ---- Markdown

_LIVE = re.compile(r"(?<!\\)[<`*_\[\]|~!#]|@|https?://|www\.")


@given(NASTY)
@example("[x](javascript:alert(1)) <img src=x> @someone #12 https://x.y www.x.y")
def test_nothing_in_a_markdown_cell_is_markup(text: str) -> None:
    out = markdown.escaped(text)
    assert "\n" not in out
    assert safe.is_safe(out)
    assert not _LIVE.search(re.sub(r"&#\d+;|\\\\", "…", out)), out


@given(NASTY)
def test_markdown_keeps_its_shape(text: str) -> None:
    def shape(text: str) -> list[str]:
        out = made(report(nasty(text), before=nasty(text), title=text or "x"), "markdown")
        lines = out.split("## To run it again")[0].split("\n")
        return [re.sub(r"^(#+ |\| |- |\|-|)(.*)", r"\1", line) for line in lines]

    assert shape(text) == shape("x")


def test_the_fence_of_markdown_is_longer_than_any_in_it() -> None:
    out = made(report([trial(messages=[{"role": "user", "content": "````"}])]), "markdown")
    fence = re.search(r"^(`{3,})json\n(.*?)\n\1$", out, re.MULTILINE | re.DOTALL)
    assert fence is not None
    assert json.loads(fence[2])["cases"][0]["messages"][0]["content"] == "````"


def test_markdown_fits_a_pull_request() -> None:
    trials = [trial("A", f"c{at}", 0.0, messages=[{"role": "user", "content": "x" * 300}]) for at in range(500)]
    out = made(report(trials), "markdown")
    assert len(out) < 65_536
    assert "The first 50 of 500" in out
    assert '"left_out": 500' in out


# ---- all of them


@pytest.mark.parametrize("format", formats.NAMES)
def test_each_carries_what_runs_it_again(format: str) -> None:
    source = 'schema = 1\nkind = "experiment"\n'
    trials = [trial("A"), trial("B", sampling={"temperature": 0.1, "seed": 3}, seed=3)]
    made_of: dict[str, Any] = {"source": source, "file": "/x/e.toml", "workbench": "0.1.0", "limit": 2, "limited": True}
    out = made(report(trials, **made_of), format)
    if format == "csv":  # a line each, for itself
        assert {row["version"] for row in rows_of(out)} == {"f" * 64}
        assert {row["seed"] for row in rows_of(out)} == {"1", "3"}
        return
    begin, end = {
        "html": ('<pre id="again">', "</pre>"),
        "markdown": ("```json", "```"),
        "jsonl": ('{"again": ', "\n"),
        "junit": ("<system-out>", "</system-out>"),
    }[format]
    text = out[out.index(begin) + (0 if format == "jsonl" else len(begin)) :]
    again = json.loads(unescape(text[: text.index(end)]))
    again = again.get("again", again)
    assert again["experiment"] == source
    assert again["command"] == "workbench run e.toml --limit 2"
    assert [each["sampling"]["temperature"] for each in again["variants"]] == [0.7, 0.1]
    assert [each["version"] for each in again["variants"]] == ["f" * 64] * 2
    assert again["variants"][0]["model"] == {"name": "tiny", "file": "tiny.gguf", "size": 1000, "sha256": None}
    assert again["cases"] == [{"case": "one", "messages": trials[0]["messages"], "seeds": [1, 3]}]
    assert again["made_with"] == {"workbench": "0.1.0"}
    assert again["left_out"] == 0


def test_evil_is_evil() -> None:
    assert not safe.is_safe(EVIL)
