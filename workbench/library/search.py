"""Fuzzy search over prompts as one types: id, title, tags, description, text; filters `kind:` and `tag:`."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.library.library import Entry

CUTOFF = 55.0  # rapidfuzz score (0–100) under which a match is noise
_WEIGHTS = (1.0, 1.0, 0.95, 0.8, 0.7)  # id, title, tags, description, text


def search(entries: Sequence[Entry], query: str) -> list[tuple[Entry, float]]:
    """Entries that match with their score (0–100), best first; all of them (100) for an empty query."""
    words, filters = _split(query)
    kept = [entry for entry in entries if _passes(entry, filters)]
    if not words:
        return [(entry, 100.0) for entry in kept]
    from rapidfuzz import fuzz

    wanted = words.lower()
    found = []
    for entry in kept:
        score = 0.0
        for weight, field in zip(_WEIGHTS, _fields(entry), strict=True):
            if not field:
                continue
            text = field.lower()
            value = 100.0 if wanted in text else fuzz.partial_ratio(wanted, text[:2000]) if len(wanted) > 2 else 0.0
            score = max(score, weight * value)
        if score >= CUTOFF:
            found.append((entry, score))
    return sorted(found, key=lambda pair: (-pair[1], pair[0].id))


def positions(query: str, text: str) -> list[int]:
    """Places in `text` of the query's letters: together where they are, else one after another; [] for no match."""
    words, _ = _split(query)
    wanted, lower = words.lower(), text.lower()
    if not wanted or len(lower) != len(text):
        return []
    at = lower.find(wanted)
    if at >= 0:
        return list(range(at, at + len(wanted)))
    found, start = [], 0
    for letter in wanted.replace(" ", ""):
        at = lower.find(letter, start)
        if at < 0:
            return []
        found.append(at)
        start = at + 1
    return found


def _split(query: str) -> tuple[str, list[tuple[str, str]]]:
    words, filters = [], []
    for word in query.split():
        name, colon, value = word.partition(":")
        if colon and name in ("kind", "tag"):
            filters.append((name, value.lower()))
        else:
            words.append(word)
    return " ".join(words), filters


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
        return entry.id, entry.error or "", "", "", ""
    return entry.id, prompt.title, " ".join(prompt.tags), prompt.description, prompt.text
