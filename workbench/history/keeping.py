"""Runs deleted, by a person or because they are old, never what something points at.

Each run goes in one transaction, so that a crash in the middle leaves the history whole.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from workbench.errors import NotFoundError, UsageError
from workbench.history import disk, index
from workbench.history.pointers import Pointers, foreign, pointing
from workbench.history.store import Store

FRESH = timedelta(days=1)  # what ran within it is not pruned, however much room it takes


@dataclass(frozen=True)
class Deleted:
    """What went: how many trials; `kept` are those that votes point at."""

    trials: int
    kept: int = 0


@dataclass
class Pruned:
    """What retention took, or would take: run ids, trials; `spared` are old runs that something points at."""

    runs: list[str] = field(default_factory=list)
    trials: int = 0
    spared: int = 0


def pointers(store: Store, run: str, labelled: Mapping[str, str]) -> Pointers:
    """What points at the run; `labelled` is version → what points at it. Raises NotFoundError, StorageError."""

    def work(db: sqlite3.Connection) -> Pointers:
        if db.execute("SELECT 1 FROM runs WHERE id = ?", (run,)).fetchone() is None:
            raise NotFoundError(f"there is no run {run[:80]}", hint="`workbench history list` shows them")
        return pointing(db, run, labelled)

    return store.change(work).result()


def delete(store: Store, run: str, labelled: Mapping[str, str], *, even: bool = False) -> Deleted:
    """Delete the run's trials, tags, note. What votes name stays, and the run then with it.

    Raises UsageError when the run goes on, or something points at it and `even` is not set; NotFoundError,
    StorageError.
    """
    check(store, run, labelled, even=even)
    index.forget(store, run)

    def work(db: sqlite3.Connection) -> Deleted:
        db.execute("BEGIN IMMEDIATE")
        found = pointing(db, run, labelled)  # again, now that nobody else writes
        _allowed(run, found, even)
        return _delete(db, run, found)

    return store.change(work).result()


def check(store: Store, run: str, labelled: Mapping[str, str], *, even: bool = False) -> None:
    """Raise what `delete` would, without deleting."""
    _allowed(run, pointers(store, run, labelled), even)


def _allowed(run: str, found: Pointers, even: bool) -> None:
    if found.running:
        raise UsageError(f"run {run} goes on", hint="stop it first")
    if found.whole:
        raise UsageError(f"run {run} stays: {', '.join(found.says)}", hint="delete what points at it first")
    if found.says and not even:
        raise UsageError(f"something points at run {run}: {', '.join(found.says)}", hint="--force deletes it even so")


def _delete(db: sqlite3.Connection, run: str, found: Pointers) -> Deleted:
    gone = db.execute(
        "DELETE FROM trials WHERE run = ? AND id NOT IN (SELECT value FROM json_each(?))",
        (run, json.dumps(sorted(found.held))),
    ).rowcount
    if not found.held:
        for table in ("tags", "notes", "pins"):
            db.execute(f"DELETE FROM {table} WHERE run = ?", (run,))
        db.execute("DELETE FROM runs WHERE id = ?", (run,))
    return Deleted(gone, len(found.held))


def prune(
    store: Store,
    labelled: Mapping[str, str],
    *,
    keep_days: int = 0,
    keep_bytes: int = 0,
    now: datetime | None = None,
    dry: bool = False,
) -> Pruned:
    """Delete the oldest runs: those older than `keep_days`, then more until the history has `keep_bytes` (0: no bound).

    Never one that anything points at, that goes on, or that ran within the last day. `dry` only says what it would take
    (and guesses for `keep_bytes` by what trials hold). Raises StorageError.
    """
    now = now or datetime.now(UTC)
    made = Pruned()
    if keep_days <= 0 and keep_bytes <= 0:
        return made
    try:
        old = _text(now - timedelta(days=keep_days)) if keep_days > 0 else ""
    except OverflowError:  # older than the calendar
        old = ""
    rows = store.read("SELECT id, created FROM runs WHERE created < ? ORDER BY created, id", (_text(now - FRESH),))
    columns = store.change(foreign).result()
    room = store.change(disk.used).result()
    for row in rows:
        if row["created"] >= old and not 0 < keep_bytes < room:
            break
        taken = _take(store, row["id"], labelled, columns, dry)
        if taken is None:
            made.spared += 1
            continue
        made.runs.append(row["id"])
        made.trials += taken
        room = room - disk.run_bytes(store, row["id"]) if dry else store.change(disk.used).result()
    return made


def _take(
    store: Store, run: str, labelled: Mapping[str, str], columns: Sequence[tuple[str, str]], dry: bool
) -> int | None:
    """Delete the run unless anything points at it; how many trials went, None when it stays."""

    def work(db: sqlite3.Connection) -> int | None:
        if not dry:
            db.execute("BEGIN IMMEDIATE")
        found = pointing(db, run, labelled, list(columns))
        if found.says or found.running:
            return None
        if dry:
            return int(db.execute("SELECT count(*) FROM trials WHERE run = ?", (run,)).fetchone()[0])
        return _delete(db, run, found).trials

    if not dry and store.change(lambda db: pointing(db, run, labelled, list(columns))).result() == Pointers():
        index.forget(store, run)
    return store.change(work).result()


def _text(moment: datetime) -> str:
    """A moment as `runs.created` has it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def claim(store: Store, what: str, every: timedelta, now: datetime | None = None) -> bool:
    """Whether `what` is due: not done by any process for so long; then it is this one's. Raises StorageError."""
    moment = now or datetime.now(UTC)
    due = _text(moment - every)

    def work(db: sqlite3.Connection) -> bool:
        sql = """INSERT INTO upkeep (what, done) VALUES (?, ?)
                 ON CONFLICT (what) DO UPDATE SET done = excluded.done WHERE done <= ?"""
        return db.execute(sql, (what, _text(moment), due)).rowcount == 1

    return store.change(work).result()
