"""The sampler microscope on the lane on screen, by keyboard, at both sizes."""

from __future__ import annotations

import hashlib

import msgspec
import pytest

from tests.tui.driving import Driver, opened
from workbench.inference.double import DoubleEngine
from workbench.tui.screens.microscope import TOP, MicroscopeScreen


async def looked(app: Driver) -> MicroscopeScreen:
    await app.write("Which colour?")
    await app.run()
    await app.press("escape", "M")
    await app.until(lambda: isinstance(app.app.screen, MicroscopeScreen), "the screen")
    found = app.app.screen
    assert isinstance(found, MicroscopeScreen)
    await app.until(lambda: "as they stand" in found.head.plain, "stages")
    return found


def row(screen: MicroscopeScreen, at: int) -> str:
    left, right = screen.row(at)
    return "".join(text for text, _ in (*left, *right))


def drawn(seed: int, steps: int, left: int) -> list[int]:
    """The places among the candidates that the double's dice fall on."""
    return [hashlib.sha256(f"{seed}|{at}|True".encode()).digest()[0] % left for at in range(steps)]


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_settings_are_tried_and_what_would_change_is_marked(size: tuple[int, int]) -> None:
    async with opened(lambda path: DoubleEngine(path, answer="It is blue"), size=size) as app:
        screen = await looked(app)
        before = drawn(app.lanes[0].sampling.seed, 3, TOP)
        assert f"draws {before.count(0)} of 3 as they stand" in screen.head.plain
        assert "temperature 0.8" in screen.head.plain
        assert "temp" in screen.pane.shown
        await app.press("right_square_bracket")
        assert "top_k 40" in screen.head.plain
        for _ in range(7):
            await app.press("left")
        after = drawn(app.lanes[0].sampling.seed, 3, 5)
        moved = sum(a != b for a, b in zip(before, after, strict=True))
        assert moved
        await app.until(lambda: f"top_k 5 · {moved} of 3 would change" in screen.head.plain, "changes")
        at = next(at for at in range(3) if before[at] != after[at])
        assert row(screen, at).startswith("≠ ")
        assert " → " in row(screen, at)
        assert "✗" in screen.pane.shown
        await app.press("down")
        assert "● ␣is" in screen.pane.shown or "●→␣is" in screen.pane.shown
        await app.press("0")
        await app.until(lambda: "as they stand" in screen.head.plain, "reset")
        await app.press("right")  # top_k 45
        await app.press("a")
        await app.until(lambda: app.on_top(app.screen), "kept")
        assert app.lanes[0].sampling.top_k == 45
        assert app.lanes[1].sampling.top_k == 40


async def test_leaving_changes_nothing() -> None:
    async with opened() as app:
        screen = await looked(app)
        await app.press("right")
        await app.until(lambda: "0.9" in screen.head.plain, "turned")
        await app.press("escape")
        await app.until(lambda: app.on_top(app.screen), "left")
        assert app.lanes[0].sampling.temperature == 0.8
        await app.press("M")
        await app.until(lambda: isinstance(app.app.screen, MicroscopeScreen), "again")
        await app.press("s")
        await app.until(lambda: type(app.app.screen).__name__ == "SamplingForm", "the form")


async def test_the_settings_are_those_that_made_the_answer() -> None:
    async with opened(lambda path: DoubleEngine(path, answer="It is blue")) as app:
        await app.write("Which colour?")
        await app.run()
        app.lanes[0].sampling = msgspec.structs.replace(app.lanes[0].sampling, temperature=1.9)
        await app.press("escape", "M")
        await app.until(lambda: isinstance(app.app.screen, MicroscopeScreen), "the screen")
        screen = app.app.screen
        assert isinstance(screen, MicroscopeScreen)
        await app.until(lambda: "as they stand" in screen.head.plain, "stages")
        assert "temperature 0.8" in screen.head.plain


async def test_a_lane_without_an_answer_says_so() -> None:
    async with opened() as app:
        await app.press("escape", "M")
        await app.until(lambda: "no answer yet" in app.notices, "told")
