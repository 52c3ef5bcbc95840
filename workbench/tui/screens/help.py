"""The keys of the place a person is in, from the registry."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from workbench.tui import actions

_NUMBERS = "1 2 3 4 5 6 7 8"  # of lanes


class HelpScreen(ModalScreen[None]):
    """Leaves by escape, q, F1 or ?."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen > VerticalScroll {
        width: 80; max-width: 96%; height: auto; max-height: 90%;
        border: round $primary; background: $surface; padding: 0 1;
    }
    HelpScreen Static { width: 1fr; height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,f1,question_mark", "dismiss", show=False)]

    def compose(self) -> ComposeResult:
        """A table in plain text."""
        places = getattr(self.app.screen_stack[-2], "places", ("dialog", "app"))
        text = Text()
        for place in places:
            text.append(f"{actions.PLACES[place]}\n", "bold")
            for action in actions.at(place):
                keys = " ".join(map(actions.key_name, action.keys)).replace(_NUMBERS, f"{_NUMBERS[0]}–{_NUMBERS[-1]}")
                text.append(f"  {keys:<13} ", "cyan")
                text.append(f"{action.title}\n")
            text.append("\n")
        text.append("Each can be changed in ~/.config/workbench/keymap.toml; `workbench keys` prints their names.")
        with VerticalScroll() as box:
            box.border_title = "keys"
            box.border_subtitle = "Esc closes"
            yield Static(text)
