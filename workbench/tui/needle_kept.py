"""What a person set for the needle probe, and what was measured: kept while the app is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from workbench.inference.engine import Message
from workbench.insight.filler import Language
from workbench.insight.haystack import Haystack, from_file
from workbench.insight.needle import NEEDLES, Cell, Needle, Probe
from workbench.insight.needle_words import depths, fills


@dataclass(frozen=True)
class Setup:
    """The form's lines, as typed. `file` "" has made-up sentences of `language`, `fills` "" has some proposed."""

    fact: str = NEEDLES["en"].fact
    question: str = NEEDLES["en"].question
    opening: str = NEEDLES["en"].opening
    expected: str = NEEDLES["en"].expected
    file: str = ""
    language: Language = "en"
    fills: str = ""
    depths: str = "0, 25, 50, 75, 100"
    beyond: bool = False

    @classmethod
    def of_language(cls, language: Language) -> Setup:
        """All defaults of a language."""
        needle = NEEDLES[language]
        return cls(needle.fact, needle.question, needle.opening, needle.expected, language=language)

    def probe(self, lead: Sequence[Message]) -> Probe:
        """What it asks for; reads the file. Raises UsageError."""
        needle = Needle(self.fact.strip(), self.question.strip(), self.expected.strip(), self.opening.strip())
        needle.check()
        path = Path(self.file.strip()).expanduser()
        return Probe(
            needle=needle,
            lead=tuple(lead),
            fills=fills(self.fills),
            depths=depths(self.depths),
            haystack=from_file(path) if self.file.strip() else Haystack(language=self.language),
            beyond=self.beyond,
        )


Place = tuple[int, "float | None"]  # a fill, a depth


@dataclass
class Kept:
    """The latest probe: whose it was, and the cells that are there. `reason` says why it is not scored."""

    path: str
    lead: tuple[Message, ...]
    setup: Setup = field(default_factory=Setup)
    probe: Probe | None = None  # settled
    cells: dict[Place, Cell] = field(default_factory=dict)
    reason: str = ""
    limit: int = 0

    def of(self, path: str, lead: Sequence[Message]) -> Kept:
        """This one if it was for that model and prompt, else a new one with the same setup."""
        if (path, tuple(lead)) == (self.path, self.lead):
            return self
        return Kept(path, tuple(lead), self.setup)

    def take(self, setup: Setup) -> None:
        """Another setup; what was measured stays where only fills are others."""
        same = replace(setup, fills="", beyond=False) == replace(self.setup, fills="", beyond=False)
        self.setup, self.probe = setup, None
        # A cell past the limit is another one when nothing may fall out; others stand for themselves.
        self.cells = {place: cell for place, cell in self.cells.items() if same and not cell.spot.forgotten}

    @property
    def places(self) -> list[Place]:
        """All cells there are to be, row by row."""
        if self.probe is None:
            return []
        return [(fill, depth) for fill in self.probe.fills for depth in (*self.probe.columns, None)]

    @property
    def measured(self) -> list[Cell]:
        """Those of them that are there."""
        return [self.cells[place] for place in self.places if place in self.cells]
