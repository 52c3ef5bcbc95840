"""What the history takes on disk, and giving freed room back to the system, a little at a time."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from dataclasses import dataclass

from workbench.errors import StorageError
from workbench.history.store import Store

STEP = 100  # pages given back in one turn of the writer: trials that end meanwhile do not wait long
_LENGTHS = "length(CAST(plan AS BLOB)) + length(CAST(text AS BLOB)) + coalesce(length(CAST(record AS BLOB)), 0)"


@dataclass(frozen=True)
class Usage:
    """Bytes: `file` on disk with its journal; of it `free` inside and used again; `kinds` are those of trials by the
    kind of their run (what they hold, without SQLite's own)."""

    file: int
    free: int
    kinds: dict[str, int]


def file_bytes(store: Store) -> int:
    """The bytes of the file and its journal; cheap."""
    total = 0
    for name in (os.fspath(store.path), f"{store.path}-wal"):
        with suppress(OSError):
            total += os.stat(name).st_size if os.path.isfile(name) else 0
    return total


def usage(store: Store) -> Usage:
    """What it takes; reads every trial, for 100,000 about a second. Raises StorageError."""
    sql = f"SELECT kind, sum({_LENGTHS}) AS bytes FROM trials JOIN runs ON runs.id = trials.run GROUP BY kind"
    kinds = {row["kind"]: row["bytes"] for row in store.read(f"{sql} ORDER BY bytes DESC")}
    return Usage(file_bytes(store), free_bytes(store), kinds)


def free_bytes(store: Store) -> int:
    """The bytes within the file that are used again. Raises StorageError."""
    rows = store.read("SELECT freelist_count * page_size AS free FROM pragma_freelist_count, pragma_page_size")
    return int(rows[0]["free"]) if rows else 0


def run_bytes(store: Store, run: str) -> int:
    """The bytes that the run's trials hold. Raises StorageError."""
    rows = store.read(f"SELECT coalesce(sum({_LENGTHS}), 0) AS bytes FROM trials WHERE run = ?", (run,))
    return int(rows[0]["bytes"]) if rows else 0


def used(db: sqlite3.Connection) -> int:
    """The bytes of the file that are in use, without its free pages."""
    pages, free, size = (
        db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def shrink(store: Store, *, whole: bool = False) -> int:
    """Give free pages back to the system; returns how many bytes. Raises StorageError.

    A file made before pages could be given back one by one needs a copy of itself for that: `whole` makes it, when
    nobody else has the history open; else such a file keeps its free pages and fills them again.
    """
    before = file_bytes(store)
    modes = store.read("SELECT auto_vacuum AS mode FROM pragma_auto_vacuum")
    if modes and modes[0]["mode"] == 2:
        while store.change(_step).result():
            pass
    elif whole:
        with suppress(StorageError):  # another program has it open, or the disk has no room for the copy
            store.outside(lambda db: db.execute("VACUUM")).result()
    with suppress(StorageError):
        store.outside(lambda db: db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()).result()
    return max(0, before - file_bytes(store))


def _step(db: sqlite3.Connection) -> int:
    """Some pages; how many are left."""
    before = db.execute("PRAGMA freelist_count").fetchone()[0]
    db.execute(f"PRAGMA incremental_vacuum({STEP})").fetchall()
    left: int = db.execute("PRAGMA freelist_count").fetchone()[0]
    return left if left < before else 0


def told(count: float) -> str:
    """Bytes as a person reads them: `56 MB`."""
    for unit in ("bytes", "kB", "MB"):
        if count < 999.5:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
