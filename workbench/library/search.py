"""Fuzzy search over prompts as one types: id, title, tags, description, text; filters `kind:` and `tag:`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from workbench.library.library import Entry

CUTOFF = 55.0  # score (0–100) under which a match is noise
_FUZZY = (72.0, 72.0, 80.0, 80.0, 80.0)  # what a word that is not there letter by letter must reach, field by field
_MOST = 4000  # characters of a text that are searched
_WEIGHTS = (1.0, 1.0, 0.95, 0.8, 0.7)  # id, title, tags, description, text


def search(entries: Sequence[Entry], query: str) -> list[tuple[Entry, float]]:
    """Entries that hold every word of `query`, or nearly, with a score (0–100), best first; all for an empty one."""
    words, filters = _split(query)
    kept = [entry for entry in entries if _passes(entry, filters)]
    if not words:
        return [(entry, 100.0) for entry in kept]
    from rapidfuzz import fuzz

    found = []
    for entry in kept:
        score = _score(words, _fields(entry), fuzz.partial_ratio)
        if score >= CUTOFF:
            found.append((entry, score))
    return sorted(found, key=lambda pair: (-pair[1], pair[0].id))


def _score(words: Sequence[str], fields: Sequence[str], ratio: Callable[..., float]) -> float:
    """The mean over the words of each one's best field; 0 when a word is nowhere."""
    total = 0.0
    for word in words:
        best = 0.0
        for number, (weight, field) in enumerate(zip(_WEIGHTS, fields, strict=True)):
            if weight * 100 <= best or not field:
                continue
            at = field.find(word)
            if at >= 0:
                # At the beginning of a word it is worth more than within one.
                value = 100.0 if at == 0 or not field[at - 1].isalnum() else 90.0
            elif len(word) > (3 if number < 2 else 4):
                value = ratio(word, field, score_cutoff=_FUZZY[number]) * 0.9
            else:
                value = 0.0
            best = max(best, weight * value)
        if best < CUTOFF:
            return 0.0
        total += best
    return total / len(words)


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
    for word in query.lower().split():
        name, colon, value = word.partition(":")
        if colon and name in ("kind", "tag"):
            filters.append((name, value))
        else:
            words.append(word)
    return words, filters


def _passes(entry: Entry, filters: Sequence[tuple[str, str]]) -> bool:
    for name, value in filters:
        if entry.prompt is None:
            return False
        if name == "kind" and not entry.prompt.kind.startswith(value):
            return False
        if name == "tag" and not any(tag.lower().startswith(value) for tag in entry.prompt.tags):
            return False
    return True


def _fields(entry: Entry) -> tuple[str, str, str, str, str]:
    prompt = entry.prompt
    if prompt is None:
        return entry.id.lower(), (entry.error or "").lower(), "", "", ""
    text = prompt.text or "\n".join(turn.content for turn in prompt.messages)
    return (
        entry.id.lower(),
        prompt.title.lower(),
        " ".join(prompt.tags).lower(),
        prompt.description[:_MOST].lower(),
        text[:_MOST].lower(),
    )
