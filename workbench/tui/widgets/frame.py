"""One line of a box: `┌ A  system/plain ─── 23 tok ┐`. A widget of its own, so that news in it repaints one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from workbench import safe

Part = tuple[str, str]  # text, component class suffix ("" = plain)
_CORNERS = {"top": "┌─┐", "middle": "├─┤", "bottom": "└─┘"}


def shorten(text: str, width: int) -> str:
    """`text` in at most `width` cells, its middle left out when it is longer."""
    if cell_len(text) <= width:
        return text
    if width <= 1:
        return "…"[:width]
    tail = max(0, (width - 1) // 3)
    head = set_cell_size(text, width - 1 - tail).rstrip()
    end = text[-tail:] if tail else ""
    while cell_len(end) > tail:
        end = end[1:]
    return f"{head}…{end}"


def _width(parts: Sequence[Part]) -> int:
    return sum(cell_len(text) for text, _ in parts)


class FrameLine(Widget):
    """A line of a frame with text at its left and at its right; the right one gives way first.

    Texts are untrusted: they are made safe here, and never parsed as markup.
    """

    DEFAULT_CSS = """
    FrameLine { height: 1; color: $foreground-muted; }
    FrameLine > .frame--rule { color: $foreground 25%; }
    FrameLine > .frame--strong { color: $foreground; text-style: bold; }
    FrameLine > .frame--name { color: $accent; text-style: bold; }
    FrameLine > .frame--good { color: $success; }
    FrameLine > .frame--warn { color: $warning; }
    FrameLine > .frame--bad { color: $error; text-style: bold; }
    FrameLine.-focus { color: $foreground; }
    FrameLine.-focus > .frame--rule { color: $accent; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *("frame--rule", "frame--strong", "frame--name", "frame--good", "frame--warn", "frame--bad")
    }
    can_focus = False

    def __init__(self, edge: str = "top", *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._edge = _CORNERS[edge]
        self._left: tuple[Part, ...] = ()
        self._right: tuple[Part, ...] = ()
        self._brief: tuple[Part, ...] = ()
        self._firm = False

    def show(
        self,
        left: Sequence[Part] = (),
        right: Sequence[Part] = (),
        *,
        brief: Sequence[Part] = (),
        firm: bool = False,
    ) -> None:
        """Set both texts; repaints only when they changed. `brief` stands in for `left` where that is too long.

        `firm`: the left one gives way, down to half of the line.
        """
        self._firm = firm
        made = tuple(tuple((safe.line(text), kind) for text, kind in parts) for parts in (left, right, brief))
        if made != (self._left, self._right, self._brief):
            self._left, self._right, self._brief = made
            self.refresh()

    @property
    def plain(self) -> str:
        """All the text there is to show, as a test reads it."""
        return "".join(text for text, _ in (*self._left, *self._right))

    def parts(self, room: int) -> tuple[Sequence[Part], Sequence[Part]]:
        """What to show at the left and at the right in `room` cells."""
        if self._brief and _width(self._left) > room:
            return self._brief, ()
        if _width(self._left) + _width(self._right) + 3 > room and not (self._firm and _width(self._right) < room // 2):
            return self._left, ()
        return self._left, self._right

    def render_line(self, y: int) -> Strip:
        """The line at this width."""
        width = self.size.width
        rule = self._style("rule")
        if width < 6 or y:
            return Strip([Segment(" " * width, rule)], width)
        room = width - 6  # corners, and a blank and a rule inside each
        left, right = self.parts(room)
        right_width = _width(right)
        segments = [Segment(self._edge[0] + self._edge[1], rule)]
        used = 2
        if left:
            fitted = self._fit(left, room - (right_width + 3 if right else 0))
            segments += [Segment(" ", rule), *fitted, Segment(" ", rule)]
            used += 2 + sum(cell_len(segment.text) for segment in fitted)
        if right:
            segments.append(Segment(self._edge[1] * (width - used - right_width - 4) + " ", rule))
            segments += [Segment(text, self._style(kind)) for text, kind in right]
            segments.append(Segment(" " + self._edge[1] + self._edge[2], rule))
        else:
            segments.append(Segment(self._edge[1] * (width - used - 1) + self._edge[2], rule))
        return Strip(segments, width)

    def _fit(self, parts: Sequence[Part], room: int) -> list[Segment]:
        made = []
        for text, kind in parts:
            text = shorten(text, room)
            if text:
                made.append(Segment(text, self._style(kind)))
            room -= cell_len(text)
            if room <= 0:
                break
        return made

    def _style(self, kind: str) -> Style:
        return self.get_component_rich_style(f"frame--{kind}") if kind else self.rich_style
