"""`workbench diverge` on the starter model: the shape that programs rely on, what a person reads, what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from workbench.cli.main import run

Capture = pytest.CaptureFixture[str]


def call(*argv: str) -> int:
    return run(argv, app=lambda library: 77, keys=lambda form: 78)


def compared(capsys: Capture, *options: str) -> list[dict[str, Any]]:
    """Two greedy strict trials, each with its own system text."""
    argv = ("--system", "You are helpful.", "--system", "Answer in one sentence.", "--strict", "--context", "512")
    greedy = ("--set", "max_tokens=16", "--set", "temperature=0", *options)
    assert call("compare", "--json", "--message", "Name three rivers, and where they are.", *argv, *greedy) == 0
    trials: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["trials"]
    return trials


def test_the_shape_and_the_page(capsys: Capture) -> None:
    one, two = compared(capsys)
    assert call("diverge", one["id"], two["id"], "--top", "5", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert not found["same"]
    assert not found["same_prompt"]
    assert found["same_model"]
    for side, trial in (("left", one), ("right", two)):
        reading = found[side]
        assert (reading["trial"], reading["name"], reading["text"]) == (trial["id"], trial["variant"], trial["text"])
        assert reading["completion_tokens"] == trial["completion_tokens"]
        assert not reading["retokenized"]
        said = "".join(token["text"] for token in reading["tokens"])
        assert said == trial["text"] + ("<|im_end|>" if reading["ended"] else "")
        assert reading["ended"] == (trial["finish"] == "stop")
        assert reading["logp"] == pytest.approx(sum(token["logprob"] for token in reading["tokens"]))
        assert all(len(token["top"]) == 5 and token["rank"] == 1 for token in reading["tokens"])
        at = found["parts"][side]
        before = "".join(token["text"] for token in reading["tokens"][:at])
        assert len(before) == found["parts"]["character"]
    left, right = (found[side]["tokens"][found["parts"][side]] for side in ("left", "right"))
    assert left["id"] != right["id"]
    assert found["parts"]["left_gave"] <= left["logprob"]
    assert found["parts"]["right_gave"] <= right["logprob"]
    assert call("diverge", one["id"], two["id"]) == 0
    page = capsys.readouterr().out
    assert f"they part at token {found['parts']['left'] + 1}: A took" in page
    assert page.count("◀ chosen, rank 1") == 2
    assert page.count("bits)") == 2


def test_another_number_of_tokens_is_said(capsys: Capture) -> None:
    import sqlite3

    from workbench import paths

    one, two = compared(capsys)
    with sqlite3.connect(paths.data_dir() / "history.db") as db:
        db.execute("UPDATE trials SET record = json_set(record, '$.completion_tokens', 99) WHERE id = ?", (one["id"],))
    db.close()
    assert call("diverge", one["id"], two["id"], "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["left"]["retokenized"], found["right"]["retokenized"]) == (True, False)
    assert call("diverge", one["id"], two["id"]) == 0
    assert "note: A: generated in 99 tokens" in capsys.readouterr().err


def test_what_is_wrong_is_said(capsys: Capture) -> None:
    one, _ = compared(capsys)
    for argv, code, says in (
        (("nosuch", one["id"]), 4, "nosuch"),
        ((one["id"], one["id"]), 2, "same trial"),
        ((one["id"], one["run"]), 4, "name one of its trials"),
        ((one["id"], one["id"], "--top", "0"), 2, "--top 0"),
    ):
        assert call("diverge", *argv) == code
        assert says in capsys.readouterr().err
