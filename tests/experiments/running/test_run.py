"""A run of an experiment on doubles: plan to history, taken again, gone on with, stopped, broken."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.experiments.running.house import House, ended, experiment, prompts, stored
from workbench.errors import NotFoundError, StorageError, UsageError
from workbench.experiments.arena.entries import entries
from workbench.experiments.experiment import TrialFinished
from workbench.experiments.running.events import (
    ExperimentEvent,
    RunBegan,
    RunContinued,
    RunPaused,
    TrialTaken,
    WorkerRestarted,
)
from workbench.experiments.running.pacing import Pace
from workbench.experiments.running.run import AHEAD, FEW, ExperimentRun
from workbench.experiments.running.starting import start
from workbench.history.store import Store
from workbench.inference.double import DoubleEngine
from workbench.inference.engine import Event, Generate

T = TypeVar("T")
AB = """
checks = [{ type = "contains", value = "good" }]
[[variants]]
label = "A"
prompt = "Be bad."
[[variants]]
label = "B"
prompt = "Be good."
"""


def obedient(request: Generate) -> str:
    """Says what the system text asks it to be."""
    return f"I am {request.messages[0].content.split()[-1]} at {request.messages[-1].content}"


def of(events: Sequence[ExperimentEvent], *kinds: type) -> list[Any]:
    return [event for event in events if isinstance(event, kinds)]


def run_id(events: Sequence[ExperimentEvent]) -> str:
    return str(of(events, RunBegan)[0].run)


async def test_a_run_from_file_to_verdict(tmp_path: Path) -> None:
    house = House(tmp_path, lambda path: DoubleEngine(path, answer=obedient))
    events = await house.run(experiment(AB, 30))
    summary: Any = ended(events).summary
    assert ended(events).stopped == "done"
    assert [variant["passed"]["value"] for variant in summary["variants"]] == [0.0, 1.0]
    assert summary["pairs"][0]["verdict"] == "B better"
    assert (summary["trials"], summary["reused"], summary["failed"]) == (60, 0, 30)
    found = house.store.trials(run_id(events), limit=-1)
    assert summary["prompt_tokens"] == sum(each["prompt_tokens"] for each in found) > 0
    assert [(each["case"], each["variant"]) for each in found] == [(f"c{at}", v) for at in range(30) for v in "AB"]
    assert all(each["checks"][0]["passed"] == (each["variant"] == "B") for each in found)
    assert house.store.meta(run_id(events))["stopped"] == "done"
    assert house.store.meta(run_id(events))["source"].startswith("schema = 1")
    await house.close()


async def test_a_second_run_takes_what_exists_and_fresh_does_not(tmp_path: Path) -> None:
    house = House(tmp_path)
    text = 'repeats = 3\n[[variants]]\nlabel = "A"\n[[variants]]\nlabel = "B"\n'  # A/A: equal, and yet two
    first = await house.run(experiment(text, 4))
    second = await house.run(experiment(text, 4))
    assert of(second, TrialFinished) == []
    taken = of(second, TrialTaken)
    assert len(taken) == 24
    assert sorted(event.record.reused for event in taken) == sorted(
        each["id"] for each in house.store.trials(run_id(first), limit=-1)
    )
    assert run_id(first) != run_id(second)
    assert stored(house.store, run_id(first)) == stored(house.store, run_id(second))
    assert len(of(await house.run(experiment(text, 4), fresh=True), TrialFinished)) == 24
    more = await house.run(experiment(text, 5))
    assert (len(of(more, TrialTaken)), len(of(more, TrialFinished))) == (24, 6)
    await house.close()


async def test_checks_that_changed_are_applied_to_what_is_taken(tmp_path: Path) -> None:
    house = House(tmp_path, lambda path: DoubleEngine(path, answer=obedient))
    await house.run(experiment(AB, 3))
    events = await house.run(experiment(AB.replace('"good"', '"bad"'), 3))
    assert of(events, TrialFinished) == []
    summary: Any = ended(events).summary
    assert [variant["passed"]["value"] for variant in summary["variants"]] == [1.0, 0.0]
    await house.close()


async def test_breaking_off_and_going_on_is_one_run(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    whole = House(tmp_path / "whole")
    reference = await whole.run(experiment(AB, 20))
    house = House(tmp_path)
    run = ExperimentRun(start(experiment(AB, 20), house.rooms), house.rooms)
    stream = run.events()
    seen = 0
    async for event in stream:
        seen += isinstance(event, TrialFinished)
        if seen == 9:
            break
    await stream.aclose()
    finishes = {each["finish"] for each in house.store.trials(run.start.run, limit=-1)}
    assert "interrupted" in finishes
    assert "running" not in finishes
    events = await house.run(experiment(AB, 20))
    assert run_id(events) == run.start.run
    assert of(events, RunBegan)[0].resumed
    assert len(of(events, TrialTaken)) >= 9
    assert stored(house.store, run.start.run) == stored(whole.store, run_id(reference))
    again = await house.run(experiment(AB, 20), run=run.start.run)
    assert len(of(again, TrialTaken)) == 40
    with pytest.raises(UsageError, match="have changed"):
        await house.run(experiment(AB, 21), run=run.start.run)
    await house.close()
    await whole.close()


async def test_a_run_that_goes_on_elsewhere_is_left_alone(tmp_path: Path) -> None:
    house = House(tmp_path)
    one = start(experiment(AB, 2), house.rooms)
    run = ExperimentRun(one, house.rooms)
    stream = run.events()
    await anext(stream)
    other = start(experiment(AB, 2), house.rooms)
    assert other.run != one.run
    with pytest.raises(UsageError, match="another process"):
        start(experiment(AB, 2), house.rooms, run=one.run)
    other.claim.release()
    await stream.aclose()
    await house.close()


class Dying(DoubleEngine):
    """A worker that dies when it begins every 15th trial: `deaths` in all, or always at a message with "poison"."""

    deaths = 0
    begun = 0
    died = 0

    async def generate(self, requests: Sequence[Generate]) -> AsyncIterator[Event]:
        """As the double's, until it dies."""
        async for event in super().generate(requests):
            yield event
            if type(event).__name__ == "Started":
                Dying.begun += 1
                text = next(request for request in requests if request.trial == event.trial).messages[-1].content
                if "poison" in text or (Dying.begun % 15 == 0 and Dying.died < Dying.deaths):
                    Dying.died += 1
                    self.crash()


