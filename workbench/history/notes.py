"""What people and reports say of runs: tags, one note, and pins, which keep a run from being pruned."""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections.abc import Iterable, Sequence

from workbench.databases import now
from workbench.errors import NotFoundError, UsageError
from workbench.history.database import stored
from workbench.history.store import Store

KEPT = "kept"  # the tag, or a word of the note, by which a person keeps a run for ever
_TAG = re.compile(r"\w[\w.:/+-]{0,63}")


def check_tag(tag: str) -> str:
    """`tag` as it is kept (NFC). Raises UsageError that says why it may not be called so."""
    tag = unicodedata.normalize("NFC", tag)
    if not _TAG.fullmatch(tag):
        raise UsageError(f"{tag[:80]} is no tag", hint="one word of letters, digits and . : / + - _ up to 64")
    return tag


def tag(store: Store, run: str, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
    """Give the run tags, take others away. Raises UsageError, NotFoundError, StorageError."""
    adds = [(run, check_tag(name)) for name in add]
    gone = [(run, unicodedata.normalize("NFC", stored(name))) for name in remove]

    def work(db: sqlite3.Connection) -> None:
        _known(db, run)
        db.executemany("DELETE FROM tags WHERE run = ? AND tag = ?", gone)
        db.executemany("INSERT OR IGNORE INTO tags (run, tag) VALUES (?, ?)", adds)

    store.change(work).result()


def note(store: Store, run: str, text: str) -> None:
    """The run's note, "" for none. Raises NotFoundError, StorageError."""
    row = (run, stored(text.strip()), now())

    def work(db: sqlite3.Connection) -> None:
        _known(db, run)
        if row[1]:
            db.execute("INSERT OR REPLACE INTO notes (run, note, updated) VALUES (?, ?, ?)", row)
        else:
            db.execute("DELETE FROM notes WHERE run = ?", (run,))

    store.change(work).result()


def pin(store: Store, run: str, why: str) -> None:
    """Something outside (`why`: a report's path) points at the run: retention never takes it. Idempotent.

    Raises NotFoundError, StorageError.
    """
    row = (run, stored(why), now())

    def work(db: sqlite3.Connection) -> None:
        _known(db, run)
        db.execute("INSERT OR IGNORE INTO pins (run, why, made) VALUES (?, ?, ?)", row)

    store.change(work).result()


def unpin(store: Store, run: str, why: str) -> None:
    """It points there no more. Raises StorageError."""
    values = (run, stored(why))
    store.change(lambda db: db.execute("DELETE FROM pins WHERE run = ? AND why = ?", values)).result()


def tags_of(store: Store, runs: Sequence[str]) -> dict[str, list[str]]:
    """The tags of these runs, by name."""
    found: dict[str, list[str]] = {}
    for row in store.read(f"SELECT run, tag FROM tags WHERE run IN ({_marks(runs)}) ORDER BY tag", runs):
        found.setdefault(row["run"], []).append(row["tag"])
    return found


def notes_of(store: Store, runs: Sequence[str]) -> dict[str, str]:
    """The notes of these runs."""
    rows = store.read(f"SELECT run, note FROM notes WHERE run IN ({_marks(runs)})", runs)
    return {row["run"]: row["note"] for row in rows}


def is_kept(tags: Iterable[str], note: str) -> bool:
    """Whether a person keeps it for ever."""
    return any(name.lower() == KEPT for name in tags) or KEPT in re.findall(r"\w+", note.lower())


def _known(db: sqlite3.Connection, run: str) -> None:
    if db.execute("SELECT 1 FROM runs WHERE id = ?", (run,)).fetchone() is None:
        raise NotFoundError(f"there is no run {run[:80]}", hint="`workbench history list` shows them")


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
