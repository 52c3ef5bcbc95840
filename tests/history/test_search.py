"""Search over runs and trials: words, filters, the index kept true by itself, with FTS5 and without."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.history.made import add
from workbench.errors import UsageError
from workbench.history import index, keeping, notes
from workbench.history.search import Query, Searcher, parse, run_rows, trial_rows
from workbench.history.store import Store

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "h.db")
    yield made
    made.close()


def found(store: Store, line: str, *, fts: bool = True) -> list[tuple[str, int]]:
    return Searcher(store, fts=fts).runs(parse(line, NOW))


@pytest.mark.parametrize("fts", [True, False])
def test_words_are_found_wherever_they_stand(store: Store, fts: bool) -> None:
    add(store, "r1", "The capital is Paris.", {"text": "Lyon", "error": "out of memory", "finish": "error"})
    add(store, "r2", {"text": "번역된 한국어 문장", "model": "gemma-270m"}, {"text": "東京は大きい"})
    add(store, "r3", {"text": "résumé 100% of step-by-step", "prompt": "system/Expert"})
    notes.tag(store, "r1", ["for-review"])
    notes.note(store, "r3", "ask Kim about this")
    wanted = {
        "capital": [("r1", 1)],
        "CAP pari": [("r1", 1)],
        "capital lyon": [],  # not in one trial
        "memory": [("r1", 1)],
        "번역": [("r2", 1)],
        "東京": [("r2", 1)],
        "京東": [],
        "gemma": [("r2", 1)],
        "expert": [("r3", 1)],
        "step-by": [("r3", 1)],
        "100%": [("r3", 1)],
        "message": [("r3", 1), ("r2", 2), ("r1", 2)],
        "review": [("r1", 2)],  # by its tag: all of it
        "review paris": [("r1", 1)],
        "kim résumé": [("r3", 1)],
        '"': [("r3", 0), ("r2", 0), ("r1", 0)],
        'a"b*': [],
        "": [("r3", 0), ("r2", 0), ("r1", 0)],
    }
    assert {line: found(store, line, fts=fts) for line in wanted} == wanted


def test_accents_need_not_be_typed(store: Store) -> None:
    add(store, "r1", "résumé")
    assert found(store, "resume") == [("r1", 1)]


@pytest.mark.parametrize("fts", [True, False])
def test_filters(store: Store, fts: bool) -> None:
    add(store, "r1", {"prompt": "chat/x", "text": "one"}, {"finish": "length"}, created=NOW - timedelta(days=10))
    add(store, "r2", {"model": "a_b", "text": "one"}, kind="experiment", created=NOW - timedelta(hours=3))
    notes.tag(store, "r2", ["Kept", "a"])
    wanted = {
        "kind:exp": [("r2", 0)],
        "since:7d": [("r2", 0)],
        "since:2h": [],
        "since:2026-11-01 one": [("r2", 1), ("r1", 1)],
        "tag:kept": [("r2", 0)],
        "prompt:chat": [("r1", 1)],
        "finish:len": [("r1", 1)],
        "model:a_b": [("r2", 1)],
        "model:a%": [],
        "kind:experiment finish:stop one": [("r2", 1)],
        "finish:stop kind:comp": [("r1", 1)],
        "tag:": [("r2", 0), ("r1", 0)],  # not yet typed to its end
    }
    assert {line: found(store, line, fts=fts) for line in wanted} == wanted
    assert Searcher(store).trials("r1", parse("finish:length")) == ["r1-1"]
    assert Searcher(store).trials("r1", parse("kind:compare")) == ["r1-0", "r1-1"]


@pytest.mark.parametrize("value", ["yesterdy", "2026-13-01", "800000d", "7", "2026-1"])
def test_a_time_that_is_none_is_said(value: str) -> None:
    with pytest.raises(UsageError, match="since:"):
        parse(f"since:{value}")


def test_what_ended_since_is_found_and_what_was_deleted_is_not(store: Store) -> None:
    add(store, "r1", "alpha")
    assert found(store, "alpha") == [("r1", 1)]
    add(store, "r2", "alpha", "alpha", running=["r2-1"])
    assert found(store, "alpha") == [("r2", 1), ("r1", 1)]
    store.finish("r2-1", {"text": "alpha", "finish": "stop"}).result()
    assert found(store, "alpha") == [("r2", 2), ("r1", 1)]
    keeping.delete(store, "r1", {})
    assert found(store, "alpha") == [("r2", 2)]
    with sqlite3.connect(index.file_of(store)) as db:
        db.execute("INSERT INTO words (words) VALUES ('integrity-check')")  # raises when it is no more true
        assert db.execute("SELECT count(*) FROM words WHERE words MATCH 'alpha'").fetchone() == (2,)
    db.close()


def test_an_index_that_missed_a_deletion_or_is_broken_is_made_again(store: Store) -> None:
    add(store, "r1", "alpha")
    add(store, "r2", "alpha")
    assert len(found(store, "alpha")) == 2
    with sqlite3.connect(store.path) as db:
        db.execute("DELETE FROM trials WHERE run = 'r1'")
        db.execute("DELETE FROM runs WHERE id = 'r1'")
    db.close()
    assert found(store, "alpha") == [("r2", 1)]
    index.file_of(store).write_bytes(b"no database" * 1000)
    assert found(store, "alpha") == [("r2", 1)]
    index.remove(store)
    index.remove(store)
    told: list[tuple[int, int]] = []
    assert Searcher(store).runs(parse("alpha"), lambda done, of: told.append((done, of))) == [("r2", 1)]
    assert told == [(1, 1)]
    assert index.file_of(store).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("fts", [True, False])
def test_an_experiment_is_found_by_its_title(store: Store, fts: bool) -> None:
    add(store, "r1", "one", "two", kind="experiment", title="Does 100% politeness help?")
    add(store, "r2", "one")
    assert found(store, "politeness", fts=fts) == [("r1", 2)]
    assert found(store, "100% two", fts=fts) == [("r1", 1)]
    assert run_rows(store, ["r1"])[0]["meta"]["title"] == "Does 100% politeness help?"


def test_rows_say_what_a_run_was(store: Store) -> None:
    add(store, "r1", {"model": "a", "prompt": "p/1"}, {"model": "b", "prompt": "p/1"}, {"model": "a", "prompt": ""})
    notes.tag(store, "r1", ["z", "a"])
    notes.note(store, "r1", "why")
    rows = run_rows(store, ["gone", "r1"])
    assert len(rows) == 1
    wanted = {"id": "r1", "trials": 3, "models": ["a", "b"], "prompts": ["p/1"], "tags": ["a", "z"], "note": "why"}
    assert {key: rows[0][key] for key in wanted} == wanted
    assert rows[0]["message"] == "message of r1"
    assert [row["id"] for row in trial_rows(store, ["r1-2", "r1-0", "gone"])] == ["r1-2", "r1-0"]
    assert run_rows(store, []) == []


def test_what_asks_for_nothing_of_a_trial_needs_no_index(store: Store) -> None:
    add(store, "r1", "x")
    assert not parse("kind:compare since:today").on_trials
    assert found(store, "kind:compare") == [("r1", 0)]
    assert not index.file_of(store).exists()
    assert parse("a A  b") == Query(("a", "b"))
