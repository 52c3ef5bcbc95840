"""The context screen by keyboard: the bar, the policies, the words that are forgotten, and runs that keep to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from tests.tui.driving import Driver, opened, recording
from workbench.errors import EngineError
from workbench.experiments import draft
from workbench.experiments.conversation import Exchange, Lane
from workbench.inference.double import DoubleEngine
from workbench.inference.engine import Counted, Generate, Message
from workbench.inference.window import REQUEST, Window, exchange
from workbench.session import Session
from workbench.tui import insight_flows
from workbench.tui.insight import answer
from workbench.tui.screens.context import ContextScreen

SIZES = [(120, 40), (80, 24)]
LEAD = (Message("system", "Be brief."),)


def small(seen: list[Generate] | None = None, context: int = 200) -> DoubleEngine:
    def text(request: Generate) -> str:
        return "they spoke of rooms" if request.messages[-1].content == REQUEST else "It is a ship of stone."

    return DoubleEngine(answer=recording([] if seen is None else seen, text), context_length=context)


async def talked(app: Driver, turns: int = 9) -> None:
    """Both lanes have spoken so often; a message waits. Their prompts are not read again before a run."""

    async def stay(session: Session, lanes: Iterable[Lane] | None = None) -> None:
        return

    pytest.MonkeyPatch().setattr(app.screen.desk, "resolve", stay)  # the desk goes with its screen
    for lane in app.lanes:
        lane.prompt, lane.lead, lane.version = "", LEAD, ""
        lane.turns = [
            Exchange(message=f"What stands in room {at}?", parts=[f"A ship stands in room {at}."], finish="stop")
            for at in range(turns)
        ]
    await app.write("And who made it?")


async def at_context(app: Driver) -> ContextScreen:
    await app.press("escape", "K")
    await app.until(lambda: isinstance(app.app.screen, ContextScreen), "the screen")
    screen = app.app.screen
    assert isinstance(screen, ContextScreen)
    await filled(app, screen)
    return screen


async def filled(app: Driver, screen: ContextScreen) -> None:
    await app.until(lambda: screen.found is not None and not screen._state, "counted")
    await app.pilot.pause()
    assert screen.found is not None
    assert screen.found.policy == screen.policy


async def turned(app: Driver, screen: ContextScreen, policy: str) -> None:
    while screen.policy != policy:
        await app.press("right")
    await app.until(lambda: screen.found is not None and screen.found.policy == policy and not screen._state, policy)
    await app.pilot.pause()


def struck(screen: ContextScreen) -> str:
    return "|".join(screen.pane.shown[a:b] for a, b, kind in screen.pane._spans if kind == "gone")


@pytest.mark.parametrize("size", SIZES)
async def test_what_fills_it_and_what_each_policy_forgets(size: tuple[int, int]) -> None:
    seen: list[Generate] = []
    async with opened(lambda path: small(seen), size=size) as app:
        await talked(app)
        screen = await at_context(app)
        assert screen.policy == "refuse"
        assert screen.lines()[0].startswith(": template ")
        assert "▒ history " in screen.lines()[0]
        assert any("do not fit in 200: ← → choose" in line for line in screen.lines())
        assert "┃" in screen.bar.plain(size[0])  # where the context ends
        assert " history " in screen.bar.plain(size[0])
        assert struck(screen) == ""
        await turned(app, screen, "drop-oldest")
        assert any("[drop-oldest]" in line for line in screen.lines())
        assert "‹What stands in room 0?›|‹A ship stands in room 0.›" in struck(screen)
        assert "── user · 6 tok · ✂ forgotten" in screen.pane.shown
        assert "room 8" not in struck(screen)
        assert "┃" not in screen.bar.plain(size[0])
        await turned(app, screen, "roll")
        assert "✂ forgotten in part" in screen.pane.shown
        await turned(app, screen, "first-and-last")
        assert "room 0" not in struck(screen)
        assert "room 1?" in struck(screen)
        await app.press("left", "left")
        await turned(app, screen, "drop-oldest")
        await app.press("a", "escape")
        await app.until(lambda: app.on_top(app.screen), "the lanes")
        assert [lane.over_full for lane in app.lanes] == ["drop-oldest"] * 2
        await app.until(lambda: app.view(0).bar.load.forgotten > 0, "the bar")
        forgotten = app.view(0).bar.load.forgotten
        assert f"{forgotten} forgotten" in app.view(0).bar.load.says()
        await app.run()
        assert f"✂ drop-oldest: {forgotten} tok of" in app.texts[0]
        fed = seen[-1].messages
        assert fed[0] == LEAD[0]
        assert fed[-1] == Message("user", "And who made it?")
        assert "room 0" not in str(fed)
        assert "room 8" in str(fed)
        assert len(app.lanes[0].turns) == 10  # the lane itself forgets nothing
        store = app.screen.session.store if app.screen.session else None
        assert store is not None
        trial = store.trial(app.lanes[0].turns[-1].trial)
        assert trial is not None
        assert [message["content"] for message in trial["messages"]] == [each.content for each in fed[1:]]
        assert trial["window"]["lost"][0]["text"] == "What stands in room 0?"
        assert app.screen.session is not None
        read, _, _ = await answer(app.screen.session, app.screen.comparison, app.lanes[0])
        assert read.messages == fed  # what L, M and T read the answer after
        shown = await insight_flows.texts(app.screen.session, app.screen.comparison, app.lanes[0])
        assert "room 0" not in str(shown.pending)


async def test_the_summary_is_seen_before_it_runs_and_is_what_runs() -> None:
    seen: list[Generate] = []
    async with opened(lambda path: small(seen)) as app:
        await talked(app)
        screen = await at_context(app)
        await app.press("left")  # the last policy
        await app.until(lambda: screen.policy == "summarise", "summarise")
        await app.until(lambda: screen.found is not None and screen.found.window is not None, "looked at")
        await filled(app, screen)
        assert "they spoke of rooms" in screen.pane.shown
        assert "── summary, in the place of what is forgotten" in screen.pane.shown
        assert "~ summary " in screen.lines()[0]
        asked = [request for request in seen if request.messages[-1].content == REQUEST]
        assert {request.trial for request in asked} == {"context-1-summary-1"}
        await app.press("q")
        await app.until(lambda: app.on_top(app.screen), "the lanes")
        made = app.lanes[0].summary
        assert made is not None
        await app.press("f5")  # lane B refuses
        await app.until(lambda: app.lanes[0].turns[-1].finish == "stop" and len(app.lanes[0].turns) == 10, "ran")
        await app.done()
        assert "✎ summed up: they spoke of rooms" in app.texts[0]
        assert [request for request in seen if request.messages[-1].content == REQUEST] == asked  # it serves again
        assert seen[-1].messages[:3] == (*LEAD, *exchange("they spoke of rooms"))


async def test_lanes_by_number_and_by_tab() -> None:
    async with opened(lambda path: small()) as app:
        await talked(app)
        app.lanes[1].lead = (Message("system", "Answer in one word, and think about it for a while before."),)
        screen = await at_context(app)
        assert "[A]" in screen.head.plain
        first = screen.found
        await app.press("2")
        await filled(app, screen)
        assert "[B]" in screen.head.plain
        assert screen.found is not None
        assert first is not None
        assert screen.found.parts["system"] > first.parts["system"]
        await app.press("tab")
        await filled(app, screen)
        assert "[A]" in screen.head.plain


async def test_a_server_that_does_not_count_says_so() -> None:
    class Server(DoubleEngine):
        async def count(self, messages: Sequence[Message]) -> Counted:
            raise EngineError("the server offers no tokenizer", where="gpu7", hint="llama-server and vLLM do")

    async with opened(lambda path: Server(path, answer="fine")) as app:
        await talked(app)
        await app.press("escape", "K")
        await app.until(lambda: isinstance(app.app.screen, ContextScreen), "the screen")
        screen = app.app.screen
        assert isinstance(screen, ContextScreen)
        await app.until(lambda: "offers no tokenizer" in screen.lines()[-1], "told")
        assert "What stands in room 0?" in screen.pane.shown
        await app.press("right", "escape")
        await app.until(lambda: app.on_top(app.screen), "the lanes")
        await app.run()
        assert "✂ drop-oldest could not act: gpu7: the server offers no tokenizer" in app.texts[0]
        assert "fine" in app.texts[0]


async def test_what_does_not_fit_names_the_key() -> None:
    async with opened(lambda path: small()) as app:
        await talked(app)
        await app.counted()
        await app.press("f5")
        await app.until(lambda: "let it forget (Esc K)" in app.notices, "refused")


def test_the_policy_is_kept(tmp_path: Path) -> None:
    from workbench.experiments.conversation import Comparison
    from workbench.inference.window import Summary

    window = Window(policy="roll", context=9, budget=8, whole_tokens=12, prompt_tokens=7)
    made = Comparison(
        [
            Lane(
                uid=1,
                over_full="roll",
                summary=Summary("s", 2, "d"),
                turns=[Exchange(message="m", finish="stop", window=window)],
            ),
            Lane(uid=2),
        ]
    )
    found = draft.load(draft.dump(made))
    assert found is not None
    assert (found.lanes[0].over_full, found.lanes[0].summary) == ("roll", Summary("s", 2, "d"))
    assert found.lanes[0].turns[0].window == window
    assert found.lanes[1].over_full == "refuse"
