"""The history: durable ends, text kept when the process dies, other processes, a disk that is full."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import StorageError
from workbench.history.store import NullStore, Store, open_store


def row(trial: str, **more: object) -> dict[str, object]:
    return {
        "id": trial,
        "variant": "A",
        "model": "m",
        "seed": 1,
        "messages": [{"role": "user", "content": "hi"}],
        **more,
    }


def record(text: str, finish: str = "stop") -> dict[str, object]:
    return {"text": text, "finish": finish, "completion_tokens": 3, "prompt_tokens": 9, "variant": "A"}


def wait_for(look: Callable[[], Any], seconds: float = 20) -> Any:
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)
    return found


def test_a_trial_from_start_to_end(tmp_path: Path) -> None:
    store = Store(tmp_path / "sub" / "h.db")
    store.begin_run("r1", "compare", {"a": 1})
    store.begin_trials("r1", [row("r1-A"), row("r1-B", prompt="system/plain", version="abc")])
    assert [trial["finish"] for trial in store.trials("r1")] == ["running", "running"]
    store.finish("r1-B", record("done")).result()
    second = store.trial("r1-B")
    assert second is not None
    assert (second["text"], second["finish"], second["prompt"], second["completion_tokens"]) == (
        "done",
        "stop",
        "system/plain",
        3,
    )
    assert store.runs()[0]["trials"] == 2
    assert store.runs()[0]["message"] == "hi"
    assert store.trial("r1") is None  # two begin so
    store.close()
    store.close()
    assert (tmp_path / "sub").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "sub" / "h.db").stat().st_mode & 0o777 == 0o600


def test_text_is_there_before_the_end(tmp_path: Path) -> None:
    store = Store(tmp_path / "h.db")
    store.begin_run("r", "compare", {})
    store.begin_trials("r", [row("r-A")])
    store.append("r-A", "Hel")
    store.append("r-A", "lo")
    wait_for(lambda: store.trials("r")[0]["text"] == "Hello")
    store.append("r-A", " world")
    wait_for(lambda: store.trials("r")[0]["text"] == "Hello world")
    store.close()


def test_versions_keep_their_bytes(tmp_path: Path) -> None:
    store = Store(tmp_path / "h.db")
    store.remember_version("v", b"one").result()
    store.remember_version("v", b"two").result()
    assert store.version("v") == b"one"
    assert store.version("w") is None
    store.close()


CHILD = """
import sys, time
from pathlib import Path
from workbench.history.store import Store
store = Store(Path(sys.argv[1]))
store.begin_run("r", "compare", {})
store.begin_trials("r", [{"id": "r-A"}, {"id": "r-B"}])
store.finish("r-A", {"text": "whole", "finish": "stop"}).result()
store.append("r-B", "half an ans")
while True:
    time.sleep(1)
