"""Every save of every prompt, in a SQLite file: exact bytes once each, and who saved them, when and why."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from workbench import paths
from workbench.databases import BUSY, hint, now, set_journal
from workbench.errors import NotFoundError, StorageError
from workbench.files import digest

if TYPE_CHECKING:
    import sqlite3

T = TypeVar("T")
_making = threading.Lock()  # one thread at a time makes the file
SCHEMA = 1
_TABLES = (
    "CREATE TABLE blobs (hash TEXT PRIMARY KEY, data BLOB NOT NULL)",
    "CREATE TABLE prompts (uid INTEGER PRIMARY KEY, folder TEXT NOT NULL, id TEXT NOT NULL, deleted TEXT)",
    "CREATE UNIQUE INDEX living ON prompts (folder, id) WHERE deleted IS NULL",
    "CREATE INDEX named ON prompts (folder, id)",
    "CREATE TABLE saves (number INTEGER PRIMARY KEY, prompt INTEGER NOT NULL REFERENCES prompts (uid), "
    "blob TEXT NOT NULL, version TEXT NOT NULL, parent TEXT NOT NULL, time TEXT NOT NULL, author TEXT NOT NULL, "
    "note TEXT NOT NULL)",
    "CREATE INDEX made ON saves (prompt, number)",
)
_ROWS = "SELECT version, blob, parent, time, author, note FROM saves WHERE prompt = ?"


@dataclass(frozen=True)
class Saved:
    """One save, or one git commit, of a prompt.

    `version` is the content hash ("" when the bytes are no valid prompt), `blob` the SHA-256 of the exact bytes,
    `parent` the blob before it ("" for the first), `time` UTC in ISO 8601 to the millisecond.
    """

    version: str
    blob: str
    parent: str
    time: str
    author: str
    note: str
    source: Literal["workbench", "git"] = "workbench"
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Gone:
    """A deleted prompt: its id, when it was deleted (UTC, ISO 8601), and its last version."""

    id: str
    time: str
    version: str


class Versions:
    """The saves in the file at `path`. Cheap to make; any thread and any process may use it.

    Reading makes no file. Every method raises StorageError, one line, when the file cannot be used. `folder` is a
    library's folder, by whatever path; `id` a prompt's id in it.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or paths.data_dir() / "versions.db"

    def record(self, folder: Path, id: str, data: bytes, version: str, *, note: str = "", author: str = "") -> Saved:
        """Keep `data` as the newest save; durable when it returns. The same bytes as the newest again: nothing new."""
        key, who = _key(folder, id), author or whoami()
        return self._write(lambda db: _record(db, _living(db, key) or _begin(db, key), data, version, note, who))

    def remark(self, folder: Path, id: str, data: bytes, version: str, note: str, author: str = "") -> Saved:
        """A note on the prompt as it is: a save of its own with the same bytes. Durable when it returns."""
        key, who = _key(folder, id), author or whoami()
        return self._write(
            lambda db: _record(db, _living(db, key) or _begin(db, key), data, version, note, who, again=True)
        )

    def log(self, folder: Path, id: str) -> list[Saved]:
        """The prompt's saves, newest first; of a deleted one those up to its deletion."""
        key = _key(folder, id)

        def work(db: sqlite3.Connection) -> list[Saved]:
            uid = _living(db, key) or _dead(db, key)
            return [Saved(*row) for row in db.execute(f"{_ROWS} ORDER BY number DESC", (uid,))]

        return self._read(work, [])

    def find(self, folder: Path, id: str, prefix: str) -> list[Saved]:
        """Saves whose version or blob begins with `prefix` (hex), newest first; those of deleted namesakes too."""
        key, wanted = _key(folder, id), prefix.lower()
        sql = (
            "SELECT version, blob, parent, time, author, note FROM saves JOIN prompts ON uid = prompt "
            "WHERE folder = ?1 AND id = ?2 AND ?3 IN (substr(version, 1, ?4), substr(blob, 1, ?4)) ORDER BY number DESC"
        )
        values = (*key, _text(wanted), len(wanted))
        return self._read(lambda db: [Saved(*row) for row in db.execute(sql, values)], [])

    def data(self, folder: Path, id: str, blob: str) -> bytes:
        """The exact bytes of a save. Raises NotFoundError when that blob was never saved here."""
        found = self._read(lambda db: _bytes(db, blob), None)
        if found is None:
            raise NotFoundError(f"{id} has no saved text {blob[:8]}", hint=f"`workbench prompts history {id}`")
        if digest(found) != blob:
            raise StorageError(f"the saved text {blob[:8]} of {id} is damaged", where=str(self.path))
        return found

    def renamed(self, folder: Path, id: str, new_folder: Path, new_id: str) -> None:
        """History goes with the file; whatever is made under the old id begins anew."""
        key, new = _key(folder, id), _key(new_folder, new_id)

        def work(db: sqlite3.Connection) -> None:
            uid = _living(db, key)
            if uid is None or key == new:
                return
            # One that had the new id lost its file without our knowing.
            db.execute("UPDATE prompts SET deleted = ? WHERE uid = ?", (now(), _living(db, new)))
            db.execute("UPDATE prompts SET folder = ?, id = ? WHERE uid = ?", (*new, uid))

        if self.path.exists():
            self._write(work)

    def deleted(self, folder: Path, id: str, data: bytes, version: str) -> None:
        """The prompt's file goes: its last bytes are kept, and it is marked."""
        key, who = _key(folder, id), whoami()

        def work(db: sqlite3.Connection) -> None:
            uid = _living(db, key) or _begin(db, key)
            _record(db, uid, data, version, "as it was deleted", who)
            db.execute("UPDATE prompts SET deleted = ? WHERE uid = ?", (now(), uid))

        self._write(work)

    def gone(self, folder: Path) -> list[Gone]:
        """Deleted prompts of a library that can be brought back, last deleted first, an id once."""
        sql = """SELECT id, deleted, (SELECT version FROM saves WHERE prompt = uid ORDER BY number DESC LIMIT 1)
                 FROM prompts AS dead WHERE folder = ? AND deleted IS NOT NULL AND NOT EXISTS (
                     SELECT 1 FROM prompts WHERE folder = dead.folder AND id = dead.id AND deleted IS NULL)
                 ORDER BY deleted DESC, uid DESC"""

        def work(db: sqlite3.Connection) -> list[Gone]:
            found: dict[str, Gone] = {}
            for row in db.execute(sql, (_key(folder, "")[0],)):
                found.setdefault(row[0], Gone(*row))
            return list(found.values())

        return self._read(work, [])

    def bytes_of_gone(self, folder: Path, id: str) -> bytes:
        """The bytes that a deleted prompt had at last. Raises NotFoundError."""
        sql = "SELECT blob FROM saves WHERE prompt = ? ORDER BY number DESC LIMIT 1"
        key = _key(folder, id)
        row = self._read(lambda db: db.execute(sql, (_dead(db, key),)).fetchone(), None)
        if row is None:
            raise NotFoundError(f"no deleted prompt is called {id}", hint="`workbench prompts list` shows those there")
        return self.data(folder, id, row[0])

    def revived(self, folder: Path, id: str) -> None:
        """The file of the deleted prompt is there again, and its history with it."""
        key = _key(folder, id)

        def work(db: sqlite3.Connection) -> None:
            if _living(db, key) is None:
                db.execute("UPDATE prompts SET deleted = NULL WHERE uid = ?", (_dead(db, key),))

        if self.path.exists():
            self._write(work)

    # ---- the file

    def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do `work` in one transaction that excludes other writers from its first read on."""
        import sqlite3

        paths.ensure(self.path.parent)
        try:
            _make(self.path)
            with closing(sqlite3.connect(self.path, timeout=BUSY, isolation_level=None)) as db:
                set_journal(db)
                db.execute("PRAGMA synchronous = FULL")
                with db:
                    db.execute("BEGIN IMMEDIATE")
                    self._prepare(db)
                    return work(db)
        except (sqlite3.Error, OSError) as error:
            raise self._failure(error) from error

    def _read(self, work: Callable[[sqlite3.Connection], T], nothing: T) -> T:
        """Do `work` on what is there; `nothing` when nothing was ever saved."""
        if not self.path.exists():
            return nothing
        import sqlite3

        try:
            with closing(sqlite3.connect(self.path, timeout=BUSY)) as db:
                return work(db) if self._known(db) else nothing
        except (sqlite3.Error, OSError) as error:
            raise self._failure(error) from error

    def _known(self, db: sqlite3.Connection) -> int:
        """The schema's number, 0 for a new file. Raises StorageError when it is a later one."""
        found = int(db.execute("PRAGMA user_version").fetchone()[0])
        if found > SCHEMA:
            advice = "update this workbench; the versions are left as they are"
            raise StorageError("the versions were written by a newer workbench", where=str(self.path), hint=advice)
        return found

    def _prepare(self, db: sqlite3.Connection) -> None:
        if not self._known(db):
            for statement in _TABLES:
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {SCHEMA}")

    def _failure(self, error: Exception) -> StorageError:
        text = (isinstance(error, OSError) and error.strerror) or str(error)
        return StorageError(f"the versions cannot be used ({text})", where=str(self.path), hint=hint(text))


