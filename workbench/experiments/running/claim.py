"""A run belongs to one process at a time: a lock that the system takes back when that ends, however it ends."""

from __future__ import annotations

import os
from pathlib import Path

from workbench import paths
from workbench.history.store import NullStore, Store


def folder_of(store: Store) -> Path | None:
    """Where locks, logs and progress of the runs are: beside the history. None when there is no history."""
    return None if isinstance(store, NullStore) else store.path.parent / "runs"


class Claim:
    """Holds a run. `release` is idempotent."""

    def __init__(self, handle: int | None) -> None:
        self._handle = handle

    def release(self) -> None:
        """Let it go."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def claim(store: Store, run: str) -> Claim | None:
    """The claim on the run; None when another process, or another run in this one, has it. Raises StorageError."""
    import fcntl

    folder = folder_of(store)
    if folder is None:
        return Claim(None)
    paths.ensure(folder)
    try:
        handle = os.open(folder / f"{run}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return Claim(None)  # a disk so full that it takes no name: the history will say so, and wait
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return Claim(handle)
