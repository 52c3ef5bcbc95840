"""How the command line prints: JSON for programs, columns for people. Everything untrusted passes `safe` here."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from workbench import safe


def many(count: int, what: str) -> str:
    """`1 vote`, `2,000 votes`."""
    return f"1 {what}" if count == 1 else f"{count:,} {what}s"


def print_json(data: Any, *, lines: bool = False) -> None:
    """One JSON document on stdout, with `lines` always on one line.

    Control codes are escaped by JSON itself; C1, DEL and bidi codes by us.
    """
    text = json.dumps(data, ensure_ascii=False, indent=1 if sys.stdout.isatty() and not lines else None)
    print("".join(c if c == "\n" or safe.is_safe(c) else _escape(c) for c in text) if not safe.is_safe(text) else text)


def _escape(character: str) -> str:
    code = ord(character)
    if code > 0xFFFF:
        code -= 0x10000
        return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
    return f"\\u{code:04x}"


def narrate(text: str) -> None:
    """A line for the person, on stderr."""
    print(safe.line(text), file=sys.stderr, flush=True)


def width() -> int:
    """Columns to print in: the terminal's, `COLUMNS`, or 100 when there is no terminal."""
    fallback = 80 if on_terminal() else 100
    return max(20, shutil.get_terminal_size((fallback, 24)).columns)


def on_terminal() -> bool:
    """Whether what is printed has a width that it must keep to: a terminal's, or `COLUMNS`."""
    return sys.stdout.isatty() or "COLUMNS" in os.environ


def cells(text: str) -> int:
    """The columns that `text` takes on a terminal."""
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth

    found = wcswidth(text)
    return found if found >= 0 else len(text)


def clip(text: str, columns: int) -> str:
    """`text` cut to `columns`, with an ellipsis where it was cut."""
    if cells(text) <= columns:
        return text
    while text and cells(text) > columns - 1:
        text = text[:-1]
    return text + "…" if columns > 0 else ""


def pad(text: str, columns: int) -> str:
    """`text` filled with blanks to `columns`."""
    return text + " " * max(0, columns - cells(text))


def wrap(text: str, columns: int) -> Iterator[str]:
    """The lines of `text` at most `columns` wide: at blanks where there are any, within a word else."""
    for paragraph in safe.text(text).expandtabs(4).split("\n"):
        line = ""
        for word in paragraph.split(" "):
            candidate = f"{line} {word}" if line else word
            if cells(candidate) <= columns:
                line = candidate
                continue
            if line:
                yield line
            *parts, word = _chop(word, columns)
            yield from parts
            line = word
        yield line


def _chop(word: str, columns: int) -> list[str]:
    """`word` in parts at most `columns` wide, never empty."""
    parts, part, used = [], "", 0
    for character in word:
        wide = cells(character)
        if part and used + wide > columns:
            parts.append(part)
            part, used = "", 0
        part += character
        used += wide
    return [*parts, part]


def beside(blocks: Sequence[tuple[str, str, str]], columns: int) -> Iterator[str]:
    """Lines of `blocks` (heading, text, footer) side by side; stacked where a block would be under 36 columns."""
    each = (columns - 3 * (len(blocks) - 1)) // len(blocks)
    if each < 36:
        for block in blocks:
            yield from beside_row([block], columns)
            yield ""
        return
    yield from beside_row(blocks, each)


def beside_row(blocks: Sequence[tuple[str, str, str]], each: int) -> Iterator[str]:
    """One row of blocks, each `each` columns wide."""

    def row(parts: Sequence[str]) -> str:
        return " │ ".join(pad(part, each) for part in parts).rstrip()

    rule = "─┼─".join("─" * each for _ in blocks)
    yield row([clip(safe.line(heading), each) for heading, _, _ in blocks])
    yield rule
    texts = [list(wrap(text, each)) for _, text, _ in blocks]
    for index in range(max(map(len, texts))):
        yield row([lines[index] if index < len(lines) else "" for lines in texts])
    yield rule
    yield row([clip(safe.line(footer), each) for _, _, footer in blocks])
