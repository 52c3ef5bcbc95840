"""The words of every trial that has ended, in a file of the cache: found by their beginnings, made again when lost.

The index lives apart from the history: trials end without waiting for it, and a search first brings it up to date. It
holds no texts (SQLite's FTS5, contentless). Where SQLite has no FTS5, the texts themselves are kept and read through.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from workbench import paths
from workbench.databases import BUSY, set_journal
from workbench.errors import StorageError
from workbench.history.database import failure, stored
from workbench.history.store import Store

FORM = 1  # of the index; another one is made anew
CHUNK = 500  # trials that are read in one transaction
MANY = 20_000  # trials above which forgetting a run costs more than making the index again
# Scripts without blanks: each character is a word, and a word of several is a phrase of them.
_SINGLE = re.compile("([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])")
_SQL = """
CREATE TABLE docs (
    key INTEGER PRIMARY KEY,
    trial TEXT NOT NULL UNIQUE,
    run TEXT NOT NULL,
    model TEXT NOT NULL,
    prompt TEXT NOT NULL,
    finish TEXT NOT NULL
);
CREATE INDEX docs_by_run ON docs (run);
"""


def file_of(store: Store) -> Path:
    """Where the index of that history is."""
    name = hashlib.sha256(os.fsencode(os.path.realpath(store.path))).hexdigest()[:16]
    return paths.cache_dir() / f"history-{name}.db"


def folded(text: str) -> str:
    """`text` as it is indexed and looked for: small letters, composed, characters of scripts without blanks apart."""
    return _SINGLE.sub(r" \1 ", unicodedata.normalize("NFC", stored(text)).lower())


def has_words(db: sqlite3.Connection) -> bool:
    """Whether the index has FTS5's table."""
    return db.execute("SELECT 1 FROM sqlite_master WHERE name = 'words'").fetchone() is not None


@contextmanager
def opened(store: Store, *, fts: bool = True) -> Iterator[sqlite3.Connection]:
    """The index, with the history attached as `history` (read only). A file that is broken is made again.

    `fts` False makes a new one without FTS5. Raises StorageError.
    """
    path = file_of(store)
    try:
        try:
            db = _connect(path, store, fts)
        except sqlite3.DatabaseError as error:
            if "locked" in str(error):
                raise
            remove(store)
            db = _connect(path, store, fts)
        with closing(db):
            yield db
    except (sqlite3.Error, OSError) as error:
        raise failure(error, path) from error


def _connect(path: Path, store: Store, fts: bool) -> sqlite3.Connection:
    paths.ensure(path.parent)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    db = sqlite3.connect(path, timeout=BUSY, uri=True, check_same_thread=False)
    try:
        set_journal(db)
        db.execute("PRAGMA synchronous = NORMAL")  # what a power cut costs is read again
        form = db.execute("PRAGMA user_version").fetchone()[0]
        if form not in (0, FORM):
            raise sqlite3.DatabaseError("another form")
        if form == 0:
            _make(db, fts)
        db.execute("ATTACH ? AS history", (f"file:{quote(os.path.abspath(store.path))}?mode=ro",))
    except BaseException:
        db.close()
        raise
    return db


def _make(db: sqlite3.Connection, fts: bool) -> None:
    with db:
        db.execute("BEGIN IMMEDIATE")
        if db.execute("PRAGMA user_version").fetchone()[0]:
            return  # another process was quicker
        for statement in filter(str.strip, _SQL.split(";\n")):
            db.execute(statement)
        try:
            if not fts:
                raise sqlite3.OperationalError("not wanted")
            options = "content = '', prefix = '1 2', tokenize = 'unicode61 remove_diacritics 2'"
            db.execute(f"CREATE VIRTUAL TABLE words USING fts5 (body, {options})")
        except sqlite3.OperationalError:
            db.execute("CREATE TABLE bodies (key INTEGER PRIMARY KEY, body TEXT NOT NULL)")
        db.execute(f"PRAGMA user_version = {FORM}")


def remove(store: Store) -> None:
    """Take the index away; the next search makes it again."""
    for end in ("", "-wal", "-shm", "-journal"):
        with suppress(OSError):
            os.unlink(f"{file_of(store)}{end}")


