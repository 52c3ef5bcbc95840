"""The values of a prompt's variables, a line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from workbench import safe
from workbench.errors import PromptError
from workbench.library.prompt import Prompt, Variable
from workbench.library.template import lead


class VariablesForm(ModalScreen[dict[str, str] | None]):
    """Gives the values that were filled in; an empty line leaves the default."""

    DEFAULT_CSS = """
    VariablesForm { align: center middle; background: $background 40%; }
    VariablesForm > Vertical { width: 92%; max-width: 90; height: auto; max-height: 90%; border: round $accent;
        background: $surface; padding: 0 1; }
    VariablesForm VerticalScroll { height: auto; max-height: 100%; }
    VariablesForm .name { color: $foreground-muted; }
    VariablesForm Input { border: none; height: 1; padding: 0 1; background: $boost; margin: 0 0 1 0; }
    VariablesForm Input:focus { background: $accent 20%; }
    VariablesForm #error { color: $error; height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("down", "app.focus_next", show=False, priority=True),
        Binding("up", "app.focus_previous", show=False, priority=True),
    ]

    def __init__(self, prompt: Prompt, values: Mapping[str, str]) -> None:
        super().__init__()
        self._prompt = prompt
        self._values = values

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = Content(f" values for {safe.line(self._prompt.id)} ")
            box.border_subtitle = Content("tab next · enter apply · esc leave")
            with VerticalScroll(can_focus=False):
                for name, slot in self._prompt.variables.items():
                    yield Static(Content(_about(name, slot)), classes="name", markup=False)
                    default = "" if slot.default is None else safe.line(str(slot.default))
                    yield Input(self._values.get(name, ""), placeholder=default, name=name, compact=True)
            yield Static("", id="error", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter applies all, if they are right."""
        event.stop()
        values = {line.name: line.value for line in self.query(Input) if line.name and line.value}
        try:
            lead(self._prompt, values)
        except PromptError as error:
            self.query_one("#error", Static).update(Content(safe.line(str(error))))
            return
        self.dismiss(values)

    def action_leave(self) -> None:
        """Change nothing."""
        self.dismiss(None)


def _about(name: str, slot: Variable) -> str:
    text = name if slot.default is not None else f"{name} (needed)"
    if slot.description:
        text += f": {slot.description}"
    if slot.choices:
        text += f" [{', '.join(map(str, slot.choices))}]"
    return safe.line(text)
