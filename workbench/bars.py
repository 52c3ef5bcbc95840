"""Bars of block characters, for a terminal of either door."""

from __future__ import annotations

_EIGHTHS = " ▏▎▍▌▋▊▉█"


def bar(fraction: float, cells: int) -> str:
    """`███▏░░░`: `cells` columns, filled to an eighth of one."""
    eighths = round(max(0.0, min(1.0, fraction)) * cells * 8)
    whole, rest = divmod(eighths, 8)
    text = "█" * whole + (_EIGHTHS[rest] if rest else "")
    return text + "░" * (cells - len(text))
