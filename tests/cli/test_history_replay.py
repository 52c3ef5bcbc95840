"""`workbench history replay` on the starter model: strict trials never depart; where one does, it is said."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from workbench import paths
from workbench.cli.main import run

MESSAGE = "Name three rivers, and say where they are."


def call(*argv: str) -> int:
    return run(argv, app=lambda library: 77, keys=lambda form: 78)


def compared(capsys: pytest.CaptureFixture[str], *options: str) -> list[dict[str, Any]]:
    """Two trials run together, one of them with another context before it."""
    argv = ("--system", "system/plain", "--system", "Answer in one sentence.", "--set", "max_tokens=16", *options)
    assert call("compare", "--json", "--message", MESSAGE, "--context", "512", *argv) == 0
    trials: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["trials"]
    return trials


def replayed(capsys: pytest.CaptureFixture[str], trial: str, code: int = 0) -> dict[str, Any]:
    assert call("history", "replay", trial, "--json") == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize("dice", [(), ("--independent",)])
def test_strict_trials_never_depart(capsys: pytest.CaptureFixture[str], dice: tuple[str, ...]) -> None:
    for trial in compared(capsys, "--strict", "--set", "B.temperature=1.3", *dice):
        found = replayed(capsys, trial["id"])
        assert found["same"]
        assert found["departs"] is None
        assert found["text"] == trial["text"]
        assert found["tokens"] == trial["completion_tokens"]
        assert found["warnings"] == []
        assert found["mode"] == "strict"
        assert call("history", "show", found["trial"], "--json") == 0
        again = json.loads(capsys.readouterr().out)[0]
        assert again["replays"] == trial["id"]
        assert again["load"] == trial["load"]
        same = ("messages", "lead", "sampling", "seed", "prompt", "version", "coupled")
        stored = _stored(capsys, trial["id"])
        assert {key: again[key] for key in same} == {key: stored[key] for key in same}
    assert call("history", "list", "--json") == 0
    assert [each["kind"] for each in json.loads(capsys.readouterr().out)] == ["replay", "replay", "compare"]


def _stored(capsys: pytest.CaptureFixture[str], trial: str) -> dict[str, Any]:
    assert call("history", "show", trial, "--json") == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)[0]
    return found


def test_fast_trials_say_whether_they_depart(capsys: pytest.CaptureFixture[str]) -> None:
    trial = compared(capsys)[0]
    code = call("history", "replay", trial["id"], "--json")
    found = json.loads(capsys.readouterr().out)
    assert (code, found["departs"] is None) in ((0, True), (1, False))  # the batch was another: either may be
    assert found["same"] == (found["text"] == trial["text"])


def test_where_it_departs(capsys: pytest.CaptureFixture[str]) -> None:
    trial = compared(capsys, "--strict")[0]
    text = trial["text"]
    at = len(text) // 2
    other = text[:at] + "§" + text[at + 1 :]
    with sqlite3.connect(paths.data_dir() / "history.db") as db:
        db.execute("UPDATE trials SET text = ? WHERE id = ?", (other, trial["id"]))
        db.execute("UPDATE trials SET plan = json_set(plan, '$.model_size', 7) WHERE id = ?", (trial["id"],))
        db.execute("""UPDATE runs SET meta = '{"llama_cpp_python": "0.0.1"}'""")
        db.execute("UPDATE trials SET record = json_set(record, '$.load.flux', 1) WHERE id = ?", (trial["id"],))
    db.close()
    found = replayed(capsys, trial["id"], code=1)
    assert found["departs"]["character"] == at
    assert found["departs"]["was"].startswith("§")
    assert found["departs"]["now"].startswith(text[at])
    assert 1 <= found["departs"]["token"] <= trial["completion_tokens"]
    said = " ".join(found["warnings"])
    assert "it had 7" in said
    assert "0.0.1" in said
    assert "flux" in said
    assert call("history", "replay", trial["id"]) == 1
    captured = capsys.readouterr()
    assert captured.out.startswith(text)
    assert f"departs at token {found['departs']['token']}: ‘§" in captured.out
    assert "note: " in captured.err


def test_a_run_of_several_is_no_trial(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    from tests.history.made import add
    from workbench.history.store import Store

    store = Store(paths.ensure(paths.data_dir()) / "history.db")
    add(store, "aaaa", "x", "y")
    add(store, "bbbb", {"path": str(tmp_path / "gone.gguf"), "model": "no-such-model"})
    add(store, "cccc", "x", "y", running=["cccc-1"])
    store.close()
    for name, code, said in (
        ("aaaa", 4, "name one of its trials, such as aaaa-0"),
        ("zz", 4, "no run or trial zz"),
        ("bbbb", 4, "the model no-such-model is gone"),
        ("cccc-1", 2, "goes on"),
    ):
        assert call("history", "replay", name) == code
        assert said in capsys.readouterr().err
