"""The editor of a prompt's TOML: coloured, problems marked at their lines; what it is given comes back unchanged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.document._document import Document, EditResult, Location
from textual.document._document_navigator import DocumentNavigator
from textual.document._wrapped_document import WrappedDocument
from textual.widgets import TextArea

from workbench.library.lineends import common
from workbench.tui.highlight import spans, states


class LineDocument(Document):
    """A document whose lines end at LF and nowhere else: Textual's own would turn U+2028 and its like into LF."""

    def __init__(self, text: str) -> None:
        super().__init__("")
        self._newline = "\n"
        self._lines = text.split("\n")

    def replace_range(self, start: Location, end: Location, text: str) -> EditResult:
        """As Document's; a terminal pastes line ends as CR."""
        (row, column), (last_row, last_column) = sorted((start, end))
        gone = self.get_text_range((row, column), (last_row, last_column))
        before = self._lines[row][:column] if row < len(self._lines) else ""
        after = self._lines[last_row][last_column:] if last_row < len(self._lines) else ""
        came = (before + text.replace("\r\n", "\n").replace("\r", "\n")).split("\n")
        place = (row + len(came) - 1, len(came[-1]))
        came[-1] += after
        self._lines[row : last_row + 1] = came
        return EditResult(place, gone)


class TomlEditor(TextArea):
    """A text area for TOML. `mark` shows problems, by line (from 1)."""

    DEFAULT_CSS = """
    TomlEditor, TomlEditor:focus { height: 1fr; border: none; padding: 0; background: $background;
        scrollbar-size-vertical: 1; }
    TomlEditor > .toml--key { color: $primary; }
    TomlEditor > .toml--table { color: $accent; text-style: bold; }
    TomlEditor > .toml--string { color: $success; }
    TomlEditor > .toml--slot { color: $accent; text-style: bold; }
    TomlEditor > .toml--escape { color: $secondary; }
    TomlEditor > .toml--comment { color: $foreground-muted; text-style: italic; }
    TomlEditor > .toml--number, TomlEditor > .toml--bool { color: $secondary; }
    TomlEditor > .toml--bad { text-style: underline; color: $error; }
    TomlEditor > .toml--odd { text-style: underline; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+home", "top", show=False),
        Binding("ctrl+end", "bottom", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = TextArea.COMPONENT_CLASSES | {
        f"toml--{name}"
        for name in ("key", "table", "string", "slot", "escape", "comment", "number", "bool", "bad", "odd")
    }

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(
            soft_wrap=True,
            show_line_numbers=True,
            tab_behavior="focus",
            compact=True,
            highlight_cursor_line=False,
            id=id,
        )
        self.cursor_blink = False  # half a kilobyte a second over SSH
        self._states: list[str] | None = None
        self._marks: Mapping[int, bool] = {}
        self._look: dict[str, Style] = {}

    def mark(self, problems: Mapping[int, bool]) -> None:
        """Mark lines (from 1); True for what keeps the prompt from running."""
        if problems != self._marks:
            self._marks = dict(problems)
            self._line_cache.clear()
            self.refresh()

    def show(self, text: str) -> None:
        """Another text, its beginning on top; no Changed is posted, and nothing is left to undo."""
        self.history.clear()
        self._set_document(text, None)
        self.scroll_home(animate=False)

    def put(self, text: str) -> None:
        """A text changed elsewhere (a form, a merge): one step that can be undone; lines that stay are not touched."""
        old, new = self.document.lines, text.split("\n")
        first, last = common(old, new)
        if first == len(old) == len(new):
            return
        gone, came = old[first : len(old) - last], new[first : len(new) - last]
        if not (gone and came):  # whole lines only: take a neighbour along
            first, last = (first - 1, last) if first else (first, last - 1)
            gone, came = old[first : len(old) - last], new[first : len(new) - last]
        here = self.cursor_location
        end = (first + len(gone) - 1, len(gone[-1]))
        self.replace("\n".join(came), (first, 0), end, maintain_selection_offset=False)
        self.move_cursor((min(here[0], self.document.line_count - 1), 0))

    def go(self, line: int) -> None:
        """The cursor to a line (from 1)."""
        self.move_cursor((max(0, min(line, self.document.line_count) - 1), 0), center=True)

    def action_top(self) -> None:
        """To the beginning of the text."""
        self.move_cursor((0, 0))

    def action_bottom(self) -> None:
        """To its end."""
        self.move_cursor(self.document.end)

    # ---- what TextArea asks for

    def _set_document(self, text: str, language: str | None) -> None:
        """As TextArea's, with our document."""
        self.document = LineDocument(text)
        self.wrapped_document = WrappedDocument(self.document, tab_width=self.indent_width)
        self.navigator = DocumentNavigator(self.wrapped_document)
        self._build_highlight_map()
        self.move_cursor((0, 0))
        self._rewrap_and_refresh_virtual_size()

    def _build_highlight_map(self) -> None:
        """After each edit: what blocks begin where is no longer known."""
        self._line_cache.clear()
        self._states = None

    def notify_style_update(self) -> None:
        """Another theme."""
        super().notify_style_update()
        self._look = {}

    def get_line(self, line_index: int) -> Text:
        """The line, coloured."""
        line = self.document.get_line(line_index)
        text = Text(line, end="", no_wrap=True)
        if self._states is None:
            self._states = states(self.document.lines)
        state = self._states[line_index] if line_index < len(self._states) else ""
        if len(line) < 20_000:
            for first, last, kind in spans(line, state)[0]:
                text.stylize(self._style(kind), first, last)
        if (bad := self._marks.get(line_index + 1)) is not None:
            text.stylize(self._style("bad" if bad else "odd"))
        return text

    def _style(self, kind: str) -> Style:
        if kind not in self._look:
            self._look[kind] = self.get_component_rich_style(f"toml--{kind}", partial=True)
        return self._look[kind]
