"""A dialog that offers a few things to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content

from workbench import safe
from workbench.tui.screens.picker import Picker, Row


@dataclass(frozen=True)
class Choice:
    """What is offered: its key, its name, a line about it."""

    key: str
    name: str
    about: str


class ChoiceScreen(Picker):
    """Gives the key of the one that was chosen."""

    hint = "type to narrow"

    def __init__(self, title: str, choices: Sequence[Choice]) -> None:
        super().__init__()
        self.heading, self._choices = f" {safe.line(title)} ", choices

    def rows(self, query: str) -> Sequence[Row]:
        """Those that hold what is typed."""
        wanted = query.lower()
        return [
            Row(choice.key, Content(safe.line(choice.name)), choice.about)
            for choice in self._choices
            if wanted in choice.name.lower()
        ]
