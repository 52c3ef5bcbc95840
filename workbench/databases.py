"""What our SQLite files have in common: their journal, their times, and what to do when one fails."""

from __future__ import annotations

from datetime import UTC, datetime
from time import monotonic, sleep
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

BUSY = 5.0  # seconds another process may hold the lock


def set_journal(db: sqlite3.Connection) -> None:
    """WAL, or a rollback journal where there is no shared memory: network file systems refuse, or fail at it."""
    import sqlite3

    until = monotonic() + BUSY
    while True:
        try:
            mode = db.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        except sqlite3.OperationalError as error:
            # Two that make the same file: each would wait for the other, so SQLite answers at once.
            if "locked" in str(error) and monotonic() < until:
                sleep(0.01)
                continue
            if "protocol" not in str(error) and "I/O" not in str(error):
                raise
            mode = ""
        break
    if mode != "wal":
        db.execute("PRAGMA journal_mode = DELETE")


def now() -> str:
    """UTC as ISO 8601, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def hint(failure: str) -> str:
    """What a person can do about a failure of SQLite or the system, told by its text."""
    if any(word in failure for word in ("full", "I/O", "No space")):
        return "free some space on that disk"
    if "malformed" in failure or "not a database" in failure:
        return "move the file away; a new one is made"
    if "locked" in failure:
        return "another program holds it: try again"
    return "mend the file's permissions, or move it away"
