"""Drives the app in tests: a session on the double, waits for a state, reads what is shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from workbench.experiments.conversation import Lane
from workbench.hardware.sampling import Watch
from workbench.inference.double import DoubleEngine
from workbench.inference.engine import Engine, Generate
from workbench.session import Session
from workbench.tui.app import WorkbenchApp
from workbench.tui.screens.compare import CompareScreen
from workbench.tui.widgets.lane import LaneView


def recording(seen: list[Generate], text: Callable[[Generate], str]) -> Callable[[Generate], str]:
    """An answer for the double that notes what it was asked."""

    def answer(request: Generate) -> str:
        seen.append(request)
        return text(request)

    return answer


class Driver:
    """The app under test, by the names a test reads well with."""

    def __init__(self, app: WorkbenchApp, pilot: Pilot[Any]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def screen(self) -> CompareScreen:
        """The compare screen, whatever stands above it."""
        found = self.app.screen_stack[0]
        assert isinstance(found, CompareScreen)
        return found

    @property
    def lanes(self) -> list[Lane]:
        return self.screen.comparison.lanes

    def view(self, place: int) -> LaneView:
        return self.screen.view(self.lanes[place])

    @property
    def feet(self) -> list[str]:
        return [self.screen.view(lane).foot.plain for lane in self.lanes]

    @property
    def texts(self) -> list[str]:
        return [self.screen.view(lane).pane.text for lane in self.lanes]

    @property
    def notices(self) -> str:
        return "\n".join(str(notice.message) for notice in self.app._notifications)

    def on_top(self, screen: object) -> bool:
        """Whether that is the screen one sees."""
        return self.app.screen is screen

    def has_focus(self, widget: object) -> bool:
        """Whether that widget has the focus."""
        return self.app.focused is widget

    async def until(self, condition: Callable[[], object], what: str = "") -> None:
        """Wait for a state (some 25 s at least: machines are slow at times)."""
        for _ in range(2500):
            if condition():
                return
            await self.pilot.pause(0.01)
        raise AssertionError(f"never: {what or condition}; feet {self.feet}; notices {self.notices!r}")

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        names = {" ": "space", "\n": "enter", "/": "slash", ".": "full_stop", "-": "minus", "<": "less_than_sign"}
        await self.pilot.press(*(names.get(char, char) for char in text))

    async def write(self, text: str) -> None:
        """Put a message into the box, as a paste does."""
        self.screen.set_draft(text)
        await self.pilot.pause()

    async def counted(self) -> None:
        """Until every shown lane's bar has its number."""
        await self.until(lambda: all(self.screen.view(lane).bar.load.known for lane in self.lanes), "counts")

    async def run(self) -> None:
        """F5, and wait for all answers."""
        await self.pressed_and_ran("f5")

    async def pressed_and_ran(self, key: str) -> None:
        """A key that runs, and wait until its run (a new one) has ended."""

        def trials() -> list[str]:
            return [lane.turns[-1].trial if lane.turns else "" for lane in self.lanes]

        before = trials()
        await self.press(key)
        await self.until(lambda: trials() != before, "started")
        await self.done()

    async def done(self) -> None:
        await self.until(lambda: not self.screen.comparison.busy, "done")
        await self.pilot.pause()


def _resolved(driver: Driver) -> bool:
    return all(lane.path or lane.problem for lane in driver.lanes)


@asynccontextmanager
async def opened(
    make: Callable[[Path], Engine] | None = DoubleEngine,
    *,
    size: tuple[int, int] = (120, 40),
    library: Path | None = None,
    watch: Watch | None = None,
) -> AsyncIterator[Driver]:
    """The app on a fresh session, lanes resolved; on real models when `make` is None, on another machine by `watch`."""
    app = WorkbenchApp(lambda: Session(engine=make, library=library, watch=watch))
    async with app.run_test(size=size) as pilot:
        driver = Driver(app, pilot)
        await driver.until(lambda: driver.screen.session and _resolved(driver), "open")
        await pilot.pause()
        try:
            yield driver
        finally:
            if app.session is not None:
                await asyncio.wait_for(app.session.close(), 20)
