"""Deleting and pruning: nothing goes that a label, a pin, a vote or a person points at; a crash leaves it whole."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.history.made import add, all_ids
from workbench.errors import NotFoundError, UsageError
from workbench.history import disk, keeping, notes
from workbench.history.store import NullStore, Store

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
OPINIONS = "CREATE TABLE opinions (id INTEGER PRIMARY KEY, left TEXT, right TEXT, winner TEXT, detail TEXT)"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "h.db")
    yield made
    made.close()


def other_table(store: Store, *rows: tuple[str, str, str]) -> None:
    with sqlite3.connect(store.path) as db:
        db.execute(OPINIONS)
        db.executemany("INSERT INTO opinions (left, right, detail) VALUES (?, ?, ?)", rows)
    db.close()


def test_a_run_goes_with_all_that_is_said_of_it(store: Store) -> None:
    add(store, "aaaa", "x", "y")
    add(store, "bbbb", "x")
    notes.tag(store, "aaaa", ["one", "two"])
    notes.note(store, "aaaa", "words")
    assert keeping.delete(store, "aaaa", {}).trials == 2
    assert all_ids(store.path) == ({"bbbb"}, {"bbbb-0"})
    assert store.read("SELECT * FROM tags") == store.read("SELECT * FROM notes") == []
    with pytest.raises(NotFoundError):
        keeping.delete(store, "aaaa", {})


def test_what_points_at_a_run_is_said_first(store: Store) -> None:
    add(store, "aaaa", {"version": "v1"}, {"version": "v2"})
    notes.pin(store, "aaaa", "report.html")
    notes.pin(store, "aaaa", "report.html")
    notes.tag(store, "aaaa", ["kept"])
    labelled = {"v2": "production of system/plain", "v3": "other"}
    says = ("report.html", "it is to be kept", "label production of system/plain")
    assert keeping.pointers(store, "aaaa", labelled).says == says
    with pytest.raises(UsageError, match=r"production of system/plain.*--force"):
        keeping.delete(store, "aaaa", labelled)
    assert keeping.delete(store, "aaaa", labelled, even=True).trials == 2
    assert store.read("SELECT * FROM pins") == []


def test_trials_with_opinions_stay_even_so(store: Store) -> None:
    add(store, "aaaa", "x", "y", "z")
    other_table(store, ("aaaa-0", "aaaa-2", ""), ("aaaa-0", "bbbb-1", ""))
    found = keeping.pointers(store, "aaaa", {})
    assert found.says == ("2 opinions",)
    assert found.held == {"aaaa-0", "aaaa-2"}
    with pytest.raises(UsageError, match="2 opinions"):
        keeping.delete(store, "aaaa", {})
    assert keeping.delete(store, "aaaa", {}, even=True) == keeping.Deleted(1, kept=2)
    assert all_ids(store.path) == ({"aaaa"}, {"aaaa-0", "aaaa-2"})


def test_a_table_that_names_the_run_within_a_text_keeps_it_whole(store: Store) -> None:
    add(store, "aaaa", "x")
    other_table(store, ("", "", '{"trials": ["aaaa-0"]}'))
    with pytest.raises(UsageError, match="aaaa stays: 1 opinion"):
        keeping.delete(store, "aaaa", {}, even=True)


def test_a_run_that_goes_on_is_not_deleted(store: Store) -> None:
    add(store, "aaaa", "x", "y", running=["aaaa-1"], created=NOW - timedelta(days=50))
    with pytest.raises(UsageError, match="goes on"):
        keeping.delete(store, "aaaa", {}, even=True)
    assert keeping.prune(store, {}, keep_days=1, now=NOW).runs == []


def test_days_take_the_old_ones_and_bytes_the_oldest(store: Store) -> None:
    for age in (40, 30, 20, 10, 0):
        add(store, f"run{age:02}", "word " * 20_000, created=NOW - timedelta(days=age))
    assert keeping.prune(store, {}, now=NOW).runs == []
    assert keeping.prune(store, {}, keep_days=25, now=NOW, dry=True).runs == ["run40", "run30"]
    assert len(all_ids(store.path)[0]) == 5
    assert keeping.prune(store, {}, keep_days=35, now=NOW).runs == ["run40"]
    room = store.change(disk.used).result()
    assert keeping.prune(store, {}, keep_bytes=room - 50_000, now=NOW, dry=True).runs == ["run30"]
    assert keeping.prune(store, {}, keep_bytes=room - 50_000, now=NOW).runs == ["run30"]
    assert keeping.prune(store, {}, keep_bytes=1, now=NOW).runs == ["run20", "run10"]  # what ran today stays
    before = disk.file_bytes(store)
    assert disk.shrink(store) > 300_000
    assert disk.file_bytes(store) < before - 300_000
    assert disk.free_bytes(store) == 0


def test_a_file_from_before_gives_its_pages_back_by_a_copy(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE first (x)")  # a file with pages has made up its mind
    db.execute("DROP TABLE first")
    db.close()
    store = Store(path)
    assert store.read("SELECT auto_vacuum AS mode FROM pragma_auto_vacuum") == [{"mode": 0}]
    add(store, "aaaa", "word " * 50_000)
    keeping.delete(store, "aaaa", {})
    assert disk.shrink(store) < 100_000 or disk.free_bytes(store) > 0
    disk.shrink(store, whole=True)
    assert disk.free_bytes(store) == 0
    assert store.read("SELECT auto_vacuum AS mode FROM pragma_auto_vacuum") == [{"mode": 2}]
    store.close()


RUN = st.fixed_dictionaries(
    {
        "age": st.integers(0, 60),
        "versions": st.lists(st.sampled_from(["v1", "v2", "v3", "", None]), max_size=3),
        "pinned": st.booleans(),
        "tags": st.lists(st.sampled_from(["kept", "Kept", "keep", "x"]), max_size=2),
        "note": st.sampled_from(["", "to be kept!", "keptish", "x"]),
        "voted": st.booleans(),
    }
)


@settings(max_examples=40)
@given(
    runs=st.lists(RUN, max_size=8),
    labelled=st.sets(st.sampled_from(["v1", "v2", "v3", "v9"])),
    keep_days=st.integers(0, 40),
    keep_bytes=st.sampled_from([0, 1, 150_000, 10**9]),
)
def test_what_anything_points_at_is_never_pruned(
    runs: list[dict[str, object]], labelled: set[str], keep_days: int, keep_bytes: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "h.db")
        spared, votes, ages = set(), [], {}
        for number, run in enumerate(runs):
            id, versions, age = f"run{number:04}", run["versions"], run["age"]
            assert isinstance(versions, list)
            assert isinstance(age, int)
            ids = add(store, id, *({"version": each} for each in versions), created=NOW - timedelta(days=age))
            ages[id] = age
            tags, note = run["tags"], run["note"]
            assert isinstance(tags, list)
            notes.tag(store, id, tags)
            notes.note(store, id, str(note))
            if run["pinned"]:
                notes.pin(store, id, "report")
            if run["voted"] and ids:
                votes.append((ids[0], "", ""))
            pointed = run["pinned"] or (run["voted"] and ids) or {"kept", "Kept"} & set(tags)
            if pointed or note == "to be kept!" or labelled & set(versions):
                spared.add(id)
        other_table(store, *votes)
        before = all_ids(store.path)
        names = dict.fromkeys(labelled, "label")
        made = keeping.prune(store, names, keep_days=keep_days, keep_bytes=keep_bytes, now=NOW)
        after = all_ids(store.path)
        gone = before[0] - after[0]
        assert gone == set(made.runs)
        assert not gone & spared
        assert all(ages[id] >= 1 for id in gone)
        assert before[1] - after[1] == {id for id in before[1] if id.rpartition("-")[0] in gone}
        if not keep_bytes:
            assert gone == {id for id, age in ages.items() if age > keep_days > 0 and age > 1} - spared
        elif not keep_days:
            order = sorted((id for id in ages if id not in spared), key=lambda id: (-ages[id], id))
            assert made.runs == order[: len(gone)]  # the oldest first
        store.close()


CHILD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from workbench.history import keeping
from workbench.history.store import Store
store = Store(Path(sys.argv[1]))
print("ready", flush=True)
keeping.prune(store, {}, keep_days=1, now=datetime(2027, 1, 1, tzinfo=UTC))
print("done", flush=True)
"""


