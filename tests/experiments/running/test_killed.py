"""kill -9 at random moments: gone on with, the run has the trials of an undisturbed one, none twice and none lost."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.experiments.running.house import stored
from tests.experiments.running.victim import TRIALS
from workbench.history.store import Store

ROOT = Path(__file__).parents[3]
KILLS = 100
MEMORY = Path("/dev/shm")
Live = Callable[[Path, int], bool]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: a kill takes nothing from the kernel, so no disk is needed."""
    if not MEMORY.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        yield Path(folder)


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    """One life in a folder, to its end (True) or killed at a moment of this number (False)."""
    log = tmp_path / "log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.experiments.running.victim"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert process.stdin is not None
    assert process.stdout is not None
    asked, told = process.stdin, process.stdout

    def one(folder: Path, moment: int) -> bool:
        asked.write(f"{moment} {folder}\n")
        asked.flush()
        end = int(told.readline())
        assert end in (0, -signal.SIGKILL), log.read_text()
        return end == 0

    yield one
    asked.close()
    process.wait(60)
    told.close()


def trials(folder: Path) -> list[tuple[object, ...]]:
    """What the only run in the history has."""
    store = Store(folder / "history.db")
    runs = store.runs(10)
    assert len(runs) == 1
    found = stored(store, runs[0]["id"])
    ids = [each["id"] for each in store.trials(runs[0]["id"], limit=-1)]
    store.close()
    assert len(set(ids)) == len(ids) == TRIALS
    return found


def over(folder: Path) -> bool:
    """Whether the run has come to its end."""
    if not (folder / "history.db").exists():
        return False
    with closing(sqlite3.connect(folder / "history.db")) as db:
        known = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'runs'").fetchone()[0]
        return bool(
            known and db.execute("SELECT 1 FROM runs WHERE json_extract(meta, '$.stopped') = 'done'").fetchone()
        )


def test_killed_at_a_hundred_moments(place: Path, live: Live) -> None:
    whole = place / "whole"
    whole.mkdir()
    assert live(whole, 0)
    moments = int((whole / "moments").read_text())
    reference = trials(whole)
    draw, kills, runs = random.Random(5), 0, 0
    while kills < KILLS:
        runs += 1
        broken = place / f"broken{runs}"
        broken.mkdir()
        while not live(broken, draw.randint(1, moments // 3)):
            kills += 1
            if over(broken):
                break  # its end was durable when it died: the next life would be another run
        assert trials(broken) == reference
    assert runs > 5  # none had all of them, all came to their end
