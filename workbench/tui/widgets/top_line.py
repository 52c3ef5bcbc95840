"""The first line: where one is, and how lanes run."""

from __future__ import annotations

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget


class TopLine(Widget):
    """` Compare │ F2 Library │ ^o Experiments │ F4 History │ …   lanes 1–4 of 8     ^p actions  F1 help`."""

    DEFAULT_CSS = """
    TopLine { height: 1; dock: top; background: $panel; color: $foreground-muted; }
    TopLine > .top--here { color: $accent; text-style: bold; background: $panel; }
    """
    COMPONENT_CLASSES = {"top--here"}  # noqa: RUF012  (as Widget declares it)

    def __init__(self, here: str = "Compare") -> None:
        super().__init__(id="top")
        self._here = here
        self._right = ""

    def say(self, right: str) -> None:
        """What holds here, at the right."""
        if right != self._right:
            self._right = right
            self.refresh()

    def show(self, mode: str, coupled: bool, together: bool, view: str, paged: str) -> None:
        """What holds for all lanes."""
        words = [mode, "coupled" if coupled else "uncoupled"]
        words += ["scroll together"] if together else []
        words += [view] if view != "plain" else []
        words += [paged] if paged else []
        self.say(" · ".join(words))

    @property
    def plain(self) -> str:
        """The right side, as a test reads it."""
        return self._right

    def render_line(self, y: int) -> Strip:
        """The line."""
        width, base = self.size.width, self.rich_style
        wide = sum(len(text) + 1 for text, _ in self._tabs()) - 1
        fitting = (f"{self._right}{keys} " for keys in ("  ^p actions  F1 help", "  F1 help", ""))
        right = next((text for text in fitting if wide + cell_len(text) <= width), f"{self._right} ")
        segments: list[Segment] = []
        for text, here in self._tabs():
            segments += [Segment("│", base)] if segments else []
            segments.append(Segment(text, self.get_component_rich_style("top--here") if here else base))
        segments.append(Segment(" " * max(0, width - wide - cell_len(right)) + right, base))
        return Strip(segments).adjust_cell_length(width, base)

    def _tabs(self) -> list[tuple[str, bool]]:
        """The places one can go to, and whether one is there."""
        if self._here == "Compare":
            return [
                (" Compare ", True),
                (" F2 Library ", False),
                (" ^o Experiments ", False),
                (" F4 History ", False),
                (" F12 Models ", False),
            ]
        return [(" F2 Compare ", False), (f" {self._here} ", True), (" F4 Versions ", False)]
