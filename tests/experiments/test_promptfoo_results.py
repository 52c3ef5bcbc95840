"""promptfoo's results: every version's trials, checks and scores; errors that name the key; whatever is in it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.experiments.results.made import EVIL
from workbench.cli.main import run
from workbench.errors import NotFoundError, UsageError
from workbench.experiments import importing, promptfoo_results
from workbench.experiments.reports import formats, opening
from workbench.experiments.results.results import Results
from workbench.history.store import Store

FILES = Path(__file__).parent / "promptfoo"


def loaded(version: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FILES / f"version-{version}.json").read_text())
    return found


def read(data: Any) -> list[dict[str, Any]]:
    return promptfoo_results.read(json.dumps(data).encode(), "f.json").trials


def told(trials: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(trial[name] for name in names) for trial in trials]


def test_version_3_by_its_indices() -> None:
    """Tests that were repeated are repeats of a case; the order is that of the plan, not of the endings."""
    found = promptfoo_results.read((FILES / "version-3.json").read_bytes(), "f.json")
    assert found.about == {
        "title": "Two greetings",
        "version": 3,
        "id": "eval-abc-2026-01-02T03:04:05",
        "evaluated": "2026-01-02T03:04:05.000Z",
        "promptfoo": "0.121.20",
    }
    assert told(found.trials, "variant", "case", "repeat", "finish", "passed", "score") == [
        ("A", "name=Ann", 0, "stop", True, 1),
        ("B", "name=Ann", 0, "length", True, 1),
        ("A", "name=Ann", 1, "stop", True, 1),
        ("B", "name=Ann", 1, "length", True, 1),
        ("A", "name=Bob", 0, "stop", False, 0.25),
        ("B", "name=Bob", 0, "length", False, 0.25),
        ("A", "name=Bob", 1, "error", None, None),
        ("B", "name=Bob", 1, "length", False, 0.25),
    ]
    first, failed, gone = found.trials[0], found.trials[5], found.trials[6]
    assert (first["prompt"], first["model"]) == ("Greet {{name}}.", "openai:chat:gpt-4o-mini")
    assert (failed["prompt"], failed["model"]) == ("chat.json", "mini")
    assert first["sampling"] == {"temperature": 0.2, "max_tokens": 10}
    assert first["seed"] == 7
    assert first["messages"] == [{"role": "user", "content": "Greet Ann."}]
    assert [each["role"] for each in failed["messages"]] == ["system", "user"]
    assert (first["prompt_tokens"], first["completion_tokens"], first["tokens_per_s"]) == (20, 10, 20.0)
    assert told(failed["checks"], "type", "passed", "score", "weight") == [
        ("contains", True, 1.0, 1.0),
        ("not-contains", False, 0, 3),
    ]
    assert failed["checks"][1]["reason"] == 'Expected output to not contain "away"'
    assert failed["error"] is None  # promptfoo says a failed assertion under `error` too
    assert (gone["error"], gone["text"], gone["checks"]) == ("API error: 500", "", [])


def test_version_2_by_prompt_and_provider() -> None:
    trials = read(loaded(2))
    assert told(trials, "variant", "model", "case", "text", "passed") == [
        ("A", "openai:gpt-4", "name=Ann", "Hello Ann", True),
        ("B", "ollama:llama3", "name=Ann", "Hi", False),
        ("A", "openai:gpt-4", "name=Bob", "Hello Bob", True),
        ("B", "ollama:llama3", "name=Bob", '{"say": "Hi Bob"}', True),
    ]
    assert trials[1]["finish"] == "stop"
    assert told(trials[1]["checks"], "type", "reason") == [("javascript", "too short")]
    assert trials[0]["tokens_per_s"] is None  # it was cached: the time says nothing


def test_version_1() -> None:
    trials = read(loaded(1))
    assert told(trials, "prompt", "case", "finish", "passed", "score") == [
        ("Greet {{name}}.", "name=Ann", "stop", None, None),
        ("Greet {{name}}.", "name=Bob", "stop", None, None),
        ("Greet {{name}}.", "name=Cid", "error", None, None),
        ("Greet {{name}}.", "name=Dee", "stop", False, 0.5),
    ]
    assert told(trials[3]["checks"], "type", "reason") == [("promptfoo", "rude")]
    assert read(loaded(1)["results"]) == trials  # before, the summary was the file


def test_json_lines() -> None:
    whole = loaded(3)
    lines = "\n".join(json.dumps(each) for each in whole["results"]["results"])
    trials = promptfoo_results.read(lines.encode(), "f.jsonl").trials
    assert [{**each, "sampling": 0, "seed": 0} for each in trials] == [
        {**each, "sampling": 0, "seed": 0} for each in read(whole)
    ]
    one = json.dumps(whole["results"]["results"][0])
    assert len(promptfoo_results.read(one.encode(), "f.jsonl").trials) == 1


def test_tests_of_the_same_variables_are_two_where_they_ask_for_other_things() -> None:
    whole = loaded(3)
    for each in whole["results"]["results"]:
        if each["testIdx"] == 1:
            each["testCase"]["assert"] = [{"type": "contains", "value": "other"}]
        if each["testIdx"] == 3:
            each["testCase"]["description"] = "the second\n of Bob"
    assert list(dict.fromkeys(trial["case"] for trial in read(whole))) == [
        *("name=Ann", "name=Ann (2)", "name=Bob", "the second of Bob")
    ]


def test_no_key_of_theirs_is_kept() -> None:
    found = promptfoo_results.read((FILES / "version-3.json").read_bytes(), "f.json")
    assert "sk-secret" not in repr(found)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (["results", "results", 2], 7, "f.json: results.results[2]: a table is wanted, found a number"),
        (["results", "results", 2, "latencyMs"], "5", "results.results[2].latencyMs: a number is wanted, found text"),
        (["results", "results", 2, "latencyMs"], 10**400, "results.results[2].latencyMs: no such number can be"),
        (["results", "results", 0, "prompt", "raw"], [], ".prompt.raw: text is wanted, found a list"),
        (["results", "results", 0, "provider", "id"], 1, ".provider.id: text is wanted, found a number"),
        (["results", "results", 0, "response"], "x", ".response: a table is wanted, found text"),
        (["results", "results", 0, "success"], "yes", ".success: true or false is wanted, found text"),
        (["results", "results", 0, "testCase", "vars"], [1], ".testCase.vars: a table is wanted, found a list"),
        (
            ["results", "results", 0, "gradingResult", "componentResults", 1, "pass"],
            1,
            ".gradingResult.componentResults[1].pass: true or false is wanted, found a number",
        ),
        (
            ["results", "results", 0, "gradingResult", "componentResults", 1],
            "x",
            ".gradingResult.componentResults[1]: a table is wanted, found text",
        ),
        (
            ["results", "results", 0, "gradingResult", "componentResults", 0, "assertion", "type"],
            {},
            ".gradingResult.componentResults[0].assertion.type: text is wanted, found a table",
        ),
        (["results", "results"], [], "f.json: results.results: there are no results in it"),
        (["results"], 5, "f.json: there is no results.results in it"),
    ],
)
def test_an_error_names_its_key(path: list[Any], value: Any, said: str) -> None:
    whole = loaded(3)
    place = whole
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(UsageError) as caught:
        read(whole)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "f.json:1: broken JSON"),
        (b'{\n"results": {', "f.json:2: broken JSON"),
        (b"\xff", "byte 0 is no UTF-8"),
        (b"[" * 100_000, "broken JSON"),
        (b"[]", "there is no results.results in it"),
        (b"{}\n{}", "line[0]"),
    ],
)
def test_what_is_none_of_its_files(data: bytes, said: str) -> None:
    if data == b"{}\n{}":  # lines, each without anything: trials that say nothing, but no crash
        assert len(promptfoo_results.read(data, "f.json").trials) == 2
        return
    with pytest.raises(UsageError, match=said.replace("[", r"\[")):
        promptfoo_results.read(data, "f.json")


ANY = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5) | st.just(EVIL),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.data())
def test_whatever_stands_at_a_key_it_is_read_or_told_in_a_line(data: st.DataObject) -> None:
    whole = loaded(data.draw(st.sampled_from([1, 2, 3])))
    place = data.draw(st.sampled_from(whole["results"]["results"]))
    while isinstance(place, dict | list) and place:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or data.draw(st.booleans()):
            place[key] = data.draw(ANY)
            break
        place = place[key]
    try:
        trials = read(whole)
    except UsageError as error:
        assert error.where.startswith("f.json: results.results")  # noqa: PT017 -- one of two ends
    else:
        assert len(trials) == len(whole["results"]["results"])
        assert len(Results.of(trials)) == len(trials)


# ---- into the history


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "history.db")) as made:
        yield made


@pytest.mark.parametrize("version", [1, 2, 3])
def test_it_shows_like_a_run_of_our_own(store: Store, version: int) -> None:
    taken = importing.promptfoo(store, FILES / f"version-{version}.json")
    trials = read(loaded(version))
    assert not taken.known
    assert taken.trials == len(trials)
    stored = Results.of_run(store, taken.run)
    direct = Results.of(trials)
    assert stored.summary()["summary"]["variants"] == direct.summary()["summary"]["variants"]
    assert stored.summary()["summary"]["pairs"] == direct.summary()["summary"]["pairs"]
    assert told(store.trials(taken.run), "text", "messages") == told(trials, "text", "messages")
    for format in formats.NAMES:
        assert "".join(formats.lines(opening.of_run(store, taken.run), format))
    again = opening.of_run(store, taken.run).again
    assert again["imported"]["file"] == f"version-{version}.json"
    assert again["command"] == again["replay"] == ""


def test_a_file_is_taken_in_once(store: Store) -> None:
    first = importing.promptfoo(store, FILES / "version-3.json")
    again = importing.promptfoo(store, FILES / "version-3.json")
    assert again.known
    assert again.run == first.run
    assert len(store.runs()) == 1
    with pytest.raises(NotFoundError, match="there is no such file"):
        importing.promptfoo(store, FILES / "none.json")


def test_nasty_texts_are_kept_whole(store: Store, tmp_path: Path) -> None:
    whole = copy.deepcopy(loaded(3))
    for each in whole["results"]["results"]:
        each["testCase"]["vars"] = each["vars"] = {"name": EVIL}
        each["prompt"] = {"raw": EVIL, "label": EVIL}
        if "output" in each["response"]:
            each["response"]["output"] = EVIL
    path = tmp_path / "evil.json"
    path.write_text(json.dumps(whole))
    taken = importing.promptfoo(store, path)
    assert store.trials(taken.run)[0]["text"] == EVIL.replace("\ud800", "?")
    assert "".join(formats.lines(opening.of_run(store, taken.run), "html")).encode()


def test_through_the_front_door(capsys: pytest.CaptureFixture[str]) -> None:
    def call(*argv: object) -> int:
        return run([str(each) for each in argv], app=lambda library: 77, keys=lambda form: 78)

    assert call("history", "import", FILES / "version-3.json") == 0
    id = capsys.readouterr().out.strip()
    assert call("history", "import", FILES / "version-3.json", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"run": id, "trials": 8, "variants": 2, "cases": 2, "known": True}
    assert call("report", id) == 0
    assert "Two greetings" in capsys.readouterr().out
    assert call("history", "show", id) == 0
    assert "Hello Ann!" in capsys.readouterr().out
    assert call("check", id) == 2
    assert "is of no experiment file" in capsys.readouterr().err
    assert call("history", "replay", f"{id}-000000") in (2, 4)
    err = capsys.readouterr().err
    assert err.startswith("workbench: ")
    assert err.count("\n") == 1
    assert call("history", "import", FILES / "none.json") == 4
