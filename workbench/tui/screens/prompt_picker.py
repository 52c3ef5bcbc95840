"""Pick a prompt of the libraries, fuzzy as one types; bad files are visible with what is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from textual.content import Content

from workbench.library.library import Entry, Libraries
from workbench.library.search import positions, search
from workbench.tui.screens.picker import Picker, Row, columns, marked

PLAIN = "\0none"  # the key of "no system prompt"


class PromptPicker(Picker):
    """Gives the prompt's id, or PLAIN."""

    heading = " prompt "
    hint = "search id, title, tags, text; kind:system tag:korean"
    nothing = "no prompt matches"

    def __init__(self, libraries: Libraries, current: str = "") -> None:
        super().__init__(current)
        self._libraries = libraries
        self._entries: list[Entry] = []

    async def gather(self) -> None:
        """Read the libraries' files."""
        self._entries = await asyncio.to_thread(self._libraries.entries)

    def rows(self, query: str) -> Sequence[Row]:
        """Prompts that can lead a conversation, and files that are wrong."""
        found = [
            self._row_of(entry, query)
            for entry, _ in search(self._entries, query)
            if entry.prompt is None or entry.prompt.kind != "association"
        ]
        if not query:
            found.append(Row(PLAIN, Content("(no prompt)"), "The message goes to the model as it is."))
        return found

    def _row_of(self, entry: Entry, query: str) -> Row:
        name = marked(entry.id, positions(query, entry.id))
        if entry.prompt is None:
            error = entry.error or "cannot be read"
            return Row(entry.id, columns((name, 30), (Content.styled("cannot be used", "$error"), 0)), "", error)
        prompt = entry.prompt
        title = marked(prompt.title, positions(query, prompt.title))
        tags = f"   [{', '.join(prompt.tags)}]" if prompt.tags else ""
        detail = f"{prompt.description.strip() or prompt.text.strip()[:300]}{tags}"
        return Row(entry.id, columns((name, 30), (title, 0)), detail)
