"""What a night brings, for real: the worker of the starter model killed again and again, a file system that is full."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.experiments.running.house import House, ended, experiment, stored
from workbench.experiments.experiment import TrialFinished
from workbench.experiments.files import parse
from workbench.experiments.running.events import ExperimentEvent, RunContinued, RunEnded, RunPaused, WorkerRestarted
from workbench.experiments.running.run import ExperimentRun
from workbench.experiments.running.starting import start
from workbench.history.store import Store
from workbench.inference.engine import LoadOptions
from workbench.inference.local.client import LocalEngine

KILLS = 20
REAL = """schema = 1
kind = "experiment"
sampling = { max_tokens = 4 }
[[variants]]
label = "A"
[[variants]]
label = "B"
prompt = "Be brief."
"""


async def test_twenty_kills_of_the_real_worker_cost_no_trial(tmp_path: Path, starter: Path) -> None:
    """Each dies with trials at work, three others having ended since it was started."""
    engines: list[LocalEngine] = []

    def build(path: Path) -> LocalEngine:
        engines.append(LocalEngine(starter, LoadOptions(context_length=512, lanes=2, shape=2, threads=1)))
        return engines[-1]

    house = House(tmp_path, build, lanes=2)
    cases = "".join(f'[[cases]]\nmessage = "Say {at}"\n' for at in range(60))
    run = ExperimentRun(start(parse((REAL + cases).encode()), house.rooms), house.rooms)
    restarts, since = 0, 0
    killed: list[int] = []
    async for event in run.events():
        match event:
            case WorkerRestarted():
                restarts, since = restarts + 1, 0
            case TrialFinished():
                since += 1
                if since == 3 and len(killed) < KILLS:
                    assert engines[0].pid is not None
                    killed.append(engines[0].pid)
                    os.kill(killed[-1], signal.SIGKILL)
            case RunEnded():
                assert event.stopped == "done"
    assert (len(engines), restarts, len(set(killed))) == (1, KILLS, KILLS)  # each time another process
    found = house.store.trials(run.start.run, limit=-1)
    assert len({(each["variant"], each["case"]) for each in found}) == len(found) == 120
    assert {each["finish"] for each in found} <= {"stop", "length"}
    assert all(each["text"] and each["error"] is None for each in found)
    await house.close()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 megabytes."""
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)], capture_output=True).returncode:
        pytest.skip("only root mounts a file system; test_run has the stand-in")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_a_full_file_system_pauses_the_run_until_there_is_room(tmp_path: Path, small: Path) -> None:
    store = Store(small / "history.db")
    house = House(tmp_path, store=store)
    ballast = small / "ballast"
    waits = 0

    async def sleep(seconds: float) -> None:
        nonlocal waits
        waits += 1
        if waits == 10:
            ballast.unlink()
        await asyncio.sleep(0)

    text = '[[variants]]\nlabel = "A"\n[[variants]]\nlabel = "B"\nprompt = "Be brief."\n'
    long = "".join(f'[[cases]]\nname = "c{at}"\nmessage = "{at} {"word " * 2000}"\n' for at in range(60))
    run = ExperimentRun(start(experiment(text + long), house.rooms), house.rooms, sleep=sleep)
    events: list[ExperimentEvent] = []
    async for event in run.events():
        events.append(event)
        if sum(isinstance(each, TrialFinished) for each in events) == 5 and not ballast.exists() and not waits:
            with ballast.open("wb", buffering=0) as file, suppress(OSError):
                while True:
                    file.write(bytes(4096))
    pauses = [event for event in events if isinstance(event, RunPaused)]
    assert pauses
    assert "disk is full" in pauses[0].reason
    assert "free some space" in pauses[0].reason
    assert len(pauses) == sum(isinstance(event, RunContinued) for event in events)
    assert ended(events).stopped == "done"
    found = stored(store, run.start.run)
    assert len(found) == 120
    assert {row[5] for row in found} <= {"stop", "length"}
    await house.close()
