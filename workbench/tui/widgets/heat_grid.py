"""A heat table with a current cell: a number and a sign in each, and a shade behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from workbench import safe
from workbench.tui import actions

Part = tuple[str, str]  # text (untrusted), component class suffix ("" = plain)
HEATS = 5
_NAME = 9  # columns of a row's name
_CELL = (8, 12)  # of a cell, the blank after it too: at least, at most


class HeatGrid(Widget, can_focus=True):
    """`show` gives it column heads and rows (name, cells); it scrolls so that the current cell is in sight."""

    DEFAULT_CSS = """
    HeatGrid { height: auto; width: 1fr; background: $background; color: $foreground; }
    HeatGrid > .grid--head { color: $accent; text-style: bold; }
    HeatGrid > .grid--dim { color: $foreground-muted; }
    HeatGrid > .grid--heat0 { background: $primary 5%; }
    HeatGrid > .grid--heat1 { background: $primary 18%; }
    HeatGrid > .grid--heat2 { background: $primary 31%; }
    HeatGrid > .grid--heat3 { background: $primary 44%; }
    HeatGrid > .grid--heat4 { background: $primary 57%; text-style: bold; }
    HeatGrid > .grid--here { background: $foreground 30%; text-style: bold underline; }
    HeatGrid:focus > .grid--here { background: $accent; color: $background; text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *("grid--head", "grid--dim", "grid--here"),
        *(f"grid--heat{level}" for level in range(HEATS)),
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(a.keys), a.do, a.title, show=False, id=a.id) for a in actions.at("grid")
    ]

    class Moved(Message):
        """A person went to another cell."""

    class Taken(Message):
        """Enter, or a click on the current cell."""

    def __init__(self) -> None:
        super().__init__()
        self._heads: Sequence[str] = ()
        self._rows: Sequence[tuple[str, Sequence[Part]]] = ()
        self._title = ""
        self.here = (0, 0)  # row, column
        self._top = self._left = 0

    def show(self, title: str, heads: Sequence[str], rows: Sequence[tuple[str, Sequence[Part]]]) -> None:
        """These cells now; the current one stays where it is, as far as there is one."""
        if len(rows) != len(self._rows):
            self.refresh(layout=True)
        self._title, self._heads, self._rows = title, heads, rows
        self._go(*self.here)
        self.refresh()

    @property
    def plain(self) -> list[str]:
        """Head and rows, as a test reads them."""
        head = " ".join([self._title, *self._heads])
        return [head, *(" ".join([name, *(text for text, _ in cells)]) for name, cells in self._rows)]

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """The head and all rows."""
        return 1 + len(self._rows)

    # ---- painting

    @property
    def _wide(self) -> int:
        """Columns of a cell."""
        room = self.size.width - _NAME - 1
        return max(_CELL[0], min(_CELL[1], room // max(1, len(self._heads))))

    @property
    def _fitting(self) -> int:
        return max(1, (self.size.width - _NAME) // self._wide)

    def render_line(self, y: int) -> Strip:
        """The head, or a row."""
        base, width = self.rich_style, self.size.width
        wide, some = self._wide, slice(self._left, self._left + self._fitting)
        if not y:
            more = "◂" if self._left else "▸" if len(self._heads) > self._left + self._fitting else " "
            made = [Segment(set_cell_size(f" {self._title}", _NAME - 1) + more, self._look("dim", base))]
            made += [Segment(_centred(head, wide), self._look("head", base)) for head in self._heads[some]]
            return Strip(made).adjust_cell_length(width, base)
        row = self._top + y - 1
        if row >= len(self._rows):
            return Strip.blank(width, base)
        name, cells = self._rows[row]
        made = [Segment(f"{safe.line(name):>{_NAME - 1}} ", self._look("dim", base))]
        for column, (text, kind) in enumerate(cells[some], self._left):
            look = self._look("here" if (row, column) == self.here else kind, base)
            made += [Segment(_centred(text, wide - 1), look), Segment(" ", base)]
        return Strip(made).adjust_cell_length(width, base)

    def _look(self, kind: str, base: Style) -> Style:
        if not kind:
            return base
        style = self.get_component_rich_style(f"grid--{kind}")
        return style if kind[:4] in ("heat", "here") else base + Style(color=style.color, bold=style.bold or None)

    def on_resize(self) -> None:
        """The current cell stays in sight."""
        self._go(*self.here)

    # ---- keys and mouse

    def _go(self, row: int, column: int) -> None:
        if not self._rows:
            return  # the place is kept for the cells to come
        row = max(0, min(row, len(self._rows) - 1))
        column = max(0, min(column, len(self._heads) - 1))
        self.here = (row, column)
        body = max(1, self.size.height - 1)
        self._top = max(0, min(max(self._top, row - body + 1), row, len(self._rows) - body))
        many = self._fitting
        self._left = max(0, min(max(self._left, column - many + 1), column, len(self._heads) - many))

    def _move(self, row: int, column: int) -> None:
        before = self.here
        self._go(row, column)
        if self.here != before:
            self.refresh()
            self.post_message(self.Moved())

    def action_go(self, down: int, right: int) -> None:
        """So many cells away."""
        self._move(self.here[0] + down, self.here[1] + right)

    def action_first(self) -> None:
        """The first cell."""
        self._move(0, 0)

    def action_last(self) -> None:
        """The last cell."""
        self._move(len(self._rows), len(self._heads))

    def action_take(self) -> None:
        """Into the current cell."""
        self.post_message(self.Taken())

    def on_click(self, event: events.Click) -> None:
        """Go there; a second click takes it."""
        row, column = self._top + event.y - 1, self._left + (event.x - _NAME) // self._wide
        if event.y < 1 or event.x < _NAME or row >= len(self._rows) or column >= len(self._heads):
            return
        if (row, column) == self.here:
            self.action_take()
        else:
            self._move(row, column)


def _centred(text: str, width: int) -> str:
    shown = safe.line(text)
    if cell_len(shown) > width:
        return set_cell_size(shown, width)
    return set_cell_size(" " * ((width - cell_len(shown)) // 2) + shown, width)
