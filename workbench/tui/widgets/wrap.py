"""Breaking text into lines by terminal columns. Pure; slices of the text, so that nothing is copied or lost."""

from __future__ import annotations

import re

from rich.cells import cell_len

_WORD = re.compile(r"\S+[ ]*|[ ]+|\s")


def wrap(paragraph: str, columns: int, *, words: bool = True) -> list[tuple[int, int]]:
    """(start, end) of each line of a text without line breaks; joined they are the text.

    A line without the blanks at its end is at most `columns` wide. With `words` lines break after blanks, and inside a
    word only where it is wider than a line; else at the column.
    """
    columns = max(2, columns)
    if not paragraph:
        return [(0, 0)]
    plain = paragraph.isascii()
    if plain and len(paragraph) <= columns:
        return [(0, len(paragraph))]
    lines: list[tuple[int, int]] = []
    if not words:
        _chop(paragraph, 0, len(paragraph), columns, lines)
        return lines
    start = at = used = 0
    for match in _WORD.finditer(paragraph):
        word = match[0]
        bare = word.rstrip(" ")
        wide = len(bare) if plain else cell_len(bare)
        if used + wide > columns and at > start:
            lines.append((start, at))
            start, used = at, 0
        if wide > columns:
            _chop(paragraph, start, match.start() + len(bare), columns, lines)
            start, _ = lines.pop()
            used = (
                len(bare) - (start - match.start()) if plain else cell_len(paragraph[start : match.start() + len(bare)])
            )
            wide = 0
        used += wide + len(word) - len(bare)
        at = match.end()
    lines.append((start, at))
    return lines


def _chop(text: str, start: int, end: int, columns: int, lines: list[tuple[int, int]]) -> None:
    """Append lines of `text[start:end]`, each as many characters as fit."""
    if text.isascii():
        lines.extend((at, min(at + columns, end)) for at in range(start, end, columns))
        return
    at = start
    used = 0
    for index in range(start, end):
        wide = cell_len(text[index])
        if used + wide > columns and index > at:
            lines.append((at, index))
            at, used = index, 0
        used += wide
    lines.append((at, end))
