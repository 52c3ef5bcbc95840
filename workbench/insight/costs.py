"""What a text costs in tokens, by character, word and script: why a sentence costs more in another language."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from workbench.inference.engine import Token

DEAREST = 5  # words that are named


@dataclass(frozen=True)
class Script:
    """Letters of one writing, and the tokens that begin with one of them."""

    name: str
    characters: int
    tokens: int


@dataclass(frozen=True)
class Costs:
    """Of a text: `dearest` are the words of most tokens, the dearest first; `scripts` that of most characters first."""

    tokens: int
    characters: int
    words: int
    dearest: tuple[tuple[str, int], ...]
    scripts: tuple[Script, ...]

    @property
    def per_token(self) -> float:
        """Characters a token."""
        return self.characters / self.tokens if self.tokens else 0.0

    @property
    def per_word(self) -> float:
        """Tokens a word."""
        return self.tokens / self.words if self.words else 0.0


def costs(tokens: Sequence[Token]) -> Costs:
    """The costs of the text that these tokens join to. A word is what stands between blanks and control tokens."""
    marks = sum(len(token.text) for token in tokens if token.kind == "control")
    text = "".join([" " * len(token.text) if token.kind == "control" else token.text for token in tokens])
    starts: list[tuple[int, int]] = []  # where a token's first character that is no blank stands; how many tokens
    at, waiting = 0, 0
    by_script: Counter[str] = Counter()
    for token in tokens:
        waiting += 1
        said = token.text
        if not said:
            continue
        bare = said.lstrip()
        if token.kind == "control":
            by_script["control"] += waiting
        elif bare:
            starts.append((at + len(said) - len(bare), waiting))
            by_script[script(bare[0])] += waiting
        at, waiting = at + len(said), 0
    characters: Counter[str] = Counter()
    for char, count in Counter(text).items():
        if not char.isspace():
            characters[script(char)] += count
    if marks:
        characters["control"] = marks
    found = [Script(name, count, by_script[name]) for name, count in characters.most_common()]
    return Costs(len(tokens), len(text), len(text.split()), _dearest(text, starts), tuple(found))


def _dearest(text: str, starts: Sequence[tuple[int, int]]) -> tuple[tuple[str, int], ...]:
    costs: dict[str, int] = {}
    at, here = 0, 0
    for word in text.split():
        start = text.index(word, at)
        at = start + len(word)
        spent = 0
        while here < len(starts) and starts[here][0] < at:
            spent += starts[here][1]
            here += 1
        costs[word] = max(costs.get(word, 0), spent)
    return tuple(sorted(costs.items(), key=lambda pair: -pair[1])[:DEAREST])


@lru_cache(maxsize=20_000)
def script(char: str) -> str:
    """The writing that a character belongs to, by the first word of its Unicode name: Latin, Hangul, …"""
    kind = unicodedata.category(char)[0]
    if kind == "L" or kind == "M":
        word = unicodedata.name(char, "other").split()[0]
        return {"CJK": "Han", "COMBINING": "marks"}.get(word, word.capitalize())
    return {"N": "digits", "P": "punctuation", "S": "symbols"}.get(kind, "other")
