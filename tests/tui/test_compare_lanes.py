"""What one does to lanes by keyboard: how many, what they are, how they are shown."""

from __future__ import annotations

import asyncio
import contextlib
import re
from pathlib import Path

import pytest
from textual.widgets import Input, OptionList

from tests.tui.driving import Driver, opened
from workbench.inference.double import DoubleEngine
from workbench.tui.runs import Runs
from workbench.tui.screens.diff import DiffScreen
from workbench.tui.screens.help import HelpScreen
from workbench.tui.screens.history import HistoryScreen
from workbench.tui.screens.model_picker import ModelPicker
from workbench.tui.screens.prompt_picker import PromptPicker
from workbench.tui.screens.sampling_form import SamplingForm
from workbench.tui.screens.variables_form import VariablesForm
from workbench.tui.widgets.answer import AnswerPane
from workbench.tui.widgets.board import plan
from workbench.tui.widgets.card_list import CardList

SIZES = [(120, 40), (80, 24)]


async def top(app: Driver, kind: type) -> None:
    """Until that dialog is on top and filled."""
    await app.until(lambda: isinstance(app.app.screen, kind), kind.__name__)
    await app.pilot.pause()


@pytest.mark.parametrize("size", SIZES)
async def test_add_asks_for_the_prompt_and_the_lane_runs(size: tuple[int, int]) -> None:
    async with opened(size=size) as app:
        await app.press("escape", "a")
        await top(app, PromptPicker)
        await app.until(lambda: app.app.screen.query_one(OptionList).option_count > 5)
        await app.type("korean")
        await app.until(lambda: app.app.screen.query_one(OptionList).option_count < 5)
        await app.press("enter")
        await app.until(lambda: len(app.lanes) == 3 and app.lanes[1].prompt == "system/korean")
        assert [app.screen.comparison.label(lane) for lane in app.lanes] == ["A", "B", "C"]
        await app.until(lambda: app.view(1).head.plain.startswith("B  system/korean@"))
        await app.run()
        assert app.lanes[1].text


async def test_remove_and_bring_back() -> None:
    async with opened() as app:
        await app.press("escape", "D")
        await app.until(lambda: len(app.lanes) == 3)
        await app.run()
        text = app.lanes[1].text
        await app.press("escape", "2", "X")
        await app.until(lambda: len(app.screen.board.views()) == 2)
        await app.press("X")
        await app.until(lambda: "2 lanes at least" in app.notices)
        await app.press("u")
        await app.until(lambda: len(app.screen.board.views()) == 3)
        assert app.lanes[1].text == text
        assert text in app.texts[1]


async def test_duplicate_takes_the_conversation_and_eight_is_the_most() -> None:
    async with opened() as app:
        await app.run()
        await app.press("escape")
        for count in range(3, 9):
            await app.press("D")
            await app.until(lambda count=count: len(app.screen.board.views()) == count)  # type: ignore[misc]
        assert app.lanes[1].text == app.lanes[0].text
        await app.press("D")
        await app.until(lambda: "8 lanes are the most" in app.notices)
        await app.type("go on")
        assert not app.screen.box.area.text, "no letters leak from the lanes into the message"


async def test_move() -> None:
    async with opened() as app:
        await app.press("escape", "greater_than_sign")
        await app.until(lambda: app.lanes[1].prompt == "system/plain")
        assert app.screen.board.views()[1].uid == app.lanes[1].uid
        await app.until(lambda: app.view(1).head.plain.startswith("B  system/plain"))


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (60, 24), (40, 12), (20, 5)])
async def test_eight_lanes_are_paged_and_every_one_can_be_reached(size: tuple[int, int]) -> None:
    async with opened(size=size) as app:
        for _ in range(6):
            made = app.screen.comparison.add(app.lanes[-1])
            assert made is not None
            await app.screen.tools.mount(made)
        await app.press("escape")
        for number in range(1, 9):
            await app.press(str(number))
            await app.pilot.pause()
            view = app.view(number - 1)
            assert view.display
            assert view.pane is app.app.focused
            shown = [other for other in app.screen.board.views() if other.display]
            assert all(other.size.width >= 38 or len(shown) == 1 or size[0] < 80 for other in shown)