async def test_twenty_deaths_of_the_worker_cost_no_trial(tmp_path: Path) -> None:
    Dying.deaths, Dying.begun, Dying.died = 20, 0, 0
    house = House(tmp_path, Dying, lanes=2)
    events = await house.run(experiment(AB, 200))  # 400 begin at least, so the 20th death comes at the 300th
    assert Dying.died == len(of(events, WorkerRestarted)) == 20
    assert ended(events).stopped == "done"
    assert {each["finish"] for each in house.store.trials(run_id(events), limit=-1)} <= {"stop", "length"}
    assert len(of(events, TrialFinished)) == 400
    await house.close()


async def test_a_trial_that_kills_the_worker_is_an_error_and_its_neighbours_are_not(tmp_path: Path) -> None:
    Dying.deaths = 0
    house = House(tmp_path, Dying)
    events = await house.run(experiment(AB + '\n[[cases]]\nname = "bad"\nmessage = "poison"\n', 6))
    bad = {event.record.case for event in of(events, TrialFinished) if event.record.finish == "error"}
    assert bad == {"bad"}
    assert len(of(events, TrialFinished)) == 14
    second = await house.run(experiment(AB + '\n[[cases]]\nname = "bad"\nmessage = "poison"\n', 6))
    assert len(of(second, TrialTaken)) == 12  # errors are made again
    await house.close()


async def test_an_engine_that_does_not_load_fails_the_run_and_the_other_model_goes_on(tmp_path: Path) -> None:
    house = House(tmp_path, lambda path: DoubleEngine(path, fail_load="no memory" if path.stem == "big" else ""))
    text = '[[variants]]\nlabel = "A"\nmodel = "big"\n[[variants]]\nlabel = "B"\nmodel = "small"\n'
    events = await house.run(experiment(text, 3))
    assert ended(events).stopped == "failed"
    assert "no memory" in ended(events).reason
    assert len(of(events, TrialFinished)) == 3
    assert "stopped" not in house.store.meta(run_id(events))  # it can be gone on with
    await house.close()


class Full(Store):
    """A history on a disk that is full while `full` is set."""

    full = False

    def _durable(self, work: Callable[[sqlite3.Connection], T], *, outside: bool = False) -> Future[T]:
        if not self.full:
            return super()._durable(work, outside=outside)
        future: Future[T] = Future()
        future.set_exception(StorageError("the history failed (database or disk is full)", hint="free some space"))
        return future


async def test_a_full_disk_pauses_the_run_until_there_is_room(tmp_path: Path) -> None:
    store = Full(tmp_path / "history.db")
    house = House(tmp_path, store=store)
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 12:
            store.full = False
        await asyncio.sleep(0)

    run = ExperimentRun(start(experiment(AB, 10), house.rooms), house.rooms, sleep=sleep)
    events: list[ExperimentEvent] = []
    async for event in run.events():
        events.append(event)
        if len(of(events, TrialFinished)) == 5 and not waits:
            store.full = True
    assert len(of(events, RunPaused)) == len(of(events, RunContinued)) == 1
    assert "free some space" in of(events, RunPaused)[0].reason
    assert len(waits) >= 12
    assert len(stored(store, run.start.run)) == 20
    assert {row[5] for row in stored(store, run.start.run)} <= {"stop", "length"}
    await house.close()


