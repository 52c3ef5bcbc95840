"""A report of a run in the history, or of a file: JSON lines of TRIALs, or promptfoo's results."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from workbench.errors import NotFoundError, StorageError, WorkbenchError
from workbench.experiments.reports import again
from workbench.experiments.reports.report import Report
from workbench.experiments.results.results import Results
from workbench.experiments.results.rows import from_json, whole
from workbench.history.store import Store

FILES = (".json", ".jsonl", ".ndjson")  # a run that is named so is a file
MAX_BYTES = 1 << 30


def of_run(store: Store, run: str, *, against: tuple[str, Results] | None = None) -> Report:
    """The report of a run; `against` is an earlier one's id and results. Raises NotFoundError, StorageError."""
    rows = store.read("SELECT kind, created FROM runs WHERE id = ?", (run,))
    if not rows:
        raise NotFoundError(f"there is no run {run}", hint="`workbench history list` shows them")
    meta = store.meta(run)
    given, notes = _said(meta)
    results = Results.of_run(store, run, stopped=str(meta.get("stopped") or ""), **given)
    return Report(
        run=run,
        title=str(meta.get("title") or f"{rows[0]['kind']} {run}"),
        created=rows[0]["created"],
        results=results,
        trials=partial(whole, store, run),
        again=again.gather(
            whole(store, run),
            len(results.variants),
            run=run,
            meta=meta,
            versions=partial(_version, store),
            sums=_sum,
        ),
        against=results.worse_than(against[1]) if against else None,
        baseline=against[0] if against else "",
        notes=notes,
    )


def of_file(path: Path, *, against: tuple[str, Results] | None = None) -> Report:
    """The report of a file's trials. Raises NotFoundError, StorageError, UsageError for a file that holds none."""
    trials = partial(_trials, path)
    results = Results.of(trials())
    if not results.variants:
        raise StorageError("there is no trial in it", where=str(path), hint="a JSONL report, or promptfoo's results")
    return Report(
        run=path.name,
        title=path.stem,
        created="",
        results=results,
        trials=trials,
        again=again.gather(trials(), len(results.variants), run=path.name),
        against=results.worse_than(against[1]) if against else None,
        baseline=against[0] if against else "",
    )


def results_of_file(path: Path) -> Results:
    """Only its results: an earlier run to compare with."""
    return Results.of(_trials(path))


def _trials(path: Path) -> Iterator[dict[str, Any]]:
    from workbench.experiments import promptfoo_results

    try:
        if path.stat().st_size > MAX_BYTES:
            raise StorageError("the file is over 1 GiB", where=str(path), hint="split it")
        with open(path, encoding="utf-8", errors="replace") as file:
            if path.suffix.lower() == ".json":
                yield from promptfoo_results.read(file.read(), str(path))
                return
            first = file.readline()
            file.seek(0)
            read: Callable[..., Iterator[dict[str, Any]]] = from_json
            if promptfoo_results.is_line(first):
                read = partial(promptfoo_results.read_lines, where=str(path))
            yield from read(file)
    except FileNotFoundError:
        raise NotFoundError("there is no such file", where=str(path), hint="name a run, or a file") from None
    except OSError as error:
        raise StorageError(f"it cannot be read ({error.strerror})", where=str(path)) from error
    except StorageError as error:
        raise error if error.where else StorageError(error.what, where=str(path), hint=error.hint) from None


def _said(meta: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What the run's experiment file says of judging it."""
    from workbench.experiments.files import parse

    if not meta.get("source"):
        return {}, ()
    try:
        found = parse(str(meta["source"]).encode())
    except WorkbenchError as error:  # written by another workbench: the trials are good all the same
        return {}, (f"its experiment file is not read by this workbench ({error.what}): no delta, no baseline",)
    return {"delta": found.delta, "baseline": found.baseline}, ()


def _version(store: Store, version: str) -> tuple[str, bytes] | None:
    rows = store.read("SELECT hash, data FROM versions WHERE hash >= ? AND hash < ? LIMIT 2", (version, version + "g"))
    return (rows[0]["hash"], rows[0]["data"]) if len(rows) == 1 else None


def _sum(path: str) -> str:
    """The sha256 of a model's file where its name tells: the hub's cache and Ollama's call a blob by it."""
    name = os.path.basename(os.path.realpath(path)).removeprefix("sha256-")
    return name if re.fullmatch("[0-9a-f]{64}", name) else ""
