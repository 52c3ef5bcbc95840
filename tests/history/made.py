"""Histories for tests: runs with trials that have ended, at any time."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from workbench.history.store import Store


def add(
    store: Store,
    run: str,
    *trials: dict[str, Any] | str,
    kind: str = "compare",
    created: datetime | None = None,
    running: Sequence[str] = (),
    title: str = "",
) -> list[str]:
    """A run of trials (a text, or a plan with `text`, `finish` and `error`); gives their ids."""
    rows = [{"text": trial} if isinstance(trial, str) else dict(trial) for trial in trials]
    ids = [f"{run}-{place}" for place in range(len(rows))]
    ends = [(row.pop("text", ""), row.pop("finish", "stop"), row.pop("error", None)) for row in rows]
    store.begin_run(run, kind, {"title": title} if title else {})
    plain = {"variant": "A", "model": "m", "prompt": "system/plain", "seed": 1, "mode": "strict", "coupled": True}
    said = {"messages": [{"role": "user", "content": f"message of {run}"}]}
    store.begin_trials(run, [{**plain, **said, **row, "id": id} for id, row in zip(ids, rows, strict=True)])
    for id, (text, finish, error) in zip(ids, ends, strict=True):
        if id not in running:
            store.finish(id, {"text": text, "finish": finish, "error": error, "completion_tokens": 3}).result()
    if created is not None:
        with sqlite3.connect(store.path) as db:
            db.execute("UPDATE runs SET created = ? WHERE id = ?", (created.isoformat(timespec="milliseconds"), run))
        db.close()
    return ids


def all_ids(path: Path) -> tuple[set[str], set[str]]:
    """The runs and the trials that are there."""
    db = sqlite3.connect(path)
    found = (
        {row[0] for row in db.execute("SELECT id FROM runs")},
        {row[0] for row in db.execute("SELECT id FROM trials")},
    )
    db.close()
    return found
