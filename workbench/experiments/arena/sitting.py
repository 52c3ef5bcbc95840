"""A person voting: which pair comes next, the verdicts, what is taken back. Blocking: call it off the interface's loop.

A pair is written (with the seed that drew its sides) before it is given out, so that nobody can draw again: one that
was left without a verdict comes first the next time, on the same sides. Two answers meet once.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass
from itertools import combinations

from workbench.errors import UsageError
from workbench.experiments.arena.entries import Entry, votes_of
from workbench.experiments.arena.matches import next_match
from workbench.history.store import Store
from workbench.history.votes import Ballot, Verdict, ballots, cast, issue, take_back

MOST_ITEMS = 60  # the newest ones: choosing among more takes seconds (it grows with their cube)


@dataclass(frozen=True)
class Pair:
    """Two answers to be shown, and their ballot."""

    ballot: Ballot
    left: Entry
    right: Entry


def draw() -> int:
    """A new seed for a pair."""
    return secrets.randbits(48)


class Sitting:
    """Votes on `entries` (in the order of the history, newest first); `tag` keeps to the cases of a category."""

    def __init__(
        self, store: Store, entries: Iterable[Entry], *, tag: str = "", seed: Callable[[], int] = draw
    ) -> None:
        self._store = store
        self._seed = seed
        self._entries = {entry.trial: entry for entry in entries}
        self._cast: list[Ballot] = []  # in this sitting, for taking back
        self.tag = tag
        self.pair: Pair | None = None
        self.reread()

    def reread(self) -> None:
        """Take in what other windows, or an import, added. Raises StorageError."""
        self.ballots = ballots(self._store)
        self._met = {frozenset((told.left_trial, told.right_trial)) for told in self.ballots}
        self._tags = {told.case: told.tags for told in self.ballots if told.counts}

    @property
    def items(self) -> list[str]:
        """What is compared, newest first."""
        return list(dict.fromkeys(entry.item for entry in self._entries.values()))

    @property
    def counted(self) -> int:
        """Votes that stand."""
        return sum(told.counts for told in self.ballots)

    @property
    def met(self) -> bool:
        """Whether any two of the entries were shown together."""
        return any(told.left_trial in self._entries and told.right_trial in self._entries for told in self.ballots)

    def tags_of(self, entry: Entry) -> tuple[str, ...]:
        """The categories of an entry's case: its own, or those of the last vote on it."""
        return self._tags.get(entry.case, entry.tags)

    def categories(self) -> list[str]:
        """All tags of votes and of what can be voted on, by name."""
        told = [ballot.tags for ballot in self.ballots if ballot.counts]
        return sorted({tag for tags in (*told, *(entry.tags for entry in self._entries.values())) for tag in tags})

    # ---- going on

    def advance(self) -> Pair | None:
        """The next pair to show, None when all have met. Its ballot is on disk when this returns."""
        self.pair = self._waiting() or self._drawn()
        return self.pair

    def _waiting(self) -> Pair | None:
        """A pair that was shown and has no verdict."""
        for ballot in self.ballots:
            left, right = self._entries.get(ballot.left_trial), self._entries.get(ballot.right_trial)
            if ballot.open and left and right and self._wanted(left):
                return Pair(ballot, left, right)
        return None

    def _drawn(self) -> Pair | None:
        meetings = self._open()
        votes = votes_of(self.ballots, self.tag)
        here = {item for meeting in meetings for item in meeting[:2]}
        told = [vote for vote in votes if vote.left in here and vote.right in here]
        seed = self._seed()
        match = next_match(told, meetings, seed=seed)
        if match is None:
            return None
        one, other = sorted((match.left, match.right))
        chosen = meetings[one, other, match.case][0]
        left, right = chosen if chosen[0].item == match.left else chosen[::-1]
        ballot = Ballot(
            id=f"b{secrets.token_hex(12)}",
            left=left.item,
            right=right.item,
            left_trial=left.trial,
            right_trial=right.trial,
            case=match.case,
            styles=(_looks(left), _looks(right)),
            seed=seed,
        )
        issue(self._store, ballot)
        self.ballots.append(ballot)
        self._met.add(frozenset((left.trial, right.trial)))
        return Pair(ballot, left, right)

    def _wanted(self, entry: Entry) -> bool:
        return not self.tag or self.tag in self.tags_of(entry)

    def _open(self) -> dict[tuple[str, str, str], list[tuple[Entry, Entry]]]:
        """What may still be shown: (item, item, case) → pairs of answers that have not met, up to ten of each."""
        known = set(self.items[:MOST_ITEMS])
        groups: dict[str, dict[str, list[Entry]]] = {}
        for entry in self._entries.values():
            if entry.item in known and self._wanted(entry):
                groups.setdefault(entry.group, {}).setdefault(entry.item, []).append(entry)
        found: dict[tuple[str, str, str], list[tuple[Entry, Entry]]] = {}
        for group in groups.values():
            for one, other in combinations(sorted(group), 2):
                for pair in self._unmet(group[one], group[other]):
                    found.setdefault((one, other, pair[0].case), []).append(pair)
        return found

    def _unmet(self, ones: Sequence[Entry], others: Sequence[Entry]) -> list[tuple[Entry, Entry]]:
        found = [
            (one, other)
            for one in ones[:10]
            for other in others[:10]
            if frozenset((one.trial, other.trial)) not in self._met
        ]
        return found[:10]

    # ---- verdicts

    def vote(self, verdict: Verdict, tags: Sequence[str] = ()) -> Ballot:
        """The present pair's verdict, durable when this returns. Raises UsageError, StorageError."""
        if self.pair is None:
            raise UsageError("there is no pair to vote on")
        told = cast(self._store, self.pair.ballot, verdict, tags)
        self._replace(told)
        if told.counts:
            self._tags[told.case] = told.tags
        self._cast.append(told)
        self.pair = None
        return told

    def undo(self) -> Ballot | None:
        """Take back the verdict given last in this sitting; None when there is none left."""
        if not self._cast:
            return None
        told = take_back(self._store, self._cast[-1])
        self._cast.pop()
        self._replace(told)
        return told

    def _replace(self, ballot: Ballot) -> None:
        place = next(at for at, told in enumerate(self.ballots) if told.id == ballot.id)
        self.ballots[place] = ballot


def _looks(entry: Entry) -> tuple[int, int, int, int]:
    length, lists, headings, bold = astuple(entry.style)
    return length, lists, headings, bold
