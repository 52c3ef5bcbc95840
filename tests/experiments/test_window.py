"""Trials whose conversation is too long: what is fed, what the history has and when, cancelling, branches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from workbench.experiments.conversation import Comparison, Exchange, Lane
from workbench.experiments.experiment import (
    Branch,
    RunEvent,
    TrialFinished,
    TrialFitted,
    TrialFitting,
    TrialPlan,
    TrialStarted,
    Variant,
)
from workbench.experiments.replay import prepare
from workbench.experiments.runner import Runner
from workbench.history.store import Store
from workbench.inference.double import DoubleEngine
from workbench.inference.engine import Generate, Message
from workbench.inference.pool import EnginePool
from workbench.inference.sampling import make
from workbench.inference.window import REQUEST, Policy, Window, exchange

SAID = (
    *(
        message
        for at in range(9)
        for message in (
            Message("user", f"What stands in room {at}?"),
            Message("assistant", f"A ship stands in room {at}."),
        )
    ),
    Message("user", "And who made it?"),
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    (tmp_path / "m.gguf").write_bytes(b"")
    made = Store(tmp_path / "history.db")
    yield made
    made.close()


def planned(path: Path, policy: Policy, id: str = "run-A") -> TrialPlan:
    sampling = make({"max_tokens": 20})
    variant = Variant(label="A", prompt="", version="", lead=(), model="m", path=str(path), sampling=sampling)
    return TrialPlan(id=id, run=id.split("-")[0], variant=variant, messages=SAID, over_full=policy)


def runner(engine: DoubleEngine, store: Store) -> Runner:
    return Runner(EnginePool(lambda path: engine, lambda path, loaded: (True, "")), store)


async def test_the_history_has_what_is_fed_before_anything_is_generated(store: Store, tmp_path: Path) -> None:
    gate = asyncio.Event()
    seen: list[Generate] = []

    def answer(request: Generate) -> str:
        seen.append(request)
        return "a ship"

    engine = DoubleEngine(tmp_path / "m.gguf", answer=answer, context_length=160, gate=gate)
    events: list[RunEvent] = []
    async for event in runner(engine, store).run([planned(tmp_path / "m.gguf", "drop-oldest")]):
        events.append(event)
        if isinstance(event, TrialStarted):
            stored = store.trial("run-A")
            assert stored is not None
            assert stored["finish"] == "running"
            assert stored["window"]["lost"][0]["text"] == "What stands in room 0?"
            assert tuple(Message(**each) for each in stored["messages"]) == seen[0].messages != SAID
            gate.set()
    kinds = [type(event) for event in events]
    assert kinds.index(TrialFitting) < kinds.index(TrialFitted) < kinds.index(TrialStarted)
    record = next(event.record for event in events if isinstance(event, TrialFinished))
    assert record.window is not None
    assert record.prompt_tokens == record.window.prompt_tokens
    stored = store.trial("run-A")
    assert stored is not None
    again = prepare(stored, {}).plan
    assert (again.messages, again.window, again.over_full) == (seen[0].messages, record.window, "drop-oldest")


async def test_what_fits_is_run_as_it_is(store: Store, tmp_path: Path) -> None:
    engine = DoubleEngine(tmp_path / "m.gguf", answer="a ship")
    events = [event async for event in runner(engine, store).run([planned(tmp_path / "m.gguf", "roll")])]
    record = next(event.record for event in events if isinstance(event, TrialFinished))
    assert record.window is None
    stored = store.trial("run-A")
    assert stored is not None
    assert (stored["window"], stored["over_full"], len(stored["messages"])) == (None, "roll", len(SAID))
    assert prepare(stored, {}).plan.over_full == "roll"


async def test_a_summary_can_be_cancelled(store: Store, tmp_path: Path) -> None:
    engine = DoubleEngine(tmp_path / "m.gguf", answer="a ship", context_length=160, gate=asyncio.Event())
    running, events = runner(engine, store), list[RunEvent]()

    async def cancel() -> None:
        for _ in range(1000):
            if engine._live:
                break
            await asyncio.sleep(0.01)
        assert list(engine._live) == ["run-A-summary"]
        await running.cancel(["run-A"])

    task = asyncio.create_task(cancel())
    async for event in running.run([planned(tmp_path / "m.gguf", "summarise")]):
        events.append(event)
    await task
    record = next(event.record for event in events if isinstance(event, TrialFinished))
    assert record.finish == "cancelled"
    assert record.error is None


async def test_a_summary_that_fails_ends_its_trial_alone(store: Store, tmp_path: Path) -> None:
    engine = DoubleEngine(tmp_path / "m.gguf", answer="a ship", context_length=160, crash_after=0)
    events = [event async for event in runner(engine, store).run([planned(tmp_path / "m.gguf", "summarise")])]
    record = next(event.record for event in events if isinstance(event, TrialFinished))
    assert record.finish == "error"
    assert "killed" in (record.error or "")


def lane(policy: Policy) -> Lane:
    turns = [Exchange(message=f"room {at}?", parts=["a ship"], finish="stop") for at in range(3)]
    return Lane(uid=1, model="m", path="/m.gguf", over_full=policy, turns=turns)


async def test_a_lane_takes_its_window_and_its_summary_and_runs_by_them(store: Store, tmp_path: Path) -> None:
    engine = DoubleEngine(tmp_path / "m.gguf", answer="they spoke of ships", context_length=160)
    one = lane("summarise")
    one.path, one.turns = str(tmp_path / "m.gguf"), []
    for user, said in zip(SAID[:-1:2], SAID[1::2], strict=True):
        one.turns.append(Exchange(message=user.content, parts=[said.content], finish="stop"))
    comparison = Comparison([one, Lane(uid=2)])
    plans = comparison.plan_turn("And who made it?", "run", [one])
    assert plans[0].over_full == "summarise"
    phases = []
    async for event in runner(engine, store).run(plans):
        comparison.apply(event)
        phases.append(one.phase)
    assert "fitting" in phases
    turn = one.last
    assert turn is not None
    assert turn.window is not None
    assert all(not lost.text for lost in turn.window.lost)  # kept light: the turns have the texts
    assert one.summary is not None
    assert one.summary.text == "they spoke of ships"
    stored = store.trial(turn.trial)
    assert stored is not None
    assert [each["content"] for each in stored["messages"][:2]] == [each.content for each in exchange(one.summary.text)]
    assert stored["messages"][0]["content"] == REQUEST
    assert comparison.plan_again("again", [one])[0].summary == one.summary


def test_a_branch_goes_on_after_what_was_fed() -> None:
    one = lane("drop-oldest")
    comparison = Comparison([one, Lane(uid=2)])
    window = Window(policy="drop-oldest", context=99, budget=50, whole_tokens=70, prompt_tokens=40)
    fed = (Message("user", "room 2?"),)
    plan = comparison.plan_branch(one, Branch("t", 1, "a boat"), "run", fed, window)
    assert (plan.messages, plan.window) == (fed, window)
    assert one.turns[-1].window == window
    other = comparison.plan_branch(lane_in(comparison), Branch("t", 1, "a boat"), "run2", fed, None)
    assert len(other.messages) == 5
    assert other.window is None


def lane_in(comparison: Comparison) -> Lane:
    comparison.lanes[0] = lane("refuse")
    return comparison.lanes[0]