def test_a_kill_in_the_middle_leaves_every_run_whole_or_gone(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    store = Store(path)
    for number in range(60):
        add(store, f"run{number:04}", "x", "y", "z", created=NOW - timedelta(days=100))
        notes.tag(store, f"run{number:04}", ["t"])
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout
    assert child.stdout.readline() == "ready\n"
    while len(all_ids(path)[0]) > 50:
        pass
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    runs, trials = all_ids(path)
    assert trials == {f"{run}-{place}" for run in runs for place in range(3)}
    assert {row["run"] for row in store.read("SELECT run FROM tags")} == runs
    assert store.read("PRAGMA integrity_check") == [{"integrity_check": "ok"}]
    keeping.prune(store, {}, keep_days=1, now=datetime(2027, 1, 1, tzinfo=UTC))
    assert all_ids(path) == (set(), set())
    store.close()


def test_upkeep_is_one_processs_a_day(store: Store) -> None:
    day = timedelta(days=1)
    assert keeping.claim(store, "prune", day, NOW)
    assert not keeping.claim(store, "prune", day, NOW + timedelta(hours=23))
    assert keeping.claim(store, "prune", day, NOW + day)


@pytest.mark.parametrize("bad", ["", "two words", "a" * 65, "\x1b[31m", "‮x"])
def test_tags_that_are_none(store: Store, bad: str) -> None:
    add(store, "aaaa", "x")
    with pytest.raises(UsageError, match="is no tag"):
        notes.tag(store, "aaaa", [bad])


def test_tags_and_notes_come_and_go(store: Store) -> None:
    add(store, "aaaa", "x")
    notes.tag(store, "aaaa", ["a", "b", "한국어"])
    notes.tag(store, "aaaa", ["c"], ["a", "never"])
    assert notes.tags_of(store, ["aaaa"]) == {"aaaa": ["b", "c", "한국어"]}
    notes.note(store, "aaaa", " why \udcff")
    assert notes.notes_of(store, ["aaaa"]) == {"aaaa": "why ?"}
    notes.note(store, "aaaa", "")
    assert notes.notes_of(store, ["aaaa"]) == {}
    with pytest.raises(NotFoundError):
        notes.tag(store, "no", ["a"])
    with pytest.raises(NotFoundError):
        notes.note(store, "no", "a")
    notes.pin(store, "aaaa", "r")
    notes.unpin(store, "aaaa", "r")
    assert not keeping.pointers(store, "aaaa", {}).says


def test_disk_use(store: Store) -> None:
    add(store, "aaaa", "x" * 10_000)
    add(store, "bbbb", "x", kind="replay")
    found = disk.usage(store)
    assert list(found.kinds) == ["compare", "replay"]
    assert found.kinds["compare"] > 10_000
    assert found.kinds["compare"] == disk.run_bytes(store, "aaaa")
    assert found.file >= os.stat(store.path).st_size
    assert [disk.told(size) for size in (0, 999, 1_500_000, 2.5e9)] == ["0 bytes", "999 bytes", "2 MB", "2.5 GB"]
    assert disk.shrink(NullStore()) == 0
