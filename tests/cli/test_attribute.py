"""`workbench attribute`: the shape that programs rely on, a stored trial, and what a person reads."""

from __future__ import annotations

import json

import pytest

from workbench.cli.main import run

Capture = pytest.CaptureFixture[str]
SYSTEM = "The harbour of Quellstadt is turquoise. Ships come and go."
TYPED = ("--system", SYSTEM, "--message", "What colour is the harbour?")


def call(*argv: str) -> int:
    return run(list(argv), app=lambda library: 77, keys=lambda form: 78)


def test_the_shape(capsys: Capture) -> None:
    assert call("attribute", *TYPED, "--answer", "Turquoise.", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["by"] == "sentence"
    assert [unit["text"] for unit in found["units"]] == [
        "The harbour of Quellstadt is turquoise. ",
        "Ships come and go.",
    ]
    first, second = found["units"]
    assert (first["rank"], second["rank"]) == (1, 2)
    assert first["nats"] > second["nats"]
    assert first["spans"] == [{"message": 0, "start": 0, "end": 40}]
    assert first["tokens"] > 5
    assert first["per_token"] == pytest.approx(first["nats"] / len(found["answer"]["tokens"]))
    assert "".join(token["text"] for token in found["answer"]["tokens"]) == "Turquoise."


def test_a_stored_trial_by_message(capsys: Capture) -> None:
    assert call("compare", *TYPED, "--set", "max_tokens=6", "--json") == 0
    trial = json.loads(capsys.readouterr().out)["trials"][0]
    assert call("attribute", trial["id"], "--by", "message") == 0
    out = capsys.readouterr().out
    assert "system: The harbour" in out
    assert "costs" in out


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["nosuch"], 4, "no run or trial nosuch"),
        ([], 2, "name a TRIAL"),
        (["x", "--message", "y"], 2, "brings its prompt"),
        (["--message", "x", "--answer", ""], 2, "no answer"),
        (["--message", "x", "--answer", "y"], 2, "nothing to leave out"),
        (["--message", "x", "--answer", "y", "--var", "z"], 2, "NAME=VALUE"),
        (["--message", "x", "--answer", "y", "--system", "no/such"], 4, "no/such"),
    ],
)
def test_mistakes(capsys: Capture, argv: list[str], code: int, said: str) -> None:
    assert call("attribute", *argv) == code
    assert said in capsys.readouterr().err
