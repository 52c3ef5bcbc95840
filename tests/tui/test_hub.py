"""The hub's screen by keyboard, on a loopback hub: search, filter, judge, fetch, pause, go on, give up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.models.hub_server import Hub, served
from tests.tui.driving import Driver, opened
from workbench.models import download, hub, pending, stores
from workbench.tui.screens.choice import ChoiceScreen
from workbench.tui.screens.downloads import DownloadsScreen
from workbench.tui.screens.hub import HubScreen
from workbench.tui.screens.models import ModelsScreen

ID = "me/tiny-GGUF"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, starter: Path, tmp_path: Path) -> Iterator[Hub]:
    monkeypatch.setattr("sys.prefix", str(tmp_path / "venv"))
    monkeypatch.setattr("workbench.tui.screens.hub.PAUSE", 0)
    monkeypatch.setattr("workbench.hardware.memory.available", lambda: 200_000_000)
    with served() as made:
        monkeypatch.setenv("HF_ENDPOINT", made.url)
        monkeypatch.setattr(download, "CHUNK", 500_000)
        made.files[ID] = {"tiny-Q4_K_M.gguf": starter.read_bytes(), "tiny-Q8_0.gguf": b"GGUF" * 50_000_000}
        made.files["you/loose-uncensored-GGUF"] = {"loose-Q2_K.gguf": b"GGUF small"}
        made.files["me/nothing"] = {}
        made.gated.add("you/loose-uncensored-GGUF")
        yield made


def shows(screen: HubScreen, text: str) -> bool:
    return text in screen.head.plain


async def at_hub(app: Driver) -> HubScreen:
    await app.press("f12")
    await app.until(lambda: isinstance(app.app.screen, ModelsScreen), "models")
    await app.press("h")
    await app.until(lambda: isinstance(app.app.screen, HubScreen), "the hub")
    screen = app.app.screen
    assert isinstance(screen, HubScreen)
    await app.until(lambda: "3 repositories" in screen.head.plain, "found")
    return screen


async def test_a_search_a_page_and_what_suits_this_machine(server: Hub) -> None:
    async with opened() as app:
        screen = await at_hub(app)
        await app.type("tiny size")
        await app.press("colon")
        await app.type("1B-8B license")
        await app.press("colon", *"mit", "enter")
        await app.until(lambda: "1 repository" in screen.head.plain, "one")
        asked = [path for path, _ in server.asked if "search=tiny" in path][-1]
        assert "license%3Amit" in asked
        assert "min%3A1B%2Cmax%3A8B" in asked
        await app.until(lambda: "── files" in screen.pane.text, "its page")
        assert "for this machine: Q4_K_M" in screen.pane.text
        assert "too big" in screen.pane.text
        assert "the usual choice" in screen.pane.text
        await app.press("o")
        await app.until(lambda: "by trending" in screen.head.plain, "another order")
        assert screen.row(0)[1][-1] == ("1.2k ↓", "dim")
        await app.press("o")
        await app.until(lambda: "by likes" in screen.head.plain, "another")
        assert screen.row(0)[1][-1] == ("5 ♥", "dim")
        await app.press("o")
        await app.until(lambda: "by new" in screen.head.plain, "the newest")
        assert screen.row(0)[1][-1] == ("2025-12-31", "dim")
        await app.press("enter")
        await app.until(lambda: "2 files" in screen.head.plain, "its files")
        assert screen.row(0)[0][0] == ("▸ ", "match")
        assert ("too big", "bad") in screen.row(1)[1]
        await app.press("escape")
        await app.until(lambda: "1 repository" in screen.head.plain, "back")
        await app.press("escape")
        await app.until(lambda: isinstance(app.app.screen, ModelsScreen), "and back")


async def test_from_the_search_line_to_the_list_and_no_downloads_yet(server: Hub) -> None:
    async with opened() as app:
        screen = await at_hub(app)
        await app.until(lambda: app.has_focus(screen.line), "typing")
        await app.until(lambda: "enter search · ↓ to the list" in screen.foot.plain, "its keys")
        await app.press("down")
        await app.until(lambda: app.has_focus(screen.cards), "in the list")
        await app.until(lambda: "enter its files" in screen.foot.plain, "its keys")
        await app.press("slash", "enter")
        await app.until(lambda: app.has_focus(screen.cards), "enter, with nothing typed")
        await app.press("d")
        await app.until(lambda: isinstance(app.app.screen, DownloadsScreen), "downloads")
        shown = app.app.screen
        assert isinstance(shown, DownloadsScreen)
        await app.until(lambda: "none yet" in shown.head.plain, "said")
        assert shown.pane.text == "nothing is being fetched"


async def test_gated_uncensored_empty_and_faults_are_said(server: Hub) -> None:
    async with opened() as app:
        screen = await at_hub(app)
        await app.press("down")
        screen.cards.focus()
        screen.cards.go(1)
        await app.until(lambda: "gated: accept its terms" in screen.pane.text, "gated")
        assert "uncensored, its tags or its name say" in screen.pane.text
        screen.cards.go(2)
        await app.until(lambda: "there is no GGUF model in it" in screen.pane.text, "empty")
        for fault, says in ((401, "HF_TOKEN"), (429, "wait a while"), (500, "answers 500")):
            server.api_fault = fault
            await app.press("o")
            await app.until(partial(shows, screen, says), says)
        server.api_fault = 0
        await app.press("slash")
        await app.type("siz")
        await app.press("colon", "x", "enter")
        await app.until(lambda: "a filter" in screen.head.plain or "no filter" in screen.head.plain, "no filter")


async def test_fetched_through_a_cut_paused_gone_on_and_given_up(server: Hub) -> None:
    server.faults = ["cut", 503]
    async with opened() as app:
        screen = await at_hub(app)
        screen.cards.focus()
        await app.press("enter")
        await app.until(lambda: "2 files" in screen.head.plain, "its files")
        await app.press("enter")
        await app.until(lambda: "is here" in app.notices, "fetched")
        (fetch,) = app.app.fetches.all
        assert fetch.path is not None
        assert fetch.path.read_bytes() == server.files[ID]["tiny-Q4_K_M.gguf"]
        assert pending.load() == []
        await app.until(lambda: ("is here", "label") in screen.row(0)[1], "marked")
        server.faults = ["cut"] * 50
        await app.press("down", "enter", "d")
        await app.until(lambda: isinstance(app.app.screen, DownloadsScreen), "downloads")
        shown = app.app.screen
        assert isinstance(shown, DownloadsScreen)
        await app.press("down")
        other = app.app.fetches.all[1]
        await app.until(lambda: other.progress.done > 0 or other.error, "begun")
        await app.press("p")
        await app.until(lambda: other.paused or other.error, "paused")
        assert [each.file.name for each in pending.load()] == ["tiny-Q8_0.gguf"]
        assert list(stores.hub_cache().rglob("*.incomplete"))
        await app.press("x")
        await app.until(lambda: isinstance(app.app.screen, ChoiceScreen), "asked")
        await app.press("down", "enter")
        await app.until(lambda: len(app.app.fetches.all) == 1, "given up")
        await app.until(lambda: not list(stores.hub_cache().rglob("*.incomplete")), "and deleted")
        assert pending.load() == []


async def test_what_an_earlier_start_left_is_there_paused_and_goes_on(server: Hub) -> None:
    async with opened() as app:
        screen = await at_hub(app)
        screen.cards.focus()
        server.faults = ["cut"] * 50
        await app.press("enter")
        await app.until(lambda: "2 files" in screen.head.plain, "its files")
        await app.press("enter")
        (fetch,) = app.app.fetches.all
        await app.until(lambda: fetch.progress.done > 0, "begun")
        app.app.fetches.pause(fetch)
    server.faults = []
    async with opened() as app:
        await app.press("f12")
        await app.until(lambda: isinstance(app.app.screen, ModelsScreen), "models")
        await app.until(lambda: app.app.fetches.all, "taken up")
        await app.press("d")
        await app.until(lambda: isinstance(app.app.screen, DownloadsScreen), "downloads")
        (fetch,) = app.app.fetches.all
        assert fetch.paused
        assert fetch.progress.done > 0
        await app.press("p")
        await app.until(lambda: fetch.path is not None, "went on")
        assert fetch.path is not None
        assert fetch.path.read_bytes() == server.files[ID]["tiny-Q4_K_M.gguf"]


async def test_paused_and_gone_on_with_at_once(server: Hub) -> None:
    server.faults = ["stall"]
    async with opened() as app:
        await at_hub(app)
        page = await asyncio.to_thread(hub.page, ID)
        fetches = app.app.fetches
        fetches.begin(page, page.files[0])
        (fetch,) = fetches.all
        await app.until(lambda: fetch.progress.done > 0, "half of it, then silence")
        for _ in range(3):
            fetches.pause(fetch)
            fetches.resume(fetch)
        await app.until(lambda: fetch.path is not None or fetch.error, "here")
        assert fetch.error == ""
        assert fetch.path is not None
        assert fetch.path.read_bytes() == server.files[ID]["tiny-Q4_K_M.gguf"]
        assert pending.load() == []


async def test_what_the_command_line_left_is_there_too(server: Hub) -> None:
    page = await asyncio.to_thread(hub.page, ID)
    pending.add(pending.Pending(ID, page.commit, page.files[0]))
    async with opened() as app:
        await app.press("f12")
        await app.until(lambda: [each.state for each in app.app.fetches.all] == ["paused at 0%"], "taken up")
