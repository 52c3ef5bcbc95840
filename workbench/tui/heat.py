"""Heat over an answer's tokens: what a measure says of each, as a shade and, for who sees no colour, as a mark.

Pure: nothing here paints. Texts are made safe here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len, set_cell_size

from workbench import safe
from workbench.inference.engine import TokenLogprob
from workbench.insight.reading import bits
from workbench.tui.widgets.frame import shorten

Measure = Literal["probability", "entropy", "rank"]
MEASURES: tuple[Measure, ...] = ("probability", "entropy", "rank")
LEGEND: dict[Measure, str] = {
    "probability": "9 = 90 % and more, 0 = under 10 %",
    "entropy": "bits, + = 10 and more: how open it was",
    "rank": "1 = the likeliest, + = 10th or further down",
}
LEVELS = 4  # shades, and none
SURPRISE = (0.5, 1.5, 3.5, 7.0)  # bits at which the shades begin
PART = "▯"  # a token that ends inside a character


@dataclass(frozen=True)
class Heat:
    """A token as it is shown: `level` 0…4, `tone` "hot" or "cold", `mark` stands below its first cells."""

    text: str
    level: int = 0
    mark: str = ""
    tone: Literal["hot", "cold"] = "hot"


@dataclass(frozen=True)
class Place:
    """Where (a part of) a token stands: its number, the line, the column, the text there, whether it begins there."""

    token: int
    line: int
    column: int
    text: str
    first: bool = True


def heat(token: TokenLogprob, measure: Measure) -> Heat:
    """A token's heat by a measure; no shade and `?` where an engine does not tell."""
    shown = visible(token.text)
    if measure == "probability":
        return chance(token.text, token.logprob)
    if measure == "entropy":
        if token.entropy is None:
            return Heat(shown, 0, "?")
        open_ = bits(token.entropy)
        return Heat(shown, _level(open_, (0.5, 1.5, 3.0, 5.0)), _digit(round(open_)))
    if token.rank is None:
        return Heat(shown, 0, "?")
    return Heat(shown, _level(token.rank, (2, 3, 10, 100)), _digit(token.rank))


def chance(text: str, logprob: float) -> Heat:
    """A token's heat by its probability: the tenths of it, shaded by the bits of surprise."""
    tenths = int(math.exp(min(0.0, logprob)) * 10)
    return Heat(visible(text), _level(bits(-logprob), SURPRISE), str(min(9, tenths)))


def gain(text: str, nats: float) -> Heat:
    """A token's heat by what another prompt made of it: `+3` three bits likelier with its own prompt, `−3` less."""
    change = bits(nats)
    level = _level(abs(change), SURPRISE)
    mark = "" if not level else f"{'+' if change > 0 else '−'}{min(9, round(abs(change))) or ''}"
    return Heat(visible(text), level, mark, "hot" if change > 0 else "cold")


def _digit(number: int) -> str:
    return str(number) if number < 10 else "+"


def _level(value: float, steps: Sequence[float]) -> int:
    return sum(value >= step for step in steps)


def visible(text: str) -> str:
    """A token's text with something to stand on: a line break as ⏎, a tab as →, part of a character as ▯."""
    if not text:
        return PART
    return safe.line(text.replace("\r\n", "⏎").replace("\n", "⏎").replace("\t", "→"))


def fitted(text: str, cells: int) -> str:
    """A text of so many cells, made safe; its middle gives way."""
    return set_cell_size(shorten(safe.line(text), cells), cells)


def lay_out(texts: Sequence[str], width: int) -> list[Place]:
    """The places of tokens on lines of `width` cells: broken after ⏎, before words where that is possible."""
    width = max(2, width)
    made: list[Place] = []
    line = column = 0
    for token, text in enumerate(texts):
        wide = cell_len(text)
        if column and column + wide > width:
            line, column = line + 1, 0
            if not text.startswith(" "):
                line, column = _carry(made, line, width - wide)
        if wide > width:
            first = True
            for part in _chopped(text, width):
                if column:
                    line, column = line + 1, 0
                made.append(Place(token, line, column, part, first))
                column, first = cell_len(part), False
        else:
            made.append(Place(token, line, column, text))
            column += wide
        if text.endswith("⏎"):
            line, column = line + 1, 0
    return made


def _carry(made: list[Place], line: int, room: int) -> tuple[int, int]:
    """The beginning of the word that was broken, taken onto the new line; the place behind it."""
    start, wide = len(made), 0
    while start and made[start - 1].line == line - 1 and made[start - 1].first:
        start -= 1
        wide += cell_len(made[start].text)
        if made[start].text.startswith(" ") or not made[start].column:
            break
    if start == len(made) or not made[start].column or not made[start].text.startswith(" ") or wide > min(room, 24):
        return line, 0
    column = 0
    for at in range(start, len(made)):
        made[at] = Place(made[at].token, line, column, made[at].text)
        column += cell_len(made[at].text)
    return line, column


def _chopped(text: str, width: int) -> list[str]:
    parts = []
    while cell_len(text) > width:
        part = set_cell_size(text, width).rstrip("\0")
        part = text[: max(1, len(part) if text.startswith(part) else len(part) - 1)]
        parts.append(part)
        text = text[len(part) :]
    return [*parts, text] if text else parts
