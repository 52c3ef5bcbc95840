"""The gauges page and the bottom row, on a made-up machine whose time the test moves."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.geometry import Region

from tests.tui.driving import Driver, opened
from workbench.hardware.gpu import Gpu, Workers
from workbench.hardware.sampling import Watch
from workbench.hardware.snapshot import Snapshot
from workbench.inference.double import DoubleEngine
from workbench.tui.metering import Meter
from workbench.tui.screens.gauges import GaugesScreen
from workbench.tui.screens.help import HelpScreen
from workbench.tui.screens.history import HistoryScreen
from workbench.tui.screens.library import LibraryScreen
from workbench.tui.widgets.gauge_table import GaugeTable

G = 2**30
H100 = Gpu("H100", 61.0, 48 * G, 80 * G, 71.0, 340.0, 700.0, 40 * G)


class Machine:
    """A machine that is what the test says. `hang` holds its next reading until it is set."""

    def __init__(self, *gpus: Gpu) -> None:
        self.now = 1000.0
        self.says = Snapshot(gpus, 5 * G, 24 * G, 43.0, 2 * G)
        self.hang: threading.Event | None = None
        self.reads = 0
        self.asked: Workers = {}
        self.watch = Watch(self.read, clock=lambda: self.now, wait=lambda _: True)

    def read(self, ours: Workers) -> Snapshot:
        self.reads += 1
        self.asked = ours
        if self.hang is not None:
            self.hang.wait(60)
        return self.says

    async def second(self, app: Driver, **changes: Any) -> None:
        """A second passes: a reading, and the app's tick."""
        self.now += 1
        self.says = replace(self.says, **changes)
        self.watch.once()
        meter_of(app).tick()
        await app.pilot.pause()


def meter_of(app: Driver) -> Meter:
    assert app.app.meter is not None
    return app.app.meter


async def page(app: Driver) -> GaugeTable:
    await app.press("ctrl+t")
    await app.until(lambda: isinstance(app.app.screen, GaugesScreen), "the page")
    screen = app.app.screen
    assert isinstance(screen, GaugesScreen)
    await app.until(lambda: screen.table.plain, "its rows")
    return screen.table


def row(table: GaugeTable, label: str) -> str:
    """The first row that begins so."""
    return next(line for line in table.plain if line.strip().startswith(label))


async def test_everything_is_there_and_escape_leaves() -> None:
    machine = Machine(H100)
    async with opened(watch=machine.watch) as app:
        await app.run()
        await machine.second(app)
        await machine.second(app, cpu=50.0)
        table = await page(app)
        await app.until(lambda: "KV cells" in "".join(table.plain), "the engine")
        for label, parts in {
            "use": ("61%",),
            "VRAM": ("48.0 G", "60% of 80.0 G"),
            "ours": ("40.0 G",),
            "others": ("8.0 G",),
            "power": ("340 W", "of 700 W"),
            "temperature": ("71 °C",),
            "RAM": ("5.0 G", "21% of 24.0 G"),
            "CPU": ("50%", "43–50%"),
            "tokens": ("/s",),
            "batch": ("0 of 8", "lanes"),
            "KV cells": ("0", "of 32,768"),
        }.items():
            assert all(part in row(table, label) for part in parts), row(table, label)
        assert table.plain[0] == " GPU0 H100"
        assert "▄▅" in row(table, "CPU")
        await app.press("escape")
        await app.until(lambda: app.on_top(app.screen), "left")


async def test_tokens_and_batch_while_lanes_stream() -> None:
    machine, gate = Machine(), asyncio.Event()
    double = DoubleEngine(answer=" word" * 10, gate=gate)
    async with opened(lambda path: double, watch=machine.watch) as app:
        await app.press("f5")
        await app.until(lambda: double.usage is not None and double.usage.live == 2, "both lanes")
        table = await page(app)
        await machine.second(app)
        await app.until(lambda: "2 of 8" in "".join(table.plain), "the batch")
        assert double.usage is not None
        assert f" {double.usage.cells_used:,} " in row(table, "KV cells")
        gate.set()
        await app.until(lambda: not app.screen.comparison.busy, "done under the page")
        await machine.second(app)
        assert "20 /s" in row(table, "tokens")
        await machine.second(app)
        assert " 0 /s" in row(table, "tokens")
        assert "20 /s at most" in row(table, "tokens")
        await app.press("ctrl+t")
        await app.until(lambda: app.on_top(app.screen), "back")
        assert all(" word word" in text for text in app.texts)


