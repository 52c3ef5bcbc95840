"""The first line: where one is, and how lanes run."""

from __future__ import annotations

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget


class TopLine(Widget):
    """` Compare │ History F4      fast · coupled · lanes 1–4 of 8      ^p actions  F1 help`."""

    DEFAULT_CSS = """
    TopLine { height: 1; dock: top; background: $panel; color: $foreground-muted; }
    TopLine > .top--here { color: $accent; text-style: bold; background: $panel; }
    """
    COMPONENT_CLASSES = {"top--here"}  # noqa: RUF012  (as Widget declares it)

    def __init__(self) -> None:
        super().__init__(id="top")
        self._right = ""

    def show(self, mode: str, coupled: bool, together: bool, view: str, paged: str) -> None:
        """What holds for all lanes."""
        words = [mode, "coupled" if coupled else "uncoupled"]
        words += ["scroll together"] if together else []
        words += [view] if view != "plain" else []
        words += [paged] if paged else []
        right = " · ".join(words)
        if right != self._right:
            self._right = right
            self.refresh()

    @property
    def plain(self) -> str:
        """The right side, as a test reads it."""
        return self._right

    def render_line(self, y: int) -> Strip:
        """The line."""
        width, base = self.size.width, self.rich_style
        here, more, help_ = " Compare ", "│ F4 History ", "  ^p actions  F1 help "
        right = f"{self._right}{help_}"
        if cell_len(here + more + right) > width:
            right = self._right + " "
        gap = width - cell_len(here + more + right)
        segments = [
            Segment(here, self.get_component_rich_style("top--here")),
            Segment(more + " " * max(0, gap) + right, base),
        ]
        return Strip(segments).adjust_cell_length(width, base)
