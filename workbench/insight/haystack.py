"""A text to lose a fact in: sentences in order, as many as are asked for, with the fact between two of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from workbench.errors import UsageError
from workbench.insight import filler
from workbench.insight.sentences import sentences

_MOST_BYTES = 20_000_000  # of a file
_LONGEST = 400  # characters of a part: a text without sentences is cut at blanks
_PIECE = re.compile(rf"\S.{{0,{_LONGEST - 2}}}(?:\s+|\Z)|\S{{1,{_LONGEST}}}\s*|\s+", re.DOTALL)


class Haystack:
    """Sentences made up, or those of `text`, from its beginning again where it ends. Raises UsageError for a blank one.

    A longer haystack begins as a shorter one does, so that what was read of it need not be read again.
    """

    def __init__(self, text: str | None = None, *, language: filler.Language = "en", name: str = "") -> None:
        self.name = name or ("given text" if text is not None else f"filler ({language})")
        self.own: int | None = None  # parts of the text given
        self._parts: list[str] = []
        self._more: Iterator[str] = filler.sentences(language)
        if text is not None:
            if not text.strip():
                raise UsageError("the haystack is empty", hint="give a text with words in it")
            found = _parts(text)
            self.own = len(found)
            self._more = _again(found)

    def first(self, count: int) -> list[str]:
        """The first `count` parts, each with the white space after it."""
        self._parts += islice(self._more, max(0, count - len(self._parts)))
        return self._parts[:count]


def from_file(path: Path) -> Haystack:
    """A text file's sentences, of the first 20 MB. Raises UsageError."""
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES)
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(path), hint="name a text file") from error
    return Haystack(data.decode("utf-8", errors="replace"), name=path.name)


def _parts(text: str) -> list[str]:
    found: list[str] = []
    for sentence in sentences(text.strip()):
        found += [sentence] if len(sentence) <= _LONGEST else _PIECE.findall(sentence)
    return found


def _again(parts: list[str]) -> Iterator[str]:
    last = parts[-1] if parts[-1][-1].isspace() else f"{parts[-1]}\n\n"
    while True:
        yield from parts[:-1]
        yield last


@dataclass(frozen=True)
class Hidden:
    """A text with a fact in it, whole, at characters `start` to `end`; `at` is the share of the rest before it."""

    text: str
    start: int
    end: int
    at: float


def place(parts: Sequence[str], depth: float) -> int:
    """How many parts stand before a fact at `depth` (0…1): the boundary nearest to it, by characters."""
    total = sum(map(len, parts))
    best, nearest, before = 0, depth * total, 0
    for count, part in enumerate(parts, 1):
        before += len(part)
        if abs(before - depth * total) < nearest:
            best, nearest = count, abs(before - depth * total)
    return best


def hide(parts: Sequence[str], fact: str, before: int) -> Hidden:
    """The parts as one text, with `fact` after the first `before` of them."""
    head, tail = "".join(parts[:before]), "".join(parts[before:]).rstrip()
    blank = head[len(head.rstrip()) :]
    if head and not blank:
        head += " "
    if tail:  # at a paragraph's beginning it is no paragraph of its own, which would be easy to see
        tail = (blank if blank and blank.count("\n") < 2 else " ") + tail
    total = sum(map(len, parts))
    at = sum(map(len, parts[:before])) / total if total else 0.0
    return Hidden(head + fact + tail, len(head), len(head) + len(fact), at)
