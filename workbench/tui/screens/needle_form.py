"""The needle probe's form: the fact, its question, the text it is put into, lengths and depths."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from workbench import safe
from workbench.errors import WorkbenchError
from workbench.inference.engine import Message
from workbench.insight.filler import LANGUAGES
from workbench.insight.sentences import sentences
from workbench.tui.needle_kept import Setup

_LINES = {
    "fact": "fact: what is put into the text",
    "question": "question, after the text",
    "opening": "how its answer begins (not scored; may be empty)",
    "expected": "expected: what the answer has to say",
    "file": "text file (empty: made-up sentences)",
    "fills": "prompt lengths in tokens (empty: up to the context)",
    "depths": "depths of the fact in the text, in %",
}


class NeedleForm(ModalScreen[Setup | None]):
    """Gives the setup when it is right; the error stands below."""

    DEFAULT_CSS = """
    NeedleForm { align: center middle; background: $background 40%; }
    NeedleForm > Vertical { width: 92%; max-width: 100; height: auto; max-height: 96%; border: round $accent;
        background: $surface; padding: 0 1; }
    NeedleForm VerticalScroll { height: auto; max-height: 100%; }
    NeedleForm .name { color: $foreground-muted; }
    NeedleForm Input { border: none; height: 1; padding: 0 1; background: $boost; }
    NeedleForm Input:focus { background: $accent 20%; }
    NeedleForm #error { color: $error; height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("down", "app.focus_next", show=False, priority=True),
        Binding("up", "app.focus_previous", show=False, priority=True),
        Binding("f2", "sentence", show=False, priority=True),
        Binding("f3", "language", show=False, priority=True),
    ]

    def __init__(self, setup: Setup, lead: Sequence[Message]) -> None:
        super().__init__()
        self._setup, self._lead = setup, tuple(lead)
        self._sentences = [said for each in lead for part in sentences(each.content) if (said := part.strip())]

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = Content(" needle in a haystack ")
            take = "f2 from the prompt · " if self._sentences else ""
            box.border_subtitle = Content(f"enter apply · {take}f3 defaults en/ko · esc leave")
            with VerticalScroll(can_focus=False):
                for name, about in _LINES.items():
                    yield Static(about, classes="name", markup=False)
                    yield Input(getattr(self._setup, name), name=name, id=name, compact=True)
            yield Static("", id="error", markup=False)

    def _typed(self) -> Setup:
        lines: dict[str, Any] = {line.name: line.value for line in self.query(Input) if line.name}
        return replace(self._setup, **lines)

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter applies all, if they are right."""
        event.stop()
        made = self._typed()
        try:
            await asyncio.to_thread(made.probe, self._lead)
        except WorkbenchError as error:
            self._tell(str(error))
            return
        self.dismiss(made)

    def _tell(self, text: str) -> None:
        self.query_one("#error", Static).update(Content(safe.line(text)))

    def action_sentence(self) -> None:
        """The next sentence of the prompt is the fact: it stays where it stands."""
        if not self._sentences:
            self._tell("this lane has no prompt to take a sentence of")
            return
        line = self.query_one("#fact", Input)
        at = self._sentences.index(line.value) if line.value in self._sentences else -1
        line.value = self._sentences[(at + 1) % len(self._sentences)]
        own = {setup.question for setup in map(Setup.of_language, LANGUAGES)}
        if self.query_one("#question", Input).value in own:  # that of the fact which went
            for name in ("question", "opening", "expected"):
                self.query_one(f"#{name}", Input).value = ""

    def action_language(self) -> None:
        """The defaults; again, those of the other language."""
        made = Setup.of_language(self._setup.language)
        if self._typed() == replace(made, beyond=self._setup.beyond):
            at = LANGUAGES.index(self._setup.language)
            made = Setup.of_language(LANGUAGES[(at + 1) % len(LANGUAGES)])
        self._setup = replace(made, beyond=self._setup.beyond)
        for line in self.query(Input):
            line.value = getattr(made, str(line.name))

    def action_leave(self) -> None:
        """Change nothing."""
        self.dismiss(None)
