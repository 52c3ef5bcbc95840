"""Two texts as a person compares them in a terminal: unified, word by word, side by side."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from workbench import safe
from workbench.cli import output

if TYPE_CHECKING:
    from workbench.experiments.worddiff import Span

CONTEXT = 3  # lines shown around a change
NO_END = "\\ No newline at end of file"
RED, GREEN, CYAN = "31", "32", "36"

Block = tuple[list[str], list[str], bool]  # lines of the left, of the right, and whether they are the same


def unified(names: tuple[str, str], left: str, right: str) -> list[str]:
    """The lines of a unified diff, none where the texts are the same; as patch takes it."""
    import difflib

    found = difflib.unified_diff(_ended(left), _ended(right), *names, lineterm="", n=CONTEXT)
    return [part for line in found for part in line.split("\n")]


def words(left: str, right: str) -> list[dict[str, Any]]:
    """Where words differ: [{"side": "left" | "right", "start", "end", "text"}], places in characters."""
    from workbench.experiments.worddiff import diff

    found = diff(left, right)
    sides = [("left", left, span) for span in found.left] + [("right", right, span) for span in found.right]
    return [{"side": side, "start": a, "end": b, "text": text[a:b]} for side, text, (a, b) in sides]


def print_unified(names: tuple[str, str], left: str, right: str) -> None:
    """Print the unified diff."""
    for line in unified(names, left, right):
        colour = {"-": RED, "+": GREEN, "@": CYAN}.get(line[:1], "")
        print(_coloured(_line(line), colour))


def print_words(names: tuple[str, str], left: str, right: str) -> None:
    """Print changed lines with the words that differ marked: `[-old-]`, `{+new+}`."""
    print(_coloured(_line(f"--- {names[0]}"), RED))
    print(_coloured(_line(f"+++ {names[1]}"), GREEN))
    for before, after, same in _shown(_blocks(left, right)):
        if same:
            for line in before:
                print(_line(f"  {line}"))
            continue
        old, new = _marked(before, after)
        for line in old:
            print(_coloured("- ", RED) + line)
        for line in new:
            print(_coloured("+ ", GREEN) + line)


def print_sides(names: tuple[str, str], left: str, right: str) -> None:
    """Print both beside each other, changed lines with `|`; what both have is cut to its borders."""
    each = (output.width() - 3) // 2
    for pair in _rows([names[0]], [names[1]], each):
        print(f"{output.pad(pair[0], each)}   {pair[1]}".rstrip())
    print("─" * each + "   " + "─" * each)
    for before, after, same in _shown(_blocks(left, right)):
        mark = " " if same else "|"
        for ours, theirs in _rows(before, after, each):
            print(
                f"{_coloured(output.pad(ours, each), '' if same else RED)} {mark} "
                f"{_coloured(theirs, '' if same else GREEN)}".rstrip()
            )


def _rows(left: Sequence[str], right: Sequence[str], each: int) -> Iterator[tuple[str, str]]:
    """Line beside line, each wrapped to its column."""
    for at in range(max(len(left), len(right))):
        ours = list(output.wrap(_line(left[at]), each)) if at < len(left) else []
        theirs = list(output.wrap(_line(right[at]), each)) if at < len(right) else []
        for row in range(max(len(ours), len(theirs))):
            yield (ours[row] if row < len(ours) else "", theirs[row] if row < len(theirs) else "")


def _blocks(left: str, right: str) -> list[Block]:
    from workbench.library.lineends import matches

    old, new = _split(left), _split(right)
    found: list[Block] = []
    here = there = 0
    for a, b, size in [*matches(old, new), (len(old), len(new), 0)]:
        if a > here or b > there:
            found.append((old[here:a], new[there:b], False))
        if size:
            found.append((old[a : a + size], new[b : b + size], True))
        here, there = a + size, b + size
    return found


def _shown(blocks: Sequence[Block]) -> Iterator[Block]:
    """The blocks, of those that are the same only what borders on a change."""
    for at, (before, after, same) in enumerate(blocks):
        if not same:
            yield before, after, False
            continue
        head = before[:CONTEXT] if at else []
        tail = before[-CONTEXT:] if at < len(blocks) - 1 else []
        if len(head) + len(tail) >= len(before):
            yield before, after, True
            continue
        kept = [*head, "…", *tail] if len(blocks) > 1 else []
        yield kept, kept, True


def _marked(before: Sequence[str], after: Sequence[str]) -> tuple[list[str], list[str]]:
    """The lines with the marks of the words that differ, safe to print."""
    from workbench.experiments.worddiff import diff

    left, right = "\n".join(before), "\n".join(after)
    found = diff(left, right)
    return (
        _with_marks(left, found.left, ("[-", "-]"), RED) if before else [],
        _with_marks(right, found.right, ("{+", "+}"), GREEN) if after else [],
    )


def _with_marks(text: str, spans: Sequence[Span], marks: tuple[str, str], colour: str) -> list[str]:
    made, at = "", 0
    for start, end in spans:
        made += _lines(text[at:start])
        inside = text[start:end].split("\n")
        made += "\n".join(_coloured(f"{marks[0]}{_line(part)}{marks[1]}", colour) if part else "" for part in inside)
        at = end
    return (made + _lines(text[at:])).split("\n")


def _lines(text: str) -> str:
    return "\n".join(_line(part) for part in text.split("\n"))


def _line(text: str) -> str:
    return safe.line(text.replace("\t", "    "))


def _split(text: str) -> list[str]:
    """Lines as an editor counts them: LF ends one, nothing else does."""
    lines = text.split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _ended(text: str) -> list[str]:
    lines = _split(text)
    if lines and not text.endswith("\n"):
        lines[-1] += f"\n{NO_END}"
    return lines


def _coloured(text: str, code: str) -> str:
    """Coloured on a terminal that wants colours, else as it is."""
    plain = not code or not sys.stdout.isatty() or "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
    return text if plain else f"\x1b[{code}m{text}\x1b[0m"
