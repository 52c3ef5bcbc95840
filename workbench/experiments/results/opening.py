"""A run of the history, opened: its results with what its experiment says of judging it, and its earlier runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import NotFoundError, WorkbenchError
from workbench.experiments.results.results import Results

if TYPE_CHECKING:
    from workbench.history.store import Store

KIND = "experiment"
SHOWN = 500  # earlier runs that are offered


@dataclass(frozen=True)
class Opened:
    """`created` is UTC, ISO 8601; `title` "" where the run has none (untrusted); `notes` say what could not be read."""

    run: str
    kind: str
    created: str
    title: str
    meta: Mapping[str, Any]
    results: Results
    notes: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """How it ended: "done", "decided", "budget", …; "goes on", "broken off"; "" for what is no experiment."""
        if self.results.stopped:
            return self.results.stopped
        if self.kind != KIND:
            return ""
        return "goes on" if any(any(column.running) for column in self.results.columns) else "broken off"


@dataclass(frozen=True)
class Earlier:
    """A run of the same experiment. `note` is a person's (untrusted); `same` that its file was the same to the byte."""

    run: str
    created: str
    trials: int
    stopped: str
    note: str
    same: bool


def open_run(store: Store, run: str) -> Opened:
    """The run with its results. Reads all its trials: off the loop. Raises NotFoundError, StorageError."""
    rows = store.read("SELECT kind, created FROM runs WHERE id = ?", (run,))
    if not rows:
        raise NotFoundError(f"there is no run {run}", hint="`workbench history list` shows them")
    meta = store.meta(run)
    given, notes = judging(meta)
    results = Results.of_run(store, run, stopped=str(meta.get("stopped") or ""), **given)
    return Opened(run, rows[0]["kind"], rows[0]["created"], str(meta.get("title") or ""), meta, results, notes)


def judging(meta: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What the experiment file that was kept with a run says of judging it: `delta`, `baseline`; and notes."""
    from workbench.experiments.files import parse

    if not meta.get("source"):
        return {}, ()
    try:
        found = parse(str(meta["source"]).encode())
    except WorkbenchError as error:  # written by another workbench: the trials are good all the same
        return {}, (f"its experiment file is not read by this workbench ({error.what}): no delta, no baseline",)
    return {"delta": found.delta, "baseline": found.baseline}, ()


def earlier(store: Store, run: str) -> list[Earlier]:
    """Runs of the same experiment (its file, or its title where it has none) before this one, newest first."""
    meta = store.meta(run)
    name = "$.file" if meta.get("file") else "$.title"
    sql = """SELECT id, created, json_extract(meta, '$.stopped') AS stopped, json_extract(meta, '$.sha256') AS sha256,
            (SELECT count(*) FROM trials WHERE run = runs.id) AS trials,
            COALESCE((SELECT note FROM notes WHERE run = runs.id), '') AS note
        FROM runs
        WHERE json_extract(meta, ?1) = (SELECT NULLIF(json_extract(meta, ?1), '') FROM runs WHERE id = ?2)
            AND (created, id) < (SELECT created, id FROM runs WHERE id = ?2)
        ORDER BY created DESC, id DESC LIMIT ?3"""
    rows = store.read(sql, (name, run, SHOWN))
    return [
        Earlier(
            row["id"],
            row["created"],
            row["trials"],
            row["stopped"] or "",
            row["note"],
            bool(row["sha256"]) and row["sha256"] == meta.get("sha256"),
        )
        for row in rows
        if row["trials"]
    ]
