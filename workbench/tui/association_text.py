"""What the association screen says: cells of its table, and the lines beside it. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from rich.cells import cell_len, set_cell_size

from workbench import safe
from workbench.bars import bar
from workbench.insight.association import SEEN, Association, Measured, Word, contrast, times
from workbench.tui.widgets.heat import LEVELS
from workbench.tui.widgets.page import Part
from workbench.tui.widgets.wrap import wrap

Line = list[Part]
Measure = Literal["change", "p", "log p", "per token"]
MEASURES: tuple[Measure, ...] = ("change", "p", "log p", "per token")
NAMES: dict[Measure, str] = {
    "change": "× change to the baseline",
    "p": "probability",
    "log p": "log-probability, nats",
    "per token": "log-probability a token, nats",
}
SHORT: dict[Measure, str] = {"change": "× change", "p": "p", "log p": "log p", "per token": "log p/tok"}
_STEPS = (1.5, 3.0, 10.0, 30.0)  # ratios at which the shades begin
_CHANCES = (0.001, 0.01, 0.1, 0.3)  # probabilities at which they do
_BAR, _TOKEN = 16, 14  # columns


def cell(word: Word | None, before: Word | None, measure: Measure, *, base: bool) -> Part:
    """A cell: its figure, the shade as a letter, and the style of the shade; the baseline's change is its p."""
    if word is None:
        return "…", "dim"
    if measure == "change" and not base:
        if before is None:
            return "…", "dim"
        nats = word.logp - before.logp
        shade = sum(abs(nats) >= math.log(step) for step in _STEPS)
        sign = "×" if nats >= 0 else "÷"
        kind = f"{'hot' if nats > 0 else 'cold'}{shade}" if shade else "dim"
        return f"{sign} {times(abs(nats))[:-2]} {LEVELS[shade]}", kind
    value = word.per_token if measure == "per token" else word.logp
    shade = sum(math.exp(min(0.0, value)) >= step for step in _CHANCES)
    shown = chance(word.p) if measure in ("change", "p") else f"{value:.2f}".replace("-", "−")
    if measure == "change":
        return shown, "dim"
    return f"{shown} {LEVELS[shade]}", f"hot{shade}" if shade else "dim"


def chance(p: float) -> str:
    """A probability as a person reads it."""
    places = 0 if p >= 0.1 else 1 if p >= 0.01 else 2
    return f"{p:.{places}%}".replace("%", " %") if p >= 0.0001 else f"{p:.0e}".replace("e-0", "e-")


def next_lines(context: Measured, base: Measured | None) -> list[Line]:
    """The likeliest next tokens with bars, and how many times likelier each is than after the baseline."""
    lines: list[Line] = [[(f"next after ‘{context.name}’", "head")]]
    most = math.exp(context.next[0].logprob) if context.next else 1.0
    for token in context.next:
        p = math.exp(token.logprob)
        change = ""
        if base is not None:
            before = base.seen.get(token.id)
            nats = token.logprob - math.log(before) if before else 0.0
            change = f"{'×' if nats >= 0 else '÷'} {times(abs(nats))[:-2]}" if before else "not seen there"
        text = _sized(_visible(token.text), _TOKEN)
        lines.append([(f"{text} ", ""), (bar(p / most, _BAR), "line"), (f" {chance(p):>7}  ", ""), (change, "dim")])
    if not context.next:
        lines.append([("nothing", "dim")])
    return lines


def word_lines(word: Word, context: Measured, nats: float, base: str, columns: int) -> list[Line]:
    """The word at the cursor: its figures, each of its tokens, its change."""
    lines: list[Line] = [[(f"‘{word.word.strip()}’ in ‘{context.name}’", "head")]]
    many = f"{word.tokens} tokens" if word.tokens != 1 else "1 token"
    logs = f"log p {word.logp:.2f} · a token {word.per_token:.2f}".replace("-", "−")
    lines += folded(f"p {chance(word.p)} · {logs} ({many})", columns)
    if word.tokens > 1:
        pieces = " · ".join(f"{_visible(text)} {chance(math.exp(logp))}" for text, logp in word.pieces)
        lines += folded(pieces, columns, "dim")
    if context.name != base:
        lines += folded(f"{times(abs(nats))} {'likelier' if nats >= 0 else 'less likely'} than in ‘{base}’", columns)
    return lines


def contrast_lines(found: Association, base: int, columns: int) -> list[Line]:
    """A sentence for each context."""
    lines: list[Line] = [[(f"what each context does, against ‘{found.contexts[base].name}’", "head")]]
    for place in range(len(found.contexts)):
        if place != base:
            lines += folded(contrast(found, place, base), columns)
    return lines if len(lines) > 1 else [*lines, [("c adds a context to compare with", "dim")]]


def distance_lines(found: Association, here: int, columns: int) -> list[Line]:
    """How far the contexts' next tokens are apart, from the one at the cursor."""
    lines: list[Line] = [[("Jensen–Shannon distance, 0 the same, 1 nothing in common", "head")]]
    name = min(16, max(cell_len(safe.line(context.name)) for context in found.contexts))
    wide = max(5, min(9, (columns - name - 3) // len(found.contexts)))
    shown = range(min(len(found.contexts), max(1, (columns - name - 3) // wide)))
    heads = [(f"{_sized(found.contexts[at].name, wide - 1)} ", "dim") for at in shown]
    lines.append([(" " * (name + 3), "dim"), *heads])
    for place, context in enumerate(found.contexts):
        own = "line" if place == here else ""
        mark = "▸ " if place == here else "  "
        figures = [(f"{'·' if at == place else f'{found.distance[place][at]:.2f}':<{wide}}", own) for at in shown]
        lines.append([(f"{mark}{_sized(context.name, name)} ", own), *figures])
    least = min(sum(context.seen.values()) for context in found.contexts)
    many = min(len(context.seen) for context in found.contexts)
    if many:
        among = f"of the {many:,} likeliest tokens, {least:.0%} of the whole at least"
        lines += folded(among if many >= SEEN else f"{among}; no more are told", columns, "dim")
    return lines


def folded(text: str, columns: int, kind: str = "") -> list[Line]:
    """A text in lines of so many cells."""
    text = safe.line(text)
    return [[(text[start:end].rstrip(), kind)] for start, end in wrap(text, columns)]


def joined(parts: Sequence[list[Line]]) -> list[Line]:
    """Blocks of lines with an empty line between them."""
    made: list[Line] = []
    for lines in parts:
        made += [[("", "")], *lines] if made else lines
    return made


def _visible(text: str) -> str:
    """A token with its white space to be seen."""
    return safe.line(text.replace("\n", "⏎").replace("\t", "⇥").replace(" ", "␣")) or "(nothing)"


def _sized(text: str, room: int) -> str:
    """`text` in exactly so many cells."""
    text = safe.line(text)
    return set_cell_size(text, room) if cell_len(text) <= room else set_cell_size(text, room - 1) + "…"
