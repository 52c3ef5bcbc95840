"""Tokens of a text that is being edited: only what is near the edit is cut again, where that gives the same.

A tokenizer looks at no more than a stretch around a place (words, or merges within reach), so the tokens some way
before and behind an edit stay. `Tape.ask` names the stretch, `Tape.take` puts its tokens in where both of its ends
agree with what was there; where they do not, the whole text is asked for. Agreement is strong evidence, no proof: who
shows the tokens cuts the whole text when the typing rests (`Tape.confirm`).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from workbench.inference.engine import Token
from workbench.insight.given import whole

MARGIN = 256  # characters on either side of the edit that are cut again
SURE = 6  # tokens that have to agree at either end


@dataclass(frozen=True)
class Ask:
    """Characters `start` to `end` of `text` are to be cut; they stand for tokens `first` to `last` of before.

    `before` and `after` are what the texts have in common at their ends, in characters.
    """

    text: str
    start: int
    end: int
    first: int
    last: int
    before: int
    after: int

    @property
    def whole(self) -> bool:
        """Whether that is all of it."""
        return self.start == 0 and self.end == len(self.text)

    @property
    def stretch(self) -> str:
        """What to cut."""
        return self.text[self.start : self.end]


class Tape:
    """A text and its tokens, the same text throughout."""

    def __init__(self) -> None:
        self.text = ""
        self.tokens: list[Token] = []
        self._starts: list[int] = [0]  # of each token in characters, and the end of the text

    def ask(self, text: str) -> Ask | None:
        """What to cut so that the tokens become those of `text`; None where they are."""
        old, count = self.text, len(self.tokens)
        if text == old:
            return None
        before = _alike(old, text)
        after = _alike_end(old, text, before)
        first = whole(self.tokens, bisect_right(self._starts, max(0, before - MARGIN)) - 1, -1)
        last = whole(self.tokens, bisect_left(self._starts, min(len(old), len(old) - after + MARGIN)), 1)
        start, end = self._starts[first], self._starts[last] + len(text) - len(old)
        if not count or end - start > len(text) // 2:
            return Ask(text, 0, len(text), 0, count, before, after)
        return Ask(text, start, end, first, last, before, after)

    def take(self, ask: Ask, tokens: Sequence[Token]) -> int | None:
        """Put the stretch's tokens in; returns the first token that changed, None where the ends do not agree.

        After None nothing is changed: cut the whole text and `confirm`.
        """
        if ask.whole:
            return self.confirm(ask.text, tokens)
        shift = len(ask.text) - len(self.text)
        starts = [ask.start, *accumulate((len(token.text) for token in tokens), initial=ask.start)][1:]
        left = self._left(ask, tokens, starts)
        right = self._right(ask, tokens, starts, shift)
        if left is None or right is None or left[0] > right[0] or left[1] > right[1]:
            return None
        (first, old_first), (last, old_last) = left, right
        self.tokens[old_first:old_last] = tokens[first:last]
        tail = self._starts[old_last:]
        if shift:
            tail = [at + shift for at in tail]
        self._starts[old_first:] = [*starts[first:last], *tail]
        self.text = ask.text
        return old_first

    def confirm(self, text: str, tokens: Sequence[Token]) -> int:
        """These are the tokens of `text`, all of it; returns the first that is not as it was (their number: none)."""
        if text == self.text and list(tokens) == self.tokens:
            return len(self.tokens)
        same = next((at for at, (a, b) in enumerate(zip(tokens, self.tokens, strict=False)) if a != b), None)
        if same is None:
            same = min(len(tokens), len(self.tokens))
        self.text, self.tokens = text, list(tokens)
        self._starts = list(accumulate((len(token.text) for token in self.tokens), initial=0))
        return same

    def place(self, at: int) -> int:
        """Where token `at` begins, in characters."""
        return self._starts[min(at, len(self.tokens))]

    def token_at(self, place: int) -> int:
        """The token that the character at `place` is in."""
        return max(0, min(bisect_right(self._starts, place), len(self.tokens)) - 1)

    def _left(self, ask: Ask, tokens: Sequence[Token], starts: Sequence[int]) -> tuple[int, int] | None:
        """The first place (in the stretch, on the tape) from which SURE tokens before the edit agree."""
        if ask.start == 0:
            return 0, 0
        edit = bisect_right(self._starts, ask.before) - 1  # the first token that the edit may touch
        for new, start in enumerate(starts[:-1]):
            old = bisect_left(self._starts, start, ask.first)
            if old + SURE > edit:
                return None
            if self._starts[old] == start and list(tokens[new : new + SURE]) == self.tokens[old : old + SURE]:
                return new, old
        return None

    def _right(self, ask: Ask, tokens: Sequence[Token], starts: Sequence[int], shift: int) -> tuple[int, int] | None:
        """The last place (in the stretch, on the tape) up to which SURE tokens behind the edit agree."""
        if ask.end == len(ask.text):
            return len(tokens), len(self.tokens)
        edit = bisect_left(self._starts, len(self.text) - ask.after)  # the first token wholly behind it
        for new in range(len(tokens), SURE, -1):
            old = bisect_right(self._starts, starts[new] - shift, 0, ask.last + 1) - 1
            if old - SURE < edit:
                return None
            if self._starts[old] != starts[new] - shift:
                continue
            if list(tokens[new - SURE : new]) == self.tokens[old - SURE : old]:
                return new, old
        return None


def _alike(left: str, right: str) -> int:
    """How many characters two texts begin with in common: halving, for a slice is compared at the machine's speed."""
    if left[:1] != right[:1]:
        return 0
    low, high = 0, min(len(left), len(right))
    while low < high:
        middle = (low + high + 1) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _alike_end(left: str, right: str, before: int) -> int:
    """How many characters they end with in common, those they begin with left out."""
    low, high = 0, min(len(left), len(right)) - before
    while low < high:
        middle = (low + high + 1) // 2
        if left[len(left) - middle : len(left) - low] == right[len(right) - middle : len(right) - low]:
            low = middle
        else:
            high = middle - 1
    return low
