"""Branches: answers that begin with given text; their record, replay, kept comparison; on a real model."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from workbench.errors import EngineError
from workbench.experiments import draft
from workbench.experiments.conversation import Comparison, Exchange, Lane
from workbench.experiments.experiment import Branch, TrialAdvanced, TrialFinished, TrialPlan, TrialRecord, Variant
from workbench.experiments.replay import prepare
from workbench.experiments.runner import Runner
from workbench.history.store import Store
from workbench.inference.double import DoubleEngine
from workbench.inference.engine import Engine, LoadOptions, Message
from workbench.inference.local.client import LocalEngine
from workbench.inference.pool import EnginePool
from workbench.inference.sampling import make

BRANCH = Branch("run0-A", 1, "Well then")
ASKED = (Message("user", "Name three rivers."),)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    made = Store(tmp_path / "history.db")
    yield made
    made.close()


def plan(path: Path, id: str = "run-A", branch: Branch | None = BRANCH, **settings: object) -> TrialPlan:
    sampling = make({"max_tokens": 24, "temperature": 0, **settings})
    lead = (Message("system", "You are helpful."),)
    variant = Variant(label="A", prompt="", version="", lead=lead, model="m", path=str(path), sampling=sampling)
    return TrialPlan(id=id, run=id.split("-")[0], variant=variant, messages=ASKED, mode="strict", branch=branch)


async def ran(engine: Engine, store: Store, wanted: TrialPlan) -> tuple[list[TrialAdvanced], TrialRecord]:
    pool = EnginePool(lambda path: engine, lambda path, loaded: (True, ""))
    try:
        events = [event async for event in Runner(pool, store).run([wanted])]
    finally:
        await pool.close()
    record = next(event.record for event in events if isinstance(event, TrialFinished))
    return [event for event in events if isinstance(event, TrialAdvanced)], record


async def test_the_record_says_where_it_was_branched(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"")
    engine = DoubleEngine(path, answer=" it goes on")
    advanced, record = await ran(engine, store, plan(path))
    assert (advanced[0].text, advanced[0].tokens) == ("Well then", 0)
    assert record.text == "Well then it goes on"
    assert record.completion_tokens == 3  # what was made; the prefix was read in
    stored = store.trial("run-A")
    assert stored is not None
    assert stored["branch"] == {"trial": "run0-A", "token": 1, "prefix": "Well then"}
    assert stored["text"] == record.text
    again = prepare(stored, {})
    assert again.plan.branch == BRANCH
    plain = store.trial("run-A")
    assert plain is not None
    assert prepare({**plain, "branch": None}, {}).plan.branch is None


class Server(DoubleEngine):
    """A server without a template to look at."""

    async def render(self, messages: object, *, generation_prompt: bool = True) -> str:
        raise EngineError("the server offers no chat template to look at")


async def test_a_server_that_cannot_says_so(store: Store, tmp_path: Path) -> None:
    advanced, record = await ran(Server(tmp_path / "m.gguf"), store, plan(tmp_path / "m.gguf"))
    assert advanced == []
    assert record.finish == "error"
    assert record.error == "the server offers no chat template to look at"


async def test_a_branch_at_what_was_chosen_goes_on_as_it_did(store: Store, starter: Path) -> None:
    def engine() -> LocalEngine:
        return LocalEngine(starter, LoadOptions(context_length=512, threads=1))

    _, whole = await ran(engine(), store, plan(starter, "run1-A", None))
    beginning = " ".join(whole.text.split(" ")[:4])
    assert whole.text.startswith(beginning)
    _, made = await ran(engine(), store, plan(starter, "run2-A", Branch("run1-A", 4, beginning)))
    assert made.text.startswith(beginning)
    shorter = min(len(made.text), len(whole.text))
    assert made.text[:shorter] == whole.text[:shorter]
    assert len(made.text) >= len(whole.text)


def test_a_lane_keeps_its_branch_when_it_runs_again_and_over_a_restart() -> None:
    first = Exchange(message="Hi", trial="run0-A", parts=["Hello"], finish="stop", mode="strict")
    comparison = Comparison([Lane(uid=1, path="m", turns=[first]), Lane(uid=2, path="m")])
    made = comparison.plan_branch(comparison.lanes[0], BRANCH, "run1")
    assert (made.branch, made.mode, made.messages) == (BRANCH, "strict", (Message("user", "Hi"),))
    comparison.lanes[0].phase = ""
    comparison.lanes[0].turns[-1].finish = "stop"
    comparison.lanes[0].turns[-1].parts = ["Well then"]
    kept = draft.load(draft.dump(comparison))
    assert kept is not None
    last = kept.lanes[0].last
    assert last is not None
    assert last.branch == BRANCH
    again = comparison.plan_again("run2", [comparison.lanes[0]])
    assert [plan.branch for plan in again] == [BRANCH]
    comparison.lanes[0].phase = ""
    comparison.lanes[0].turns[-1].parts = ["Well then"]
    turn = comparison.plan_turn("And?", "run3", [comparison.lanes[0]])
    assert turn[0].branch is None
    assert msgspec.json.decode(msgspec.json.encode(BRANCH), type=Branch) == BRANCH
