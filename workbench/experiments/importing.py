"""Results of other programs taken into the history as a run, so that they show like our own."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import NotFoundError, UsageError
from workbench.experiments import promptfoo_results
from workbench.experiments.runner import new_id
from workbench.history import experiments as history
from workbench.history.store import Store

MAX_BYTES = 1 << 29  # of a file; it is read whole
BATCH = 500  # trials in one transaction
_PLAN = (
    *("variant", "case", "repeat", "prompt", "version", "profile", "model", "path", "sampling", "seed", "mode"),
    *("lead", "messages", "values"),
)


@dataclass(frozen=True)
class Taken:
    """The run that a file became. `known` when it had been taken in before, and nothing was written."""

    run: str
    trials: int
    variants: int
    cases: int
    known: bool = False


def promptfoo(store: Store, path: Path) -> Taken:
    """Take promptfoo's results in as a run of an experiment. A file is taken in once.

    Raises NotFoundError, UsageError for a file that is none, with the key; StorageError.
    """
    data = _bytes(path)
    sha256 = hashlib.sha256(data).hexdigest()
    found = promptfoo_results.read(data, str(path))
    del data
    counts = len(found.trials), len({each["variant"] for each in found.trials}), len({t["case"] for t in found.trials})
    if known := _known(store, sha256):
        return Taken(known, *counts, known=True)
    run = new_id()
    title = str(found.about.get("title") or path.stem)
    about = {"from": "promptfoo", "file": path.name, "sha256": sha256, **found.about}
    history.begin_run(store, run, {"title": title, "imported": about, "total": len(found.trials)}).result()
    for start in range(0, len(found.trials), BATCH):
        batch = [
            (f"{run}-{place:06d}", place, trial)
            for place, trial in enumerate(found.trials[start : start + BATCH], start)
        ]
        rows = [{"id": id, "place": place, **_only(trial, plan=True)} for id, place, trial in batch]
        ends = [{"id": id, "run": run, **_only(trial, plan=False)} for id, _, trial in batch]
        history.add_finished(store, run, rows, ends).result()
    history.note_run(store, run, stopped="done").result()
    return Taken(run, *counts)


def _only(trial: Mapping[str, Any], *, plan: bool) -> dict[str, Any]:
    """What stands in the plan of a trial; or in its record, which has the names of its plan too, but not its texts."""
    if plan:
        return {name: trial[name] for name in _PLAN}
    return {name: value for name, value in trial.items() if name not in ("lead", "messages", "values", "path")}


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UsageError("the file is over 512 MiB", where=str(path), hint="split the evaluation")
        return path.read_bytes()
    except FileNotFoundError:
        raise NotFoundError("there is no such file", where=str(path)) from None
    except OSError as error:
        raise UsageError(f"it cannot be read ({error.strerror})", where=str(path)) from None


def _known(store: Store, sha256: str) -> str:
    sql = """SELECT id FROM runs WHERE json_extract(meta, '$.imported.sha256') = ?
        AND json_extract(meta, '$.stopped') IS NOT NULL LIMIT 1"""
    rows = store.read(sql, (sha256,))
    return rows[0]["id"] if rows else ""
