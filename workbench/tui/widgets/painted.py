"""Lines of styled text that know what the terminal shows of them: only the cells that differ are painted again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from textual.geometry import Region

Part = tuple[str, str]  # text, style class ("" = plain)
Line = tuple[Part, ...]
_GAP = 8  # unchanged cells that are painted along: to move the cursor costs as much


def changed(before: Line, after: Line, y: int = 0) -> list[Region]:
    """Where line `y` differs; the whole line when a character is not one cell wide or the length is another."""
    if before == after:
        return []
    old, new = "".join([text for text, _ in before]), "".join([text for text, _ in after])
    wide = cell_len(new)
    if len(old) != len(new) or wide != len(new):
        return [Region(0, y, max(len(old), wide), 1)]
    pairs: Iterable[tuple[object, object]] = zip(old, new, strict=True)
    if [(len(text), style) for text, style in before] != [(len(text), style) for text, style in after]:
        pairs = zip(_cells(before), _cells(after), strict=True)  # other styles as well
    spans: list[list[int]] = []
    for x, (left, right) in enumerate(pairs):
        if left == right:
            continue
        if spans and x - spans[-1][1] <= _GAP:
            spans[-1][1] = x
        else:
            spans.append([x, x])
    return [Region(first, y, last - first + 1, 1) for first, last in spans]


def _cells(line: Sequence[Part]) -> list[Part]:
    return [(char, style) for text, style in line for char in text]
