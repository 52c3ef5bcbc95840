"""The history's file: opened safely, its schema brought up to date, trials of dead processes marked."""

from __future__ import annotations

import json
import os
import sqlite3
from functools import cache
from pathlib import Path

from workbench import paths
from workbench.databases import BUSY, hint, now, set_journal
from workbench.errors import StorageError
from workbench.history.migrations import STEPS


def connect(path: Path) -> sqlite3.Connection:
    """The history at `path`, made when it is not there, ready to write. Raises StorageError."""
    paths.ensure(path.parent)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite would make it readable for all
    except OSError as error:
        advice = "free some space, or mend the folder's permissions"
        raise StorageError(f"cannot open the history ({error.strerror})", where=str(path), hint=advice) from error
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(path, timeout=BUSY, check_same_thread=False)
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # of a new file; an old one becomes so by VACUUM
        set_journal(connection)
        connection.execute("PRAGMA synchronous = FULL")
        _migrate(connection, path)
        _mark_orphans(connection)
    except (sqlite3.Error, StorageError) as error:
        if connection is not None:
            connection.close()
        raise failure(error, path) from error
    return connection


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the schema up to date, one process at a time."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, applied TEXT NOT NULL)")
        done = {row[0] for row in connection.execute("SELECT name FROM migrations")}
        unknown = done - {name for name, _ in STEPS}
        if unknown:
            advice = "update this workbench; the history is left as it is"
            raise StorageError("the history was written by a newer workbench", where=str(path), hint=advice)
        for name, sql in STEPS:
            if name in done:
                continue
            for statement in filter(str.strip, sql.split(";\n")):
                connection.execute(statement)
            connection.execute("INSERT INTO migrations VALUES (?, ?)", (name, now()))


def _mark_orphans(connection: sqlite3.Connection) -> None:
    """Trials left `running` by a process that is no more are `interrupted`, their text kept."""
    rows = connection.execute("SELECT id, owner, owner_started FROM trials WHERE finish = 'running'").fetchall()
    if not rows:
        return
    orphans = [(row[0],) for row in rows if not _alive(row[1], row[2])]
    with connection:
        connection.executemany("UPDATE trials SET finish = 'interrupted' WHERE id = ? AND finish = 'running'", orphans)


def this_process() -> tuple[int, float]:
    """Our process id, and when we started (seconds since the epoch)."""
    pid = os.getpid()
    return pid, _started(pid)


@cache
def _started(pid: int) -> float:
    import psutil

    return psutil.Process(pid).create_time()


def _alive(pid: int, started: float) -> bool:
    """Whether that very process lives: a process id is used again, so its start must agree."""
    import psutil

    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - started) < 2 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def stored(text: str) -> str:
    """`text` as SQLite takes it: lone surrogates (bytes on a command line that are no UTF-8) become `?`."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def to_json(data: object) -> str:
    """`data` as JSON that SQLite takes."""
    return stored(json.dumps(data, ensure_ascii=False))


def failure(error: Exception, path: Path) -> StorageError:
    """What went wrong in the file at `path`, as a person can act on it."""
    if isinstance(error, StorageError):
        return error
    return StorageError(f"the history failed ({error})", where=str(path), hint=hint(str(error)))
