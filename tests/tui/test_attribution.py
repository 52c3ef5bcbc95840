"""Leave one out, on the lane on screen: by keyboard, at both sizes, with the numbers beside every shade."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.tui.driving import Driver, opened
from workbench.inference.double import DoubleEngine
from workbench.inference.engine import TokenLogprob
from workbench.tui.screens.attribution import AttributionScreen
from workbench.tui.widgets.heat import HeatPane, Shaded, level, style

SHIPS = 'schema = 1\nkind = "system"\ntitle = "Ships"\ntext = """Be brief. Ships are turquoise.\n\nNever guess."""\n'


@pytest.fixture
def ships(tmp_path: Path) -> Path:
    """A library of two prompts."""
    (tmp_path / "ships.toml").write_text(SHIPS)
    (tmp_path / "other.toml").write_text('schema = 1\nkind = "system"\ntitle = "Other"\ntext = "Be long."\n')
    return tmp_path


class Scored(DoubleEngine):
    """The turquoise sentence makes every token of the answer a nat likelier, `Never` half a nat less likely."""

    gate_scores: asyncio.Event | None = None

    async def score(self, prompt: str, continuation: str, *, top: int = 0) -> tuple[TokenLogprob, ...]:
        if self.gate_scores is not None:
            await self.gate_scores.wait()
        logp = -3.0 + ("turquoise" in prompt) - 0.5 * ("Never" in prompt)
        words = continuation.split(" ")
        return tuple(TokenLogprob(at, (" " if at else "") + word, logp) for at, word in enumerate(words))


async def asked(app: Driver) -> AttributionScreen:
    session = app.screen.session
    assert session is not None
    for lane in app.lanes:
        await app.screen.desk.set_prompt(session, lane, "ships", {})
    await app.write("Which colour?")
    await app.run()
    await app.screen.desk.set_prompt(session, app.lanes[0], "other", {})  # what made the answer is meant all the same
    await app.press("escape", "L")
    await app.until(lambda: isinstance(app.app.screen, AttributionScreen), "the screen")
    found = app.app.screen
    assert isinstance(found, AttributionScreen)
    return found


def rows(screen: AttributionScreen) -> list[str]:
    return ["".join(text for text, _ in screen.row(at)[0]) for at in range(len(screen._rows))]


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_the_heaviest_stands_first_with_its_number(size: tuple[int, int], ships: Path) -> None:
    async with opened(lambda path: Scored(path, answer="It is blue now"), size=size, library=ships) as app:
        screen = await asked(app)
        await app.until(lambda: len(rows(screen)) == 3 and "…" not in "".join(rows(screen)), "weights")
        assert [row.split()[0] for row in rows(screen)] == ["+4.00", "+0.00", "-2.00"]
        assert "Ships are turquoise." in rows(screen)[0]
        assert "Ships" in screen.pane.shown
        assert "█+4.00 Ships" in screen.pane.shown
        assert "+4.00 nats by this unit (+1.000 a token)" in screen.pane.shown
        await app.press("end")
        await app.until(lambda: "-2.00 nats by this unit" in screen.pane.shown, "the other unit")
        await app.press("u")  # paragraphs
        await app.until(lambda: "Be brief. Ships are turquoise." in "".join(rows(screen)), "paragraphs")
        await app.until(lambda: "…" not in "".join(rows(screen)), "weights")
        assert len(rows(screen)) == 2
        await app.press("m")
        await app.until(lambda: len(rows(screen)) == 3 and "…" not in "".join(rows(screen)), "the message too")
        await app.press("enter")
        assert app.has_focus(screen.pane)
        await app.press("escape", "escape")
        await app.until(lambda: app.on_top(app.screen), "back in the lanes")


async def test_leaving_gives_up_what_is_not_measured(ships: Path) -> None:
    gate = asyncio.Event()

    def make(path: Path) -> DoubleEngine:
        made = Scored(path, answer="It is blue")
        made.gate_scores = gate
        return made

    async with opened(make, library=ships) as app:
        screen = await asked(app)
        await app.until(lambda: "reading" in screen.head.plain, "begun")
        await app.press("escape")
        await app.until(lambda: app.on_top(app.screen), "back in the lanes")
        gate.set()
        assert app.app.session is not None
        session = app.app.session
        await app.until(lambda: not session.pool.busy(Path(app.lanes[0].path)), "the engine is free")


async def test_a_quick_look_first_and_a_key_that_keeps_what_there_is(ships: Path) -> None:
    gate = asyncio.Event()

    class Slow(Scored):
        """Hides at once, leaves out when it may."""

        async def score(self, prompt: str, continuation: str, *, top: int = 0) -> tuple[TokenLogprob, ...]:
            if "turquoise" not in prompt:
                await gate.wait()
            return await super().score(prompt, continuation, top=top)

        async def score_hidden(
            self, prompt: str, continuation: str, hidden: Sequence[Sequence[tuple[int, int]]]
        ) -> tuple[tuple[TokenLogprob, ...], ...]:
            shown = [
                "".join(c for at, c in enumerate(prompt) if not any(a <= at < b for a, b in one)) for one in hidden
            ]
            return tuple([await Scored.score(self, each, continuation) for each in shown])

    async with opened(lambda path: Slow(path, answer="It is blue now"), size=(80, 24), library=ships) as app:
        screen = await asked(app)
        await app.until(lambda: len(rows(screen)) == 3 and "…" not in "".join(rows(screen)), "a quick look")
        assert [row.split()[0] for row in rows(screen)] == ["≈+4.00", "≈+0.00", "≈-2.00"]
        assert "a quick look" in screen.head.plain
        await app.until(lambda: "≈ only hidden from the answer" in screen.pane.shown, "said")
        await app.press("x")
        assert "stopped" in screen.head.plain
        assert "0 of 3 left out" in screen.head.plain
        assert [row.split()[0] for row in rows(screen)] == ["≈+4.00", "≈+0.00", "≈-2.00"]
        assert app.app.session is not None
        session = app.app.session
        await app.until(lambda: not session.pool.busy(Path(app.lanes[0].path)), "the engine is free")


async def test_a_lane_without_an_answer_says_so() -> None:
    async with opened() as app:
        await app.press("escape", "L")
        await app.until(lambda: "no answer yet" in app.notices, "told")


def test_shades_are_told_by_letters_and_styles() -> None:
    assert [level(value, 4.0) for value in (0.0, 0.1, 0.5, 1.0, -2.5, 4.0)] == [0, 0, 1, 2, 3, 4]
    assert level(1.0, 0.0) == 0
    assert (style(4.0, 4.0), style(-4.0, 4.0), style(0.0, 4.0)) == ("hot4", "cold4", "")
    made = Shaded()
    made.add("a\x1b[31m\t", "hot1")
    assert "\x1b" not in made.text
    assert made.spans == [(0, made.length, "hot1")]
    assert {f"answer--{name}" for name in ("hot4", "cold1", "here")} <= HeatPane.COMPONENT_CLASSES
