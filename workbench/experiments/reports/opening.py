"""A run of the history as a `Report`: its results, its trials as a stream, and what runs it again."""

from __future__ import annotations

import hashlib
import os
import re
from functools import lru_cache, partial
from typing import Any

from workbench.errors import NotFoundError
from workbench.experiments.reports import again
from workbench.experiments.reports.contents import Report
from workbench.experiments.results.opening import judging
from workbench.experiments.results.results import Results
from workbench.experiments.results.rows import whole
from workbench.history.experiments import KIND
from workbench.history.store import Store

HASHED = 2 << 30  # bytes of a model's file up to which its hash is worked out: a second or two


def of_run(store: Store, run: str, *, baseline: str = "") -> Report:
    """The report of a run, compared with the run `baseline` where one is named. Raises NotFoundError, StorageError."""
    created, kind, meta = _known(store, run)
    given, notes = judging(meta)
    ended = meta.get("stopped") or (meta.get("summary") or {}).get("stopped")
    results = Results.of_run(store, run, stopped=str(ended or ("" if kind == KIND else "done")), **given)
    before = None
    if baseline:
        _known(store, baseline)
        before = Results.of_run(store, baseline)
    return Report(
        run=run,
        title=str(meta.get("title") or f"run {run}"),
        created=created,
        results=results,
        trials=partial(whole, store, run),
        again=again.gather(
            whole(store, run),
            len(results.variants),
            len(results.cases),
            run=run,
            meta=meta,
            versions=partial(_version, store),
            sums=sha256_of,
        ),
        against=results.worse_than(before) if before else None,
        baseline=baseline,
        notes=notes,
    )


def _known(store: Store, run: str) -> tuple[str, str, dict[str, Any]]:
    rows = store.read("SELECT created, kind FROM runs WHERE id = ?", (run,))
    if not rows:
        raise NotFoundError(f"there is no run {run}", hint="`workbench history list` shows them")
    return rows[0]["created"], rows[0]["kind"], store.meta(run)


def _version(store: Store, version: str) -> tuple[str, bytes] | None:
    rows = store.read("SELECT hash, data FROM versions WHERE hash >= ? AND hash < ? LIMIT 2", (version, version + "g"))
    return (rows[0]["hash"], rows[0]["data"]) if len(rows) == 1 else None


def sha256_of(path: str, size: int | None) -> str:
    """The sha256 of a model's file, "" where it is gone, another one by its size, or too large to be hashed now.

    The hub's cache and Ollama's call a blob by it: those are never read.
    """
    try:
        name = os.path.basename(os.path.realpath(path)).removeprefix("sha256-")
        if re.fullmatch("[0-9a-f]{64}", name):
            return name
        found = os.stat(path)
        if found.st_size > HASHED or (size is not None and size != found.st_size):
            return ""
        return _hashed(path, found.st_size, found.st_mtime_ns)
    except (OSError, ValueError):
        return ""


@lru_cache(maxsize=32)
def _hashed(path: str, size: int, changed: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
