"""The lanes beside each other, as many as one can read; the rest a page further. Below 80 columns they stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.message import Message

from workbench.tui import actions
from workbench.tui.widgets.lane import LaneView

NARROWEST, LOWEST = 38, 7  # columns and rows below which a lane is no use beside others
STACKED = 80  # columns below which lanes stand on one another
AROUND = 6  # rows of the screen that are not the lanes: top line, an empty message box, gauges


@dataclass(frozen=True)
class Plan:
    """How lanes are laid out: columns × rows, and the places (first…last-1) that this page shows."""

    columns: int
    rows: int
    first: int
    last: int


def plan(lanes: int, focus: int, width: int, height: int, *, maximised: bool = False) -> Plan:
    """The layout for `lanes` lanes in width × height cells, on the page of lane number `focus`."""
    if maximised or lanes <= 1:
        return Plan(1, 1, focus, focus + 1)
    widest = 1 if width < STACKED else max(1, width // NARROWEST)
    highest = max(1, height // LOWEST)
    rows = min(-(-lanes // min(widest, lanes)), highest)
    columns = min(widest, -(-lanes // rows))
    page = columns * rows
    first = focus // page * page
    shown = min(page, lanes - first)
    return Plan(columns, -(-min(page, lanes) // columns), first, first + shown)


def _bindings() -> list[BindingType]:
    made: list[BindingType] = []
    for action in actions.at("lanes"):
        if action.id == "lanes.number":
            made += [Binding(key, f"screen.lane({key})", action.title, show=False) for key in action.keys]
        else:
            made.append(Binding(",".join(action.keys), f"screen.{action.do}", action.title, show=False, id=action.id))
    return made


class LaneBoard(Container):
    """Holds the LaneViews in the lanes' order."""

    DEFAULT_CSS = """
    LaneBoard { layout: grid; height: 1fr; grid-gutter: 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = _bindings()

    class Arranged(Message):
        """The room for the lanes changed."""

    def view(self, uid: int) -> LaneView | None:
        """The view of a lane."""
        return next((view for view in self.views() if view.uid == uid), None)

    def views(self) -> list[LaneView]:
        """All, in order."""
        return [child for child in self.children if isinstance(child, LaneView)]

    def lay_out(self, focus: int, *, maximised: bool = False) -> str:
        """Show the page of lane number `focus`; returns what there is beyond it, in words."""
        views = self.views()
        # before the first layout: the terminal's size, less the lines around the lanes, so that it is laid out once
        width, height = self.size or (self.app.size.width, self.app.size.height - AROUND)
        made = plan(len(views), min(focus, len(views) - 1), width, height, maximised=maximised)
        self.styles.grid_size_columns = made.columns
        self.styles.grid_size_rows = made.rows
        for place, view in enumerate(views):
            view.display = made.first <= place < made.last
        if made.last - made.first == len(views):
            return ""
        shown = f"{made.first + 1}–{made.last}" if made.last - made.first > 1 else f"{made.first + 1}"
        return f"lane {shown} of {len(views)}"

    def on_resize(self) -> None:
        """There may be room for more lanes, or less."""
        self.post_message(self.Arranged())
