"""A run told to other processes: a small file beside the history, written anew about once a second."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.errors import NotFoundError, StorageError, UsageError
from workbench.experiments.running.claim import folder_of
from workbench.files import atomic_write
from workbench.history.store import Store


def log_of(store: Store, run: str) -> Path | None:
    """Where a detached run writes what it has to say."""
    folder = folder_of(store)
    return folder / f"{run}.log" if folder else None


class Told:
    """Writes the file of one run; `inside`: the app runs it, and shall not be ended for it."""

    def __init__(self, store: Store, run: str, *, inside: bool = False) -> None:
        folder = folder_of(store)
        self._path = folder / f"{run}.json" if folder else None
        self._process = {**_this(), "inside": inside}

    def write(self, counts: Mapping[str, Any]) -> None:
        """How it stands. A full disk is no matter here."""
        if self._path is None:
            return
        try:
            atomic_write(self._path, json.dumps({**self._process, **counts}, default=str).encode())
        except StorageError:
            return


def told(store: Store, run: str) -> dict[str, Any]:
    """What the run said last, with `alive`. Raises NotFoundError."""
    folder = folder_of(store)
    try:
        found = json.loads((folder / f"{run}.json").read_bytes()) if folder else None
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise NotFoundError(f"run {run} says nothing", hint="`workbench history list` shows the runs")
    return {**found, "alive": alive(found)}


def newest(store: Store) -> str:
    """The run to follow when none is named: the last one that goes on, else the last one. Raises NotFoundError."""
    folder = folder_of(store)
    files = sorted(folder.glob("*.json"), reverse=True)[:200] if folder else []
    runs = [path.stem for path in files]
    for run in runs:
        if told(store, run)["alive"]:
            return run
    if runs:
        return runs[0]
    raise NotFoundError("no run of an experiment yet", hint="`workbench run FILE --detach` begins one")


def stop(store: Store, run: str) -> None:
    """Ask its process to end, as Ctrl+C would. Raises NotFoundError; UsageError for one that the app runs."""
    found = told(store, run)
    if not found["alive"] or found.get("stopped"):
        return
    if found.get("inside"):
        raise UsageError(f"run {run} goes on inside the workbench, process {found['pid']}", hint="stop it there: ^o, x")
    os.kill(int(found["pid"]), signal.SIGTERM)


def alive(found: Mapping[str, Any]) -> bool:
    """Whether the process that wrote it lives."""
    import psutil

    try:
        return abs(psutil.Process(int(found["pid"])).create_time() - float(found["started"])) < 2
    except (psutil.Error, KeyError, TypeError, ValueError):
        return False


def _this() -> dict[str, Any]:
    import psutil

    return {"pid": os.getpid(), "started": psutil.Process().create_time()}