"""


def test_kill_9_keeps_the_finished_and_marks_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(path)])
    try:

        def written() -> bool:
            if not path.exists():
                return False
            try:
                with sqlite3.connect(path) as db:
                    return ("half an ans",) in db.execute("SELECT text FROM trials").fetchall()
            except sqlite3.Error:
                return False

        wait_for(written)
        other = Store(path)  # while it lives, its trials are its own
        assert [trial["finish"] for trial in other.trials("r")] == ["stop", "running"]
        other.close()
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    store = Store(path)
    found = {trial["id"]: (trial["finish"], trial["text"]) for trial in store.trials("r")}
    assert found == {"r-A": ("stop", "whole"), "r-B": ("interrupted", "half an ans")}
    store.close()


def test_two_processes_write_beside_each_other(tmp_path: Path) -> None:
    one, two = Store(tmp_path / "h.db"), Store(tmp_path / "h.db")
    for number in range(20):
        for name, store in (("a", one), ("b", two)):
            store.begin_run(f"{name}{number}", "compare", {})
            store.begin_trials(f"{name}{number}", [row(f"{name}{number}-A")])
            store.finish(f"{name}{number}-A", record("x")).result()
    assert len(one.trials()) == 40
    one.close()
    two.close()


def test_a_full_disk_is_said_and_nothing_before_is_lost(tmp_path: Path) -> None:
    store = Store(tmp_path / "h.db")
    store.begin_run("r", "compare", {})
    store.begin_trials("r", [row("r-A"), row("r-B")])
    store.finish("r-A", record("kept")).result()
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages + 1}")
    with pytest.raises(StorageError, match="free some space"):
        store.finish("r-B", record("x" * 1_000_000)).result()
    assert {trial["text"] for trial in store.trials("r")} == {"kept", ""}
    store.close()


@pytest.mark.parametrize("broken", ["garbage", "folder", "newer"])
def test_a_history_that_cannot_be_opened_is_said_and_left_alone(tmp_path: Path, broken: str) -> None:
    path = tmp_path / "h.db"
    if broken == "garbage":
        path.write_bytes(b"this is no database at all" * 100)
    elif broken == "folder":
        path.mkdir()
    else:
        Store(path).close()
        with sqlite3.connect(path) as db:
            db.execute("INSERT INTO migrations VALUES ('9999_future', '')")
    store, problem = open_store(path)
    assert isinstance(store, NullStore)
    assert str(path) in problem
    assert "\n" not in problem
    store.begin_run("r", "compare", {})
    store.finish("r-A", record("x")).result()
    assert store.runs() == []
    store.close()


def test_after_close_a_finish_says_so(tmp_path: Path) -> None:
    store = Store(tmp_path / "h.db")
    store.close()
    with pytest.raises(StorageError, match="closed"):
        store.finish("r-A", record("x")).result()


def test_a_text_that_cannot_be_written_yet_is_written_later_without_a_hole(tmp_path: Path) -> None:
    store = Store(tmp_path / "h.db")
    store.begin_run("r", "compare", {})
    store.begin_trials("r", [row("r-A")])
    store._connection.execute("PRAGMA busy_timeout = 1")
    other = sqlite3.connect(tmp_path / "h.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store.append("r-A", "one ")
    with pytest.raises(StorageError, match="locked"):
        store.remember_version("v", b"").result()  # the writer has had its turn at the text, in vain
    store.append("r-A", "two")
    assert store.trials("r")[0]["text"] == ""
    other.execute("ROLLBACK")
    other.close()
    wait_for(lambda: store.trials("r")[0]["text"] == "one two")
    store.close()


def test_text_that_is_no_unicode_stops_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "h.db")
    store.begin_run("r", "compare", {"argument": "\udcff"})
    store.begin_trials("r", [row("r-A", messages=[{"role": "user", "content": "\udcff한"}]), row("r-B")])
    store.append("r-A", "\udcff")
    wait_for(lambda: store.trials("r")[0]["text"] == "?")
    store.finish("r-A", record("a\udcffb\0c")).result()
    with pytest.raises(StorageError, match="no trial"):
        store.finish("never", record("x")).result()
    store.finish("r-B", record("the writer lives")).result()
    assert [trial["text"] for trial in store.trials("r")] == ["a?b\0c", "the writer lives"]
    assert store.runs()[0]["message"] == "?한"
    store.close()


def test_runs_go_on_from_the_last_one_seen(tmp_path: Path) -> None:
    store = Store(tmp_path / "h.db")
    for number in range(5):
        store.begin_run(f"r{number}", "compare", {})
        store.begin_trials(f"r{number}", [row(f"r{number}-A"), row(f"r{number}-B")])
    first = store.runs(2)
    assert [run["id"] for run in first] == ["r4", "r3"]
    assert [run["id"] for run in store.runs(9, before=first[-1]["id"])] == ["r2", "r1", "r0"]
    assert [trial["id"] for trial in store.trials(limit=3)] == ["r4-A", "r4-B", "r3-A"]
    assert store.trial("r3-A") is not None
    assert store.trial("r4-A-not") is None
    assert store.trial("%") is None
    assert store.trial("\udcff") is None
    store.close()


def test_what_a_trial_was_made_of_comes_back_whole(tmp_path: Path) -> None:
    model = tmp_path / "m.gguf"
    model.write_bytes(b"model")
    store = Store(tmp_path / "h.db")
    plan = row(
        "r-A",
        lead=[{"role": "system", "content": "be brief"}],
        sampling={"logit_bias": {"3": -1.5}},
        mode="strict",
        path=str(model),
    )
    store.begin_run("r", "compare", {"why": "test"})
    store.begin_trials("r", [plan])
    store.finish("r-A", record("x")).result()
    found = store.trial("r-A")
    assert found is not None
    assert {key: found[key] for key in plan} == plan
    assert found["model_size"] == 5
    assert store.runs()[0]["meta"].keys() == {"workbench", "llama_cpp_python", "why"}
    store.close()


@pytest.mark.parametrize("refuses", ["fails", "says no"])
def test_a_file_system_without_shared_memory_gets_a_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refuses: str
) -> None:
    class Network(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            if "WAL" in sql:
                if refuses == "fails":
                    raise sqlite3.OperationalError("locking protocol")
                return super().execute("SELECT 'delete'")
            return super().execute(sql, *values)

    plain = sqlite3.connect
    monkeypatch.setattr("sqlite3.connect", lambda *given, **named: plain(*given, **named, factory=Network))
    store = Store(tmp_path / "h.db")
    store.begin_run("r", "compare", {})
    store.begin_trials("r", [row("r-A")])
    store.finish("r-A", record("kept")).result()
    assert store.trials()[0]["text"] == "kept"
    assert store._connection.execute("PRAGMA journal_mode").fetchone()[0] == "delete"
    store.close()
