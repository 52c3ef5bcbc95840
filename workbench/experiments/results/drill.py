"""From a cell down to its trials, texts and all, read when they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.experiments.results.results import Results
    from workbench.history.store import Store


def siblings(results: Results, store: Store, run: str, case: int) -> list[dict[str, Any]]:
    """The TRIALs of a case, all variants and repeats, in the run's order. Raises StorageError."""
    from workbench.history.store import TRIALS, trial_of

    cells = [cell for cell in results.cells(case) if cell.trials]
    if not cells:
        return []
    low, high = min(cell.first for cell in cells), max(cell.last for cell in cells)
    name = results.cases[case]
    # By place first: the index leads there, and only few plans are looked into.
    sql = f"{TRIALS} WHERE run = ? AND place BETWEEN ? AND ? ORDER BY place"
    return [trial for row in store.read(sql, (run, low, high)) if ((trial := trial_of(row))["case"] or "") == name]
