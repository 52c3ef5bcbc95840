"""The fastest load settings of a model, measured while one looks on: speeds as bars, a proposal to keep."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen

from workbench.errors import WorkbenchError
from workbench.inference.loading import changed
from workbench.models import tuning
from workbench.tui.screens.beside import bindings
from workbench.tui.widgets.answer import AnswerPane
from workbench.tui.widgets.frame import FrameLine

if TYPE_CHECKING:
    from workbench.inference.engine import LoadOptions
    from workbench.session import Session

ABOUT = (
    "Short real runs: two lanes read a text and answer together, with one value of a setting after the other.",
    "What would not leave memory for the rest of the machine is not loaded. Nothing is changed until a keeps it.",
)


class TuneScreen(ModalScreen["LoadOptions | None"]):
    """Gives the options to keep, or None. It measures until it is done, stopped or left."""

    DEFAULT_CSS = """
    TuneScreen { background: $background; }
    TuneScreen AnswerPane { height: 1fr; padding: 0 1; }
    """
    places: ClassVar[tuple[str, ...]] = ("tune", "answer", "app")
    BINDINGS: ClassVar[list[BindingType]] = bindings("tune")

    def __init__(self, session: Session, path: Path, name: str) -> None:
        super().__init__()
        self._session, self._path, self._name = session, path, name
        self._present = session.load_options(path)
        self._points: list[tuning.Point] = []
        self._now = "reading the file"
        self._measuring: asyncio.Task[None] | None = None
        self.head, self.pane, self.foot = FrameLine("top"), AnswerPane(), FrameLine("bottom")

    def compose(self) -> ComposeResult:
        yield self.head
        yield self.pane
        yield self.foot

    def on_mount(self) -> None:
        """Begin."""
        self.pane.focus()
        self.head.show([(f"how fast is {self._name}", "name")])
        self._show()
        self._measure()

    def on_resize(self, event: events.Resize) -> None:
        """Bars as wide as there is room."""
        self._show()

    @work
    async def _measure(self) -> None:
        self._measuring = asyncio.create_task(self._run())
        try:
            await self._measuring
            self._now = "done"
        except asyncio.CancelledError:
            self._now = "stopped"
        except WorkbenchError as error:
            self._now = str(error)
        self._measuring = None
        self._show()

    async def _run(self) -> None:
        async for found in tuning.tune(self._path, self._present, self._session.engine):
            if isinstance(found, tuning.Point):
                self._points.append(found)
            else:
                self._now = f"measuring {found.name} = {found.value}, {found.at} of {found.count}"
            self._show()

    @property
    def proposed(self) -> LoadOptions:
        """The fastest of what was measured so far."""
        return tuning.proposal(self._points, self._present)

    def _show(self) -> None:
        if not self.is_attached:
            return
        rows = tuning.plot(self._points, self.size.width - 4) or list(ABOUT)
        new = changed(self.proposed, self._present)
        if self._points:
            said = ", ".join(f"{name} = {value}" for name, value in new.items())
            sure = "" if tuning.confirmed(self._points) else " (not yet measured beside the present settings)"
            rows += ["", f"proposal: {said}{sure}" if said else "the present settings are the fastest so far"]
        self.pane.set_text("\n".join(rows))
        keys = "x stop · esc leave" if self._measuring else "esc leave"
        self.foot.show([(self._now, ""), (f" · a keep the proposal · {keys}" if new else f" · {keys}", "")], firm=True)

    def action_stop(self) -> None:
        """Measure no more; what was measured stays."""
        if self._measuring is not None:
            self._measuring.cancel()

    async def action_keep(self) -> None:
        """Keep the proposal."""
        chosen = self.proposed
        if chosen != self._present:
            await self._end()
            self.dismiss(chosen)

    async def action_leave(self) -> None:
        """Change nothing."""
        await self._end()
        self.dismiss(None)

    async def _end(self) -> None:
        if self._measuring is not None:
            self._measuring.cancel()
            await asyncio.wait([self._measuring])
