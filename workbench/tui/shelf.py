"""What stands behind the library screen: the cards, the search, the file being edited, and what is wrong with it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import PromptError, WorkbenchError
from workbench.library.check import problems_of, sample
from workbench.library.index import Card, Index
from workbench.library.library import Entry
from workbench.library.prompt import Prompt, short
from workbench.library.reader import FileError, Problem
from workbench.library.search import Searcher
from workbench.library.template import lead
from workbench.library.walk import is_inside
from workbench.library.writing import Working, Writer, parsed

if TYPE_CHECKING:
    from workbench.inference.engine import Message
    from workbench.session import Session

MOST = 1000  # matches that are shown
GONE = "the file is gone; what was typed in it is kept: ^s writes it anew"
_id = attrgetter("id")


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
        self.labels: dict[tuple[str, str], dict[str, str]] = {}  # (library, id) -> label -> version
        self.matches = 0  # what the last search found, however many it gave
        self.problems: list[str] = []  # labels that cannot be read, a line each
        self.drafted: set[str] = set()  # paths with an unsaved edit
        self._searcher: Searcher | None = None  # of a large library some 0.2 s to make: the list does not wait
        self._reading = asyncio.Lock()  # the index is not for two at once

    async def names(self) -> None:
        """What there is, as far as it is known without reading files."""
        self.cards = await asyncio.to_thread(self.index.names)

    async def refresh(self, first: Sequence[str] = ()) -> bool:
        """Read what changed; says whether anything did."""
        async with self._reading:
            cards = await asyncio.to_thread(self.index.refresh, None, first)
            named, self.problems = await asyncio.to_thread(self._read_labels)
            drafted = {draft.path for draft in await asyncio.to_thread(self.writer.drafts.all)}
            cards = self._with_gone(cards, drafted)
            same = cards == self.cards and named == self.labels and drafted == self.drafted
            if same and self._searcher is not None:
                return False
            self.labels, self.drafted = named, drafted
            self._searcher = await asyncio.to_thread(self._searching, cards)
            self.cards = cards
            return not same

    def _with_gone(self, cards: list[Card], drafted: Iterable[str]) -> list[Card]:
        """The cards, and one for each unsaved edit whose file is no more."""
        gone = []
        for path in drafted:
            for library in self.session.libraries.libraries:
                folder = os.path.realpath(library.folder)
                if is_inside(folder, path) and not os.path.lexists(path):
                    id = os.path.relpath(path, folder).removesuffix(".toml")
                    gone.append(Card(id, library.name, str(library.folder / f"{id}.toml"), error=GONE, problem=GONE))
        known = {card.id for card in cards}
        return sorted([*cards, *(card for card in gone if card.id not in known)], key=_id) if gone else cards

    def _read_labels(self) -> tuple[dict[tuple[str, str], dict[str, str]], list[str]]:
        from workbench.library import labels

        return labels.of_all((library.name, library.folder) for library in self.session.libraries.libraries)

    def _searching(self, cards: Sequence[Card]) -> Searcher:
        named = {card.id: list(self.labels.get((card.library, card.id), ())) for card in cards} if self.labels else {}
        return Searcher(cards, named)

    def find(self, query: str) -> list[Card]:
        """The cards that match, best first; of a long list of matches the first ones, `matches` says how many."""
        if not query.strip():
            self.matches = len(self.cards)
            return self.cards
        self._searcher = self._searcher or self._searching(self.cards)
        found = [card for card, _ in self._searcher.find(query, limit=MOST)]
        self.matches = self._searcher.count
        return found

    def note_draft(self, working: Working) -> None:
        """Whether the file has an unsaved edit now."""
        real = os.path.realpath(working.path)
        (self.drafted.add if working.changed else self.drafted.discard)(real)

    def is_drafted(self, card: Card) -> bool:
        """Whether the card's file has an unsaved edit."""
        return bool(self.drafted) and os.path.realpath(card.path) in self.drafted

    def labels_of(self, library: str, id: str, version: str) -> list[str]:
        """The labels of the prompt: bare where they name `version`, `label@1a2b` where another."""
        named = sorted(self.labels.get((library, id), {}).items())
        return [name if at == version else f"{name}@{short(at)}" for name, at in named]


def check(working: Working) -> Checked:
    """Look through the text as it stands in the editor."""
    try:
        prompt = parsed(working)
    except FileError as error:
        return Checked(None, [error.problem])
    except PromptError as error:
        return Checked(None, [Problem(str(working.path), None, "", error.what, error.hint)])
    problems = problems_of(Entry(working.id, working.library.name, Path(working.path), prompt, None))
    if any(case.checks for case in prompt.cases):
        from workbench.experiments.checks import reading

        problems = sorted([*problems, *reading.problems_of(prompt)], key=lambda problem: problem.line or 0)
    try:
        messages = lead(prompt, {name: sample(slot) for name, slot in prompt.variables.items()})
    except WorkbenchError:
        messages = ()
    return Checked(prompt, problems, messages)


def rendered(messages: Sequence[Message]) -> str:
    """The messages as they are read: a line with the role above each."""
    return "\n\n".join(f"── {message.role}\n{message.content}" for message in messages)
