"""Plan → trials on the double: every trial ends once, is in the history, and models take turns where they must."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from workbench.experiments.experiment import (
    HistoryFailed,
    ModelLoading,
    ModelWaited,
    RunEvent,
    TrialAdvanced,
    TrialFinished,
    TrialPlan,
    Variant,
)
from workbench.experiments.runner import Runner, new_id
from workbench.history.store import Store, open_store
from workbench.inference.double import DoubleEngine
from workbench.inference.engine import Engine, Message
from workbench.inference.pool import EnginePool
from workbench.inference.sampling import make


def plans(count: int = 2, models: Sequence[str] = ("one",), run: str = "r") -> list[TrialPlan]:
    made = []
    for index in range(count):
        model = models[index % len(models)]
        variant = Variant(
            label="ABCDEFGH"[index],
            prompt="system/plain",
            version="v",
            source=b"# the file\n",
            lead=(Message("system", f"You are {index}."),),
            model=model,
            path=f"/models/{model}.gguf",
            sampling=make({"seed": 5, "max_tokens": 30}),
        )
        made.append(TrialPlan(id=f"{run}-{index}", run=run, variant=variant, messages=(Message("user", "Hi"),)))
    return made


class Room:
    """A runner on doubles; `fits` decides about memory."""

    def __init__(self, path: Path, make: Callable[[Path], Engine], fits: bool = True) -> None:
        self.store, self.problem = open_store(path)
        self.pool = EnginePool(make, lambda model, loaded: (fits, "" if fits else "needs 9 GiB"))
        self.runner = Runner(self.pool, self.store)

    async def run(self, trials: Sequence[TrialPlan]) -> list[RunEvent]:
        return [event async for event in self.runner.run(trials)]

    async def close(self) -> None:
        await self.runner.close()
        await self.pool.close()
        self.store.close()


def ends(events: Sequence[RunEvent]) -> dict[str, TrialFinished]:
    found = [event for event in events if isinstance(event, TrialFinished)]
    assert len({event.trial for event in found}) == len(found)
    return {event.trial: event for event in found}


async def test_a_run_from_plan_to_history(tmp_path: Path) -> None:
    room = Room(tmp_path / "h.db", DoubleEngine)
    events = await room.run(plans())
    finished = ends(events)
    assert set(finished) == {"r-0", "r-1"}
    for trial, event in finished.items():
        said = "".join(e.text for e in events if isinstance(e, TrialAdvanced) and e.trial == trial)
        assert event.record.text == said != ""
        assert event.record.finish == "stop"
        kept = room.store.trial(trial)
        assert kept is not None
        assert (kept["text"], kept["finish"], kept["seed"]) == (said, "stop", 5)
        assert kept["lead"][0]["content"].startswith("You are")
    assert any(isinstance(event, ModelLoading) for event in events)
    assert room.store.version("v") == b"# the file\n"
    await room.close()


async def test_one_model_failing_leaves_the_other(tmp_path: Path) -> None:
    room = Room(
        tmp_path / "h.db", lambda path: DoubleEngine(path, fail_load="broken file" if "bad" in path.name else "")
    )
    finished = ends(await room.run(plans(2, ("good", "bad"))))
    assert finished["r-0"].record.finish == "stop"
    assert finished["r-1"].record.finish == "error"
    assert "broken file" in (finished["r-1"].record.error or "")
    await room.close()


async def test_models_that_do_not_fit_take_turns_and_it_is_said(tmp_path: Path) -> None:
    room = Room(tmp_path / "h.db", DoubleEngine, fits=False)
    events = await room.run(plans(2, ("one", "two")))
    assert {event.record.finish for event in ends(events).values()} == {"stop"}
    assert [event.reason for event in events if isinstance(event, ModelWaited)] == ["needs 9 GiB"]
    assert len(room.pool.engines()) == 1
    await room.close()


async def test_cancelling_one_while_it_streams(tmp_path: Path) -> None:
    gate = asyncio.Event()
    room = Room(tmp_path / "h.db", lambda path: DoubleEngine(path, gate=gate))
    events: list[RunEvent] = []
    async for event in room.runner.run(plans()):
        events.append(event)
        if type(event).__name__ == "TrialStarted" and not gate.is_set():
            await room.runner.cancel(["r-0"])
            gate.set()
    finished = ends(events)
    assert finished["r-0"].record.finish == "cancelled"
    assert finished["r-1"].record.finish == "stop"
    await room.close()


async def test_closing_interrupts_and_keeps_the_text(tmp_path: Path) -> None:
    engine = DoubleEngine(answer="one two three " * 2000, tokens_per_s=300)
    room = Room(tmp_path / "h.db", lambda path: engine)
    seen = asyncio.Event()
    events: list[RunEvent] = []

    async def consume() -> None:
        async for event in room.runner.run(plans(1)):
            events.append(event)
            if isinstance(event, TrialAdvanced):
                seen.set()

    task = asyncio.create_task(consume())
    await seen.wait()
    await room.close()
    await task
    assert ends(events)["r-0"].record.finish == "interrupted"
    store = Store(tmp_path / "h.db")
    kept = store.trial("r-0")
    assert kept is not None
    assert kept["finish"] == "interrupted"
    assert kept["text"].startswith("one")
    store.close()


async def test_a_history_that_fails_is_said_and_the_trials_go_on(tmp_path: Path) -> None:
    room = Room(tmp_path / "h.db", DoubleEngine)
    room.store.close()
    events = await room.run(plans())
    assert any(isinstance(event, HistoryFailed) for event in events)
    assert {event.record.finish for event in ends(events).values()} == {"stop"}
    await room.close()


async def test_two_runs_share_an_engine(tmp_path: Path) -> None:
    made: list[Path] = []

    def build(path: Path) -> Engine:
        made.append(path)
        return DoubleEngine(path)

    room = Room(tmp_path / "h.db", build)
    await asyncio.gather(room.run(plans(run="a")), room.run(plans(run="b")))
    assert len(made) == 1
    await room.close()


def test_ids_sort_by_time() -> None:
    made = [new_id() for _ in range(3)]
    assert len(set(made)) == 3
    assert [value[:12] for value in made] == sorted(value[:12] for value in made)


@pytest.mark.parametrize("crash", [0, 4])
async def test_a_crash_in_mid_answer_is_an_error_with_the_text_so_far(tmp_path: Path, crash: int) -> None:
    room = Room(tmp_path / "h.db", lambda path: DoubleEngine(path, crash_after=crash))
    finished = ends(await room.run(plans(1)))
    record = finished["r-0"].record
    assert record.finish == "error"
    assert bool(record.text) == bool(crash)
    await room.close()
