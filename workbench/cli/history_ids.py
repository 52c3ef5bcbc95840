"""The history as the command line opens it, and what an id, or its beginning, names there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.errors import NotFoundError, StorageError

if TYPE_CHECKING:
    from workbench.history.store import Store

HINT = "`workbench history list` shows them"


def open_history() -> Store:
    """The person's history. Raises StorageError when it cannot be opened."""
    from workbench import paths
    from workbench.history.store import open_store

    store, problem = open_store(paths.data_dir() / "history.db")
    if problem:
        raise StorageError(problem)
    return store


def trials_of(store: Store, id: str) -> list[dict[str, Any]]:
    """The trials of the run, or the one trial, whose id is or begins so. Raises NotFoundError."""
    if id and (trials := store.trials(id, limit=-1)):
        return trials
    if id and (trial := store.trial(id)):
        return [trial]
    return store.trials(one_run(store, id, what="run or trial"), limit=-1)


def one_trial(store: Store, id: str) -> dict[str, Any]:
    """The trial that is named, or the only one of the run that is. Raises NotFoundError."""
    trials = trials_of(store, id)
    if len(trials) != 1:
        hint = f"name one of its trials, such as {trials[0]['id']}" if trials else HINT
        raise NotFoundError(f"run {id} has {len(trials)} trials", hint=hint)
    return trials[0]


def one_run(store: Store, id: str, *, what: str = "run") -> str:
    """The id of the run whose id is or begins so, or that has that trial. Raises NotFoundError."""
    from workbench.history.database import stored

    wanted = stored(id)
    sql = "SELECT id FROM runs WHERE id >= ? AND id < ? ORDER BY id != ?, id LIMIT 1000"
    found = [row["id"] for row in store.read(sql, (wanted, wanted + "\U0010ffff", wanted))]
    if found and (len(found) == 1 or found[0] == wanted):
        return str(found[0])
    if not found and wanted and (trial := store.trial(wanted)):
        return str(trial["run"])
    said = f"{id} is the beginning of {len(found)} runs" if found else f"there is no {what} {id}"
    raise NotFoundError(said, hint=HINT)
