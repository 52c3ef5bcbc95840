"""Where two answers part, by keyboard on the lanes on screen: cursor, candidates, heat, cancel, what is refused."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.tui.driving import Driver, opened
from workbench.errors import EngineError
from workbench.inference.double import DoubleEngine
from workbench.inference.engine import Generate, TokenLogprob
from workbench.tui.screens.divergence import DivergenceScreen

SIZES = [(120, 40), (80, 24)]
SAID = {"A": "the answer is forty two", "B": "the answer makes so much sense", "C": "so it is"}


def saying(request: Generate) -> str:
    return SAID[request.trial[-1]]


def double(path: Path) -> DoubleEngine:
    return DoubleEngine(path, answer=saying)


async def there(app: Driver) -> DivergenceScreen:
    """Run, and open the screen on the first lane."""
    await app.run()
    await app.press("escape", "W")
    return await on_it(app)


async def on_it(app: Driver) -> DivergenceScreen:
    await app.until(lambda: isinstance(app.app.screen, DivergenceScreen), "the screen")
    screen = app.app.screen
    assert isinstance(screen, DivergenceScreen)
    await app.until(lambda: not screen.busy, "read")
    await app.pilot.pause()
    return screen


def cursors(screen: DivergenceScreen) -> list[int]:
    return [side.heat.here for side in screen.sides]


def rows(screen: DivergenceScreen, side: int) -> list[str]:
    cards = screen.sides[side].cards
    return ["".join(text for text, _ in screen.row(side, at)[0]) for at in range(cards._count)]


@pytest.mark.parametrize("size", SIZES)
async def test_the_cursor_stands_where_they_part(size: tuple[int, int]) -> None:
    async with opened(double, size=size) as app:
        screen = await there(app)
        assert cursors(screen) == [2, 2]  # the answer | is, makes
        assert "they part at token 3: A took ‘ is’" in str(screen.says.render())
        marks = [side.heat.plain[1] for side in screen.sides]
        assert all(mark.count("◆") == 1 and any(digit.isdigit() for digit in mark) for mark in marks)
        chosen = [next(row for row in rows(screen, side) if row.startswith("▶")) for side in (0, 1)]
        assert "‘ is’" in chosen[0]
        assert "‘ makes’" in chosen[1]
        other = [next(row for row in rows(screen, side) if row.startswith("◁")) for side in (0, 1)]
        assert "‘ makes’" in other[0]
        assert "‘ is’" in other[1]
        for side in screen.sides:
            assert side.heat.size.height >= 6
            assert "%" in side.info.plain


@pytest.mark.parametrize("size", SIZES)
async def test_both_go_on_together(size: tuple[int, int]) -> None:
    async with opened(double, size=size) as app:
        screen = await there(app)
        await app.press("right")
        assert cursors(screen) == [3, 3]
        assert not any(row.startswith("◁") for row in rows(screen, 0))  # other words stand before it
        await app.press("tab", "end")
        assert app.has_focus(screen.sides[1].heat)
        assert cursors(screen) == [5, 5]  # the left one was over by then
        assert "over: stop" in screen.sides[0].info.plain
        assert rows(screen, 0) == []
        await app.press("home", "left")
        assert cursors(screen) == [0, 0]
        await app.press("g")
        assert cursors(screen) == [2, 2]
        await app.press("tab", "up", "down")
        assert app.has_focus(screen.sides[0].heat)


async def test_the_heat_is_probability_entropy_rank() -> None:
    async with opened(double) as app:
        screen = await there(app)
        seen = []
        for name in ("probability", "entropy", "rank"):
            assert name in screen.foot.plain
            seen.append(screen.sides[0].heat.plain[1])
            await app.press("h")
        assert "probability" in screen.foot.plain
        assert seen[2].replace(" ", "").replace("◆", "") == "11111"
        assert len(set(seen)) == 3


async def test_against_another_lane_and_back() -> None:
    async with opened(double) as app:
        await app.press("escape", "a")
        await app.until(lambda: len(app.lanes) == 3, "a lane")
        await app.until(lambda: len(app.app.screen_stack) > 1, "its prompt")
        await app.press("escape")
        await app.until(lambda: len(app.app.screen_stack) == 1, "back")
        await app.press("i")
        await app.run()
        await app.press("escape", "W")
        screen = await on_it(app)
        names = screen.left.name, screen.right.name
        third = next(at for at, each in enumerate(screen.subjects, 1) if each.name not in names)
        await app.press(str(third))
        await app.until(lambda: not screen.busy and screen.right.name == screen.subjects[third - 1].name, "read")
        assert screen.right.name not in names
        await app.press("escape")
        await app.until(lambda: app.on_top(app.screen), "back")


class Slow(DoubleEngine):
    """Reads nothing until it is let."""

    reading = asyncio.Event()

    async def score(self, prompt: str, continuation: str, *, top: int = 0) -> tuple[TokenLogprob, ...]:
        self.reading.set()
        await asyncio.Event().wait()
        return ()


async def test_escape_ends_the_reading() -> None:
    Slow.reading = asyncio.Event()
    async with opened(lambda path: Slow(path, answer=saying)) as app:
        await app.run()
        await app.press("escape", "W")
        await app.until(Slow.reading.is_set, "reading")
        screen = app.app.screen
        assert isinstance(screen, DivergenceScreen)
        assert screen.note.text == "reading A"
        assert "esc cancels" in screen.foot.plain
        await app.press("escape")
        await app.until(lambda: app.on_top(app.screen), "back")
        assert app.screen.session is not None
        path = Path(app.lanes[0].path)
        await app.until(lambda: not app.screen.session or not app.screen.session.pool.busy(path), "given back")


class Server(DoubleEngine):
    """A server that offers no log-probabilities of given text."""

    async def score(self, prompt: str, continuation: str, *, top: int = 0) -> tuple[TokenLogprob, ...]:
        raise EngineError("the server offers no log-probabilities of given text", hint="llama-server and vLLM do")


async def test_what_a_server_does_not_offer_is_said() -> None:
    async with opened(lambda path: Server(path, answer=saying)) as app:
        screen = await there(app)
        assert screen.note.text == ("the server offers no log-probabilities of given text — llama-server and vLLM do")
        assert "esc leaves" in screen.foot.plain
        await app.press("h", "tab", "g", "escape")
        await app.until(lambda: app.on_top(app.screen), "back")


async def test_without_answers_it_says_what_to_do() -> None:
    async with opened(double) as app:
        await app.press("escape", "W")
        await app.until(lambda: "two lanes with an answer are needed" in app.notices, "said")


@pytest.mark.parametrize("size", SIZES)
async def test_a_branch_goes_on_in_a_new_lane(size: tuple[int, int]) -> None:
    seen: list[Generate] = []

    def answer(request: Generate) -> str:
        seen.append(request)
        return SAID[request.trial[-1]] if request.prompt is None else " and on it goes"

    async with opened(lambda path: DoubleEngine(path, answer=answer), size=size) as app:
        screen = await there(app)
        was = screen.left
        await app.press("b")
        assert app.has_focus(screen.sides[0].cards)
        assert "enter" in screen.foot.plain or "branch" in screen.foot.plain
        await app.press("escape")
        assert app.has_focus(screen.sides[0].heat)
        await app.press("b", "enter")  # what was chosen is no branch
        await app.until(lambda: "is what was chosen" in app.notices, "refused")
        await app.press("down")
        taken = screen._rows[0][screen.sides[0].cards.here]
        await app.press("enter")
        await app.until(lambda: len(app.lanes) == 3, "a lane")
        await app.done()
        prefix = f"the answer{taken.text}"
        made = app.lanes[1]
        assert made.text == f"{prefix} and on it goes"
        assert seen[-1].prompt is not None
        assert seen[-1].prompt.endswith(f"assistant\n{prefix}")
        assert f"branched at token 3 of {was.trial}" in app.texts[1]
        assert app.lanes[0].text == SAID["A"]
        assert app.screen.session is not None
        assert made.last is not None
        stored = app.screen.session.store.trial(made.last.trial)
        assert stored is not None
        assert stored["branch"] == {"trial": was.trial, "token": 2, "prefix": prefix}
        assert stored["text"] == made.text
        await app.press("W")  # and it is read in its turn: it parts where it was branched
        again = await on_it(app)
        assert again.left.name == "B"
        assert again.left.made == 0


async def test_a_branch_after_the_prompt_was_changed_is_refused() -> None:
    async with opened(double) as app:
        screen = await there(app)
        lane = next(lane for lane in app.lanes if lane.last and lane.last.trial == screen.left.trial)
        lane.turns[-1].message = "something else"
        await app.press("b", "down", "enter")
        await app.until(lambda: "another than its answer had" in app.notices, "refused")
        assert len(app.lanes) == 2