def test_the_layout() -> None:
    assert (plan(2, 0, 120, 30).columns, plan(2, 0, 120, 30).rows) == (2, 1)
    assert (plan(4, 0, 120, 30).columns, plan(4, 0, 120, 30).rows) == (2, 2)
    assert (plan(3, 0, 120, 30).columns, plan(3, 0, 120, 30).rows) == (3, 1)
    assert (plan(2, 0, 79, 20).columns, plan(2, 0, 79, 20).rows) == (1, 2)
    eighth = plan(8, 7, 80, 18)
    assert (eighth.columns, eighth.rows, eighth.first, eighth.last) == (2, 2, 4, 8)
    one = plan(8, 5, 30, 5)
    assert (one.first, one.last) == (5, 6)
    assert plan(4, 2, 200, 50, maximised=True).first == 2


@pytest.mark.parametrize("size", SIZES)
async def test_change_prompt_model_and_sampling(size: tuple[int, int]) -> None:
    async with opened(size=size) as app:
        await app.press("escape", "p")
        await top(app, PromptPicker)
        await app.until(lambda: app.app.screen.query_one(OptionList).option_count > 5)
        await app.type("ask-first")
        await app.press("enter")
        await app.until(lambda: app.lanes[0].prompt == "system/ask-first")
        assert app.has_focus(app.view(0).pane)
        await app.press("m")
        await top(app, ModelPicker)
        await app.until(lambda: app.app.screen.query_one(OptionList).option_count)
        await app.press("enter")
        await app.until(lambda: len(app.app.screen_stack) == 1)
        await app.press("s")
        await top(app, SamplingForm)
        await app.type("0.25")
        await app.press("enter")
        await app.until(lambda: app.lanes[0].sampling.temperature == 0.25)
        assert app.lanes[1].sampling.temperature == 0.8
        assert "t0.25" in app.view(0).head.plain


