"""Fuzzy search over prompts as one types; filters kind: tag: label: library: is:bad.

A key must not wait: words are looked for as they are spelled, in texts put together once; a longer word is looked for
only where its beginning was, other words are remembered, and spelling is forgiven (rapidfuzz) only for a word that is
hardly anywhere. What is pasted by accident must not stand in the way either: no word is looked for once nothing is
left, and late or long words are taken as they are spelled.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import repeat

from workbench.library.index import Card, card_of
from workbench.library.library import Entry

FILTERS = ("kind", "tag", "label", "library", "is")
REMEMBERED = 24  # words
ENOUGH = 3  # matches as it is spelled, above which a word is taken as meant
CLOSE = 78.0  # likeness (0–100) that a misspelled word must reach in an id, a title or the tags
LEADING = 8  # words that are looked for in all cards, and may be misspelled; later ones only in what is left
_LENGTHS = range(4, 33)  # letters of a word that may be misspelled
# What a word is worth within a field, and at the beginning of a word there: the least first, as the best place counts.
_WORTH = (
    ("about", False, 72.0),
    ("about", True, 80.0),
    ("tags", False, 85.0),
    ("heads", False, 90.0),
    ("tags", True, 95.0),
    ("heads", True, 100.0),
)
_IN_TEXT = 66.0
_NO_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class _Word:
    """Where a word stands: the cards that have it as spelled, in all and by field; those that nearly do; and what it is
    worth in those where it is not only in the text."""

    literal: Sequence[int]
    fields: Mapping[str, Sequence[int]]
    nearly: Collection[int]
    worth: Mapping[int, float]


@dataclass
class _Field:
    """Something of all cards, in small letters; `starts` has a blank before every word."""

    raw: list[str] = field(default_factory=list)
    starts: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        low = _low(text)
        self.raw.append(low)
        self.starts.append(" " + _NO_WORD.sub(" ", low))


class Searcher:
    """Searches `cards`; `labels` are those of each id. Cheap to ask, some milliseconds a thousand cards to make."""

    def __init__(self, cards: Sequence[Card], labels: Mapping[str, Sequence[str]] | None = None) -> None:
        self._cards = cards
        self._labels = labels or {}
        self._fields = {"heads": _Field(), "tags": _Field(), "about": _Field()}  # head: id and title
        self._names: list[str] = []  # what a misspelled word is looked for in
        self._all: list[str] = []
        for card in cards:
            head, tags = f"{card.id}\n{card.title or card.problem}", " ".join(card.tags)
            for each, value in zip(self._fields.values(), (head, tags, card.description), strict=True):
                each.add(value)
            self._names.append(_low(f"{head}\n{tags}"))
            self._all.append(_low("\n".join((head, tags, card.description, card.text))))
        self.count = len(cards)  # what the last query found, however many it gave
        self._passed: dict[tuple[str, str], list[int]] = {}
        self._words: dict[str, _Word] = {}  # of the last queries, newest last

    def find(self, query: str, limit: int = 500) -> list[tuple[Card, float]]:
        """Cards that hold every word of `query`, or nearly, with a score (0–100), best first, then by place."""
        words, filters = _split(query)
        kept = self._kept(filters)
        if not words:
            self.count = len(kept)
            return [(self._cards[at], 100.0) for at in kept[:limit]]
        looked, left = self._look(list(dict.fromkeys(words)), kept)
        self.count = len(left)
        return self._best(looked, sorted(left), limit)

    def _kept(self, filters: Sequence[tuple[str, str]]) -> Sequence[int]:
        """The cards that pass all filters, in order."""
        kept: Sequence[int] = range(len(self._cards))
        for each in filters:
            if each not in self._passed:
                self._passed[each] = [at for at, card in enumerate(self._cards) if self._passes(card, *each)]
            passed = self._passed[each]
            kept = passed if isinstance(kept, range) else sorted(set(kept).intersection(passed))
        return kept

    def _passes(self, card: Card, name: str, value: str) -> bool:
        if name == "is":
            return value == "bad" and bool(card.error)
        if name == "kind":
            return bool(card.kind) and card.kind.startswith(value)
        if name == "tag":
            return any(_low(tag).startswith(value) for tag in card.tags)
        if name == "label":
            return any(_low(label).startswith(value) for label in self._labels.get(card.id, ()))
        return _low(card.library).startswith(value)

    def _look(self, words: Sequence[str], kept: Sequence[int]) -> tuple[list[_Word], set[int]]:
        """The words, and the cards of `kept` that every one of them found."""
        looked: list[_Word] = []
        left = set(kept)
        for word in words:
            leads = len(looked) < LEADING
            found = self._word(word) if leads else self._spelled(word, left, dict.fromkeys(self._fields, left))
            left = left.intersection(found.literal).union(left.intersection(found.nearly))
            looked.append(found)
            if not left:
                break
        return looked, left

    def _word(self, word: str) -> _Word:
        """Where the word stands, looked up only where its beginning was found."""
        made = self._words.pop(word, None)
        if made is None:
            before = max((old for old in self._words if word.startswith(old)), key=len, default="")
            if before:
                made = self._spelled(word, self._words[before].literal, self._words[before].fields)
            else:
                every = range(len(self._cards))
                made = self._spelled(word, every, dict.fromkeys(self._fields, every))
            if len(made.literal) <= ENOUGH and len(word) in _LENGTHS:
                nearly = {at: score for at, score in self._nearly(word).items() if at not in made.literal}
                made = replace(made, nearly=nearly.keys(), worth={**nearly, **made.worth})
            for old in list(self._words)[: max(0, len(self._words) - REMEMBERED)]:
                del self._words[old]
        self._words[word] = made
        return made

    def _spelled(self, word: str, where: Collection[int], fields: Mapping[str, Collection[int]]) -> _Word:
        """The word as it is spelled, within `where`; `fields` say where it may be in each."""
        texts = self._all
        literal = [at for at in where if word in texts[at]]
        hits: dict[str, Sequence[int]] = {}
        for name, here in fields.items():
            raw = self._fields[name].raw
            hits[name] = [at for at in (here if len(here) < len(literal) else literal) if word in raw[at]]
        start = " " + _NO_WORD.sub(" ", word).lstrip()
        worth: dict[int, float] = {}
        for name, first, value in _WORTH:
            starts = self._fields[name].starts
            places = [at for at in hits[name] if start in starts[at]] if first else hits[name]
            worth.update(dict.fromkeys(places, value))
        return _Word(literal, hits, (), worth)

    def _nearly(self, word: str) -> dict[int, float]:
        """Cards whose id, title or tags hold something like the word."""
        from rapidfuzz import fuzz, process

        near = process.extract(word, self._names, scorer=fuzz.partial_ratio, score_cutoff=CLOSE, limit=1000)
        return {at: score * 0.6 for _, score, at in near}

    def _best(self, looked: Sequence[_Word], left: Sequence[int], limit: int) -> list[tuple[Card, float]]:
        """The cards of `left` by the mean of what the words are worth there; among equals the first ones first."""
        worths = [map(word.worth.get, left, repeat(_IN_TEXT)) for word in looked]
        totals: Iterable[float] = worths[0] if len(worths) == 1 else map(sum, zip(*worths, strict=True))
        buckets: dict[float, list[int]] = defaultdict(list)
        for at, total in zip(left, totals, strict=True):
            buckets[total].append(at)
        made: list[tuple[Card, float]] = []
        for total in sorted(buckets, reverse=True):
            made += [(self._cards[at], total / len(looked)) for at in buckets[total][: limit - len(made)]]
            if len(made) >= limit:
                break
        return made


def search(entries: Sequence[Entry], query: str) -> list[tuple[Entry, float]]:
    """The same over entries, for a search that is made once."""
    cards = [card_of(entry) for entry in entries]
    places = {id(card): entry for card, entry in zip(cards, entries, strict=True)}
    return [(places[id(card)], score) for card, score in Searcher(cards).find(query, limit=len(cards) or 1)]


def positions(query: str, text: str) -> list[int]:
    """Places in `text` of the query's letters, sorted: each word where it is, else its letters one after another."""
    lower = text.lower()
    if len(lower) != len(text):
        return []
    found: set[int] = set()
    for word in _split(query)[0]:
        at = lower.find(word)
        found.update(range(at, at + len(word)) if at >= 0 else _scattered(word, lower))
    return sorted(found)


def _scattered(word: str, text: str) -> list[int]:
    found, start = [], 0
    for letter in word:
        at = text.find(letter, start)
        if at < 0:
            return []
        found.append(at)
        start = at + 1
    return found


def _split(query: str) -> tuple[list[str], list[tuple[str, str]]]:
    words, filters = [], []
    for word in _low(query).split():
        name, colon, value = word.partition(":")
        if colon and name in FILTERS:
            filters.append((name, value))
        else:
            words.append(word)
    return words, filters


def _low(text: str) -> str:
    """Small letters; a syllable or an accent is one character, however it was put together."""
    return unicodedata.normalize("NFC", text).lower()
