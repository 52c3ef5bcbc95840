"""A blind verdict on two trials, and what of it is counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from workbench.errors import UsageError

Winner = Literal["left", "right", "tie", "bad"]


@dataclass(frozen=True)
class Style:
    """How a text looks, apart from what it says: its length (tokens or characters, the same for all) and its marks."""

    length: int = 0
    lists: int = 0
    headings: int = 0
    bold: int = 0


@dataclass(frozen=True)
class Vote:
    """Two items (whatever is ranked: prompt versions, models, variants), who won, on which case.

    `case` "": none is known, the vote stands for itself. `tags` are its categories. `styles` of the left and the right
    text, None where not known. Errors: UsageError for a winner that is none, or an item that meets itself.
    """

    left: str
    right: str
    winner: Winner
    case: str = ""
    tags: tuple[str, ...] = ()
    styles: tuple[Style, Style] | None = None

    def __post_init__(self) -> None:
        if self.winner not in get_args(Winner):
            raise UsageError(f"{self.winner!r} is no winner", hint="left, right, tie or bad")
        if self.left == self.right:
            raise UsageError(f"{self.left!r} against itself", hint="a vote is on two different items")

    @property
    def score(self) -> float:
        """The left one's share of the win: 1, 0, or ½ for a tie.

        Both bad is ½ too: it says that neither is better than the other, and nothing of others (Chatbot Arena counts it
        so: Chiang et al. 2024, arXiv 2403.04132). How often it happens is told apart, as `bad`.
        """
        return {"left": 1.0, "right": 0.0}.get(self.winner, 0.5)


def items(votes: Iterable[Vote]) -> list[str]:
    """All items that were voted on, by name."""
    return sorted({item for vote in votes for item in (vote.left, vote.right)})


def by_case(votes: Iterable[Vote]) -> list[list[Vote]]:
    """The votes of each case together, in order of first sight; each vote without a case is alone."""
    found: dict[str, list[Vote]] = {}
    alone = []
    for vote in votes:
        if vote.case:
            found.setdefault(vote.case, []).append(vote)
        else:
            alone.append([vote])
    return [*found.values(), *alone]


def categories(votes: Iterable[Vote]) -> list[str]:
    """All tags, by name."""
    return sorted({tag for vote in votes for tag in vote.tags})


def separate(votes: Sequence[Vote]) -> list[set[str]]:
    """Items in groups that met, directly or through others; the largest first. Ratings compare within a group only."""
    parent = {item: item for item in items(votes)}

    def root(item: str) -> str:
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    for vote in votes:
        parent[root(vote.left)] = root(vote.right)
    groups: dict[str, set[str]] = {}
    for item in parent:
        groups.setdefault(root(item), set()).add(item)
    return sorted(groups.values(), key=lambda group: (-len(group), min(group)))
