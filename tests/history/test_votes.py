"""Votes in the history: ballots before verdicts, verdicts only ever added, imports all or none, kill -9 between."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.history.made import add as add_run
from tests.history.made import all_ids
from workbench.errors import StorageError, UsageError
from workbench.history import keeping
from workbench.history.store import NullStore, Store
from workbench.history.votes import Ballot, add, ballots, cast, issue, take_back


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "history.db")
    yield made
    made.close()


def ballot(id: str = "b1", **more: object) -> Ballot:
    told: dict[str, object] = {"left": "new", "right": "old", **more}
    return Ballot(id=id, **told)  # type: ignore[arg-type]  # the fields as a test names them


def imported(id: str, **more: object) -> Ballot:
    return ballot(id, source="import", verdict="left", **more)


def test_a_ballot_and_its_vote_come_back_whole(store: Store) -> None:
    looks = ((9, 1, 0, 2), (4, 0, 0, 0))
    made = ballot(left_trial="r-A", right_trial="r-B", case="007", styles=looks, seed=2**47, voter="한 \udcff")
    issue(store, made)
    (shown,) = ballots(store)
    assert shown.open
    assert not shown.counts
    cast(store, shown, "right", ("coding", "한국어"))
    (told,) = ballots(store)
    assert told.counts
    assert (told.left, told.right, told.left_trial, told.right_trial) == ("new", "old", "r-A", "r-B")
    assert (told.case, told.styles, told.seed, told.voter) == ("007", made.styles, 2**47, "한 ?")
    assert (told.verdict, told.tags) == ("right", ("coding", "한국어"))
    assert told.created <= told.voted


def test_a_vote_is_withdrawn_by_a_new_row_and_does_not_come_again(store: Store) -> None:
    issue(store, ballot())
    told = take_back(store, cast(store, ballots(store)[0], "tie", ("x",)))
    assert (told.verdict, told.open, told.counts) == ("withdrawn", False, False)
    assert [row["verdict"] for row in store.read("SELECT verdict FROM verdicts ORDER BY place")] == ["tie", "withdrawn"]
    with pytest.raises(UsageError, match="has a verdict already"):
        cast(store, told, "left")
    with pytest.raises(UsageError, match="has a verdict already"):
        take_back(store, told)


def test_what_was_skipped_may_be_opened_again(store: Store) -> None:
    issue(store, ballot())
    told = take_back(store, cast(store, ballot(), "skip"))
    assert told.open
    assert cast(store, told, "bad").counts
    assert [each.verdict for each in ballots(store)] == ["bad"]


def test_two_windows_give_one_verdict(store: Store) -> None:
    issue(store, ballot())
    other = Store(store.path)
    here, there = ballots(store)[0], ballots(other)[0]
    cast(other, there, "left")
    with pytest.raises(UsageError, match=r"has a verdict already \(left\)"):
        cast(store, here, "right")
    assert [each.verdict for each in ballots(store)] == ["left"]
    other.close()


@pytest.mark.parametrize("verdict", ["", "withdrawn", "reopened", "both"])
def test_what_is_no_verdict_is_refused(store: Store, verdict: str) -> None:
    issue(store, ballot())
    with pytest.raises(UsageError, match="is no verdict"):
        cast(store, ballot(), verdict)  # type: ignore[arg-type]  # what is refused
    with pytest.raises(UsageError, match="has no verdict yet"):
        take_back(store, ballot())


def test_a_history_that_is_off_takes_no_vote() -> None:
    store = NullStore()
    assert ballots(store) == []
    with pytest.raises(StorageError, match="the history is off"):
        issue(store, ballot())


def test_an_import_is_taken_once(store: Store) -> None:
    rows = [imported("1", voted="2026-01-01"), imported("2", tags=("x",))]
    assert add(store, rows) == 2
    assert add(store, [*rows, imported("3")]) == 1
    assert [(told.id, told.verdict, told.tags) for told in ballots(store)] == [
        ("1", "left", ()),
        ("2", "left", ("x",)),
        ("3", "left", ()),
    ]
    assert ballots(store)[0].voted == "2026-01-01"


def test_an_import_is_all_or_none(store: Store) -> None:
    add(store, [imported("1")])
    clash = imported("1", right="other")
    with pytest.raises(UsageError, match="the id 1 is here already with another vote"):
        add(store, [imported("2"), clash, imported("3")])
    assert [told.id for told in ballots(store)] == ["1"]


def test_an_export_taken_in_again_does_not_bring_back_what_was_withdrawn(store: Store) -> None:
    issue(store, ballot())
    voted = cast(store, ballot(), "left")
    take_back(store, voted)
    assert add(store, [voted]) == 0
    assert [told.verdict for told in ballots(store)] == ["withdrawn"]


def test_a_full_disk_leaves_the_ballot_open(store: Store) -> None:
    issue(store, ballot())
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StorageError, match="free some space"):
        cast(store, ballot(), "left", ("x" * 100_000,))
    assert ballots(store)[0].open


def test_runs_that_votes_point_at_stay(store: Store) -> None:
    one, other = add_run(store, "aaaa", "yes", "no")
    add_run(store, "bbbb", "free")
    issue(store, ballot(left_trial=one, right_trial=other, case="all about bbbb"))
    assert "1 vote" in " ".join(keeping.pointers(store, "aaaa", {}).says)
    with pytest.raises(UsageError, match="something points at run aaaa"):
        keeping.delete(store, "aaaa", {})
    keeping.delete(store, "aaaa", {}, even=True)
    assert {one, other} <= all_ids(store.path)[1]
    keeping.delete(store, "bbbb", {})
    assert "bbbb" not in all_ids(store.path)[0]


CHILD = """
import sys, time
from pathlib import Path
from workbench.history.store import Store
from workbench.history.votes import Ballot, ballots, cast, issue
store = Store(Path(sys.argv[1]))
for number in range(100000):
    issue(store, Ballot(id=f"b{number}", left="new", right="old", seed=number))
    print("issued", number, flush=True)
    cast(store, ballots(store)[-1], "left", ("x",))
    print("cast", number, flush=True)
"""


@pytest.mark.parametrize("after", [1, 2, 5, 6, 9])
def test_kill_9_leaves_no_half_vote(tmp_path: Path, after: int) -> None:
    """Whatever was said to be done is there; an issued ballot without a verdict is open, with its seed."""
    path = tmp_path / "h.db"
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    said = [child.stdout.readline().split() for _ in range(after)]
    os.kill(child.pid, signal.SIGKILL)
    said += [line.split() for line in child.stdout.readlines() if line.endswith("\n")]
    child.wait()
    child.stdout.close()
    store = Store(path)
    told = {each.id: each for each in ballots(store)}
    for what, number in said:
        assert told[f"b{number}"].seed == int(number)
        assert what == "issued" or told[f"b{number}"].verdict == "left"
    assert {(each.verdict, each.tags) for each in told.values()} <= {("left", ("x",)), ("", ())}
    assert sum(each.open for each in told.values()) <= 1
    rest = [each for each in told.values() if each.open]
    for each in rest:
        cast(store, each, "tie")
    store.close()


def test_a_history_of_before_gets_the_tables(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    Store(path).close()
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE verdicts")
        db.execute("DROP TABLE votes")
        db.execute("DELETE FROM migrations WHERE name = '0002_votes'")
    db.close()
    store = Store(path)
    issue(store, ballot())
    assert len(ballots(store)) == 1
    store.close()
