"""A run's report as a file: made, written whole, and the run kept from pruning. For the doors to call."""

from __future__ import annotations

from pathlib import Path

from workbench.experiments.reports import formats, opening
from workbench.history import notes
from workbench.history.store import Store


def write(store: Store, run: str, path: Path, format: str = "", *, baseline: str = "", over: bool = True) -> None:
    """Write a run's report to a file, whole or not at all; retention never takes the run from then on.

    `format` is one of formats.NAMES, by the file's name where it is "". `baseline` is an earlier run to compare with.
    Without `over` a file that is there stays. Reads the whole run: call it off the loop. Raises NotFoundError,
    UsageError, StorageError.
    """
    format = format or formats.of_file(path)
    why = f"report {path.absolute()}"
    new: list[str] = []
    try:
        new.extend(each for each in (run, baseline) if each and pin(store, each, why))
        formats.write(opening.of_run(store, run, baseline=baseline), format, path, over=over)
    except BaseException:
        for each in new:
            notes.unpin(store, each, why)
        raise


def pin(store: Store, run: str, why: str) -> bool:
    """Keep the run, for a report points at it; before it is read, for pruning may run meanwhile.

    Returns whether this was not so yet. Raises NotFoundError, StorageError.
    """
    known = store.read("SELECT 1 FROM pins WHERE run = ? AND why = ?", (run, why))
    notes.pin(store, run, why)
    return not known
