"""A three-way merge of lines: what only one side changed is taken, what both changed differently is shown as both.

The method is diff3's: stretches that both sides left alone are the fixed points, and each gap between two of them is
decided for itself (Khanna, Kunal, Pierce: A Formal Investigation of Diff3, 2007).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.library.lineends import matches

MINE, BETWEEN, THEIRS = "# <<<<<<< mine", "# =======", "# >>>>>>> theirs"


@dataclass(frozen=True)
class Merged:
    """The merged text, and how many places a person must still decide (marked in it by lines that begin so)."""

    text: str
    conflicts: int


def merge(base: str, mine: str, theirs: str) -> Merged:
    """`mine` and `theirs`, both made from `base`, as one text."""
    old, left, right = base.split("\n"), mine.split("\n"), theirs.split("\n")
    made: list[str] = []
    conflicts = 0
    at, here, there = 0, 0, 0
    for start, in_left, in_right, size in [*_fixed(old, left, right), (len(old), len(left), len(right), 0)]:
        gap, ours, others = old[at:start], left[here:in_left], right[there:in_right]
        if ours == others or others == gap:
            made += ours
        elif ours == gap:
            made += others
        else:
            conflicts += 1
            made += [MINE, *ours, BETWEEN, *others, THEIRS]
        made += old[start : start + size]
        at, here, there = start + size, in_left + size, in_right + size
    return Merged("\n".join(made), conflicts)


def _fixed(old: Sequence[str], left: Sequence[str], right: Sequence[str]) -> list[tuple[int, int, int, int]]:
    """Stretches of `old` that stand in both: (place in old, in left, in right, length)."""
    found = []
    ours, others = matches(old, left), matches(old, right)
    i = j = 0
    while i < len(ours) and j < len(others):
        (a, left_at, size), (b, right_at, other) = ours[i], others[j]
        first, last = max(a, b), min(a + size, b + other)
        if first < last:
            found.append((first, left_at + first - a, right_at + first - b, last - first))
        if a + size <= b + other:
            i += 1
        else:
            j += 1
    return found
