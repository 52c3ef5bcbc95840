"""The kept set equals the tokens decoded: on both real models, by every policy, down to what llama.cpp was handed."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import pytest

from workbench.experiments.experiment import TrialFinished, TrialPlan, Variant
from workbench.experiments.replay import prepare
from workbench.experiments.runner import Runner
from workbench.history.store import Store
from workbench.inference import fitting
from workbench.inference.engine import Engine, Event, Generate, LoadOptions, Message
from workbench.inference.fitting import Fitted, fit
from workbench.inference.local.alternating import Alternating
from workbench.inference.local.client import LocalEngine
from workbench.inference.local.counting import Counter
from workbench.inference.local.lane import Fed, Lane
from workbench.inference.local.llama import Context, Log, Model
from workbench.inference.local.samplers import Candidates
from workbench.inference.local.templates import Renderer
from workbench.inference.pool import EnginePool
from workbench.inference.sampling import make
from workbench.inference.window import Policy
from workbench.insight.context import filling

CONTEXT, ROOM = 224, 4
LEAD = (Message("system", "You keep the harbour's book."),)
SHIPS = ("Aurora", "바다별", "Dunkelgrün", "🚢 Elida", "Fram", "Galatea", "Hvidbjørn")
SAID = (
    *(
        message
        for at, ship in enumerate(SHIPS)
        for message in (
            Message("user", f"The {ship} came in at {at + 3}:4{at}; she carries salt."),
            Message("assistant", f"Noted:\n  {ship}, {at + 3}:4{at}, salt — pier {at + 11}."),
        )
    ),
    Message("user", "Which ship was first?"),
)
POLICIES: tuple[Policy, ...] = ("drop-oldest", "roll", "first-and-last", "summarise")


class Recorded(Context):
    """Notes each token that is decoded."""

    def decode(self, rows: int) -> int:
        seen: list[int] = self.__dict__.setdefault("seen", [])
        seen += self.token[:rows].tolist()
        return super().decode(rows)


def decoded(path: Path, prompts: list[Generate]) -> list[list[int]]:
    """What llama.cpp decodes for each of them: prepared and read in as the worker does it, in this process."""
    options = LoadOptions(context_length=CONTEXT, threads=1)
    model = Model(str(path), log := Log(), options=options)
    renderer = Renderer(model.template(), *[model.text(id) if id >= 0 else "" for id in (model.bos, model.eos)])
    contexts: list[Recorded] = []
    found, ended = [], list[Event]()

    def alone() -> Context:
        contexts.append(
            Recorded(model, cells=256, sequences=1, unified=False, threads=1, options=options, log=log, outputs=1)
        )
        return contexts[-1]

    try:
        counter, candidates = Counter(model, renderer), Candidates(model.vocabulary)
        for request in prompts:
            lane = Lane(
                model,
                request,
                counter.prompt(request),
                ended.append,
                context=CONTEXT,
                candidates=candidates,
                taken=0.0,
            )
            reading = Alternating(alone, lanes=1, guard=lambda context, rows, group: context.decode(rows))
            reading.admit(deque[Fed]([lane]))
            while lane.feeding and not lane.done:
                reading.step()
            lane.cancel()
            found.append(contexts[-1].__dict__["seen"][:])
        return found
    finally:
        for context in contexts:
            context.free()
        renderer.close()
        model.free()


async def run(engine: Engine, store: Store, plan: TrialPlan) -> TrialFinished:
    pool = EnginePool(lambda path: engine, lambda path, loaded: (True, ""))
    events = [event async for event in Runner(pool, store).run([plan])]
    return next(event for event in events if isinstance(event, TrialFinished))


def planned(path: Path, policy: Policy, id: str) -> TrialPlan:
    sampling = make({"max_tokens": ROOM, "temperature": 0})
    variant = Variant(label="A", prompt="", version="", lead=LEAD, model="m", path=str(path), sampling=sampling)
    return TrialPlan(id=id, run=id, variant=variant, messages=SAID, mode="strict", over_full=policy)


@pytest.mark.parametrize("which", ["starter", "gemma"])
async def test_the_kept_set_equals_the_tokens_decoded(
    request: pytest.FixtureRequest, which: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "LONGEST", 12)  # a short summary: the test generates little
    path: Path = request.getfixturevalue(which)
    engine = LocalEngine(path, LoadOptions(context_length=CONTEXT, threads=1))
    store = Store(tmp_path / "history.db")
    await engine.load()
    kept: dict[Policy, Fitted] = {}
    rendered: list[list[int]] = []
    try:
        assert (await engine.count((*LEAD, *SAID))).prompt_tokens > CONTEXT
        for policy in POLICIES:
            record = (await run(engine, store, planned(path, policy, policy))).record
            assert record.finish in ("stop", "length"), record.error
            assert record.window is not None
            known = record.window.summary
            found = kept[policy] = await fit(engine, LEAD, SAID, policy, ROOM, known=known, trial=f"{policy}-again")
            assert found.window == record.window
            assert record.prompt_tokens == record.window.prompt_tokens <= record.window.budget
            # the history has what was fed, and a replay feeds it again
            stored = store.trial(policy)
            assert stored is not None
            assert [Message(**each) for each in stored["messages"]] == list(found.messages)
            again = prepare(stored, {}).plan
            assert again.messages == found.messages
            assert again.window == record.window
            if policy == "summarise":
                repeated = (await run(engine, store, again)).record
                assert repeated.text == record.text
                assert repeated.prompt_tokens == record.prompt_tokens
            # the bar's parts are those tokens
            shown = await filling(engine, LEAD, SAID, policy, ROOM, known=known)
            assert shown.prompt_tokens == record.prompt_tokens
            assert shown.exact
            assert sum(shown.parts.values()) == record.prompt_tokens + shown.room
            text = await engine.render((*LEAD, *found.messages))
            tokens = await engine.tokenize(text, special=True)
            rendered.append([token.id for token in tokens])
            assert "".join(token.text for token in tokens) == text
            whole = [*(message.content for message in SAID)]
            for each in record.window.lost:
                assert whole[each.message][: each.end] == each.text
            partly = {each.message: each.end for each in record.window.lost}
            for place, content in enumerate(whole):
                assert (content[partly.get(place, 0) :] in text) is True
                if partly.get(place, 0) == len(content):
                    assert content not in text
        refused = (await run(engine, store, planned(path, "refuse", "refuse"))).record
        assert refused.finish == "error"
        assert "--over-full" in (refused.error or "")
    finally:
        await engine.close()
        store.close()
    asked = [Generate(trial="t", messages=(*LEAD, *kept[policy].messages)) for policy in POLICIES]
    for policy, seen, wanted in zip(POLICIES, decoded(path, asked), rendered, strict=True):
        window = kept[policy].window
        assert window is not None
        before = len(seen) - len(wanted)  # 1 where the model puts a token in front of every text
        assert before in (0, 1)
        assert seen[before:] == wanted
        assert len(seen) == window.prompt_tokens
