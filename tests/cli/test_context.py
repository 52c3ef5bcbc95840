"""`workbench context`, and what `compare` forgets: on the starter model, its shape, its words, its mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.cli.main import run

Capture = pytest.CaptureFixture[str]


def call(*argv: str) -> int:
    return run(list(argv), app=lambda library: 77, keys=lambda form: 78)


@pytest.fixture
def talk(tmp_path: Path) -> str:
    """A system text, and eight turns of about 30 tokens."""
    said: list[dict[str, object]] = [{"role": "system", "content": "You are a guide."}]
    for at in range(8):
        said.append({"role": "user", "content": f"What stands in room {at}, if I may ask?"})
        said.append({"role": "assistant", "content": [{"type": "text", "text": f"In room {at} stands a ship."}]})
    file = tmp_path / "talk.json"
    file.write_text(json.dumps({"messages": said}))
    return str(file)


def test_the_shape(talk: str, capsys: Capture) -> None:
    asked = ("context", "--messages", talk, "--message", "And now?", "--context", "256", "--answer", "64")
    assert call(*asked, "--over-full", "roll", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["context"], found["answer"], found["over_full"]) == (256, 64, "roll")
    assert found["fits"]
    assert found["over"]
    assert found["exact"]
    assert found["prompt_tokens"] <= 256 - 64 < found["whole_tokens"]
    parts = {part["name"]: part["tokens"] for part in found["parts"]}
    assert list(parts) == ["template", "system", "examples", "summary", "history", "message", "answer"]
    assert parts["answer"] == found["room"] == 64
    assert sum(parts.values()) + found["free"] == 256
    assert [each["part"] for each in found["messages"]] == ["system", *["history"] * 16, "message"]
    kept = [each["kept_from"] < len(each["text"]) for each in found["messages"]]
    assert kept[0]
    assert kept[1:] == sorted(kept[1:])
    assert not kept[1]
    assert (found["summary"], found["problem"]) == (None, None)


def test_what_a_person_reads(talk: str, capsys: Capture) -> None:
    asked = ("context", "--messages", talk, "--message", "And now?", "--context", "256", "--answer", "64")
    assert call(*asked, "--over-full", "drop-oldest") == 0
    out = capsys.readouterr().out
    assert "context 256 · longest answer 64 · over-full: drop-oldest" in out
    assert "▒ history" in out
    assert "messages forgotten\n" in out
    assert "‹What stands in room 0, if I may ask?›" in out
    assert "\nWhat stands in room 7, if I may ask?" in out
    assert call(*asked) == 0
    assert "--over-full says what is forgotten" in capsys.readouterr().out


def test_compare_forgets_and_the_history_has_it(talk: str, capsys: Capture) -> None:
    asked = ("compare", "--messages", talk, "--message", "And now?", "--context", "256", "--set", "max_tokens=3")
    assert call(*asked, "--over-full", "first-and-last", "--json") == 0
    captured = capsys.readouterr()
    assert "A first-and-last: " in captured.err
    trial = json.loads(captured.out)["trials"][0]
    window = trial["window"]
    assert trial["prompt_tokens"] == window["prompt_tokens"] <= window["budget"] == 253
    assert window["lost"][0]["text"] == "What stands in room 1, if I may ask?"
    assert call("history", "show", trial["id"]) == 0
    out = capsys.readouterr().out
    assert f"[first-and-last: {window['whole_tokens'] - window['prompt_tokens']} tok of" in out
    assert "[system]\nYou are a guide." in out
    assert "room 0" in out
    assert "[forgotten user]\n‹What stands in room 1, if I may ask?›" in out
    assert call(*asked) == 3  # refused
    assert "--over-full" in capsys.readouterr().out


def test_a_system_text_of_ones_own_takes_the_place_of_the_files(talk: str, capsys: Capture) -> None:
    assert call("context", "--messages", talk, "--system", "Be brief.", "--json") == 0
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert "its system message is left out" in captured.err
    assert [each["text"] for each in found["messages"] if each["role"] == "system"] == ["Be brief."]
    assert found["messages"][-1]["part"] == "message"


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (None, 4, "no such file"),
        ("{", 2, "no JSON"),
        ("[]", 2, "it has no messages"),
        ('[{"role": "tool", "content": "x"}]', 2, "message 1 has no role of ours"),
        ('[{"role": "user", "content": [{"type": "image"}]}]', 2, "message 1 has no text"),
        ('["x"]', 2, "message 1 has no role"),
    ],
)
def test_mistakes(tmp_path: Path, capsys: Capture, text: str | None, code: int, said: str) -> None:
    file = tmp_path / "x.json"
    if text is not None:
        file.write_text(text)
    assert call("context", "--messages", str(file), "--message", "x") == code
    assert said in capsys.readouterr().err


def test_nothing_to_look_at(capsys: Capture) -> None:
    assert call("context") == 2
    assert "nothing to look at" in capsys.readouterr().err
