"""Cases × variants with a cell that is the current one: only the rows in sight are made, however many there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from workbench import safe
from workbench.tui import actions

Part = tuple[str, str]  # text (untrusted), component class suffix ("" = plain)
Cells = tuple[str, Sequence[Part], Part]  # the row's name, its cells, what stands at its end

HEAD = 2  # lines
_NAME = (10, 44)  # columns of a row's name: at least, at most
_LAST = 8


class Matrix(Widget, can_focus=True):
    """`row(index)` gives a row; two lines stand over each column. Arrows go by cells; only what changed is painted."""

    DEFAULT_CSS = """
    Matrix { height: 1fr; width: 1fr; background: $background; color: $foreground; }
    Matrix > .matrix--row { background: $foreground 8%; }
    Matrix > .matrix--here { background: $foreground 20%; text-style: bold; }
    Matrix:focus > .matrix--here { background: $accent 40%; text-style: bold; }
    Matrix > .matrix--head { color: $accent; text-style: bold; }
    Matrix > .matrix--dim { color: $foreground-muted; }
    Matrix > .matrix--good { color: $success; }
    Matrix > .matrix--mixed { color: $warning; }
    Matrix > .matrix--bad { color: $error; }
    Matrix > .matrix--error { color: $error; text-style: bold; }
    Matrix > .matrix--bar { color: $foreground 25%; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"matrix--{name}" for name in ("row", "here", "head", "dim", "good", "mixed", "bad", "error", "bar")
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(a.keys), a.do, a.title, show=False, id=a.id) for a in actions.at("matrix")
    ]

    cell_width = (16, 26)  # columns of a cell: at least, at most

    class Moved(Message):
        """Another cell is the current one."""

    class Taken(Message):
        """Enter, or a click on the current cell."""

    def __init__(self, row: Callable[[int], Cells]) -> None:
        super().__init__()
        self._row = row
        self._heads: Sequence[tuple[str, str]] = ()
        self._title = ("", "")
        self._last = ""
        self._longest = 0
        self._count = 0
        self._top = 0
        self._left = 0  # first column in sight
        self._here = -1
        self._column = 0
        self.body = 1  # rows in sight
        self._width, self._name_width, self._cell_width, self._last_width, self._fitting = 0, 10, 16, 0, 1
        self._looks: dict[tuple[str, Style], Style] = {}  # styles as they are worked out, until the theme changes
        self._plain: Style | None = None

    # ---- what there is

    @property
    def here(self) -> int:
        """The current row, -1 when there is none."""
        return self._here

    @property
    def column(self) -> int:
        """The current column."""
        return self._column

    def set_heads(
        self, heads: Sequence[tuple[str, str]], *, title: tuple[str, str] = ("", ""), last: str = "", longest: int = 20
    ) -> None:
        """The two lines over each column, over the names and over what stands at the end; the names' length."""
        self._heads, self._title, self._last, self._longest = heads, title, last, longest
        self._column = max(0, min(self._column, len(heads) - 1))
        self._follow()
        self.refresh()

    def show(self, count: int, here: int = 0) -> None:
        """There are `count` rows now, and `here` is the current one."""
        self._count = count
        self._here = max(0, min(here, count - 1)) if count else -1
        self._follow()
        self.refresh()

    def go(self, row: int, column: int | None = None) -> None:
        """That cell."""
        row = max(0, min(row, self._count - 1))
        column = self._column if column is None else max(0, min(column, len(self._heads) - 1))
        if not self._count or (row, column) == (self._here, self._column):
            return
        before, scroll = self._here, (self._top, self._left)
        self._here, self._column = row, column
        self._follow()
        if (self._top, self._left) == scroll:  # two rows: over SSH that is the key's whole cost
            rows = {at - self._top + HEAD for at in (before, row)}
            self.refresh(*(Region(0, y, self._width, 1) for y in rows if HEAD <= y < HEAD + self.body))
        else:
            self.refresh()
        self.post_message(self.Moved())

    def _follow(self) -> None:
        self._measure()
        height = self.body
        top = min(max(self._top, self._here - height + 1), max(0, self._here))
        self._top = max(0, min(top, self._count - height))
        many = self._fitting
        self._left = max(0, min(max(self._left, self._column - many + 1), self._column, len(self._heads) - many))

    def _measure(self) -> None:
        """The columns' widths: once for all lines, for to ask for a widget's size costs as much as to paint a cell."""
        self._width, height = self.size
        self.body = max(1, height - HEAD)
        self._name_width = max(_NAME[0], min(self._longest, _NAME[1], self._width // 3))
        self._last_width = _LAST if self._last else 0
        room = self._width - self._name_width - self._last_width - 5
        self._fitting = max(1, min(len(self._heads), room // self.cell_width[0])) if self._heads else 1
        self._cell_width = max(4, min(self.cell_width[1], room // self._fitting))

    def on_resize(self, event: events.Resize) -> None:
        """Keep the current cell in sight."""
        self._follow()
        self.refresh()

    # ---- painting

    @property
    def _base(self) -> Style:
        if self._plain is None:
            self._plain = self.rich_style
        return self._plain

    def notify_style_update(self) -> None:
        """Another theme, or the focus came or went."""
        super().notify_style_update()
        self._looks.clear()
        self._plain = None

    def render_line(self, y: int) -> Strip:
        """A line: of the head, or a row."""
        width = self._width
        index = self._top + y - HEAD
        if width < 20:
            return Strip.blank(width, self._base)
        if y < HEAD:
            return self._head(y)
        if index >= self._count:
            return Strip.blank(width, self._base)
        name, cells, last = self._row(index)
        at_row = index == self._here
        base = self._under("row") if at_row else self._base
        wide, many = self._cell_width, self._fitting
        made = [self._fitted(f" {name}", self._name_width + 2, base)]
        for column in range(self._left, self._left + many):
            text, kind = cells[column]
            style = self._under("here") if at_row and column == self._column else base
            made.append(self._fitted(f" {text}", wide, self._look(kind, style)))
        if self._last:
            made.append(Segment(_right(last[0], self._last_width), self._look(last[1], base)))
        return self._whole(made, base, self._bar(y - HEAD))

    def _head(self, y: int) -> Strip:
        look = self._look("head" if not y else "", self._base)
        wide, many = self._cell_width, self._fitting
        title = self._title[y]
        if not y and len(self._heads) > many:
            back, on = "◂" if self._left else " ", "▸" if self._left + many < len(self._heads) else " "
            title = f"{back}{self._left + 1}–{self._left + many} of {len(self._heads)}{on}"
        made = [self._fitted(f" {title}", self._name_width + 2, self._look("dim", self._base))]
        made += [self._fitted(f" {head[y]}", wide, look) for head in self._heads[self._left : self._left + many]]
        if self._last and not y:
            made.append(Segment(_right(self._last, self._last_width), self._look("dim", self._base)))
        return self._whole(made, self._base, " ")

    def _fitted(self, text: str, width: int, style: Style) -> Segment:
        """A text in so many cells, a blank at its end."""
        shown = safe.line(text)
        if (shown.isascii() and len(shown) < width) or cell_len(shown) < width:
            return Segment(shown + " " * (width - cell_len(shown)), style)
        return Segment(set_cell_size(shown, width - 2) + "… ", style)

    def _whole(self, made: list[Segment], base: Style, bar: str) -> Strip:
        width = self._width
        strip = Strip(made).adjust_cell_length(width - 1, base)
        return Strip([*strip, Segment(bar, self._look("bar", self._base))], width)

    def _under(self, kind: str) -> Style:
        """The style of a row, or of a cell, before its own."""
        made = self._looks.get((kind, self._base))
        if made is None:
            made = self._looks[kind, self._base] = self._base + self.get_component_rich_style(f"matrix--{kind}")
        return made

    def _look(self, kind: str, base: Style) -> Style:
        if not kind:
            return base
        made = self._looks.get((kind, base))
        if made is None:
            # Whole, for colours with alpha to be blended; the cell's own background stays.
            style = self.get_component_rich_style(f"matrix--{kind}")
            made = self._looks[kind, base] = base + Style(color=style.color, bold=style.bold or None)
        return made

    def _bar(self, y: int) -> str:
        height = self.body
        if self._count <= height:
            return " "
        size = max(1, height * height // self._count)
        at = round((height - size) * self._top / max(1, self._count - height))
        return "┃" if at <= y < at + size else "│"

    # ---- keys and mouse

    def action_step(self, by: int) -> None:
        """So many rows down."""
        self.go(self._here + by)

    def action_side(self, by: int) -> None:
        """So many columns to the right."""
        self.go(self._here, self._column + by)

    def action_page(self, by: int) -> None:
        """So many pages down."""
        self.go(self._here + by * max(1, self.body - 1))

    def action_first(self) -> None:
        """The first row."""
        self.go(0)

    def action_last(self) -> None:
        """The last row."""
        self.go(self._count - 1)

    def action_take(self) -> None:
        """Into the current cell."""
        if self._here >= 0:
            self.post_message(self.Taken())

    def on_click(self, event: events.Click) -> None:
        """Go there; a second click takes it."""
        row = self._top + event.y - HEAD
        column = (event.x - self._name_width - 2) // self._cell_width + self._left
        if event.y < HEAD or not 0 <= row < self._count or event.x < self._name_width + 2:
            return
        if (row, min(column, len(self._heads) - 1)) == (self._here, self._column):
            self.action_take()
        else:
            self.go(row, column)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Three rows."""
        event.stop()
        self.action_step(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Three rows."""
        event.stop()
        self.action_step(-3)


def _right(text: str, width: int) -> str:
    """A text at the right of so many cells."""
    shown = safe.line(text)
    if cell_len(shown) > width - 1:
        shown = set_cell_size(shown, width - 1)
    return " " * (width - 1 - cell_len(shown)) + shown + " "