def sync(db: sqlite3.Connection, tell: Callable[[int, int], object] | None = None) -> None:
    """Bring the index up to date; `tell(done, of)` as it goes on. Cheap when nothing ended since."""
    ended, docs = _counts(db)
    if ended == docs:
        return
    gone = db.execute("SELECT 1 FROM docs WHERE trial NOT IN (SELECT id FROM history.trials) LIMIT 1").fetchone()
    if gone:  # deleted without the index: their words are not known any more
        _empty(db)
    sql = """SELECT id FROM history.trials
             WHERE finish != 'running' AND id NOT IN (SELECT trial FROM docs) ORDER BY rowid DESC"""
    missing = [row[0] for row in db.execute(sql)]
    for at in range(0, len(missing), CHUNK):
        _add(db, missing[at : at + CHUNK])
        if tell:
            tell(min(at + CHUNK, len(missing)), len(missing))


def _counts(db: sqlite3.Connection) -> tuple[int, int]:
    sql = """SELECT (SELECT count(*) FROM history.trials)
                  - (SELECT count(*) FROM history.trials WHERE finish = 'running'), (SELECT count(*) FROM docs)"""
    ended, docs = db.execute(sql).fetchone()
    return ended, docs


def _empty(db: sqlite3.Connection) -> None:
    with db:
        db.execute("DELETE FROM docs")
        db.execute("INSERT INTO words (words) VALUES ('delete-all')" if has_words(db) else "DELETE FROM bodies")


def _add(db: sqlite3.Connection, trials: Sequence[str]) -> None:
    """Index these trials, but those that another process has meanwhile."""
    table = "words (rowid, body)" if has_words(db) else "bodies (key, body)"
    with db:
        db.execute("BEGIN IMMEDIATE")
        for row in _rows(db, "id", trials, "AND id NOT IN (SELECT trial FROM docs)"):
            plan = json.loads(row[2])
            values = [str(plan.get(name) or "") for name in ("model", "prompt")]
            sql = "INSERT INTO docs (trial, run, model, prompt, finish) VALUES (?, ?, ?, ?, ?)"
            key = db.execute(sql, (row[0], row[1], *map(folded, values), row[4])).lastrowid
            db.execute(f"INSERT INTO {table} VALUES (?, ?)", (key, _body(plan, row[3], row[5])))


def _rows(db: sqlite3.Connection, column: str, values: Sequence[str], more: str = "") -> list[Any]:
    marks = ", ".join("?" * len(values))
    sql = f"SELECT id, run, plan, text, finish, record FROM history.trials WHERE {column} IN ({marks}) {more}"
    return db.execute(f"{sql} AND finish != 'running'", values).fetchall()


def _body(plan: dict[str, Any], text: str, record: str | None) -> str:
    """What of a trial can be found: messages, answer, error, prompt, model, profile, case."""
    said = [str(message.get("content", "")) for message in plan.get("messages") or []]
    names = [str(plan.get(name) or "") for name in ("prompt", "model", "profile", "case")]
    error = json.loads(record).get("error") if record and '"error": null' not in record else None
    return folded("\n".join([*said, text, *names, str(error or "")]))


def forget(store: Store, run: str) -> None:
    """Take the run's words out, before the run is deleted: FTS5 must be told what they were. Raises StorageError."""
    if not file_of(store).exists():
        return
    try:
        with opened(store) as db:
            keys = dict(db.execute("SELECT trial, key FROM docs WHERE run = ?", (run,)))
            if len(keys) <= MANY:
                _forget(db, run, keys)
                return
    except StorageError:
        pass
    remove(store)


def _forget(db: sqlite3.Connection, run: str, keys: dict[str, int]) -> None:
    words = has_words(db)
    with db:
        db.execute("BEGIN IMMEDIATE")
        for row in _rows(db, "run", [run]):
            key = keys.get(row[0])
            if key is not None and words:
                values = (key, _body(json.loads(row[2]), row[3], row[5]))
                db.execute("INSERT INTO words (words, rowid, body) VALUES ('delete', ?, ?)", values)
            elif key is not None:
                db.execute("DELETE FROM bodies WHERE key = ?", (key,))
        db.execute("DELETE FROM docs WHERE run = ?", (run,))
