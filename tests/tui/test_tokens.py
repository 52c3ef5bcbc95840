"""The tokens screen by keyboard: its texts, live typing, whose a token is, two tokenizers, probabilities."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.tui.driving import Driver, opened
from workbench.errors import EngineError
from workbench.inference.double import DoubleEngine
from workbench.inference.engine import Engine
from workbench.tui.cutting import Cutter
from workbench.tui.screens.model_picker import ModelPicker
from workbench.tui.screens.tokens import TokensScreen
from workbench.tui.widgets.token_pane import TokenPane

SIZES = [(120, 40), (80, 24), (60, 20)]


async def at_tokens(app: Driver) -> TokensScreen:
    await app.press("escape", "T")
    await app.until(lambda: isinstance(app.app.screen, TokensScreen), "the tokens")
    screen = app.app.screen
    assert isinstance(screen, TokensScreen)
    return screen


async def settled(app: Driver, screen: TokensScreen) -> None:
    await app.until(lambda: all(side.pane.tokens and side.cutter.quiet for side in screen.sides), "cut")
    await app.until(lambda: len(screen._costs) == len(screen.sides) and not screen._stale, "reckoned")
    await app.pilot.pause()


def shown(screen: TokensScreen, side: int = 0) -> str:
    return "\n".join(screen.sides[side].pane.plain)


@pytest.mark.parametrize("size", SIZES)
async def test_the_rendered_prompt_then_the_answer_then_any_text(size: tuple[int, int]) -> None:
    async with opened(lambda path: DoubleEngine(path, answer="No: it is 42."), size=size) as app:
        await app.write("What is 17 + 25?")
        await app.run()
        screen = await at_tokens(app)
        await settled(app, screen)
        assert "⟦<|im_start|>system⟧" in shown(screen)
        assert "⟨↵What⟩·is" in shown(screen)
        assert "the template's" in screen.lines()[0]
        assert "control" in screen.lines()[0]
        await app.press("tab")
        await settled(app, screen)
        assert shown(screen) == "No:·it·is·42."
        await app.press("right", "right")
        assert screen.lines()[0].startswith("3 of 7  ‘·it’ · id ")
        assert "3 bytes 20 69 74" in screen.lines()[0]
        await app.press("tab", "i")
        await app.until(lambda: app.has_focus(screen.area), "the box")
        await app.type(" or 43")
        await app.until(lambda: shown(screen).endswith("25?·or·43"), "typed")
        assert "3’" in screen.lines()[0]  # the cursor goes along
        await app.press("escape", "home", "end")
        assert screen.side.pane.here == len(screen.side.pane.tokens) - 1
        await app.press("escape")
        await app.until(lambda: app.on_top(app.screen), "the lanes")


async def test_probabilities_bars_and_ids() -> None:
    async with opened() as app:
        await app.write("one two three")
        screen = await at_tokens(app)
        await settled(app, screen)
        await app.press("shift+tab")
        await settled(app, screen)
        await app.press("p")
        assert "nothing is before it" in screen.lines()[0]
        await app.press("right")
        await app.until(lambda: "given what is before it" in screen.lines()[0], "a probability")
        await app.press("s")
        assert shown(screen) == "one│·two│·three│"
        await app.press("y")
        assert "copied" in app.notices


async def test_a_control_token_in_a_message_is_warned_of() -> None:
    async with opened() as app:
        await app.write("ends <|im_end|> here")
        screen = await at_tokens(app)
        await settled(app, screen)
        assert "⚠<|im_end|>" in shown(screen)
        assert screen.lines()[0] == "⚠ a message holds <|im_end|>: the model reads it as its own mark"


async def test_a_value_that_brings_a_control_token_is_named(tmp_path: Path) -> None:
    (tmp_path / "about.toml").write_text(
        'schema = 1\nkind = "system"\ntitle = "About"\ntext = "About {{topic}}."\n[variables.topic]\ndefault = "x"\n'
    )
    async with opened(library=tmp_path) as app:
        lane, session = app.lanes[0], app.screen.session
        assert session is not None
        await app.screen.desk.set_prompt(session, lane, "about", {"topic": "sums<|im_end|>"})
        screen = await at_tokens(app)
        await settled(app, screen)
        assert screen.lines()[0] == "⚠ the value of topic brings <|im_end|> in: the model reads it as its own mark"


async def test_a_model_that_fails_says_so() -> None:
    async with opened(lambda path: DoubleEngine(path, fail_load="no such weights")) as app:
        screen = await at_tokens(app)
        await app.until(lambda: "no such weights" in screen.lines()[0], "the error")


async def test_two_real_tokenizers_beside_each_other(gemma: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(None) as app:
        await app.write("Hello 안녕하세요")
        screen = await at_tokens(app)
        await settled(app, screen)
        monkeypatch.setattr("workbench.tui.screens.model_picker.ModelPicker.gather", _nothing)
        await app.press("shift+tab", "b")
        await app.until(lambda: isinstance(app.app.screen, ModelPicker), "the picker")
        app.app.screen.dismiss(str(gemma))
        await app.until(lambda: len(screen.sides) == 2, "beside")
        await settled(app, screen)
        assert "<0xEC><0x95>" in shown(screen).replace("·", "")
        assert "하세요" in shown(screen, 1)
        left, right = (len(side.pane.tokens) for side in screen.sides)
        assert left > 2 * right
        said = screen.lines()
        assert any("Hangul" in line and "B / A 0." in line for line in said)
        assert any(line.startswith("dearest words: ‘안녕하세요’") for line in said)
        await app.press("end")  # the other cursor goes to the same character
        assert screen.side is screen.sides[1]
        there = [screen.sides[at].place(screen.sides[at].pane.here) for at in (0, 1)]
        assert screen.sides[1].pane.here == right - 1
        assert there[0] == there[1] == 5
        await app.press("p")
        await app.until(lambda: "given what is before it" in "".join(screen.lines()), "a probability")
        await app.press("b")
        await app.until(lambda: len(screen.sides) == 1, "alone")


async def _nothing(picker: ModelPicker) -> None:
    return


async def test_a_long_text_is_laid_out_only_where_it_is_seen() -> None:
    async with opened() as app:
        text = "- word after word in a line\n" * 4000
        await app.write(text)
        screen = await at_tokens(app)
        await app.press("shift+tab")
        await settled(app, screen)
        pane = screen.sides[0].pane
        assert len(pane.tokens) > 20_000
        assert len(pane._rows) < 200
        await app.press("end")
        assert pane.plain[-1] == "-·word·after·word·in·a·line↵"
        await app.press("home")
        assert pane.plain[0] == "-·word·after·word·in·a·line↵"


async def test_the_pane_keeps_its_rows_before_a_change() -> None:
    async with opened(size=(60, 20)) as app:
        await app.write("some words that go over more than a single row of this narrow pane, and then on and on")
        screen = await at_tokens(app)
        await app.press("shift+tab")
        await settled(app, screen)
        pane = screen.sides[0].pane
        before = list(pane.plain)
        assert "".join(before) == "".join(pane._piece(at)[0] for at in range(len(pane.tokens)))
        assert all(len(row) <= pane.size.width - 1 for row in before)
        await app.press("down", "right")
        assert isinstance(app.app.focused, TokenPane)
        assert pane.here == pane._rows[1] + 1
        await app.press("up", "left")
        assert pane.here == 0


async def test_the_cutter_takes_the_latest_and_makes_sure() -> None:
    engine = DoubleEngine()
    await engine.load()
    asked: list[str] = []
    tokenize = engine.tokenize

    @asynccontextmanager
    async def lend() -> AsyncIterator[Engine]:
        yield engine

    async def noted(text: str, *, special: bool = False) -> object:
        asked.append(text)
        await asyncio.sleep(0)
        return await tokenize(text, special=special)

    engine.tokenize = noted  # type: ignore[method-assign, assignment]  # what it is asked for is what is tested
    told: list[int] = []
    wrong: list[str] = []
    cutter = Cutter(lend, told.append, wrong.append, rest=0)
    text = "some words and more of them\n" * 500
    for end in ("", "a", "ab", "abc"):
        cutter.want(lambda end=end: text + end)  # type: ignore[misc]  # bound now
    await cutter.settled()
    assert asked == [text + "abc"]  # those before were never put together
    cutter.want(lambda: text[:6000] + "X" + text[6000:] + "abc")
    await cutter.settled()
    assert len(asked[1]) < 1000
    assert len(asked[2]) > 10_000  # the whole once, to be certain
    assert cutter.mended == 0
    assert "".join(token.text for token in cutter.tape.tokens) == cutter.tape.text
    cutter.want(lambda: "half \ud800")
    await cutter.settled()
    assert "half a character" in wrong[0]
    with pytest.raises(EngineError):
        await engine.tokenize("\ud800")
