"""Two lanes' answers beside each other, the words that differ marked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen

from workbench.experiments.worddiff import diff
from workbench.tui.widgets.answer import AnswerPane
from workbench.tui.widgets.frame import FrameLine

Side = tuple[str, str, str]  # label, name, text


class DiffScreen(ModalScreen[None]):
    """Left and right are any two lanes: digits choose the right one, `[` and `]` step the left one."""

    DEFAULT_CSS = """
    DiffScreen { background: $background; }
    DiffScreen .side { width: 1fr; }
    DiffScreen .body { height: 1fr; border-left: solid $foreground 25%; border-right: solid $foreground 25%;
        padding: 0 0 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,d,q", "leave", show=False),
        *(Binding(str(number), f"right({number})", show=False) for number in range(1, 9)),
        Binding("right_square_bracket", "step_left(1)", show=False),
        Binding("left_square_bracket", "step_left(-1)", show=False),
        Binding("s", "swap", show=False),
    ]

    def __init__(self, sides: Sequence[Side], left: int = 0) -> None:
        super().__init__()
        self._sides = list(sides)
        self._left = left
        self._right = (left + 1) % len(self._sides)
        self._panes = (AnswerPane(), AnswerPane())
        self._heads = (FrameLine("top"), FrameLine("top"))
        self._foot = FrameLine("bottom")

    def compose(self) -> ComposeResult:
        with Horizontal():
            for head, pane in zip(self._heads, self._panes, strict=True):
                with Vertical(classes="side"):
                    yield head
                    with Vertical(classes="body"):
                        yield pane
        yield self._foot

    def on_mount(self) -> None:
        self._panes[0].focus()
        self._compare()

    @work(exclusive=True)
    async def _compare(self) -> None:
        chosen = (self._sides[self._left], self._sides[self._right])
        for head, pane, (label, name, text) in zip(self._heads, self._panes, chosen, strict=True):
            head.show([(label, "name"), (f"  {name}", "strong")], [(f"{len(text):,} characters", "")])
            pane.set_text(text)
        left, right = self._panes[0].shown, self._panes[1].shown
        found = await asyncio.to_thread(diff, left, right)
        self._panes[0].set_spans([(first, last, "removed") for first, last in found.left])
        self._panes[1].set_spans([(first, last, "added") for first, last in found.right])
        says = f"{found.same:.0%} of the words are the same"
        if not found.complete:
            says += " (too long to look closer)"
        keys = f"1–{len(self._sides)} right · [ ] left · s swap · esc"
        self._foot.show([(says, "strong")], [(keys, "")])

    def on_answer_pane_scrolled(self, event: AnswerPane.Scrolled) -> None:
        """Both sides scroll together."""
        for pane in self._panes:
            if pane is not event.pane:
                pane.scroll_fraction = event.fraction

    def action_right(self, number: int) -> None:
        """Another lane at the right."""
        if number <= len(self._sides) and number - 1 != self._left:
            self._right = number - 1
            self._compare()

    def action_step_left(self, by: int) -> None:
        """Another lane at the left."""
        self._left = (self._left + by) % len(self._sides)
        if self._left == self._right:
            self._left = (self._left + by) % len(self._sides)
        self._compare()

    def action_swap(self) -> None:
        """Left becomes right."""
        self._left, self._right = self._right, self._left
        self._compare()

    def action_leave(self) -> None:
        """Back to the lanes."""
        self.dismiss(None)
