"""`workbench prompts profiles|profile|schema`, `show --rendered`, `compare --profile`: through the front door."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from workbench import safe
from workbench.cli.main import run
from workbench.errors import Exit
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
    monkeypatch.setattr("sys.stdin", io.StringIO("At length.\n"))
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