async def test_no_gpu_is_said_and_what_a_card_does_not_tell_is_absent() -> None:
    machine = Machine()
    async with opened(watch=machine.watch) as app:
        table = await page(app)
        assert table.plain[0] == " no GPU  models run on the CPU"
        assert not any("VRAM" in line for line in table.plain)
        await machine.second(app, gpus=(Gpu("Radeon", None, 8 * G, 16 * G, None), replace(H100, shared=True)))
        await app.pilot.pause()
        assert [line.split()[0] for line in table.plain[:7]] == [
            *("GPU0", "VRAM", "GPU1", "use", "memory", "power", "temperature")
        ]


@pytest.mark.parametrize(
    ("used", "heat", "word", "style"),
    [
        (71, 84, "", ""),
        (72, 85, "high", "table--warn"),
        (77.5, 90, "high", "table--warn"),
        (78, 90, "FULL", "table--bad"),
    ],
)
async def test_thresholds_are_told_by_colour_and_word(used: float, heat: float, word: str, style: str) -> None:
    machine = Machine(replace(H100, memory_used=int(used * G), temperature=heat))
    async with opened(watch=machine.watch) as app:
        table = await page(app)
        assert (word or "89%") in row(table, "VRAM")
        at = next(at for at, line in enumerate(table.plain) if "VRAM" in line)
        warned = {name for _, name in table._line(table._given[at])} & {"table--warn", "table--bad"}
        assert warned == ({style} if style else set())
        assert ("HOT" in row(table, "temperature")) is (heat >= 85)
        bottom = app.screen.gauges
        await app.press("escape")
        await app.until(lambda: app.on_top(app.screen), "left")
        await machine.second(app)
        assert ("G!" in bottom.render_line(0).text) is bool(word)


async def test_nearly_full_is_said_once_with_what_to_do() -> None:
    machine = Machine(H100)
    async with opened(watch=machine.watch) as app:
        await machine.second(app)
        assert "nearly full" not in app.notices
        for used in (77, 78, 73, 77):
            await machine.second(app, gpus=(replace(H100, memory_used=used * G),))
        assert app.notices.count("VRAM nearly full: GPU0 H100, 96% of 80.0 G, 40.0 G ours, 37.0 G others") == 1
        assert "fewer lanes, a smaller context" in app.notices
        await machine.second(app, gpus=(H100,), ram_used=23 * G)
        assert "RAM nearly full: 96% of 24.0 G, 2.0 G ours" in app.notices


async def test_a_driver_that_hangs_holds_up_nothing() -> None:
    machine = Machine(H100)
    async with opened(watch=machine.watch) as app:
        table = await page(app)
        before = table.plain
        machine.hang = threading.Event()
        hung = threading.Thread(target=machine.watch.once, daemon=True)
        reads = machine.reads
        hung.start()
        await app.until(lambda: machine.reads == reads + 1, "a reading under way")
        for _ in range(12):
            machine.now += 1
            meter_of(app).tick()
        await app.pilot.pause()
        assert machine.reads == reads + 1
        head = app.app.screen.query("FrameLine").first()
        assert "GPU driver does not answer (12 s)" in head.plain  # type: ignore[attr-defined]  # a FrameLine
        assert table.plain[0] == before[0]
        assert {style for _, style in table._line(table._given[1]) if style} == {"table--dim"}
        await app.press("escape")
        await app.until(lambda: app.on_top(app.screen), "left")
        machine.now += 1
        meter_of(app).tick()
        await app.pilot.pause()
        text = app.screen.gauges.render_line(0).text
        assert "GPU driver does not answer (13 s)" in text
        assert "48.0/80.0G" in text
        await app.app.leave()
        assert hung.is_alive()  # nobody waited for it
        machine.hang.set()


