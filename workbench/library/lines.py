"""The line of a key in a TOML text: tomllib gives data without places, and an error must name one."""

from __future__ import annotations

import re
from collections.abc import Sequence

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=(.*)$""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")


def _parts(name: str) -> list[str]:
    return [part.strip("\"'") for part in _PART.findall(name)]


def line_of(source: str, path: Sequence[str | int]) -> int:
    """The line (from 1) where `path` is set: names, and the index of a table in an array of tables.

    For a key that is not there, the line of the nearest table around it; 1 when there is none.
    """
    places = _places(source)
    for end in range(len(path), 0, -1):
        found = places.get(tuple(path[:end]))
        if found is not None:
            return found
    return 1


def _places(source: str) -> dict[tuple[str | int, ...], int]:
    places: dict[tuple[str | int, ...], int] = {}
    counts: dict[tuple[str | int, ...], int] = {}
    table: tuple[str | int, ...] = ()
    inside = ""  # the quotes of a multi-line string that is open
    for number, line in enumerate(source.split("\n"), 1):
        if inside:
            if inside in line:
                inside = ""
            continue
        if header := _HEADER.match(line):
            names: tuple[str | int, ...] = ()
            *outer, last = _parts(header[2]) or [""]
            for name in outer:
                names = (*names, name)
                if names in counts:
                    names = (*names, counts[names] - 1)
            table = (*names, last)
            if header[1] == "[[":
                places.setdefault(table, number)
                counts[table] = counts.get(table, 0) + 1
                table = (*table, counts[table] - 1)
            places.setdefault(table, number)
        elif key := _KEY.match(line):
            path = table
            for name in _parts(key[1]):
                path = (*path, name)
                places.setdefault(path, number)
            value = key[2].strip()
            for quotes in ('"""', "'''"):
                if value.startswith(quotes) and quotes not in value[3:]:
                    inside = quotes
    return places
