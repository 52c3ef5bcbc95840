"""A dialog that picks one of a list as one types. The pickers of prompts and models stand on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from workbench import safe

SHOWN = 200  # rows in the list at once: more than one reads, few enough to stay quick


@dataclass(frozen=True)
class Row:
    """A row of the list: its key, what it shows, the lines below the list when it is highlighted.

    A row that cannot be chosen says why in `error`.
    """

    key: str
    content: Content
    detail: str
    error: str = ""


class Picker(ModalScreen[str | None]):
    """Input, list, detail; Enter takes the highlighted row, Escape leaves with None."""

    DEFAULT_CSS = """
    Picker { align: center middle; background: $background 40%; }
    Picker > Vertical { width: 92%; max-width: 110; height: 85%; border: round $accent; background: $surface; }
    Picker Input { border: none; height: 1; padding: 0 1; background: $boost; }
    Picker OptionList { height: 1fr; border: none; background: $surface; padding: 0;
        scrollbar-size-vertical: 1; }
    Picker #detail { height: 4; padding: 0 1; color: $foreground-muted; border-top: solid $foreground 20%; }
    Picker #detail.-bad { color: $error; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "leave", show=False),
        Binding("up,ctrl+p", "step(-1)", show=False, priority=True),
        Binding("down,ctrl+n", "step(1)", show=False, priority=True),
        Binding("pageup", "step(-10)", show=False, priority=True),
        Binding("pagedown", "step(10)", show=False, priority=True),
    ]
    heading: str = ""
    hint: str = "type to search"
    nothing: str = "nothing matches"

    def __init__(self, current: str = "") -> None:
        super().__init__()
        self._current = current
        self._rows: list[Row] = []

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = Content(self.heading)
            box.border_subtitle = Content("↑↓ choose · enter take · esc leave")
            yield Input(placeholder=self.hint, compact=True)
            listing = OptionList(markup=False, compact=True)
            listing.can_focus = False
            yield listing
            yield Static("", id="detail", markup=False)

    async def on_mount(self) -> None:
        self.query_one(Input).focus()
        await self.gather()
        self.fill()

    async def gather(self) -> None:
        """Get what there is to choose from (once)."""

    def rows(self, query: str) -> Sequence[Row]:
        """The rows that match, best first."""
        raise NotImplementedError

    def fill(self) -> None:
        """Show the rows for what is typed."""
        query = self.query_one(Input).value
        self._rows = list(self.rows(query))[:SHOWN]
        listing = self.query_one(OptionList)
        listing.set_options(Option(row.content) for row in self._rows)
        if self._rows:
            keys = [row.key for row in self._rows]
            listing.highlighted = keys.index(self._current) if not query and self._current in keys else 0
        self._tell()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search again."""
        event.stop()
        self.fill()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in the input takes the highlighted row."""
        event.stop()
        self._take()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Show what the row is."""
        event.stop()
        self._tell()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A click takes the row."""
        event.stop()
        self._take()

    def highlight(self, key: str) -> None:
        """Move the highlight to the row of this key, if there is one."""
        keys = [row.key for row in self._rows]
        if key in keys:
            self.query_one(OptionList).highlighted = keys.index(key)

    @property
    def _row(self) -> Row | None:
        at = self.query_one(OptionList).highlighted
        return self._rows[at] if at is not None and at < len(self._rows) else None

    def _tell(self) -> None:
        row = self._row
        detail = self.query_one("#detail", Static)
        text = (row.error or row.detail) if row else self.nothing
        detail.set_class(bool(row and row.error), "-bad")
        detail.update(Content(safe.text(text)))

    def _take(self) -> None:
        row = self._row
        if row is not None and not row.error:
            self.dismiss(row.key)

    def action_step(self, by: int) -> None:
        """Move the highlight."""
        listing = self.query_one(OptionList)
        if self._rows:
            here = listing.highlighted or 0
            listing.highlighted = max(0, min(len(self._rows) - 1, here + by))

    def action_leave(self) -> None:
        """Without choosing."""
        self.dismiss(None)


def marked(text: str, places: Sequence[int], style: str = "bold $accent") -> Content:
    """`text` (untrusted) with the letters at `places` marked."""
    shown = safe.line(text)
    content = Content(shown)
    if len(shown) != len(text):
        return content
    for at in places:
        content = content.stylize(style, at, at + 1)
    return content


def columns(*parts: tuple[Any, int]) -> Content:
    """Contents or texts side by side, each cut and padded to its width in cells (0: as it is)."""
    made: list[Content] = []
    for part, width in parts:
        content = part if isinstance(part, Content) else Content(safe.line(str(part)))
        if width:
            content = content.truncate(width, ellipsis=True).pad_right(max(0, width - content.cell_length))
        made.append(content)
    return Content("  ").join(made)