async def test_it_opens_from_anywhere_and_goes_back_there() -> None:
    async with opened(watch=Machine(H100).watch) as app:
        await app.press("f4")
        await app.until(lambda: isinstance(app.app.screen, HistoryScreen), "history")
        await page(app)
        await app.press("f1")
        await app.until(lambda: isinstance(app.app.screen, HelpScreen), "help")
        await app.press("escape", "q")
        await app.until(lambda: isinstance(app.app.screen, HistoryScreen), "back in the history")
        await app.press("escape", "f2")
        await app.until(lambda: isinstance(app.app.screen, LibraryScreen), "library")
        await page(app)
        await app.press("f2")
        await app.until(lambda: app.on_top(app.screen), "the lanes")


async def test_what_is_not_in_sight_is_not_painted_and_else_only_what_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(H100)
    async with opened(watch=machine.watch) as app:
        for _ in range(61):
            await machine.second(app)
        bottom = app.screen.gauges
        table = await page(app)
        painted: list[Region] = []
        monkeypatch.setattr(table, "refresh", lambda *regions, **_: painted.extend(regions or [table.size.region]))
        monkeypatch.setattr(bottom, "refresh", lambda *_, **__: painted.append(Region(-1)))
        await machine.second(app)
        assert painted == []
        await machine.second(app, gpus=(replace(H100, use=62.0),))
        assert [(region.y, region.height) for region in painted] == [(1, 1)] * len(painted)
        assert sum(region.width for region in painted) <= 8
        await app.press("escape")
        await app.until(lambda: app.on_top(app.screen), "left")
        painted.clear()
        await machine.second(app, gpus=(replace(H100, use=63.0),))
        assert painted == [Region(-1)]  # the bottom row alone


@pytest.mark.parametrize(("size", "columns"), [((120, 40), 60), ((80, 24), 30), ((60, 24), 15), ((40, 12), 0)])
async def test_it_fits_every_terminal(size: tuple[int, int], columns: int) -> None:
    machine = Machine(*[H100] * 8)
    async with opened(size=size, watch=machine.watch) as app:
        for _ in range(61):
            await machine.second(app)
        table = await page(app)
        assert sum(char in "▁▂▃▄▅▆▇█" for char in row(table, "power")) == columns
        assert all(len(line) <= size[0] for line in table.plain)
        foot = app.app.screen.query("FrameLine").last()
        for key, above in (("end", True), ("home", False), ("j", True)):
            await app.press(key)
            assert (table.hidden[0] > 0) is above
            assert ("↑" in foot.plain) is above  # type: ignore[attr-defined]  # a FrameLine
        assert table.render_line(0).text.strip().startswith("use")


async def test_our_workers_are_known_to_the_watch(starter: Path) -> None:
    machine = Machine(H100)
    async with opened(None, watch=machine.watch) as app:
        assert app.app.session is not None
        await app.app.session.pool.restart(starter)
        await machine.second(app)
        await machine.second(app)
        (engine,) = app.app.session.pool.engines().values()
        assert machine.asked == {engine.pid: 0}  # type: ignore[attr-defined]  # a LocalEngine


@pytest.mark.parametrize(("text", "cards"), [("low_bandwidth = true", 1), ("", 8)])
async def test_where_painting_is_dear_every_other_second_is_shown(text: str, cards: int) -> None:
    settings = Path.home() / ".config/workbench/settings.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text(text)
    machine = Machine(*[H100] * cards)
    async with opened(watch=machine.watch) as app:
        table = await page(app)
        shown = []
        for use in (1.0, 2.0, 3.0, 4.0):
            await machine.second(app, gpus=(replace(H100, use=use),) * cards)
            shown.append(row(table, "use").split()[1])
        assert shown == ["61%", "2%", "2%", "4%"]  # the machine's clock begins at an even second
