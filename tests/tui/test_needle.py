"""The needle probe on the lane on screen: by keyboard, at both sizes, cells with signs and numbers as they come."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.tui.driving import Driver, opened
from workbench.errors import EngineError
from workbench.inference.double import DoubleEngine
from workbench.inference.engine import Generate, Message, TokenLogprob
from workbench.tui import needle_text
from workbench.tui.screens.needle import NeedleScreen
from workbench.tui.screens.needle_form import NeedleForm

FACT = "The magic number of the harbour is 48213."
LEAD = (Message("system", "Be brief. The desk closes at six. Never guess."),)


class Reader(DoubleEngine):
    """Reads the fact well in the first half of the text, less well after it, and not at all where it is not there."""

    gate_scores: asyncio.Event | None = None
    asked = 0

    def __init__(self, path: Path) -> None:
        super().__init__(path, answer=self._say, context_length=600)

    def _say(self, request: Generate) -> str:
        self.asked += 1
        return "It is 48,213." if self._depth(request.messages[-1].content) <= 0.5 else "Nobody knows."

    @staticmethod
    def _depth(text: str) -> float:
        at = text.find(FACT)
        return at / len(text) if at >= 0 else 2.0

    async def score(self, prompt: str, continuation: str, *, top: int = 0) -> tuple[TokenLogprob, ...]:
        if self.gate_scores is not None:
            await self.gate_scores.wait()
        if "closes at six" in prompt and continuation == " six":
            return (TokenLogprob(1, " six", -0.1, rank=1),)
        depth = self._depth(prompt)
        logp, rank = (-0.05, 1) if depth <= 0.5 else (-0.7, 2) if depth <= 1 else (-4.0, 30)
        return tuple(TokenLogprob(at, text, logp, rank=rank) for at, text in enumerate((" 48", "213")))


class Mute(Reader):
    """A server that only generates."""

    async def score(self, prompt: str, continuation: str, *, top: int = 0) -> tuple[TokenLogprob, ...]:
        raise EngineError("the server offers no log-probabilities of given text", where="lab")


async def shown(app: Driver, lead: Sequence[Message] = ()) -> NeedleScreen:
    for lane in app.lanes:
        lane.lead = tuple(lead)
    await app.press("escape", "H")
    await app.until(lambda: isinstance(app.app.screen, NeedleScreen), "the screen")
    screen = app.app.screen
    assert isinstance(screen, NeedleScreen)
    return screen


def cells(screen: NeedleScreen) -> list[str]:
    """Heads and rows as text, blanks made one."""
    probe = screen.kept.probe
    heads = ["tokens", *(needle_text.heads(probe) if probe else [])]
    rows = [[name, *(text for text, _ in row)] for name, row, _ in screen.rows]
    return [" ".join(" ".join(row).split()) for row in (heads, *rows)]


async def measured(app: Driver, screen: NeedleScreen) -> None:
    await app.until(lambda: screen._whole and not screen._state, "all cells")


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_the_cells_and_what_one_reads(size: tuple[int, int]) -> None:
    async with opened(Reader, size=size) as app:
        screen = await shown(app, LEAD)
        await measured(app, screen)
        assert cells(screen) == [
            "tokens 0 % 25 % 50 % 75 % 100 % without",
            "256 ✓ 90 % ✓ 90 % ✓ 90 % · 25 % · 25 % 3e-4",
            "552 ✓ 90 % ✓ 90 % ✓ 90 % · 25 % · 25 % 3e-4",
        ]
        assert "found in 6 of 10" in screen.middle.plain
        assert "limit 552" in screen.head.plain
        assert app.has_focus(screen.table)
        drawn = "".join(segment.text for y in range(4) for segment in screen.table.render_line(y))
        assert "without" in drawn
        assert drawn.count("✓ 90 %") == 6
        # the first cell: the lane's prompt, then the fact at the text's beginning
        assert "system: Be brief. The desk closes at six." in screen.pane.shown
        assert f"user: {FACT} " in screen.pane.shown
        assert "The magic number of the harbour is 48213 ← scored, not generated" in screen.pane.shown
        await app.press("end", *["right"] * 5)
        await app.until(lambda: "without the fact" in screen.pane.shown, "the cell without it")
        assert "(rank 30)" in screen.pane.shown
        await app.press("left")
        await app.until(lambda: "the fact at 100 % of the text" in screen.pane.shown, "the cell before it")
        assert "without the fact 3e-4: 735 × likelier with it" in screen.pane.shown
        await app.press("m", "m")
        assert cells(screen)[1].startswith("256 ✓ +11 b ✓ +11 b ✓ +11 b · +10 b")
        await app.press("enter")
        assert app.has_focus(screen.pane)
        await app.press("escape")
        assert app.has_focus(screen.table)
        await app.press("tab")
        assert app.has_focus(screen.pane)
        await app.press("tab")
        assert app.has_focus(screen.table)
        await app.press("escape")
        await app.until(lambda: app.on_top(app.screen), "back")


async def test_asking_one_and_all() -> None:
    async with opened(Reader) as app:
        screen = await shown(app)
        await measured(app, screen)
        await app.press("a")
        await app.until(lambda: "asked: found" in screen.pane.shown, "an answer")
        assert "It is 48,213." in screen.pane.shown
        await app.press("A")
        await app.until(lambda: all(cell.answer is not None for cell in screen.kept.measured), "all answers")
        await app.until(lambda: not screen._state, "the end")
        assert "✗ 25 %" in cells(screen)[1]
        asked = app.app.session and next(iter(app.app.session.pool.engines().values()))
        assert isinstance(asked, Reader)
        assert asked.asked == 12
        await app.press("A")  # none is left
        await app.pilot.pause()
        assert asked.asked == 12


async def test_what_was_measured_is_there_again_and_a_stop_holds() -> None:
    async with opened(Reader) as app:
        screen = await shown(app)
        await measured(app, screen)
        await app.press("escape")
        engine = app.app.session and next(iter(app.app.session.pool.engines().values()))
        assert isinstance(engine, Reader)
        engine.gate_scores = asyncio.Event()
        again = await shown(app)
        assert again is not screen
        assert again._whole  # nothing is measured anew
        await app.press("r")
        await app.until(lambda: not again.kept.cells and "…" in cells(again)[1], "from anew")
        await app.press("x")
        await app.until(lambda: "stopped" in again.head.plain, "stopped")
        engine.gate_scores.set()
        await app.pilot.pause(0.1)
        assert not again.kept.cells
        await app.press("f5")
        await measured(app, again)
        # another prompt is another probe
        await app.press("escape")
        other = await shown(app, LEAD)
        assert other.kept.lead == LEAD
        await measured(app, other)


async def test_a_sentence_of_the_prompt_as_the_fact() -> None:
    async with opened(Reader, size=(80, 24)) as app:
        screen = await shown(app, LEAD)
        await measured(app, screen)
        await app.press("e")
        await app.until(lambda: isinstance(app.app.screen, NeedleForm), "the form")
        form = app.app.screen
        assert isinstance(form, NeedleForm)
        await app.press("f2", "f2", "enter")
        await app.until(lambda: "has no question" in str(form.query_one("#error").render()), "what is missing")
        await app.press("down")
        await app.type("When does it close")
        await app.press("down")
        await app.type("It closes at")
        await app.press("down")
        await app.type("six")
        await app.press("down", "down", "1", "2", "0", "enter")
        await app.until(lambda: app.on_top(screen), "back")
        await measured(app, screen)
        assert cells(screen) == ["tokens prompt without", "120 ✓ 90 % 3e-4"]
        assert "Be brief. The desk closes at six." in screen.pane.shown
        await app.press("right")
        await app.until(lambda: "Be brief. Never guess." in screen.pane.shown, "without it")


async def test_past_the_limit_and_back() -> None:
    async with opened(Reader) as app:
        screen = await shown(app)
        await measured(app, screen)
        await app.press("b")
        await measured(app, screen)
        assert [row.split()[0] for row in cells(screen)] == ["tokens", "256", "552", "›828", "›1,104"]
        assert cells(screen)[4].startswith("›1,104 ○ 3e-4 ○ 3e-4 ")
        await app.press("down", "down", "down")
        await app.until(lambda: "tokens of the text fell out, with the fact" in screen.pane.shown, "what fell out")
        await app.press("b")
        await measured(app, screen)
        assert len(cells(screen)) == 3
        assert screen.table.here == 1


async def test_a_server_without_scores_offers_asking() -> None:
    async with opened(Mute) as app:
        screen = await shown(app)
        await measured(app, screen)
        assert "not scored: lab: the server offers no log-probabilities" in screen.pane.shown
        assert "a asks this cell" in screen.pane.shown
        await app.press("a")
        await app.until(lambda: "asked: found" in screen.pane.shown, "an answer")
        assert cells(screen)[1] == "256 ✓ – – – – –"


async def test_the_form_has_both_languages_and_says_what_is_wrong() -> None:
    async with opened(Reader) as app:
        screen = await shown(app)
        await measured(app, screen)
        await app.press("e")
        await app.until(lambda: isinstance(app.app.screen, NeedleForm), "the form")
        form = app.app.screen
        assert isinstance(form, NeedleForm)
        await app.press("f3")
        await app.until(lambda: "항구" in form._typed().fact, "Korean")
        await app.press("f3")
        await app.until(lambda: form._typed().fact == FACT, "English")
        await app.press("up")  # round to the depths
        await app.type("x")
        await app.press("enter")
        await app.until(lambda: "no list of numbers" in str(form.query_one("#error").render()), "what is wrong")
        await app.press("escape")
        await app.until(lambda: app.on_top(screen), "back")
        assert screen._whole  # nothing was changed
