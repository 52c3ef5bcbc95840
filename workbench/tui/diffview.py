"""Two texts in one column: lines that went and lines that came, the words that differ marked in them."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.experiments.worddiff import diff
from workbench.library.lineends import matches

CONTEXT = 3  # lines that stay, shown around what changed
Span = tuple[int, int, str]  # first character, one past the last, "added" | "removed"


def unified(old: str, new: str) -> tuple[str, list[Span]]:
    """The text to show, and the marks in it, in order. Texts must be shown as they are (safe, no tabs)."""
    left, right = old.split("\n"), new.split("\n")
    parts: list[str] = []
    marks: list[Span] = []
    length = at = there = 0

    def put(mark: str, lines: Sequence[str], spans: Sequence[tuple[int, int]], kind: str) -> None:
        """Lines with `mark` before each; `spans` count in the joined lines."""
        nonlocal length
        starts, place = [], 0
        for line in lines:
            starts.append(place)
            place += len(line) + 1
        for line, start in zip(lines, starts, strict=True):
            base = length + len(mark)
            if kind:
                marks.append((length, length + len(mark), kind))
            for first, last in spans:
                first, last = max(first, start), min(last, start + len(line))
                if first < last:
                    marks.append((base + first - start, base + last - start, kind))
            parts.append(mark + line)
            length += len(mark) + len(line) + 1

    same = [*matches(left, right), (len(left), len(right), 0)]
    for here, other, size in same:
        gone, came = left[at:here], right[there:other]
        if gone or came:
            found = diff("\n".join(gone), "\n".join(came))
            put("- ", gone, found.left, "removed")
            put("+ ", came, found.right, "added")
        stay = left[here : here + size]
        first = CONTEXT if here else 0
        last = CONTEXT if here + size < len(left) or other + size < len(right) else 0
        if len(stay) > first + last + 1:
            put("  ", stay[:first], (), "")
            put("", [f"⋯ {len(stay) - first - last} lines the same"], (), "")
            put("  ", stay[len(stay) - last :], (), "")
        else:
            put("  ", stay, (), "")
        at, there = here + size, other + size
    return "\n".join(parts), marks