@pytest.mark.parametrize(("budget", "most"), [("trials = 7", 7), ("tokens = 100", 60)])
async def test_a_budget_ends_it_and_the_next_run_goes_further(tmp_path: Path, budget: str, most: int) -> None:
    house = House(tmp_path)
    text = f"budget = {{ {budget} }}\n" + AB
    events = await house.run(experiment(text, 40))
    made = len(of(events, TrialFinished))
    assert ended(events).stopped == "budget"
    assert made == most if budget.startswith("trials") else 0 < made <= most
    second = await house.run(experiment(text, 40))
    assert len(of(second, TrialTaken)) == made
    assert len(of(second, TrialFinished)) > 0
    await house.close()


async def test_the_time_budget_cancels_what_takes_too_long(tmp_path: Path) -> None:
    house = House(tmp_path, lambda path: DoubleEngine(path, gate=asyncio.Event()))  # never opened
    events = await house.run(experiment("budget = { time = 0.05 }\n" + AB, 40))
    assert ended(events).stopped == "budget"
    assert {event.record.finish for event in of(events, TrialFinished)} == {"cancelled"}
    await house.close()


async def test_it_stops_when_every_pair_is_decided(tmp_path: Path) -> None:
    house = House(tmp_path, lambda path: DoubleEngine(path, answer=obedient))
    events = await house.run(experiment('stop = "decided"\n' + AB, 300))
    assert ended(events).stopped == "decided"
    summary: Any = ended(events).summary
    assert summary["pairs"][0]["verdict"] == "B better"
    needed = 2 * summary["pairs"][0]["decided_at"]
    assert len(of(events, TrialFinished)) <= needed + 2 * 4 + 4  # those at the engine's four lanes, and those begun
    assert needed < 120
    await house.close()


async def test_a_model_waits_for_a_slower_one_where_a_verdict_may_end_the_run(tmp_path: Path) -> None:
    gate = asyncio.Event()

    def answer(request: Generate) -> str:
        return "good" if "Be good" in request.messages[0].content else "bad"

    house = House(tmp_path, lambda path: DoubleEngine(path, answer=answer, gate=gate if path.stem == "two" else None))
    text = 'stop = "decided"\n' + AB.replace('label = "B"', 'label = "B"\nmodel = "two"')
    run = ExperimentRun(start(experiment(text, 300), house.rooms), house.rooms)

    async def let_go() -> None:
        """When the first model has had time for all its cases."""
        for _ in range(400):
            await asyncio.sleep(0.001)
        gate.set()

    slow = asyncio.create_task(let_go())
    events = [event async for event in run.events()]
    await slow
    assert ended(events).stopped == "decided"
    quick = [event for event in of(events, TrialFinished) if event.record.variant == "A"]
    assert 8 <= len(quick) <= AHEAD + 2 * FEW + 4 * 4  # what is begun together, and what the engine has
    await house.close()


async def test_nobody_waits_for_who_left_or_for_the_hindmost() -> None:
    pace = Pace(2)
    for name in ("a", "b", "c"):
        pace.join(name)
    first, second = (asyncio.create_task(pace.reach(name, 3)) for name in ("a", "b"))
    await asyncio.sleep(0)
    assert not first.done() | second.done()
    await pace.reach("c", 1)
    await asyncio.gather(first, second)
    first = asyncio.create_task(pace.reach("a", 4))
    await asyncio.sleep(0)
    assert not first.done()
    pace.leave("c")
    await first
    last = asyncio.create_task(pace.reach("a", 9))
    await asyncio.sleep(0)
    pace.end()
    await last
    await pace.reach("never joined", 99)


async def test_models_that_do_not_fit_take_long_turns(tmp_path: Path) -> None:
    house = House(tmp_path, fits=False)
    text = '[[variants]]\nlabel = "A"\nmodel = "one"\n[[variants]]\nlabel = "B"\nmodel = "two"\n'
    events = await house.run(experiment(text, 200))
    assert len(of(events, TrialFinished)) == 400
    assert house.loads == ["one", "two", "one", "two"]
    assert [e.record.case for e in of(events, TrialFinished)][:128].count("c0") == 1  # a chunk on one, then the other
    await house.close()


