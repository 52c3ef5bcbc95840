"""The gauges page: a minute of the machine and of the engines, from any place and back to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from workbench.tui import actions
from workbench.tui.compositor import FrugalCompositor
from workbench.tui.gauge_rows import rows
from workbench.tui.widgets.frame import FrameLine
from workbench.tui.widgets.gauge_table import GaugeTable

if TYPE_CHECKING:
    from workbench.tui.app import WorkbenchApp
    from workbench.tui.metering import Meter

MANY = 4  # cards


class GaugesScreen(Screen[None]):
    """Shows the app's meter once a second, or every other one, while it is in sight."""

    DEFAULT_CSS = """
    GaugesScreen { background: $background; }
    """
    AUTO_FOCUS = "GaugeTable"
    places: ClassVar[tuple[str, ...]] = ("gauges", "answer", "app")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(a.keys), a.do, a.title, show=False, id=a.id, priority="escape" in a.keys)
        for a in actions.at("gauges")
    ]

    def __init__(self) -> None:
        super().__init__()
        self._compositor = FrugalCompositor()
        self.table = GaugeTable()
        self._head, self._foot = FrameLine("top"), FrameLine("bottom")
        self._shown = False

    def compose(self) -> ComposeResult:
        yield self._head
        yield self.table
        yield self._foot

    def _frugal(self, meter: Meter) -> bool:
        """Whether every other second must do: bytes are dear, or a page full of cards is much to paint."""
        session = cast("WorkbenchApp", self.app).session
        dear = session is not None and session.settings.low_bandwidth
        return dear or (meter.latest is not None and len(meter.latest.gpus) > MANY)

    def on_mount(self) -> None:
        """Show what there is, then what comes."""
        app = cast("WorkbenchApp", self.app)
        app.metered.subscribe(self, self._show)
        self._say(app.meter.trouble if app.meter is not None else "")
        if app.meter is not None:
            self.call_after_refresh(self._show, app.meter)

    def _show(self, meter: Meter) -> None:
        if not self.is_current or (self._shown and self._frugal(meter) and meter.slot % 2):
            return
        self._shown = True
        trouble = meter.trouble
        self.table.show(rows(meter.latest, meter.readings, meter.figures, old=bool(trouble)), meter.slot)
        self._say(trouble)

    def _say(self, trouble: str) -> None:
        right = [(trouble, "warn")] if trouble else []
        self._head.show([("gauges", "name"), ("  the last minute", "")], right, firm=True)

    def on_gauge_table_scrolled(self) -> None:
        """How much is out of sight."""
        above, below = self.table.hidden
        more = " · ".join(part for part in (f"↑ {above}" if above else "", f"↓ {below}" if below else "") if part)
        self._foot.show([("esc leave · F1 keys", "")], [(f"{more} more", "")] if more else [])

    def action_leave(self) -> None:
        """Back."""
        self.dismiss(None)
