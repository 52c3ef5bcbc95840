"""One of two answers as heat, and below it what there is to say of the token under the cursor."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.containers import Vertical

from workbench.tui.widgets.card_list import CardList, Row
from workbench.tui.widgets.frame import FrameLine
from workbench.tui.widgets.heat_text import HeatText


class HeatSide(Vertical):
    """`paint(index)` gives the rows of its table."""

    DEFAULT_CSS = """
    HeatSide { width: 1fr; height: 1fr; }
    HeatSide > .body { height: 1fr; border-left: solid $foreground 25%; padding: 0 0 0 1; }
    HeatSide > CardList { height: 10; border-left: solid $foreground 25%; }
    HeatSide.-low > CardList { height: 6; }
    """

    def __init__(self, paint: Callable[[int], Row]) -> None:
        super().__init__()
        self.heat = HeatText()
        self.cards = CardList(paint)
        self.head, self.info = FrameLine("top"), FrameLine("middle")

    def compose(self) -> ComposeResult:
        yield self.head
        with Vertical(classes="body"):
            yield self.heat
        yield self.info
        yield self.cards
