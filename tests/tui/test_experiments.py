"""The screen of experiments: what a file plans, a run and what came of it, made from the lanes, edited, begun again."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

import pytest

from tests.tui.driving import Driver, opened
from workbench.experiments import places
from workbench.experiments.looking import read
from workbench.experiments.shelf import Shelf, template
from workbench.history import experiments as history
from workbench.history.store import Store
from workbench.inference.double import DoubleEngine
from workbench.tui.screens.experiments import ExperimentsScreen
from workbench.tui.screens.results import ResultsScreen

FILE = """\
schema = 1
kind = "experiment"
title = "Sums, two ways"
repeats = 2

[[variants]]
label = "plain"
prompt = "You add numbers."

[[variants]]
label = "steps"
prompt = "You add numbers step by step."

[[cases]]
message = "What is 2 + 2?"
checks = [{ type = "contains", value = "forty" }]

[[cases]]
message = "What is 3 + 3?"
checks = [{ type = "contains", value = "nothing like it" }]
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one experiment, which one is in."""
    folder = tmp_path / "work" / "experiments"
    folder.mkdir(parents=True)
    (folder / "sums.toml").write_text(FILE)
    monkeypatch.chdir(folder.parent)
    return folder


def store(driver: Driver) -> Store:
    assert driver.app.session is not None
    return driver.app.session.store


def screen(driver: Driver) -> ExperimentsScreen:
    found = driver.app.screen
    assert isinstance(found, ExperimentsScreen)
    return found


async def at(driver: Driver, text: str = "= 8 trials") -> ExperimentsScreen:
    await driver.press("ctrl+o")
    await driver.until(lambda: isinstance(driver.app.screen, ExperimentsScreen))
    await driver.until(lambda: text in screen(driver).pane.text)
    return screen(driver)


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_a_file_is_planned_run_and_its_results_opened(here: Path, size: tuple[int, int]) -> None:
    async with opened(size=size) as driver:
        shown = await at(driver)
        assert shown.entry is not None
        assert shown.entry.path.resolve() == here / "sums.toml"
        assert "2 variants × 2 cases × 2 repeats = 8 trials" in shown.pane.text
        assert "it has not run yet" in shown.pane.text
        await driver.press("r")
        await driver.until(lambda: shown.going is not None and shown.going.over)
        assert shown.going is not None
        assert shown.going.summary is not None
        await driver.until(lambda: "8/8 trials" in shown.pane.text)
        assert "plain" in shown.pane.text
        assert "passed" in shown.pane.text
        assert shown.pane.text.index("8/8 trials") < shown.pane.text.index("2 variants ×")  # in sight
        runs = history.runs_of_file(store(driver), here / "sums.toml")
        assert runs == [shown.going.id]
        await driver.until(lambda: f"{runs[0][:10]}  done" in shown.pane.text)
        await driver.press("enter")
        await driver.until(lambda: isinstance(driver.app.screen, ResultsScreen))


async def test_it_goes_on_when_one_leaves_is_stopped_and_gone_on_with(here: Path) -> None:
    gate = asyncio.Event()
    async with opened(lambda path: DoubleEngine(path, gate=gate)) as driver:
        shown = await at(driver)
        await driver.press("r")
        await driver.until(lambda: shown.going is not None and bool(shown.going.counts))
        await driver.press("escape")
        going = driver.app.experiments.of(here / "sums.toml")
        assert going is not None
        assert not going.over
        shown = await at(driver)
        await driver.press("x")
        await driver.until(lambda: going.over)
        await driver.until(lambda: "broken off: r goes on" in shown.pane.text)
        assert store(driver).meta(going.id).get("stopped") is None
        gate.set()
        await driver.press("r")
        await driver.until(lambda: (again := shown.going) is not None and again is not going and again.over)
        assert shown.going is not None
        assert shown.going.id == going.id
        assert shown.going.summary is not None
        assert shown.going.summary["trials"] == 8


async def test_the_lanes_become_an_experiment(here: Path) -> None:
    async with opened() as driver:
        await driver.write("What is 17 + 25?")
        await driver.press("escape", "E")
        await driver.type("from lanes")
        await driver.press("enter")
        await driver.until(lambda: isinstance(driver.app.screen, ExperimentsScreen))
        shown = screen(driver)
        await driver.until(lambda: "from lanes" in shown.pane.text and "trials" in shown.pane.text)
        path = here / "from lanes.toml"
        assert shown.entry is not None
        assert shown.entry.path.resolve() == path
        assert 'message = "What is 17 + 25?"' in path.read_text()


async def test_a_bad_file_says_where_and_a_new_one_is_made(here: Path) -> None:
    (here / "bad.toml").write_text(FILE.replace("repeats = 2", 'repeats = "two"').replace("Sums, two", "Bad"))
    async with opened() as driver:
        shown = await at(driver, "repeats")
        assert "repeats" in shown.pane.text
        await driver.press("r")
        await driver.until(lambda: shown.going is not None and shown.going.over)
        await driver.until(lambda: "it did not run" in shown.pane.text)
        await driver.press("n")
        await driver.type("fresh")
        await driver.press("enter")
        await driver.until(lambda: (here / "fresh.toml").is_file())
        await driver.until(lambda: shown.entry is not None and shown.entry.name == "fresh")
        await driver.until(lambda: "2 variants × 1 case = 2 trials" in shown.pane.text)
        await driver.press("slash")
        await driver.type("sums two")
        await driver.until(lambda: shown.entry is not None and shown.entry.name == "sums")


def test_a_shelf(here: Path, tmp_path: Path) -> None:
    shelf = Shelf(places.folders())
    (here / "cases.toml").write_text('[[cases]]\nmessage = "no experiment"\n')
    with closing(Store(tmp_path / "history.db")) as kept:
        for name, more in (("prompt.toml", {"prompts": ["prompt"]}), ("elsewhere.toml", {})):
            (tmp_path / name).write_text(FILE)
            history.begin_run(kept, name, {"file": str(tmp_path / name), **more}).result()
        listed = shelf.entries(kept)
    assert {entry.path.name for entry in listed if entry.folder.name == "ran"} == {"elsewhere.toml"}
    assert listed[0].path.name == "sums.toml"
    assert {entry.name for entry in listed if not entry.folder.writable} >= {"wording", "korean"}
    assert "cases" not in {entry.name for entry in listed}
    assert places.named("sums", shelf.folders) == Path("experiments/sums.toml")
    assert places.named("wording", shelf.folders).name == "wording.toml"
    assert shelf.home().path.resolve() == here
    assert read(shelf.save_new("made", template('a "quoted" \\ title')).read_bytes(), here / "made.toml").runs
