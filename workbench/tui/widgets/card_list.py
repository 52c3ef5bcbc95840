"""A list of any length: only the rows on screen are made, so ten thousand cost what thirty do."""

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
Row = tuple[Sequence[Part], Sequence[Part]]  # at the left, and at the right, which is shown whole


class CardList(Widget, can_focus=True):
    """Rows made by `paint(index)`; one of them is the current one."""

    DEFAULT_CSS = """
    CardList { height: 1fr; width: 1fr; background: $background; color: $foreground; }
    CardList > .list--here { background: $foreground 12%; text-style: bold; }
    CardList:focus > .list--here { background: $accent 30%; }
    CardList > .list--match { color: $accent; text-style: bold; }
    CardList > .list--dim { color: $foreground-muted; }
    CardList > .list--bad { color: $error; }
    CardList > .list--mark { color: $warning; text-style: bold; }
    CardList > .list--label { color: $success; }
    CardList > .list--bar { color: $foreground 25%; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"list--{name}" for name in ("here", "match", "dim", "bad", "mark", "label", "bar")
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(a.keys), a.do, a.title, show=False, id=a.id) for a in actions.at("list")
    ]

    class Moved(Message):
        """Another row is the current one; `index` is -1 when there is none."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    class Taken(Message):
        """Enter, or a click on the current row."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self, paint: Callable[[int], Row], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._paint = paint
        self._count = 0
        self._top = 0
        self._here = -1
        self._looks: dict[tuple[str, Style], Style] = {}  # styles, worked out once a repaint
        self._base: Style | None = None

    @property
    def here(self) -> int:
        """The current row, -1 when there is none."""
        return self._here

    def show(self, count: int, here: int = 0) -> None:
        """There are `count` rows now, and `here` is the current one."""
        self._count = count
        self._here = max(0, min(here, count - 1)) if count else -1
        self._follow()
        self.refresh()

    def step(self, by: int) -> None:
        """The current row so many down."""
        self.go(self._here + by)

    def go(self, index: int) -> None:
        """That row."""
        index = max(0, min(index, self._count - 1))
        if self._count and index != self._here:
            before, top, self._here = self._here, self._top, index
            self._follow()
            if self._top == top:  # two rows: over SSH, and on a slow machine, that is the key's whole cost
                width = self.size.width
                self.refresh(*(Region(0, at - top, width, 1) for at in (before, index) if at >= top))
            else:
                self.refresh()
            self.post_message(self.Moved(index))

    def _follow(self) -> None:
        height = max(1, self.size.height)
        top = min(max(self._top, self._here - height + 1), max(0, self._here))
        self._top = max(0, min(top, self._count - height))

    def on_resize(self, event: events.Resize) -> None:
        """Keep the current row in sight."""
        self._follow()
        self.refresh()

    # ---- painting

    def render_lines(self, crop: Region) -> list[Strip]:
        """The rows; what they share is worked out once."""
        self._looks.clear()
        self._base = self.rich_style
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """A row."""
        plain = self._base or self.rich_style
        width, base = self.size.width, plain
        index = self._top + y
        if index >= self._count or width < 4:
            return Strip.blank(width, base)
        if index == self._here:
            base = base + self.get_component_rich_style("list--here")
        left, right = self._paint(index)
        segments = [Segment(" ", base)]
        room = width - 2
        tail = [(safe.line(text), kind) for text, kind in right if text]
        wide = sum(cell_len(text) for text, _ in tail)
        wide = wide + 1 if wide else 0
        if wide > room // 2:
            tail, wide = [], 0
        used = 0
        for text, kind in left:
            shown = safe.line(text)
            cells = cell_len(shown)
            if used + cells > room - wide:
                shown = set_cell_size(shown, max(0, room - wide - used - 1)) + "…"
                cells = cell_len(shown)
            segments.append(Segment(shown, self._style(kind, base)))
            used += cells
            if used >= room - wide:
                break
        segments.append(Segment(" " * max(0, room - used - wide + (1 if tail else 0)), base))
        segments += [Segment(text, self._style(kind, base)) for text, kind in tail]
        strip = Strip(segments).adjust_cell_length(width - 1, base)
        return Strip.join([strip, Strip([Segment(self._bar(y), self._style("bar", plain))], 1)])

    def _style(self, kind: str, base: Style) -> Style:
        if not kind:
            return base
        made = self._looks.get((kind, base))
        if made is None:
            # Whole, for colours with alpha to be blended; the row's own background stays.
            style = self.get_component_rich_style(f"list--{kind}")
            made = self._looks[kind, base] = base + Style(color=style.color, bold=style.bold or None)
        return made

    def _bar(self, y: int) -> str:
        height = self.size.height
        if self._count <= height:
            return " "
        size = max(1, height * height // self._count)
        at = round((height - size) * self._top / max(1, self._count - height))
        return "┃" if at <= y < at + size else "│"

    # ---- keys and mouse

    def action_step(self, by: int) -> None:
        """So many rows down."""
        self.step(by)

    def action_page(self, by: int) -> None:
        """So many pages down."""
        self.step(by * max(1, self.size.height - 1))

    def action_first(self) -> None:
        """The first row."""
        self.go(0)

    def action_last(self) -> None:
        """The last row."""
        self.go(self._count - 1)

    def action_take(self) -> None:
        """Take the current row."""
        if self._here >= 0:
            self.post_message(self.Taken(self._here))

    def on_click(self, event: events.Click) -> None:
        """Go there; a second click takes it."""
        index = self._top + event.y
        if index == self._here:
            self.action_take()
        elif index < self._count:
            self.go(index)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Three rows."""
        event.stop()
        self.step(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Three rows."""
        event.stop()
        self.step(-3)


def marked(text: str, places: Sequence[int], base: str = "") -> list[Part]:
    """`text` in parts, the letters at `places` (sorted) marked as matches."""
    made: list[Part] = []
    at = 0
    for place in places:
        if place >= len(text):
            break
        if place > at:
            made.append((text[at:place], base))
        if made and made[-1][1] == "match" and place == at:
            made[-1] = (made[-1][0] + text[place], "match")
        else:
            made.append((text[place], "match"))
        at = place + 1
    if at < len(text):
        made.append((text[at:], base))
    return made
