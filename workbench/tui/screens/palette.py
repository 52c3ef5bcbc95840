"""Find an action by name: every action of the place, filtered as one types."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from workbench.tui import actions


class PaletteScreen(ModalScreen[None]):
    """Runs the chosen action on the screen below."""

    DEFAULT_CSS = """
    PaletteScreen { align: center top; padding-top: 2; }
    PaletteScreen > Vertical {
        width: 72; max-width: 96%; height: auto; max-height: 80%; border: round $primary; background: $surface;
    }
    PaletteScreen Input { border: none; height: 1; padding: 0 1; }
    PaletteScreen OptionList { border: none; height: auto; max-height: 20; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+p", "dismiss", show=False),
        Binding("down", "step(1)", show=False, priority=True),
        Binding("up", "step(-1)", show=False, priority=True),
    ]

    def __init__(self, below: Screen[object]) -> None:
        super().__init__()
        self._below = below
        places = [place for place in getattr(below, "places", ("app",)) if place not in ("answer", "list")]
        self._actions = [action for action in actions.at(*places) if action.id != "app.palette"]

    def compose(self) -> ComposeResult:
        """A line to type in, and what matches."""
        with Vertical() as box:
            box.border_title = "actions"
            yield Input(placeholder="type a few letters")
            yield OptionList()

    def on_mount(self) -> None:
        """All of them at first."""
        self._fill("")

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        self._fill(event.value)

    def _fill(self, query: str) -> None:
        words = query.lower().split()
        found = [
            action for action in self._actions if all(word in f"{action.title} {action.id}".lower() for word in words)
        ]
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options(
            Option(Content(f"{' '.join(map(actions.key_name, action.keys)):<14}{action.title}"), id=action.id)
            for action in found
        )
        if found:
            options.highlighted = 0

    def action_step(self, by: int) -> None:
        """Move the highlight while typing goes on."""
        options = self.query_one(OptionList)
        if by > 0:
            options.action_cursor_down()
        else:
            options.action_cursor_up()

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.query_one(OptionList).action_select()

    @on(OptionList.OptionSelected)
    async def _chosen(self, event: OptionList.OptionSelected) -> None:
        action = next(action for action in self._actions if action.id == event.option_id)
        await self.dismiss()
        await self.app.run_action(action.do, self.app if action.where == "app" else self._below)
