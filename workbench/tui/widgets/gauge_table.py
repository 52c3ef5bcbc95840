"""The gauges page's rows: label, value, a minute as a sparkline, and what it is measured against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from workbench import safe
from workbench.hardware.sampling import KEPT
from workbench.tui import actions
from workbench.tui.gauge_rows import Row, spark
from workbench.tui.widgets.painted import Line, changed

_LABEL, _NOW, _ABOUT = 13, 9, 19  # columns
_HEAD = {False: "table--head", True: "table--dim"}
_STYLES = ("plain", "head", "dim", "line", "warn", "bad")
_EACH = (1, 2, 3, 4, 5, 6)  # seconds that a column of the sparkline may stand for


class GaugeTable(Widget, can_focus=True):
    """`show` gives it rows; what did not change is not painted. Scrolls when they are more than its height."""

    DEFAULT_CSS = """
    GaugeTable { height: 1fr; width: 1fr; background: $background; color: $foreground; }
    GaugeTable > .table--plain { color: $foreground; }
    GaugeTable > .table--head { color: $accent; text-style: bold; }
    GaugeTable > .table--dim { color: $foreground-muted; }
    GaugeTable > .table--line { color: $primary; }
    GaugeTable > .table--warn { color: $warning; text-style: bold; }
    GaugeTable > .table--bad { color: $error; text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"table--{name}" for name in _STYLES}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(a.keys), a.do, a.title, show=False, id=a.id) for a in actions.at("answer")
    ]

    class Scrolled(Message):
        """Other rows are in sight."""

    def __init__(self) -> None:
        super().__init__()
        self._given: Sequence[Row] = ()
        self._rows: Sequence[Row] = ()  # with blank ones between groups, where there is room
        self._slot = 0
        self._top = 0
        self._lines: list[Line] = []

    def show(self, rows: Sequence[Row], slot: int) -> None:
        """These rows now, their minutes ending with `slot`."""
        before, count = self._lines, len(self._rows)
        self._given, self._slot = rows, slot
        self._lay_out()
        self._lines = self._made()
        if len(before) != len(self._lines):
            self.refresh()
        else:
            regions = [
                region for y, pair in enumerate(zip(before, self._lines, strict=True)) for region in changed(*pair, y)
            ]
            if regions:
                self.refresh(*regions)
        if len(self._rows) != count:
            self.post_message(self.Scrolled())

    @property
    def plain(self) -> list[str]:
        """Every row as it is shown, as a test reads it."""
        return ["".join(text for text, _ in self._line(row)).rstrip() for row in self._given]

    @property
    def hidden(self) -> tuple[int, int]:
        """Rows above and below what is in sight."""
        return self._top, max(0, len(self._rows) - self._top - self.size.height)

    def on_resize(self) -> None:
        """Other columns."""
        self._lay_out()
        self._lines = self._made()
        self.refresh()
        self.post_message(self.Scrolled())

    def _lay_out(self) -> None:
        spaced: list[Row] = []
        for row in self._given:
            spaced += [Row("")] if not row.values and spaced else []
            spaced.append(row)
        self._rows = spaced if len(spaced) <= self.size.height else self._given
        self._top = min(self._top, self._last_top)

    # ---- painting

    def _made(self) -> list[Line]:
        return [self._line(row) for row in self._rows[self._top : self._top + self.size.height]]

    def _line(self, row: Row) -> Line:
        """A row at this width: narrow ones have fewer columns, then no sparkline, then no comparison."""
        width = self.size.width
        if not row.values:
            name = safe.line(f" {row.label}")
            rest = set_cell_size(f"  {row.about}", max(0, width - cell_len(name)))
            return ((set_cell_size(name, min(width, cell_len(name))), _HEAD[row.old]), (rest, "table--dim"))
        how = "table--dim" if row.old else f"table--{row.level}" if row.level else ""
        about = how or "table--dim"
        room = width - 2 - _LABEL - _NOW - 2 - _ABOUT
        each = next((each for each in _EACH if KEPT // each <= room), 0)
        line = spark(row.values, self._slot, each, row.top) if each else ""
        parts = [
            (f"  {row.label}".ljust(2 + _LABEL), "table--dim" if row.old or row.label[:1] == " " else ""),
            (f"{row.now:>{_NOW}} ", how),
            (f"{line} ", "table--dim" if row.old else "table--line") if line else ("", ""),
            (row.about, about),
        ]
        text = "".join(text for text, _ in parts)
        if cell_len(text) > width:
            parts = parts[:2]
            text = "".join(text for text, _ in parts)
        return (*(part for part in parts if part[0]), (" " * (width - cell_len(text)), ""))

    def render_line(self, y: int) -> Strip:
        """A line of the page."""
        base, width = self.get_component_rich_style("table--plain"), self.size.width  # cached, unlike rich_style
        if y >= len(self._lines):
            return Strip([Segment(" " * width, base)], width)
        segments = [
            Segment(text, self.get_component_rich_style(style) if style else base) for text, style in self._lines[y]
        ]
        return Strip(segments).adjust_cell_length(width, base)

    # ---- scrolling

    @property
    def _last_top(self) -> int:
        return max(0, len(self._rows) - self.size.height)

    def _go(self, top: int) -> None:
        top = max(0, min(top, self._last_top))
        if top != self._top:
            self._top = top
            self._lines = self._made()
            self.refresh()
            self.post_message(self.Scrolled())

    def action_scroll(self, by: int) -> None:
        """So many lines down."""
        self._go(self._top + by)

    def action_page(self, by: int) -> None:
        """So many pages down."""
        self._go(self._top + by * max(1, self.size.height - 1))

    def action_top(self) -> None:
        """To the first row."""
        self._go(0)

    def action_bottom(self) -> None:
        """To the last row."""
        self._go(len(self._rows))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel."""
        event.stop()
        self._go(self._top + 3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel."""
        event.stop()
        self._go(self._top - 3)
