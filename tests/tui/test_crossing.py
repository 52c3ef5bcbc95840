"""Cross-scores by keyboard: what the marks, the line and the table say, the ways in and out."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.tui.driving import Driver, opened
from tests.tui.test_divergence import SIZES, Server, double, saying
from workbench.insight.reading import bits
from workbench.tui.screens.crossing import CrossingScreen


async def there(app: Driver) -> CrossingScreen:
    await app.run()
    await app.press("escape", "S")
    await app.until(lambda: isinstance(app.app.screen, CrossingScreen), "the screen")
    screen = app.app.screen
    assert isinstance(screen, CrossingScreen)
    await app.until(lambda: not screen.busy, "read")
    await app.pilot.pause()
    return screen


@pytest.mark.parametrize("size", SIZES)
async def test_which_words_the_prompt_bought(size: tuple[int, int]) -> None:
    async with opened(double, size=size) as app:
        screen = await there(app)
        assert screen.found is not None
        for place, each in enumerate((screen.found.left, screen.found.right)):
            side = screen.sides[place]
            assert "".join(piece.text for piece in each.pieces) == each.own.subject.text
            loud = [piece for piece in each.pieces if abs(bits(piece.gain)) >= 0.5]
            marks = "".join(side.heat.plain[1::2])
            assert marks.count("+") + marks.count("−") == len(loud)
            assert marks.count("+") == sum(piece.gain > 0 for piece in loud)
            most = max(each.pieces, key=lambda piece: abs(piece.gain))
            row = "".join(text for text, _ in screen.row(place, 0)[0])
            assert f"{bits(most.gain):+.1f}" in row
            assert abs(each.pieces[side.heat.here].gain) == pytest.approx(abs(most.gain))
            assert f"{bits(most.gain):+.2f} bits" in side.info.plain
            assert f"perplexity {math.exp(-each.own_logp / len(each.own.tokens)):.2f}" in side.head.plain
        assert "A’s answer is" in str(screen.says.render())


async def test_keys() -> None:
    async with opened(double) as app:
        screen = await there(app)
        seen = []
        for name in ("bought", "own prompt", "other prompt"):
            assert name in screen.foot.plain
            seen.append(screen.sides[0].heat.plain[1])
            await app.press("h")
        assert len(set(seen)) == 3
        await app.press("tab", "home", "right")
        assert app.has_focus(screen.sides[1].heat)
        assert screen.sides[1].heat.here == 1
        assert screen.sides[1].info.plain.startswith("2/")
        await app.press("escape")
        await app.until(lambda: app.on_top(app.screen), "back")


async def test_what_a_server_does_not_offer_is_said() -> None:
    def server(path: Path) -> Server:
        return Server(path, answer=saying)

    async with opened(server) as app:
        screen = await there(app)
        assert "offers no log-probabilities of given text" in screen.note.text
        await app.press("h", "tab", "escape")
        await app.until(lambda: app.on_top(app.screen), "back")
