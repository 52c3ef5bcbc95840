"""What stands behind the library screen: the cards, the search, the file being edited, and what is wrong with it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import PromptError, WorkbenchError
from workbench.library.check import problems_of, sample
from workbench.library.index import Card, Index
from workbench.library.library import Entry
from workbench.library.prompt import Prompt
from workbench.library.reader import FileError, Problem
from workbench.library.search import Searcher
from workbench.library.template import lead
from workbench.library.writing import Working, Writer, parsed

if TYPE_CHECKING:
    from workbench.inference.engine import Message
    from workbench.session import Session


@dataclass(frozen=True)
class Checked:
    """A text looked through: the prompt when it is one, what is wrong, and the messages it renders to with samples."""

    prompt: Prompt | None
    problems: Sequence[Problem]
    messages: tuple[Message, ...] = ()


class Shelf:
    """The libraries as the screen sees them. Methods that read files are to be awaited."""

    def __init__(self, session: Session) -> None:
        from workbench.library.manage import Manager

        self.session = session
        self.index = Index(session.libraries)
        self.writer = Writer(session.libraries, session.versions)
        self.manager = Manager(session.libraries, session.versions)
        self.cards: list[Card] = []
        self.labels: dict[str, Mapping[str, str]] = {}  # id -> label -> version
        self.drafted: set[str] = set()  # paths with an unsaved edit
        self._searcher = Searcher([])

    async def names(self) -> None:
        """What there is, as far as it is known without reading files."""
        self._take(await asyncio.to_thread(self.index.names))

    async def refresh(self, first: Sequence[str] = ()) -> bool:
        """Read what changed; says whether anything did."""
        cards = await asyncio.to_thread(self.index.refresh, None, first)
        labels = await asyncio.to_thread(self._read_labels)
        drafted = {draft.path for draft in await asyncio.to_thread(self.writer.drafts.all)}
        if cards == self.cards and labels == self.labels and drafted == self.drafted:
            return False
        self.labels, self.drafted = labels, drafted
        self._take(cards)
        return True

    def _read_labels(self) -> dict[str, Mapping[str, str]]:
        from workbench.library import labels

        found: dict[str, Mapping[str, str]] = {}
        for library in reversed(self.session.libraries.libraries):
            found.update(labels.load(library.folder))
        return found

    def _take(self, cards: Sequence[Card]) -> None:
        self.cards = list(cards)
        self._searcher = Searcher(self.cards, {id: list(names) for id, names in self.labels.items()})

    def find(self, query: str) -> list[Card]:
        """The cards that match, best first."""
        return [card for card, _ in self._searcher.find(query, limit=len(self.cards) or 1)]

    def note_draft(self, working: Working) -> None:
        """Whether the file has an unsaved edit now."""
        real = os.path.realpath(working.path)
        (self.drafted.add if working.changed else self.drafted.discard)(real)

    def is_drafted(self, card: Card) -> bool:
        """Whether the card's file has an unsaved edit."""
        return bool(self.drafted) and os.path.realpath(card.path) in self.drafted

    def labels_of(self, id: str, version: str) -> list[str]:
        """The labels that this version of the prompt has."""
        return [name for name, at in self.labels.get(id, {}).items() if at == version]


def check(working: Working) -> Checked:
    """Look through the text as it stands in the editor."""
    try:
        prompt = parsed(working)
    except FileError as error:
        return Checked(None, [error.problem])
    except PromptError as error:
        return Checked(None, [Problem(str(working.path), None, "", error.what, error.hint)])
    problems = problems_of(Entry(working.id, working.library.name, Path(working.path), prompt, None))
    try:
        messages = lead(prompt, {name: sample(slot) for name, slot in prompt.variables.items()})
    except WorkbenchError:
        messages = ()
    return Checked(prompt, problems, messages)


def rendered(messages: Sequence[Message]) -> str:
    """The messages as they are read: a line with the role above each."""
    return "\n\n".join(f"── {message.role}\n{message.content}" for message in messages)