async def test_a_prompt_with_variables_asks_for_them(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    text = 'schema = 1\nkind = "system"\ntitle = "T"\ntext = "You know {{topic}}."\n[variables.topic]\n'
    (tmp_path / "lib" / "expert.toml").write_text(text)
    async with opened(library=tmp_path / "lib") as app:
        await app.press("escape", "p")
        await top(app, PromptPicker)
        await app.until(lambda: app.app.screen.query_one(OptionList).option_count > 5)
        await app.type("expert")
        await app.press("enter")
        await top(app, VariablesForm)
        await app.press("enter")
        await app.until(lambda: "no value for topic" in str(app.app.screen.query_one("#error").render()))
        await app.type("birds")
        await app.press("enter")
        await app.until(lambda: app.lanes[0].lead and app.lanes[0].lead[0].content == "You know birds.")


async def test_the_editor_opens_the_file_and_the_prompt_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lib/system").mkdir(parents=True)
    file = tmp_path / "lib/system/plain.toml"
    file.write_text('schema = 1\nkind = "system"\ntitle = "T"\ntext = "Old."\n')
    script = tmp_path / "editor.sh"
    script.write_text('#!/bin/sh\nsed -i s/Old/New/ "$2"\nexit $1\n')
    script.chmod(0o755)
    async with opened(library=tmp_path / "lib") as app:
        monkeypatch.setattr(app.app, "suspend", contextlib.nullcontext)
        before = app.lanes[0].version
        monkeypatch.setenv("VISUAL", f"{script} 1")
        await app.press("escape", "e")
        await app.until(lambda: "ended with 1" in app.notices)
        assert app.lanes[0].version == before
        monkeypatch.setenv("VISUAL", f"{script} 0")
        await app.press("e")
        await app.until(lambda: app.lanes[0].lead[0].content == "New.")
        assert app.lanes[0].version != before
        assert app.lanes[0].version[:4] in app.view(0).head.plain
        file.write_text("text = [broken")
        await app.press("e")
        await app.until(lambda: "plain.toml:1" in app.feet[0], "the bad file is named in the lane")


async def test_plain_markdown_mono() -> None:
    async with opened(lambda path: DoubleEngine(path, answer="# Title\n\n- **one**\n- two")) as app:
        await app.run()
        await app.press("escape", "v")
        assert [view.pane.view for view in app.screen.board.views()] == ["markdown", "markdown"]
        assert "markdown" in app.screen.query_one("#top").plain  # type: ignore[attr-defined]
        await app.press("v")
        assert app.view(0).pane.view == "mono"
        await app.press("v")
        assert app.view(1).pane.view == "plain"


@pytest.mark.parametrize("size", SIZES)
async def test_word_diff_of_any_two_lanes(size: tuple[int, int]) -> None:
    texts = iter(["the quick brown fox", "the quick red fox", "the slow red fox"])
    async with opened(lambda path: DoubleEngine(path, answer=lambda _: next(texts)), size=size) as app:
        await app.press("escape", "D")
        await app.until(lambda: len(app.screen.board.views()) == 3)
        await app.run()
        assert sorted(lane.text for lane in app.lanes) == [
            "the quick brown fox",
            "the quick red fox",
            "the slow red fox",
        ]
        await app.press("1", "d")
        await top(app, DiffScreen)
        panes = list(app.app.screen.query(AnswerPane))
        for other in (1, 2):
            await app.press(str(other + 1))
            await app.until(lambda other=other: panes[1].text == app.lanes[other].text and panes[1]._spans)  # type: ignore[misc]
        marked = [panes[0].shown[a:b] for a, b, _ in panes[0]._spans]
        assert marked
        assert all(word not in app.lanes[2].text or word == "the" for word in marked)
        await app.press("escape")
        await app.until(lambda: len(app.app.screen_stack) == 1)


async def test_scroll_together_and_apart() -> None:
    async with opened(lambda path: DoubleEngine(path, answer="line\n" * 300)) as app:
        await app.run()
        await app.press("escape", "t", "g")
        await app.until(lambda: app.view(1).pane.scroll_fraction == 0.0)
        await app.press("t", "G")
        await app.until(lambda: app.view(0).pane.scroll_fraction == 1.0)
        assert app.view(1).pane.scroll_fraction == 0.0


async def test_copy_takes_the_answer_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(lambda path: DoubleEngine(path, answer="the answer")) as app:
        await app.run()
        written: list[str] = []
        assert app.app._driver is not None
        monkeypatch.setattr(app.app._driver, "write", written.append)
        await app.press("escape", "c")
        await app.until(lambda: any("\x1b]52;c;dGhlIGFuc3dlcg==" in text for text in written))
        assert "copied 10 characters" in app.notices


async def test_maximise_and_back() -> None:
    async with opened() as app:
        await app.press("escape", "2", "f3")
        await app.until(lambda: not app.view(0).display and app.view(1).size.width > 100)
        await app.press("f3")
        await app.until(lambda: app.view(0).display)


async def test_modes() -> None:
    async with opened() as app:
        await app.press("f7", "f10")
        assert app.screen.query_one("#top").plain.startswith("strict · uncoupled")  # type: ignore[attr-defined]
        await app.run()
        assert "strict" in app.feet[0]


@pytest.mark.parametrize("size", SIZES)
async def test_history_shows_trials_and_gives_a_message_back(size: tuple[int, int]) -> None:
    async with opened(size=size) as app:
        await app.run()
        await app.press("f4")
        await top(app, HistoryScreen)
        listing = app.app.screen.query_one(CardList)
        await app.until(lambda: listing.here == 0)
        pane = app.app.screen.query_one(AnswerPane)
        await app.until(lambda: app.lanes[0].text in pane.text)
        assert "temperature=0.8 top_k=40\n" in pane.text  # and no default that nobody asked about
        await app.press("enter")  # into the run
        await app.until(lambda: app.lanes[1].text not in pane.text)
        await app.press("enter")
        assert app.has_focus(pane)
        await app.press("escape")
        assert app.has_focus(listing)
        await app.press("u")
        await app.until(lambda: app.screen.box.area.text == "What is 17 + 25?")


@pytest.mark.parametrize("dialog", ["p", "s", "f4"])
async def test_help_and_quit_work_in_dialogs(dialog: str) -> None:
    async with opened() as app:
        await app.press("escape", dialog)
        await app.until(lambda: not app.on_top(app.screen))
        below = app.app.screen
        await app.press("f1")
        await top(app, HelpScreen)
        await app.press("escape")
        await app.until(lambda: app.on_top(below))
        await app.press("ctrl+q")
        await app.until(lambda: app.app._exit)


async def test_the_sampling_form_fits_a_terminal_that_shrinks() -> None:
    async with opened(size=(120, 40)) as app:
        await app.press("escape", "s")
        await top(app, SamplingForm)
        listing = app.app.screen.query_one(OptionList)
        first = listing.get_option_at_index(1)
        assert "default 0.8" in str(first.prompt)
        await app.pilot.resize_terminal(80, 24)
        await app.until(lambda: "default" not in str(listing.get_option_at_index(1).prompt))


async def test_tab_goes_round_lanes_and_message() -> None:
    async with opened() as app:
        seen = []
        for _ in range(3):
            await app.press("tab")
            await app.pilot.pause()
            seen.append(app.app.focused)
        assert seen == [app.view(0).pane, app.view(1).pane, app.screen.box.area]


async def test_a_stopped_model_restarts_by_one_key() -> None:
    made: list[DoubleEngine] = []

    def make(path: Path) -> DoubleEngine:
        made.append(DoubleEngine(path))
        return made[-1]

    async with opened(make) as app:
        await app.counted()
        await app.press("escape", "R")
        await app.until(lambda: len(made) == 2 and made[1].state == "ready")
        await app.run()
        assert app.lanes[0].text


async def test_find_in_an_answer() -> None:
    async with opened(lambda path: DoubleEngine(path, answer="line\n" * 100 + "needle\n" + "line\n" * 100)) as app:
        await app.run()
        await app.press("escape", "g", "slash")
        await app.until(lambda: app.app.screen.query(Input))
        await app.type("needle")
        await app.press("enter")
        await app.until(lambda: 0.2 < app.view(0).pane.scroll_fraction < 0.8)


async def test_loading_and_waiting_are_said_in_the_lane() -> None:
    from workbench.experiments.experiment import ModelLoading, ModelWaited

    gate = asyncio.Event()
    async with opened(lambda path: DoubleEngine(path, gate=gate)) as app:
        await app.press("f5")
        await app.until(lambda: app.lanes[0].phase == "reading")
        run = next(iter(app.screen.runs._ids))
        for lane in app.lanes:
            lane.phase = "queued"
        app.screen.post_message(Runs.Advanced(run, (ModelWaited(app.lanes[0].model, "needs 8.0 GB"),)))
        await app.until(lambda: "waiting for memory" in app.feet[0])
        assert "needs 8.0 GB" in app.texts[0]
        app.screen.post_message(Runs.Advanced(run, (ModelLoading(app.lanes[0].model, 0.45),)))
        await app.until(lambda: re.search(r"loading 45\s?%", app.feet[0]))
        assert "needs 8.0 GB" not in app.texts[0]
        app.screen.post_message(Runs.Advanced("stale", (ModelLoading(app.lanes[0].model, 0.99),)))
        gate.set()
        await app.done()
