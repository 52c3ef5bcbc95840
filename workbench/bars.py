"""Bars of block characters, for a terminal of either door."""

from __future__ import annotations

_EIGHTHS = " ▏▎▍▌▋▊▉█"


def bar(fraction: float, cells: int) -> str:
    """`███▏░░░`: `cells` columns, filled to an eighth of one."""
    eighths = round(max(0.0, min(1.0, fraction)) * cells * 8)
    whole, rest = divmod(eighths, 8)
    text = "█" * whole + (_EIGHTHS[rest] if rest else "")
    return text + "░" * (cells - len(text))


def span(low: float, at: float, high: float, first: float, last: float, cells: int) -> str:
    """`  ├──●───┤  `: a value in its range, on `cells` columns that stand for `first`…`last`."""
    wide = (last - first) or 1.0

    def place(value: float) -> int:
        return round(max(0.0, min(1.0, (value - first) / wide)) * (cells - 1))

    left, dot, right = place(low), place(at), place(high)
    marks = ["─" if left < cell < right else " " for cell in range(cells)]
    marks[left], marks[right] = "├", "┤"
    marks[dot] = "●"
    return "".join(marks)
