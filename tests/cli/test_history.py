"""`workbench history list|show` on a history made by hand, with text that means harm."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from workbench import paths
from workbench.cli.main import run
from workbench.history.store import Store

EVIL = "\x1b]52;c;aGk=\x07 \x9b2J ‮"


def call(*argv: str) -> int:
    return run(argv, app=lambda library: 77, keys=lambda form: 78)


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store(paths.data_dir() / "history.db")
    for name in ("r1", "r2"):
        store.begin_run(name, "compare", {})
        rows: list[dict[str, Any]] = [
            {
                "id": f"{name}-{label}",
                "variant": label,
                "prompt": f"system/{EVIL}",
                "version": "f" * 64,
                "model": EVIL,
                "seed": 1,
                "mode": "fast",
                "lead": [{"role": "system", "content": f"be {EVIL}"}],
                "messages": [{"role": "user", "content": f"to {name}\n{EVIL}"}],
            }
            for label in "AB"
        ]
        store.begin_trials(name, rows)
        end = {"text": f"answer {name} {EVIL}", "finish": "error", "error": EVIL, "prompt_tokens": 7}
        store.finish(f"{name}-A", end).result()
    yield store
    store.close()


@pytest.mark.usefixtures("store")
def test_runs_are_listed_newest_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("history", "list", "--json") == 0
    runs = json.loads(capsys.readouterr().out)
    assert [(found["id"], found["trials"]) for found in runs] == [("r2", 2), ("r1", 2)]
    assert call("history", "list", "--limit", "1") == 0
    out = capsys.readouterr().out
    assert out.startswith("r2 ")
    assert out.count("\n") == 1
    assert call("history", "list", "--limit", "0") == 2


@pytest.mark.usefixtures("store")
def test_a_run_or_a_trial_is_shown_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("history", "show", "r1", "--json") == 0
    both = json.loads(capsys.readouterr().out)
    assert [trial["id"] for trial in both] == ["r1-A", "r1-B"]
    assert both[0]["text"] == f"answer r1 {EVIL}"  # JSON has it as it was
    assert both[1]["finish"] == "running"
    assert call("history", "show", "r2-A") == 0
    out = capsys.readouterr().out
    assert "answer r2" in out
    assert "r2-B" not in out


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("argv", [("list",), ("show", "r1"), ("list", "--json"), ("show", "r1", "--json")])
def test_no_control_code_gets_out(argv: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert call("history", *argv) == 0
    assert not set(capsys.readouterr().out) & set("\x1b\x07\x9b‮")


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(("id", "said"), [("r", "beginning of 2 runs"), ("nope", "no run or trial"), ("", "2 runs")])
def test_an_id_that_is_not_one(id: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("history", "show", id) == 4
    assert said in capsys.readouterr().err


def test_a_broken_history_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    path = paths.ensure(paths.data_dir()) / "history.db"
    path.write_bytes(b"no database" * 1000)
    assert call("history", "list") == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert str(path) in err
    assert path.read_bytes().startswith(b"no database")