def whoami() -> str:
    """The name that saves bear: $GIT_AUTHOR_NAME, else the login name; "" where there is neither."""
    import getpass

    name = os.environ.get("GIT_AUTHOR_NAME", "").strip()
    if not name:
        try:
            name = getpass.getuser()
        except (KeyError, OSError, ImportError):  # a container's user without a name
            name = ""
    return _text(name)


def _make(path: Path) -> None:
    """An empty private file where there is none: SQLite would make it readable for all.

    One that is there is not opened: closing it would end the locks of other threads of this process.
    """
    with _making, suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _key(folder: Path, id: str) -> tuple[str, str]:
    return _text(os.path.realpath(folder)), _text(id)


def _text(value: str) -> str:
    """As SQLite takes it: a name that is no UTF-8 keeps its odd bytes, escaped."""
    return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode("utf-8")


def _living(db: sqlite3.Connection, key: tuple[str, str]) -> int | None:
    row = db.execute("SELECT uid FROM prompts WHERE folder = ? AND id = ? AND deleted IS NULL", key).fetchone()
    return int(row[0]) if row else None


def _dead(db: sqlite3.Connection, key: tuple[str, str]) -> int | None:
    """The namesake that was deleted last."""
    sql = "SELECT uid FROM prompts WHERE folder = ? AND id = ? AND deleted IS NOT NULL ORDER BY deleted DESC, uid DESC"
    row = db.execute(f"{sql} LIMIT 1", key).fetchone()
    return int(row[0]) if row else None


def _begin(db: sqlite3.Connection, key: tuple[str, str]) -> int:
    return int(db.execute("INSERT INTO prompts (folder, id) VALUES (?, ?)", key).lastrowid or 0)


def _record(
    db: sqlite3.Connection, uid: int, data: bytes, version: str, note: str, author: str, *, again: bool = False
) -> Saved:
    row = db.execute(f"{_ROWS} ORDER BY number DESC LIMIT 1", (uid,)).fetchone()
    newest = Saved(*row) if row else None
    blob = digest(data)
    if newest is not None and newest.blob == blob and not again:
        return newest
    made = Saved(version, blob, newest.blob if newest else "", now(), _text(author), _text(note))
    db.execute("INSERT OR IGNORE INTO blobs (hash, data) VALUES (?, ?)", (blob, data))
    db.execute(
        "INSERT INTO saves (prompt, version, blob, parent, time, author, note) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (uid, made.version, made.blob, made.parent, made.time, made.author, made.note),
    )
    return made


def _bytes(db: sqlite3.Connection, blob: str) -> bytes | None:
    row = db.execute("SELECT data FROM blobs WHERE hash = ?", (_text(blob),)).fetchone()
    return bytes(row[0]) if row else None
