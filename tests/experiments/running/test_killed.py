"""kill -9 at random moments: gone on with, the run has the trials of an undisturbed one, none twice and none lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.experiments.running.house import stored
from tests.experiments.running.victim import TRIALS
from workbench.history.store import Store

ROOT = Path(__file__).parents[3]


def live(folder: Path, moment: int) -> tuple[int, int]:
    """One life: its end (0, or minus the signal), and how many moments it had when it came to its own end."""
    command = [sys.executable, "-m", "tests.experiments.running.victim", str(folder), str(moment)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode, int(done.stdout or 0)


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


def killed(folder: Path, times: int, seed: int) -> None:
    """So many kills, over as many runs as it takes."""
    whole = folder / "whole"
    whole.mkdir()
    end, moments = live(whole, 0)
    assert end == 0
    reference = trials(whole)
    draw, kills, round_ = random.Random(seed), 0, 0
    while kills < times:
        round_ += 1
        broken = folder / f"broken{round_}"
        broken.mkdir()
        while True:
            end, _ = live(broken, draw.randint(1, moments // 3))
            if end == 0:
                break
            kills += 1
        assert trials(broken) == reference


def test_killed_at_twenty_moments(tmp_path: Path) -> None:
    killed(tmp_path, 20, 5)


@pytest.mark.slow
def test_killed_at_a_hundred_moments(tmp_path: Path) -> None:
    killed(tmp_path, 100, 6)
