"""`workbench prompts profiles|profile|schema`, `show --rendered`, `compare --profile`: through the front door."""

from __future__ import annotations

import io
import json
from contextlib import closing
from typing import Any

import pytest

from workbench import paths, safe
from workbench.cli.main import run
from workbench.errors import Exit
from workbench.history.store import Store
from workbench.library import profiles
from workbench.library.jsonschema import schema

Capture = pytest.CaptureFixture[str]


def call(*argv: str) -> int:
    return run(argv, app=lambda library: 77, keys=lambda form: 78)


def data(capsys: Capture) -> Any:
    return json.loads(capsys.readouterr().out)


def write(name: str, about: str, answer: str, capsys: Capture) -> str:
    """Make a profile; returns its label."""
    assert call("prompts", "profile", name, "--about", about, "--answer", answer, "--json") == Exit.OK
    return f"{name}@{data(capsys)['version'][:8]}"


def test_a_profile_is_written_shown_and_listed(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call("prompts", "profiles", "--json") == Exit.OK
    assert data(capsys) == []
    assert call("prompts", "profile", "me") == Exit.NOT_FOUND
    assert "--about TEXT" in capsys.readouterr().err
    label = write("me", "I teach {{maths}}.", "Briefly.", capsys)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"At length.\n")))
    assert call("prompts", "profile", "me", "--answer", "-", "--title", "The teacher") == Exit.OK
    out, err = capsys.readouterr()
    assert "I teach {{maths}}." in out
    assert "At length." in out
    assert "saved me@" in err
    assert label not in err
    assert call("prompts", "profile", "me", "--json") == Exit.OK
    found = data(capsys)
    assert (found["name"], found["title"], found["how_to_answer"]) == ("me", "The teacher", "At length.\n")
    assert call("prompts", "profiles") == Exit.OK
    assert "The teacher" in capsys.readouterr().out
    assert call("prompts", "profile", "x", "--about", "-", "--answer", "-") == Exit.USAGE
    assert call("prompts", "profile", "a/b", "--about", "x") == Exit.USAGE
    assert call("prompts", "profile", "empty", "--title", "x") == Exit.USAGE


def test_bad_files_are_rows_and_nothing_a_terminal_obeys_is_printed(capsys: Capture) -> None:
    profiles.folder().mkdir(parents=True)
    (profiles.folder() / "bad.toml").write_text('about_me = "x\n')
    (profiles.folder() / "evil\x1b[2J.toml").write_text('about_me = "x"')
    (profiles.folder() / "odd.toml").write_text('title = "\\u001b[2J"\nabout_me = "\\u009b2J"')
    for argv in (["profiles"], ["profiles", "--json"], ["profile", "odd"], ["profile", "bad"], ["profile", "\x1b[2J"]):
        call("prompts", *argv)
        out, err = capsys.readouterr()
        assert safe.is_safe(out + err), argv
    call("prompts", "profiles", "--json")
    rows = {row["name"]: row for row in data(capsys)}
    assert "bad.toml:1" in rows["bad"]["error"]
    assert rows["odd"]["error"] is None


def test_a_rendered_prompt_is_whole(capsys: Capture) -> None:
    label = write("me", "I teach {{maths}}.", "Briefly.", capsys)
    assert call("prompts", "show", "system/plain", "--profile", "me", "--rendered") == Exit.OK
    out, err = capsys.readouterr()
    assert label in err
    assert out == (
        "── system\nYou are a helpful assistant.\n\nAbout the person you talk with:\nI teach {{maths}}.\n\n"
        "How to answer:\nBriefly.\n"
    )
    assert call("prompts", "show", "system/concise", "--rendered", "--var", "words=7", "--json") == Exit.OK
    found = data(capsys)
    assert found["profile"] is None
    assert "at most 7 words" in found["messages"][0]["content"]
    assert call("prompts", "show", "chat/interview", "--profile", "me", "--json") == Exit.OK
    found = data(capsys)
    assert [message["role"] for message in found["messages"]].count("system") == 1
    assert found["profile"] == label
    assert call("prompts", "show", "system/plain", "--profile", "you") == Exit.NOT_FOUND
    assert call("prompts", "show", "system/plain", "--var", "words") == Exit.USAGE


def test_the_schema_is_printed(capsys: Capture) -> None:
    assert call("prompts", "schema") == Exit.OK
    assert data(capsys) == json.loads(json.dumps(schema()))


# ---- compare


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_DOUBLE", "tokens=5")


SYSTEMS = ["--system", "system/plain", "--system", "", "--system", "Be terse.", "--message", "Hi"]


def leads(capsys: Capture, run_id: str) -> dict[str, list[dict[str, str]]]:
    assert call("history", "show", run_id, "--json") == Exit.OK
    return {trial["variant"]: trial["lead"] for trial in data(capsys)}


@pytest.mark.usefixtures("double")
def test_compare_feeds_it_and_the_history_knows_it(capsys: Capture) -> None:
    label = write("me", "I teach {{maths}}.", "Briefly.", capsys)
    other = write("you", "", "Slowly.", capsys)
    assert call("compare", *SYSTEMS, "--profile", "me", "--profile", "C=you", "--json") == Exit.OK
    out = data(capsys)
    assert [trial["profile"] for trial in out["trials"]] == [label, label, other]
    found = leads(capsys, out["run"])
    assert [len(lead) for lead in found.values()] == [1, 1, 1]
    both = "About the person you talk with:\nI teach {{maths}}.\n\nHow to answer:\nBriefly."
    assert found["A"][0] == {"role": "system", "content": f"You are a helpful assistant.\n\n{both}"}
    assert found["B"][0]["content"] == both
    assert found["C"][0]["content"] == "Be terse.\n\nHow to answer:\nSlowly."
    profile = profiles.find("me")
    with closing(Store(paths.data_dir() / "history.db")) as store:
        assert store.version(profile.version) == profile.path.read_bytes()
        assert store.version(out["trials"][0]["version"])
        assert [trial["profile"] for trial in store.trials(out["run"])] == [label, label, other]


@pytest.mark.usefixtures("double")
def test_compare_with_and_without(capsys: Capture) -> None:
    label = write("me", "I teach.", "", capsys)
    assert call("compare", *SYSTEMS, "--profile", "me", "--profile", "B=", "--profile", "C=") == Exit.OK
    assert capsys.readouterr().out.count("+me") == 1
    assert call("history", "list", "--json") == Exit.OK
    run_id = data(capsys)[0]["id"]
    assert call("history", "show", run_id) == Exit.OK
    shown = capsys.readouterr().out
    assert shown.count(f" + {label}") == 1
    assert call("compare", *SYSTEMS, "--json") == Exit.OK
    assert [trial["profile"] for trial in data(capsys)["trials"]] == [None] * 3


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["--profile", "nobody"], Exit.NOT_FOUND, "there is no profile"),
        (["--profile", "Z=me"], Exit.USAGE, "there is no variant Z"),
        (["--profile", "A=nobody"], Exit.NOT_FOUND, "there is no profile"),
    ],
)
def test_what_is_wrong_is_one_line(argv: list[str], code: int, said: str, capsys: Capture) -> None:
    write("me", "x", "", capsys)
    assert call("compare", *SYSTEMS, *argv) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1
