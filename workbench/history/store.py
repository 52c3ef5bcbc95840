"""Every trial, from before it starts: SQLite in WAL mode, one writer thread, text appended as it grows.

The row exists before generation starts; text is appended about every 250 ms; the end is durable (`synchronous=FULL`)
before `finish` resolves. A trial whose process died reads `interrupted` with the text it had.
"""

from __future__ import annotations

import json
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, TypeVar

from workbench.databases import BUSY, now
from workbench.errors import StorageError
from workbench.history.database import connect, failure, stored, this_process, to_json

T = TypeVar("T")
FLUSH = 0.25  # seconds between appends of text


class Store:
    """The history in the file at `path`. Thread-safe: one thread writes, readers open their own connection."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._queue: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._texts: dict[str, list[str]] = {}
        self._lock = threading.Lock()  # guards `_texts`, and that nothing is queued after the writer's last turn
        self._closed = False
        self._connection = connect(path)
        self._thread = threading.Thread(target=self._write, name="history", daemon=True)
        self._thread.start()

    # ---- writing

    def begin_run(self, run: str, kind: str, meta: Mapping[str, object]) -> None:
        """A new run; `meta` is kept with it, and the versions of what makes it. Raises StorageError."""
        row = (run, kind, now(), to_json({**made_with(), **meta}))
        self._durable(
            lambda db: db.execute("INSERT INTO runs (id, kind, created, meta) VALUES (?, ?, ?, ?)", row)
        ).result()

    def begin_trials(self, run: str, rows: Sequence[Mapping[str, object]]) -> None:
        """The run's trials, as `running`; durable when it returns. Raises StorageError."""
        owner, started = this_process()
        values = [
            (str(row["id"]), run, place, to_json({**row, **model_file(row)}), owner, started, now())
            for place, row in enumerate(rows)
        ]
        sql = "INSERT INTO trials (id, run, place, plan, owner, owner_started, updated) VALUES (?, ?, ?, ?, ?, ?, ?)"
        self._durable(lambda db: db.executemany(sql, values)).result()

    def replan(self, trial: str, row: Mapping[str, object]) -> Future[None]:
        """Another plan of a trial that runs: its conversation was made to fit. Resolves as `finish` does."""
        plan = to_json({**row, **model_file(row)})
        return self._durable(lambda db: _done(db.execute("UPDATE trials SET plan = ? WHERE id = ?", (plan, trial))))

    def append(self, trial: str, text: str) -> None:
        """More text of a trial; written within a quarter of a second. Never blocks, never raises."""
        with self._lock:
            if self._closed:
                return
            if not self._texts:
                self._queue.put(_nothing)  # wakes the writer, which then keeps the time
            self._texts.setdefault(trial, []).append(text)

    def finish(self, trial: str, record: Mapping[str, object]) -> Future[None]:
        """The end of a trial (a TRIAL). The future resolves when it is durable, or carries a StorageError."""
        with self._lock:
            self._texts.pop(trial, None)
        rest = {key: value for key, value in record.items() if key != "text"}
        row = (stored(str(record["text"])), str(record["finish"]), to_json(rest), now(), trial)
        sql = "UPDATE trials SET text = ?, finish = ?, record = ?, updated = ? WHERE id = ?"

        def work(db: sqlite3.Connection) -> None:
            if db.execute(sql, row).rowcount != 1:
                raise StorageError(f"the history has no trial {trial}", where=str(self.path))

        return self._durable(work)

    def remember_version(self, version: str, data: bytes) -> Future[None]:
        """Keep the bytes that a prompt version was made of, so that a result can always show its wording."""

        def work(db: sqlite3.Connection) -> None:
            db.execute("INSERT OR IGNORE INTO versions (hash, data, seen) VALUES (?, ?, ?)", (version, data, now()))

        return self._durable(work)

    def change(self, work: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Do `work` in a transaction on the writer's thread; the future resolves when it is durable."""
        return self._durable(work)

    def outside(self, work: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """The same outside of a transaction, as VACUUM and checkpoints want it."""
        return self._durable(work, outside=True)

    def _durable(self, work: Callable[[sqlite3.Connection], T], *, outside: bool = False) -> Future[T]:
        """Do `work` in a transaction on the writer's thread, synced to disk before the future resolves."""
        future: Future[T] = Future()

        def job() -> None:
            awaited = future.set_running_or_notify_cancel()  # who gave up waiting is not told; the work is done
            try:
                with nullcontext(self._connection) if outside else self._connection as db:
                    result = work(db)
            except sqlite3.Error as error:
                if awaited:
                    future.set_exception(failure(error, self.path))
            except Exception as error:  # noqa: BLE001 -- the writer's boundary: whoever waits is told, the thread lives
                if awaited:
                    future.set_exception(error)
            else:
                if awaited:
                    future.set_result(result)

        with self._lock:
            if not self._closed:
                self._queue.put(job)
                return future
        future.set_exception(StorageError("the history is closed", where=str(self.path)))
        return future

    def _write(self) -> None:
        """The writer: jobs as they come, gathered text about every 250 ms."""
        due = 0.0
        while True:
            try:
                job = self._queue.get(timeout=max(0.01, due - time.monotonic()) if self._texts else None)
            except queue.Empty:
                job = _nothing
            if job is None:
                break
            job()
            if time.monotonic() >= due:
                self._append_texts()
                due = time.monotonic() + FLUSH
        self._append_texts()
        self._connection.close()

    def _append_texts(self) -> None:
        with self._lock:
            texts, self._texts = self._texts, {}
        if not texts:
            return
        rows = [(stored("".join(parts)), trial) for trial, parts in texts.items()]
        try:
            self._connection.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost what is shown, not an end
            with self._connection as db:
                db.executemany("UPDATE trials SET text = text || ? WHERE id = ? AND finish = 'running'", rows)
        except sqlite3.Error:
            # Tried again with what comes next, so that no text has a hole; `finish` writes the whole, or says so.
            with self._lock:
                for trial, parts in texts.items():
                    self._texts[trial] = parts + self._texts.get(trial, [])
        finally:
            with suppress(sqlite3.Error):
                self._connection.execute("PRAGMA synchronous = FULL")

    def close(self) -> None:
        """Write what is left. Idempotent."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        self._thread.join()

    # ---- reading

    def runs(self, limit: int = 50, before: str | None = None) -> list[dict[str, Any]]:
        """Runs, newest first: id, kind, created, meta, trials (their number), message (the last the user said).

        `before` is the id of the last run one has, to go on from there.
        """
        sql = """SELECT id, kind, created, meta, (SELECT count(*) FROM trials WHERE run = runs.id) AS trials,
                     (SELECT plan FROM trials WHERE run = runs.id ORDER BY place LIMIT 1) AS plan
                 FROM runs
                 WHERE ?1 IS NULL OR (created, id) < (SELECT created, id FROM runs WHERE id = ?1)
                 ORDER BY created DESC, id DESC LIMIT ?2"""
        found = []
        for row in self._read(sql, (before, limit)):
            plan = json.loads(row.pop("plan") or "{}")
            messages = plan.get("messages") or [{}]
            found.append({**row, "meta": json.loads(row["meta"]), "message": messages[-1].get("content", "")})
        return found

    def trials(self, run: str | None = None, limit: int = 1000) -> list[dict[str, Any]]:
        """Trials of a run in their order, or of all runs newest first, each a TRIAL with id, run, created, messages."""
        where = "WHERE run = ? ORDER BY place" if run else "WHERE ? IS NULL ORDER BY created DESC, run DESC, place"
        return [trial_of(row) for row in self._read(f"{TRIALS} {where} LIMIT ?", (run or None, limit))]

    def trial(self, id: str) -> dict[str, Any] | None:
        """The trial whose id begins so; None when there is none or more than one."""
        id = stored(id)
        rows = self._read(
            f"{TRIALS} WHERE trials.id >= ? AND trials.id < ? ORDER BY trials.id LIMIT 2", (id, id + "\U0010ffff")
        )
        exact = [row for row in rows if row["id"] == id]
        rows = exact or rows
        return trial_of(rows[0]) if len(rows) == 1 else None

    def meta(self, run: str) -> dict[str, Any]:
        """What was kept with the run, and the versions that made it; {} when there is none."""
        rows = self._read("SELECT meta FROM runs WHERE id = ?", (run,))
        found: dict[str, Any] = json.loads(rows[0]["meta"]) if rows else {}
        return found

    def version(self, version: str) -> bytes | None:
        """The bytes of a prompt version, None when it never ran."""
        rows = self._read("SELECT data FROM versions WHERE hash = ?", (version,))
        return rows[0]["data"] if rows else None

    def read(self, sql: str, values: Sequence[object] = ()) -> list[dict[str, Any]]:
        """The rows of a question, as dictionaries. Raises StorageError."""
        return self._read(sql, tuple(values))

    def _read(self, sql: str, values: tuple[object, ...]) -> list[dict[str, Any]]:
        try:
            connection = sqlite3.connect(self.path, timeout=BUSY)
            try:
                cursor = connection.execute(sql, values)
                names = [column[0] for column in cursor.description]
                return [dict(zip(names, row, strict=True)) for row in cursor]
            finally:
                connection.close()
        except (sqlite3.Error, OverflowError) as error:  # a limit beyond 64 bits
            raise failure(error, self.path) from error


class NullStore(Store):
    """A history that keeps nothing: the workbench goes on when the real one cannot be opened."""

    def __init__(self) -> None:
        self.path = Path(os.devnull)

    def begin_run(self, run: str, kind: str, meta: Mapping[str, object]) -> None:
        """Nothing."""

    def begin_trials(self, run: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Nothing."""

    def replan(self, trial: str, row: Mapping[str, object]) -> Future[None]:
        """Done at once."""
        return self.finish("", {})

    def append(self, trial: str, text: str) -> None:
        """Nothing."""

    def finish(self, trial: str, record: Mapping[str, object]) -> Future[None]:
        """Done at once."""
        future: Future[None] = Future()
        future.set_result(None)
        return future

    def remember_version(self, version: str, data: bytes) -> Future[None]:
        """Done at once."""
        return self.finish("", {})

    def close(self) -> None:
        """Nothing."""

    def _durable(self, work: Callable[[sqlite3.Connection], T], *, outside: bool = False) -> Future[T]:
        future: Future[T] = Future()
        future.set_exception(StorageError("the history is off", hint="`workbench doctor` says why"))
        return future

    def _read(self, sql: str, values: tuple[object, ...]) -> list[dict[str, Any]]:
        return []


def open_store(path: Path) -> tuple[Store, str]:
    """The history at `path` and ""; or one that keeps nothing, and the line that says why."""
    try:
        return Store(path), ""
    except StorageError as error:
        return NullStore(), str(error)


TRIALS = """SELECT trials.id, run, text, finish, record, plan, created, trials.updated
             FROM trials JOIN runs ON runs.id = trials.run"""


def _nothing() -> None:
    """A turn of the writer without a job."""


def _done(cursor: sqlite3.Cursor) -> None:
    """What was changed is nobody's matter."""


def made_with() -> dict[str, str]:
    """The versions a replay needs to know of."""
    from importlib import metadata

    from workbench import __version__

    with suppress(metadata.PackageNotFoundError):
        return {"workbench": __version__, "llama_cpp_python": metadata.version("llama-cpp-python")}
    return {"workbench": __version__}


def model_file(row: Mapping[str, object]) -> dict[str, int]:
    """The size in bytes of the trial's model file: a replay on another one is told by it."""
    with suppress(OSError, ValueError):
        return {"model_size": os.stat(str(row["path"])).st_size} if row.get("path") else {}
    return {}


def trial_of(row: dict[str, Any]) -> dict[str, Any]:
    """A row of `TRIALS` as a TRIAL, with id, run, created and what is needed to make it again."""
    plan = json.loads(row["plan"])
    record = json.loads(row["record"]) if row["record"] else {}
    return {
        "id": row["id"],
        "run": row["run"],
        "created": row["created"],
        **{
            name: plan.get(name)
            for name in ("variant", "case", "repeat", "prompt", "version", "profile", "model", "path")
        },
        "sampling": plan.get("sampling", {}),
        "seed": plan.get("seed"),
        "mode": plan.get("mode"),
        "coupled": plan.get("coupled"),
        "model_size": plan.get("model_size"),
        "lead": plan.get("lead", []),
        "messages": plan.get("messages", []),
        "replays": plan.get("replays"),
        "tags": plan.get("tags") or [],
        "branch": plan.get("branch"),
        "over_full": plan.get("over_full") or "refuse",
        "window": plan.get("window"),
        "error": None,
        "prompt_tokens": 0,
        "completion_tokens": 0,
        "first_token_s": None,
        "tokens_per_s": None,
        "checks": [],
        **{key: value for key, value in record.items() if key not in ("sampling",)},
        "text": row["text"],
        "finish": row["finish"],
    }
