"""TOML coloured line by line: only the lines on screen are looked at, and a block's state is carried between lines.

tree-sitter would query the whole file at every key (Textual's TextArea does), and 100 KB must repaint in a frame.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

Span = tuple[int, int, str]  # first column, one past the last, what it is

_TOKEN = re.compile(
    r"""(?P<comment>\#.*)
    |(?P<block>\"\"\"|''')
    |(?P<string>"(?:\\.|[^"\\])*"?|'[^']*'?)
    |(?P<bool>\b(?:true|false)\b)
    |(?P<number>[+-]?(?<![\w.-])\d[\d_:.TZ+eE-]*)
    """,
    re.VERBOSE,
)
_KEY = re.compile(r"""\s*(?P<key>(?:[\w.\- ]|"[^"]*"|'[^']*')+?)\s*=""")
_TABLE = re.compile(r"\s*\[{1,2}[^\]]*\]{1,2}")
_INSIDE = re.compile(r"(?P<literal>\\\\?\{\{)|(?P<slot>\{\{\s*\w+\s*\}\})|(?P<escape>\\.)")


def states(lines: Sequence[str]) -> list[str]:
    """For each line the block it begins in: "" for none, else the quotes that end it."""
    found, state = [], ""
    for line in lines:
        found.append(state)
        if state:
            if state in line:
                state = spans(line, state)[1]
        elif '"""' in line or "'''" in line:
            state = spans(line, "")[1]
    return found


def spans(line: str, state: str) -> tuple[list[Span], str]:
    """What stands in the line, and the block that is open at its end."""
    made: list[Span] = []
    at = 0
    if state:
        at, state = _through(line, 0, state, made)
    elif table := _TABLE.match(line):
        made.append((*table.span(), "table"))
        at = table.end()
    elif key := _KEY.match(line):
        made.append((*key.span("key"), "key"))
        at = key.end()
    while not state and (match := _TOKEN.search(line, at)):
        kind = str(match.lastgroup)
        if kind == "block":
            made.append((*match.span(), "string"))
            at, state = _through(line, match.end(), match[0], made)
            continue
        made.append((*match.span(), kind))
        if kind == "string":
            _within(line, match.start(), match.end(), match[0][0] == '"', made)
        at = match.end()
    return made, state


def _through(line: str, at: int, quotes: str, made: list[Span]) -> tuple[int, str]:
    """The part of the line that is in a block: where it ends, and the block still open there."""
    end = at
    while True:
        end = line.find(quotes, end)
        if end < 0 or quotes[0] == "'" or not _escaped(line, end):
            break
        end += 1
    last = len(line) if end < 0 else end + 3
    if end >= 0:
        while last < len(line) and line[last] == quotes[0] and last < end + 5:
            last += 1  # up to two quotes may stand before the closing three
    made.append((at, last, "string"))
    _within(line, at, last, quotes[0] == '"', made)
    return last, quotes if end < 0 else ""


def _escaped(line: str, at: int) -> bool:
    before = at
    while before and line[before - 1] == "\\":
        before -= 1
    return (at - before) % 2 == 1


def _within(line: str, first: int, last: int, escapes: bool, made: list[Span]) -> None:
    """Slots and escapes in a string."""
    for match in _INSIDE.finditer(line, first, last):
        kind = str(match.lastgroup)
        if kind == "slot":
            made.append((*match.span(), "slot"))
        elif kind == "literal" or escapes:
            made.append((*match.span(), "escape"))
