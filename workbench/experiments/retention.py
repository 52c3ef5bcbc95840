"""Which runs the retention setting may take: none that a label points at, in any library that runs were made from.

A history outlives the folder one works in: libraries are remembered by it, and their labels as they were last read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from workbench.history import disk, keeping
from workbench.history.database import to_json
from workbench.history.keeping import Pruned
from workbench.history.store import Store
from workbench.library import labels

DAILY = timedelta(days=1)
Found = dict[str, str]  # version -> what points at it


def remember(store: Store, folders: Iterable[Path]) -> None:
    """Runs are made from these libraries: their labels count from now on. Waits for nothing."""
    rows = [(os.path.realpath(folder),) for folder in folders]
    store.change(lambda db: db.executemany("INSERT OR IGNORE INTO folders (folder) VALUES (?)", rows))


def labelled(store: Store, folders: Iterable[Path]) -> Found:
    """Version → `production of system/plain`: the labels of these libraries, and of all that the history knows.

    Raises FileError when a file of labels is wrong: then nobody knows what it would keep. One whose folder is gone
    (a drive that is not there) counts as it was last read. Raises StorageError.
    """
    # By the writer, behind what `remember` gave it.
    rows = store.change(lambda db: db.execute("SELECT folder, labelled FROM folders").fetchall()).result()
    known = {folder: json.loads(read) for folder, read in rows}
    found: Found = {}
    fresh: list[tuple[str, str]] = []
    for folder in dict.fromkeys([*(os.path.realpath(folder) for folder in folders), *known]):
        if not os.path.isdir(folder):
            found.update(known.get(folder, {}))
            continue
        table = labels.load(Path(folder))
        here = {version: f"{label} of {id}" for id, named in table.items() for label, version in named.items()}
        found.update(here)
        if here != known.get(folder):
            fresh.append((folder, to_json(here)))
    if fresh:
        store.change(lambda db: db.executemany("INSERT OR REPLACE INTO folders VALUES (?, ?)", fresh)).result()
    return found


def prune(
    store: Store,
    folders: Iterable[Path],
    *,
    keep_days: int,
    keep_bytes: int,
    now: datetime | None = None,
    dry: bool = False,
    whole: bool = False,
) -> tuple[Pruned, int]:
    """Take the oldest runs (history/keeping.py); returns which, and how many bytes the disk has again.

    `whole`: even where that takes a copy of the file (disk.shrink). Raises FileError, StorageError.
    """
    made = keeping.prune(store, labelled(store, folders), keep_days=keep_days, keep_bytes=keep_bytes, now=now, dry=dry)
    return made, disk.shrink(store, whole=whole) if made.runs and not dry else 0


def daily(
    store: Store, folders: Iterable[Path], *, keep_days: int, keep_bytes: int, now: datetime | None = None
) -> str:
    """The same once a day, whoever asks; returns what to say, "" for nothing. Raises FileError, StorageError."""
    if keep_days <= 0 and keep_bytes <= 0:
        return ""
    if not keeping.claim(store, "prune", DAILY, now):
        return ""
    made, freed = prune(store, folders, keep_days=keep_days, keep_bytes=keep_bytes, now=now)
    return said(made, freed) if made.runs else ""


def said(made: Pruned, freed: int, *, dry: bool = False) -> str:
    """What was removed, in a line."""
    runs = "1 run" if len(made.runs) == 1 else f"{len(made.runs):,} runs"
    spared = f"; {made.spared:,} old ones stay, something points at them" if made.spared else ""
    if not made.runs:
        return f"no run is old enough{spared}"
    room = f", {disk.told(freed)} freed" if freed else ""
    return f"{'would remove' if dry else 'removed'} {runs} of {made.trials:,} trials{room}{spared}"
