"""The history screen: runs and their trials, found as one types; replay, tags, notes, delete, export."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input, OptionList

from tests.history.made import add, all_ids
from tests.tui.driving import Driver, opened
from workbench import paths
from workbench.history import notes
from workbench.history.store import Store
from workbench.inference.double import DoubleEngine
from workbench.inference.engine import Generate
from workbench.tui.history_text import when
from workbench.tui.pages import KEPT, SIZE, Pages
from workbench.tui.screens.choice import ChoiceScreen
from workbench.tui.screens.diff import DiffScreen
from workbench.tui.screens.history import HistoryScreen

SIZES = [(120, 40), (80, 24), (60, 20)]
NOW = datetime.now(UTC)


def said(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


@pytest.fixture
def history() -> Path:
    """Three runs: two by hand, an experiment of 200 trials."""
    path = paths.ensure(paths.data_dir()) / "history.db"
    store = Store(path)
    lisp = {"text": "the last one", "messages": said("What is Lisp?"), "prompt": "system/plain"}
    add(store, "aaaa", lisp, {**lisp, "variant": "B", "text": "parentheses"}, created=NOW - timedelta(days=3))
    rows = [
        {"text": f"answer {n}", "messages": said(f"case {n}"), "finish": "length" if n < 3 else "stop"}
        for n in range(200)
    ]
    add(store, "bbbb", *rows, kind="experiment", created=NOW - timedelta(days=2))
    add(store, "cccc", {"text": "\x1b[2J evil", "messages": said("Which \x9b city?")}, created=NOW - timedelta(days=1))
    notes.tag(store, "aaaa", ["review"])
    store.close()
    return path


async def at_history(app: Driver) -> HistoryScreen:
    await app.press("escape", "f4")
    await app.until(lambda: isinstance(app.app.screen, HistoryScreen), "the history")
    screen = app.app.screen
    assert isinstance(screen, HistoryScreen)
    await app.until(lambda: screen.run is not None and screen.pane.text, "its runs")
    return screen


def lines(screen: HistoryScreen) -> list[str]:
    """The rows on screen, as they read."""
    found = ["".join(segment.text for segment in screen.cards.render_line(y)) for y in range(screen.cards.size.height)]
    return [line.rstrip(" │┃") for line in found if line.strip(" │┃")]


def _left(app: Driver, screen: HistoryScreen, many: int) -> bool:
    return app.on_top(screen) and len(screen.ids) == many


def _told(app: Driver, text: str) -> bool:
    return text in app.notices


async def search(app: Driver, screen: HistoryScreen, text: str, many: int) -> None:
    screen.query_one(Input).value = text
    await app.until(lambda: len(screen.ids) == many, f"{many} runs for {text}: {screen.ids}")


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("size", SIZES)
async def test_runs_then_trials_then_the_text(size: tuple[int, int]) -> None:
    async with opened(size=size) as app:
        screen = await at_history(app)
        assert [line.split()[-1] for line in lines(screen)] == ["1", "200", "2"]
        assert "#review" in lines(screen)[2]
        assert "\x1b" not in "".join(lines(screen))
        assert "3 runs" in screen.head.plain
        assert "kB" in "".join(text for text, _ in (*screen.foot._brief, *screen.foot._right))
        await app.press("down", "enter")
        await app.until(lambda: screen.trial is not None and "answer 0" in screen.pane.text)
        assert app.has_focus(screen.cards)
        assert "200 trials" in screen.head.plain
        await app.press("end")
        await app.until(lambda: "answer 199" in screen.pane.text)
        await app.press("enter")
        assert app.has_focus(screen.pane)
        await app.press("escape")
        assert app.has_focus(screen.cards)
        await app.press("escape")
        await app.until(lambda: screen.run is not None and screen.run["id"] == "bbbb")
        assert screen.cards.here == 1
        await app.until(lambda: "and 192 more" in screen.pane.text)
        await app.press("escape")
        await app.until(lambda: app.on_top(app.screen))


@pytest.mark.usefixtures("history")
async def test_search_as_one_types() -> None:
    async with opened() as app:
        screen = await at_history(app)
        await app.press("slash")
        await app.type("paren")
        await app.until(lambda: list(screen.ids) == ["aaaa"])
        assert lines(screen)[0].endswith("1/2")
        await app.until(lambda: "parentheses" in screen.pane.text and "the last one" not in screen.pane.text)
        await app.press("enter", "enter")
        await app.until(lambda: screen.trial is not None)
        assert screen.trial
        assert screen.trial["text"] == "parentheses"
        assert "1 trials" in screen.head.plain
        await app.press("u")
        await app.until(lambda: app.screen.box.area.text == "What is Lisp?")


@pytest.mark.usefixtures("history")
async def test_filters_in_the_line() -> None:
    async with opened() as app:
        screen = await at_history(app)
        await search(app, screen, "kind:exp", 1)
        await search(app, screen, "tag:rev", 1)
        await search(app, screen, "finish:length", 1)
        await search(app, screen, "since:36h", 1)
        await search(app, screen, "nothing like it", 0)
        assert "nothing matches" in screen.head.plain
        await app.press("r", "X", "t", "n", "e", "d", "u", "enter")  # at nothing: nothing happens
        screen.query_one(Input).value = "since:20"
        await app.until(lambda: "is no time" in screen.foot.plain)
        assert len(screen.ids) == 0
        await app.press("escape")
        await app.until(lambda: len(screen.ids) == 3)


async def test_tags_and_a_note(history: Path) -> None:
    async with opened() as app:
        screen = await at_history(app)
        await app.press("t")
        await app.until(lambda: not app.on_top(screen))
        await app.type("kept more")
        await app.press("enter")
        await app.until(lambda: "#kept #more" in lines(screen)[0])
        await app.press("n")
        await app.until(lambda: not app.on_top(screen))
        await app.type("to look at")
        await app.press("enter")
        await app.until(lambda: "to look at" in screen.pane.text)
        await app.press("t")
        await app.until(lambda: not app.on_top(screen))
        app.app.screen.query_one(Input).value = "more two/words #three"
        await app.press("enter")
        await app.until(lambda: "#more #three #two/words" in lines(screen)[0])
        await app.press("t")
        await app.until(lambda: not app.on_top(screen))
        app.app.screen.query_one(Input).value = "bad!"
        await app.press("enter")
        await app.until(lambda: "is no tag" in app.notices)
    store = Store(history)
    assert notes.tags_of(store, ["cccc"]) == {"cccc": ["more", "three", "two/words"]}
    store.close()


async def test_delete_asks_and_says_what_it_frees(history: Path) -> None:
    async with opened() as app:
        screen = await at_history(app)
        await app.press("down")
        for answer, left in (("enter", 3), ("down", 2)):
            await app.press("X")
            await app.until(lambda: isinstance(app.app.screen, ChoiceScreen))
            choice = app.app.screen.query_one(OptionList).get_option_at_index(1)
            assert "200 trials" in str(choice.prompt)
            assert "kB" in str(choice.prompt)
            await app.press(*([answer] if answer == "enter" else [answer, "enter"]))
            await app.until(partial(_left, app, screen, left))
        assert "deleted 200 trials" in app.notices
    assert all_ids(history)[0] == {"aaaa", "cccc"}


async def test_what_points_at_it_is_in_the_question(history: Path) -> None:
    store = Store(history)
    notes.pin(store, "cccc", "report.html")
    store.close()
    async with opened() as app:
        screen = await at_history(app)
        await app.press("X")
        await app.until(lambda: isinstance(app.app.screen, ChoiceScreen))
        detail = app.app.screen.query_one("#detail")
        assert "report.html" in str(detail.render())
        await app.press("escape")
        await app.until(lambda: app.on_top(screen))
    assert "cccc" in all_ids(history)[0]


@pytest.mark.usefixtures("history")
async def test_export_of_what_was_found(tmp_path: Path) -> None:
    async with opened() as app:
        screen = await at_history(app)
        for key, name, many in (("one", "one.jsonl", 1), ("all", "all.jsonl", 203)):
            await app.press("e")
            await app.until(lambda: isinstance(app.app.screen, ChoiceScreen))
            await app.press(*(["enter"] if key == "one" else ["down", "enter"]))
            await app.until(lambda: not isinstance(app.app.screen, ChoiceScreen) and not app.on_top(screen))
            app.app.screen.query_one(Input).value = str(tmp_path / name)
            await app.press("enter")
            await app.until(partial(_told, app, f"{many} trials in"))
            written = (tmp_path / name).read_text("utf-8").splitlines()
            assert len(written) == many
            assert json.loads(written[-1])["text"] == "\x1b[2J evil"


async def test_a_replay_that_departs_shows_both_and_one_that_does_not_says_so() -> None:
    answers = iter(["one two three", "one two four", "one two four"])

    def answer(request: Generate) -> str:
        return same[0] if same else next(answers)

    same: list[str] = ["one two three"]
    async with opened(lambda path: DoubleEngine(path, answer=answer)) as app:
        await app.run()
        screen = await at_history(app)
        await app.press("enter")
        await app.until(lambda: screen.trial is not None)
        await app.press("r")
        await app.until(lambda: "the same, 3 tokens" in app.notices)
        assert app.on_top(screen)
        same[:] = ["one two four"]
        await app.press("r")
        await app.until(lambda: isinstance(app.app.screen, DiffScreen))
        assert "departs at token 3: ‘three’ against ‘four’" in app.notices
        await app.press("escape")
        await app.until(lambda: app.on_top(screen))
        await app.press("escape")
        screen.again()
        await app.until(lambda: len(screen.ids) == 3)
        assert lines(screen)[0].split()[1] == "replay"


@pytest.mark.usefixtures("history")
async def test_answers_beside_each_other() -> None:
    async with opened() as app:
        await at_history(app)
        await app.press("down", "down", "d")
        await app.until(lambda: isinstance(app.app.screen, DiffScreen))


async def test_retention_runs_when_the_app_opens(history: Path) -> None:
    paths.ensure(paths.config_dir())
    (paths.config_dir() / "settings.toml").write_text("[history]\nkeep_days = 2\n")
    async with opened() as app:
        await app.until(lambda: "removed 2 runs of 202 trials" in app.notices)
    assert all_ids(history)[0] == {"cccc"}


def test_pages_are_read_once_and_forgotten_in_time() -> None:
    asked: list[int] = []
    pages = Pages([str(n) for n in range(SIZE * (KEPT + 5))], lambda number, ids: asked.append(number))
    rows: list[dict[str, Any]] = [{"id": str(n)} for n in range(SIZE)]
    assert pages.get(0) is pages.get(1) is None
    assert asked == [0]
    pages.give(0, rows[1:])
    assert pages.get(0) is None  # deleted meanwhile
    assert pages.is_read(0)
    assert pages.get(1) == {"id": "1"}
    for number in range(1, KEPT + 1):
        pages.give(number, [])
    assert not pages.is_read(1)
    assert pages.get(-1) is pages.get(len(pages)) is None
    assert asked == [0]


def test_times_are_short() -> None:
    now = datetime(2026, 11, 23, 12).astimezone()
    made = [now - timedelta(hours=1), now - timedelta(days=30), now - timedelta(days=900)]
    assert [when({"created": each.isoformat()}, now=now) for each in made] == [
        "      11:00",
        "10-24 12:00",
        "2024-06-06 ",
    ]
    assert [when({"created": each.isoformat()}, brief=True, now=now) for each in made] == ["11:00", "10-24", "2024 "]
