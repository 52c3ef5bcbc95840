"""How reasons quote what strangers wrote: on one line, short. The caller still passes it through `safe`."""

from __future__ import annotations

from collections.abc import Iterable


def quoted(value: object, most: int = 60) -> str:
    """A text between quotes, its blanks and line ends as single blanks."""
    text = str(value)
    flat = " ".join(text[: most * 4].split())
    return f'"{flat}"' if len(flat) <= most and len(text) <= most * 4 else f'"{flat[: most - 1]}…"'


def plain(value: object, most: int = 160) -> str:
    """The same without quotes, for others' messages."""
    return quoted(value, most)[1:-1]


def listed(values: Iterable[str], most: int = 6) -> str:
    """Several quoted texts."""
    found = list(values)
    shown = ", ".join(quoted(value, 30) for value in found[:most])
    return f"{shown}, … ({len(found)})" if len(found) > most else shown
