"""Pick a prompt, or one of its labels, fuzzy as one types; bad files are visible with what is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from textual.content import Content

from workbench.library import labels
from workbench.library.index import Card, Index
from workbench.library.library import Libraries
from workbench.library.prompt import short
from workbench.library.search import Searcher, positions
from workbench.tui.screens.picker import Picker, Row, columns, marked

PLAIN = "\0none"  # the key of "no system prompt"
MOST = 300  # rows that are made; one types to see others


class PromptPicker(Picker):
    """Gives what a lane takes: ID, ID@LABEL, or PLAIN."""

    heading = " prompt "
    hint = "search id, title, tags, text; kind:system tag:korean label:production"
    nothing = "no prompt matches"

    def __init__(self, libraries: Libraries, current: str = "", *, association: bool = False) -> None:
        """With `association` it offers those templates, by their ids alone."""
        super().__init__(current)
        self._association = association
        self._libraries = libraries
        self._named: dict[str, dict[str, str]] = {}  # id -> label -> version
        self._searcher = Searcher([])

    async def gather(self) -> None:
        """Read what changed in the libraries."""
        self._searcher, self._named = await asyncio.to_thread(self._read)

    def _read(self) -> tuple[Searcher, dict[str, dict[str, str]]]:
        cards = [
            card
            for card in Index(self._libraries).refresh()
            if card.error or (card.kind == "association") == self._association
        ]
        named_by, _ = labels.of_all((library.name, library.folder) for library in self._libraries.libraries)
        named = {card.id: named_by[card.library, card.id] for card in cards if (card.library, card.id) in named_by}
        return Searcher(cards, {id: list(names) for id, names in named.items()}), named

    def rows(self, query: str) -> Sequence[Row]:
        """Prompts that can lead a conversation with their labels, and files that are wrong."""
        made: list[Row] = []
        for card, _ in self._searcher.find(query, limit=MOST):
            made.append(self._row_of(card, query))
            if self._association:
                continue
            for label, version in sorted(self._named.get(card.id, {}).items()):
                name = marked(f"  @{label}", [])
                about = f"{short(version)}{' · the present one' if version == card.version else ''}"
                says = "The version that the label names, whatever it is by then."
                made.append(Row(f"{card.id}@{label}", columns((name, 30), (Content.styled(about, "dim"), 0)), says))
        if not query and not self._association:
            made.append(Row(PLAIN, Content("(no prompt)"), "The message goes to the model as it is."))
        return made

    def _row_of(self, card: Card, query: str) -> Row:
        name = marked(card.id, positions(query, card.id))
        if card.error:
            return Row(card.id, columns((name, 30), (Content.styled("cannot be used", "$error"), 0)), "", card.error)
        title = marked(card.title, positions(query, card.title))
        tags = f"   [{', '.join(card.tags)}]" if card.tags else ""
        return Row(card.id, columns((name, 30), (title, 0)), f"{card.description.strip() or card.text[:300]}{tags}")
