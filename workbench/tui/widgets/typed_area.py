"""A box for any text: line ends other than LF stay as they are."""

from __future__ import annotations

from textual.document._document_navigator import DocumentNavigator
from textual.document._wrapped_document import WrappedDocument
from textual.widgets import TextArea

from workbench.tui.widgets.toml_editor import LineDocument


class TypedArea(TextArea):
    """As the library's editor, without colours."""

    DEFAULT_CSS = """
    TypedArea, TypedArea:focus { height: 1fr; border: none; padding: 0 1; background: $surface;
        scrollbar-size-vertical: 1; }
    """

    def __init__(self, placeholder: str) -> None:
        super().__init__(
            soft_wrap=True, tab_behavior="focus", compact=True, highlight_cursor_line=False, placeholder=placeholder
        )
        self.cursor_blink = False  # half a kilobyte a second over SSH

    def _set_document(self, text: str, language: str | None) -> None:
        """As TextArea's, with our document."""
        self.document = LineDocument(text)
        self.wrapped_document = WrappedDocument(self.document, tab_width=self.indent_width)
        self.navigator = DocumentNavigator(self.wrapped_document)
        self._build_highlight_map()
        self.move_cursor((0, 0))
        self._rewrap_and_refresh_virtual_size()