async def test_a_judge_that_memory_does_not_hold_beside_the_model_gets_its_turn(tmp_path: Path) -> None:
    def answer(request: Generate) -> str:
        return "It is fine.\nScore: 5" if "fair judge" in request.messages[0].content else "An answer."

    house = House(tmp_path, lambda path: DoubleEngine(path, answer=answer), fits=False)
    text = 'checks = [{ type = "judge", model = "judge", value = "It is right." }]\n[[variants]]\nlabel = "A"\n'
    events = await house.run(experiment(text, 10))
    assert [event.record.passed for event in of(events, TrialFinished)] == [True] * 10
    assert house.loads == ["one", "judge"]
    assert all(each["checks"][0]["passed"] for each in house.store.trials(run_id(events), limit=-1))
    second = await house.run(experiment(text, 10))
    assert len(of(second, TrialTaken)) == 10
    assert house.loads == ["one", "judge"]  # its verdicts are taken too
    await house.close()


async def test_a_judge_whose_prompt_changed_judges_again(tmp_path: Path) -> None:
    def answer(request: Generate) -> str:
        said = " ".join(message.content for message in request.messages)
        return f"Score: {5 if 'Be lenient' in said else 1}" if "Judge this" in said else "An answer."

    house = House(tmp_path, lambda path: DoubleEngine(path, answer=answer))
    prompt = tmp_path / "prompts" / "judge.toml"
    variables = '[variables.answer]\ndescription = "it"\n'
    body = 'schema = 1\nkind = "system"\ntitle = "J"\ntext = "Judge this: {{answer}}. MANNER."\n' + variables
    prompt.write_text(body.replace("MANNER", "Be lenient"))
    text = 'checks = [{ type = "judge", prompt = "judge" }]\n[[variants]]\nlabel = "A"\n'
    for manner, taken, passed in (("Be lenient", 0, True), ("Be lenient", 3, True), ("Be strict", 3, False)):
        prompt.write_text(body.replace("MANNER", manner))
        events = await house.run(experiment(text, 3))
        assert len(of(events, TrialTaken)) == taken
        assert {each["passed"] for each in house.store.trials(run_id(events), limit=-1)} == {passed}
        version = house.store.meta(run_id(events))["judges"]["judge"]
        assert manner.encode() in (house.store.version(version) or b"")  # what a report carries
    await house.close()


async def test_a_case_without_its_variable_is_an_error_of_its_trials(tmp_path: Path) -> None:
    prompts(tmp_path)
    house = House(tmp_path)
    text = '[[variants]]\nlabel = "A"\nprompt = "system/topic"\n'
    good = '[[cases]]\nname = "good"\nmessage = "Hi"\nvariables = { topic = "sums" }\n'
    bad = '[[cases]]\nname = "bad"\nmessage = "Hi"\n'
    events = await house.run(experiment(text + good + bad))
    records = {event.record.case: event.record for event in of(events, TrialFinished)}
    assert records["good"].finish in ("stop", "length")
    assert records["bad"].finish == "error"
    assert "topic" in (records["bad"].error or "")
    with pytest.raises(UsageError, match="topic"):
        await house.run(experiment(text + bad + good))
    with pytest.raises(NotFoundError):
        await house.run(experiment('[[variants]]\nlabel = "A"\nmodel = "missing"\n', 1))
    await house.close()


async def test_tags_of_cases_are_the_arenas_categories(tmp_path: Path) -> None:
    house = House(tmp_path)
    tagged = '[[cases]]\nname = "sum"\nmessage = "1 + 1?"\ntags = ["coding", "Korean "]\n'
    plain = '[[cases]]\nname = "plain"\nmessage = "Hi"\n'
    for _ in range(2):  # made, and taken from the history
        events = await house.run(experiment(AB + tagged + plain))
        found = house.store.trials(run_id(events), limit=-1)
        assert [each["tags"] for each in found] == [["coding", "Korean "]] * 2 + [[]] * 2
        assert {(entry.case, entry.tags) for entry in entries(found)} == {("sum", ("coding", "korean")), ("plain", ())}
    await house.close()


async def test_the_limit_takes_the_first_cases(tmp_path: Path) -> None:
    house = House(tmp_path)
    events = await house.run(experiment(AB, 9), limit=4)
    assert {event.record.case for event in of(events, TrialFinished)} == {"c0", "c1", "c2", "c3"}
    assert len(of(await house.run(experiment(AB, 9)), TrialTaken)) == 8
    await house.close()


async def test_what_runs_is_bounded_and_in_plan_order(tmp_path: Path) -> None:
    live, most, order = set[str](), 0, list[str]()

    class Watched(DoubleEngine):
        async def generate(self, requests: Sequence[Generate]) -> AsyncIterator[Event]:
            nonlocal most
            order.extend(request.trial for request in requests)
            live.update(request.trial for request in requests)
            most = max(most, len(live))
            async for event in super().generate(requests):
                if type(event).__name__ == "Finished":
                    live.discard(event.trial)
                yield event

    house = House(tmp_path, Watched, lanes=2)
    await house.run(experiment(AB, 50))
    assert order == sorted(order)
    assert most <= 8
    await house.close()
