"""The app: opens the session after the first paint, owns screens, themes and keymap, and leaves in good order."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import App
from textual.binding import Binding, BindingType
from textual.signal import Signal

from workbench import safe
from workbench.errors import WorkbenchError
from workbench.tui import actions, hangup, keyboard, theme
from workbench.tui.filter import SafeFilter
from workbench.tui.flush import Flusher

if TYPE_CHECKING:
    from textual.filter import LineFilter
    from textual.notifications import SeverityLevel

    from workbench.session import Session
    from workbench.tui.fetching import Fetches
    from workbench.tui.going import Experiments
    from workbench.tui.metering import Meter
    from workbench.tui.needle_kept import Kept
    from workbench.tui.screens.library import LibraryScreen


_ALWAYS = ("ctrl+q", "ctrl+t", "f1", "f9")  # in dialogs as well, which leave no other key to the app


class WorkbenchApp(App[int]):
    """`open_session` is called after the first paint. `session` is there once `ready` is set."""

    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(key, a.do.removeprefix("app."), a.title, show=False, id=a.id, priority=key in _ALWAYS)
        for a in actions.at("app")
        for key in a.keys
    ]

    def __init__(self, open_session: Callable[[], Session]) -> None:
        super().__init__()
        self._open_session = open_session
        self._safe = SafeFilter()
        self._leaving = False
        self.session: Session | None = None
        self.ready = asyncio.Event()
        self.stopping = asyncio.Event()  # the app is being left: watchers end
        self._library: LibraryScreen | None = None
        self._fetches: Fetches | None = None
        self._experiments: Experiments | None = None
        self.needle: Kept | None = None  # the latest probe
        self.flusher = Flusher(self)
        self.metered: Signal[Meter] = Signal(self, "metered")  # once a second, when the session is there
        self.meter: Meter | None = None
        self.animation_level = "none"
        self.register_theme(theme.shipped("dark"))
        self.theme = "dark"

    def get_line_filters(self) -> Iterable[LineFilter]:  # type: ignore[override]  # a list is a sequence
        """Textual's, and ours last."""
        return [*super().get_line_filters(), self._safe]

    def get_default_screen(self) -> CompareScreen:
        """The first screen."""
        return CompareScreen()

    async def on_mount(self) -> None:
        """Signals first; the session when the first frame is out."""
        self._catch_signals()
        self.call_after_refresh(self._open)

    @work(group="session")
    async def _open(self) -> None:
        gc.enable()
        try:
            self.session = session = await asyncio.to_thread(self._open_session)
            settings = session.settings
        except WorkbenchError as error:
            self.tell(str(error), severity="error")
            return
        self.flusher = Flusher(self, settings.frames)
        if session.settings_problem:
            self.tell(session.settings_problem, severity="warning")
        if settings.theme != "dark":
            self._set_theme(settings.theme)
        self._take_keymap()
        self._begin_metering(session)
        self.ready.set()
        gc.collect()
        gc.freeze()
        if settings.keep_days or settings.keep_bytes:
            self._tidy(session)

    @work(group="tidy")
    async def _tidy(self, session: Session) -> None:
        """Once a day, what the retention setting lets go."""
        try:
            says = await asyncio.to_thread(session.tidy)
        except WorkbenchError as error:
            self.tell(f"old runs were not removed: {error}", severity="warning")
            return
        if says:
            self.tell(f"history: {says}")

    def _begin_metering(self, session: Session) -> None:
        from workbench.tui.metering import Meter

        self.meter = Meter(self, session)
        self.meter.start()

    def _take_keymap(self) -> None:
        from workbench.tui import keymap

        keys, problems = keymap.load()
        if keys:
            self.set_keymap(keys)
        for problem in problems:
            self.tell(problem, severity="warning")

    # ---- what every screen may use

    def tell(self, text: str, *, severity: SeverityLevel = "information") -> None:
        """A notice, untrusted text and all."""
        self.notify(safe.text(text), severity=severity, markup=False, timeout=8)

    def copy(self, text: str) -> None:
        """Put `text` on the person's clipboard by OSC 52, and say how much it was."""
        from workbench.tui import clipboard

        if not text:
            self.tell("nothing to copy", severity="warning")
            return
        if self._driver is not None:
            self._driver.write(clipboard.sequence(text))
        note = "" if clipboard.fits(text) else " — long: some terminals take no more than 75,000 bytes"
        self.tell(f"copied {len(text):,} characters{note}")

    def copy_to_clipboard(self, text: str) -> None:
        """Textual's own copying (a selection, ctrl+c) goes the same way."""
        self._clipboard = text
        self.copy(text)

    # ---- actions

    @property
    def fetches(self) -> Fetches:
        """Models being fetched."""
        from workbench.tui.fetching import Fetches

        self._fetches = self._fetches or Fetches(self)
        return self._fetches

    @property
    def experiments(self) -> Experiments:
        """Experiments that run in here."""
        from workbench.tui.going import Experiments

        self._experiments = self._experiments or Experiments(self)
        return self._experiments

    @property
    def compare(self) -> CompareScreen:
        """The first screen."""
        screen = self.screen_stack[0]
        assert isinstance(screen, CompareScreen)
        return screen

    @work(group="library")
    async def action_library(self) -> None:
        """To the library, or from there to the lanes."""
        await self.ready.wait()
        from workbench.tui.screens.gauges import GaugesScreen
        from workbench.tui.screens.library import LibraryScreen

        if isinstance(self.screen, GaugesScreen):
            await self.pop_screen()

        if self._library is None and self.session is not None:
            self._library = LibraryScreen(self.session)
            self.install_screen(self._library, "library")
        if self.screen is self._library:
            await self._to_lanes()
            await self.compare.tools.reread()
        elif self.screen is self.compare:
            await self.push_screen("library")

    async def put_in_lane(self, id: str, *, pin: str = "") -> None:
        """Go to the lanes, with this prompt in the current one."""
        await self._to_lanes()
        await self.compare.tools.put(id if not pin else f"{id}@{pin}")

    async def compare_versions(self, id: str, version: str) -> None:
        """Go to the lanes, with an old version of the prompt beside the present one."""
        await self._to_lanes()
        await self.compare.tools.put_beside(f"{id}@{version}", id)

    async def _to_lanes(self) -> None:
        while self.screen is not self.compare:
            await self.pop_screen()

    def action_help(self) -> None:
        """The keys of this place."""
        from workbench.tui.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen())

    def action_gauges(self) -> None:
        """To the gauges, and back."""
        from workbench.tui.screens.gauges import GaugesScreen

        if isinstance(self.screen, GaugesScreen):
            self.pop_screen()
        else:
            self.push_screen(GaugesScreen())

    def action_palette(self) -> None:
        """Find an action by name."""
        from workbench.tui.screens.palette import PaletteScreen

        if not isinstance(self.screen, PaletteScreen):
            self.push_screen(PaletteScreen(self.screen))

    def action_next_theme(self) -> None:
        """The next theme."""
        names = theme.names()
        here = names.index(self.theme) if self.theme in names else -1
        self._set_theme(names[(here + 1) % len(names)])
        self.tell(f'theme {self.theme}; to keep it: theme = "{self.theme}" in settings.toml')

    def _set_theme(self, name: str) -> None:
        try:
            found = theme.find(name)
        except WorkbenchError as error:
            self.tell(str(error), severity="warning")
            return
        self.register_theme(found)
        self.theme = found.name

    def action_help_quit(self) -> None:
        """Ctrl+C: Textual's habit is to explain how to quit; ours too."""
        self.tell("Ctrl+Q quits; F8 stops the lanes")

    async def action_quit(self) -> None:
        """Leave: what runs is interrupted and kept."""
        await self.leave()

    # ---- the end

    def _catch_signals(self) -> None:
        """Textual cleans up on none of these (research/risks.md): a lost SSH session must not leave a worker."""
        loop = asyncio.get_running_loop()
        for name in ("SIGHUP", "SIGTERM"):
            number = getattr(signal, name, None)
            if number is not None:
                with suppress(NotImplementedError, RuntimeError, ValueError):
                    loop.add_signal_handler(number, self._on_signal)
        hangup.guard()

    def _on_signal(self) -> None:
        asyncio.get_running_loop().create_task(self.leave(130))

    async def leave(self, code: int = 0) -> None:
        """Close the session (engines, history), then the screen."""
        if self._leaving:
            return
        self._leaving = True
        self.stopping.set()
        if self._fetches is not None:
            self._fetches.stop()
        if self._experiments is not None:
            await self._experiments.stop()
        self.compare.save_now()
        if self._library is not None:
            with suppress(WorkbenchError):  # the terminal is going away: there is nobody to tell
                self._library.file.keep_now()
        if self.session is not None:
            await self.session.close()
        self.exit(code, return_code=code)


def run(open_session: Callable[[], Session]) -> int:
    """Run the app; returns the exit code."""
    keyboard.guard()
    app = WorkbenchApp(open_session)
    result = app.run()
    return int(result or app.return_code or 0)


from workbench.tui.screens.compare import CompareScreen  # noqa: E402  (the screen's types name the app)
