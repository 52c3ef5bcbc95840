"""A server's models in the pickers and the lanes: the host is always seen, an answer streams, nothing is deleted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.inference.openai_server import MODEL, Fake, served
from tests.tui.driving import Driver, opened
from workbench import paths
from workbench.inference.double import DoubleEngine
from workbench.inference.engine import Engine
from workbench.inference.remote.address import is_remote
from workbench.inference.remote.openai import RemoteEngine
from workbench.settings import Server
from workbench.tui.screens.model_picker import ModelPicker
from workbench.tui.screens.models import ModelsScreen
from workbench.tui.widgets.context_bar import Load
from workbench.tui.widgets.lane import LaneHead


@pytest.fixture
def fake() -> Iterator[Fake]:
    with served(Fake()) as fake:
        paths.ensure(paths.config_dir())
        servers = [("box", fake.url), ("gone", "http://127.0.0.1:9/v1")]  # 9: discard, which nobody serves any more
        text = "".join(f'[[servers]]\nname = "{name}"\nurl = "{url}"\n' for name, url in servers)
        (paths.config_dir() / "settings.toml").write_text(text)
        yield fake


def host(fake: Fake) -> str:
    return fake.url.split("/")[2]


async def take(app: Driver) -> None:
    """The server's model into lane A."""
    await app.press("escape", "m")
    await app.until(lambda: isinstance(app.app.screen, ModelPicker))
    picker = app.app.screen
    assert isinstance(picker, ModelPicker)
    await app.until(lambda: any(is_remote(row.key) for row in picker._rows))
    await app.type("double")
    await app.until(lambda: [row.key for row in picker._rows] == [f"server:box/{MODEL}"])
    await app.press("enter")
    await app.until(lambda: app.lanes[0].path == f"server:box/{MODEL}")


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_a_servers_model_is_picked_and_answers(fake: Fake, size: tuple[int, int]) -> None:
    def make(path: Path) -> Engine:
        return RemoteEngine(Server("box", fake.url), MODEL) if is_remote(path) else DoubleEngine(path)

    async with opened(make, size=size) as app:
        await take(app)
        assert app.lanes[0].model == f"{MODEL} @ {host(fake)}"
        head = app.view(0).head
        assert isinstance(head, LaneHead)
        assert host(fake) in "".join(text for part in head.parts(head.size.width - 4) for text, _ in part)
        await app.until(lambda: f"coupled sampling and strict mode are not offered by {host(fake)}" in app.notices)
        await app.pressed_and_ran("f5")
        assert app.lanes[0].turns[-1].finish in ("stop", "length")
        assert app.texts[0].strip()
        assert any(path == "/v1/chat/completions" for path, _, _ in fake.asked)


async def test_a_server_that_is_down_is_a_row_that_cannot_be_taken(fake: Fake) -> None:
    async with opened() as app:
        await app.press("escape", "m")
        await app.until(lambda: isinstance(app.app.screen, ModelPicker))
        picker = app.app.screen
        assert isinstance(picker, ModelPicker)
        await app.until(lambda: any(row.key == "server:gone" for row in picker._rows))
        bad = next(row for row in picker._rows if row.key == "server:gone")
        assert "cannot be reached" in bad.error
        assert any(not row.error and not is_remote(row.key) for row in picker._rows), "the models here are there"


async def test_the_models_screen_says_where_it_runs_and_deletes_nothing(fake: Fake) -> None:
    async with opened() as app:
        await app.press("f12")
        await app.until(lambda: isinstance(app.app.screen, ModelsScreen))
        screen = app.app.screen
        assert isinstance(screen, ModelsScreen)
        await app.until(lambda: any(model.path == f"server:box/{MODEL}" for model in screen._models))
        here = next(at for at, model in enumerate(screen._models) if model.path == f"server:box/{MODEL}")
        while screen.cards.here < here:
            await app.press("down")
        await app.until(lambda: f"runs on {host(fake)}" in screen.pane.text)
        await app.press("X")
        await app.until(lambda: "is no file on this machine" in app.notices)


def test_the_host_stays_where_there_is_little_room() -> None:
    head = LaneHead()
    head.about("A", "system/step-by-step@a1b2", "org/a-very-long-name-8B @ gpu7.lab:8000", "t0.8 k40 p0.9 n128")
    for room in range(34, 120):
        left, _ = head.parts(room)
        assert "gpu7.lab:8000" in "".join(text for text, _ in left), room


def test_a_context_that_a_server_does_not_say_is_not_too_small() -> None:
    load = Load(prompt=64, room=512, known=True)
    assert load.fits
    assert load.says() == "64 + 512 tok"
    assert load.brief() == "64+512/?"
