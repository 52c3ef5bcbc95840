"""The needle probe as cells of a heat table, and one cell in words: what it scored, what was said, what it read."""

from __future__ import annotations

import math
from typing import Literal

from workbench.insight.needle import Cell, Probe, lines_of
from workbench.insight.needle_words import chance, fact, meaning, sign, told
from workbench.insight.reading import bits
from workbench.tui.needle_kept import Kept
from workbench.tui.widgets.frame import shorten
from workbench.tui.widgets.heat import Shaded, style
from workbench.tui.widgets.matrix import Cells, Part

Measure = Literal["probability", "a token", "gain"]
MEASURES: tuple[Measure, ...] = ("probability", "a token", "gain")
NAME = 8  # columns of a fill
SHORT: dict[Measure, str] = {"probability": "p", "a token": "p/token", "gain": "bits"}
_AROUND = 700  # characters of the text that are shown on either side of the fact


def heads(probe: Probe) -> list[str]:
    """The columns' heads."""
    return [*(["prompt"] if probe.in_lead else [f"{100 * depth:g} %" for depth in probe.columns]), "without"]


def rows(kept: Kept, measure: Measure) -> list[Cells]:
    """A row a fill: its name, its cells; `…` where one is not measured yet."""
    if kept.probe is None:
        return []
    made, cells = list[Cells](), kept.measured
    most = max((cell.gain(lines_of(cells, cell.spot.fill)[0]) or 0.0 for cell in cells), default=0.0)
    for fill in kept.probe.fills:
        bare, _ = lines_of(cells, fill)
        parts: list[Part] = []
        for depth in (*kept.probe.columns, None):
            cell = kept.cells.get((fill, depth))
            parts.append(("…", "dim") if cell is None else _part(cell, bare, measure, most))
        past = "›" if kept.limit and fill > kept.limit else ""
        made.append((f"{f'{past}{fill:,}':>{NAME}}", parts, ("", "")))
    return made


def _part(cell: Cell, bare: Cell | None, measure: Measure, most: float) -> Part:
    without = cell.spot.depth is None
    if cell.p is None or cell.per_token is None:
        return told(cell).strip() or "–", "dim"  # it can be asked
    if measure == "gain" and not without:
        gained = cell.gain(bare)
        if gained is None:
            return f"{sign(cell)} …", "dim"
        return f"{sign(cell)} {bits(gained):+.0f} b", style(gained, most)
    value = cell.per_token if measure == "a token" else cell.p
    if without:
        return chance(value), "dim"
    return f"{sign(cell)} {chance(value)}", style(value, 1.0)


def measure_told(measure: Measure, probe: Probe) -> str:
    """What the numbers of the cells are."""
    said = f"‘{shorten(probe.needle.expected, 20)}’"
    return {"probability": f"p of {said}", "a token": f"p a token of {said}", "gain": f"bits for {said}"}[measure]


def paint(kept: Kept, cell: Cell | None, state: str) -> Shaded:
    """A cell in words."""
    made = Shaded()
    probe = kept.probe
    if probe is None or cell is None:
        made.add(state or "not measured yet: r measures")
        return made
    bare, _ = lines_of(kept.measured, cell.spot.fill)
    sure = f"{meaning(cell)} · " if meaning(cell) and cell.spot.depth is not None else ""
    made.add(f"── {sure}{fact(cell)}\n", "head")
    _add_scores(made, probe, cell, bare)
    if cell.answer is not None:
        made.add(f"── asked: {'found' if cell.found else 'not found'}\n", "head")
        made.add((cell.answer or "(no text)") + "\n")
    elif kept.reason:
        made.add(f"not scored: {kept.reason}\na asks this cell, A all of them\n", "dim")
    made.add("── what it reads\n", "head")
    _add_prompt(made, probe, cell)
    return made


def _add_scores(made: Shaded, probe: Probe, cell: Cell, bare: Cell | None) -> None:
    if cell.p is None or cell.per_token is None:
        return
    opening = f" after ‘{probe.needle.opening}’" if probe.needle.opening else ""
    made.add(f"p of ‘{probe.needle.expected}’{opening}: {chance(cell.p)}, {chance(cell.per_token)} a token")
    gained = cell.gain(bare) if cell.spot.depth is not None else None
    if gained is not None and bare is not None:
        made.add(f"; without the fact {chance(bare.p or 0.0)}: {_times(gained)}")
    made.add("\n")
    for token in cell.scored:
        first = token.rank in (1, None)
        made.add(f"‘{token.text}’ {chance(math.exp(token.logprob))}", "" if first else "cold1")
        made.add("  " if first else f" (rank {token.rank:,})  ", "" if first else "cold1")
    made.add("\n")


def _times(nats: float) -> str:
    ratio = math.exp(min(abs(nats), 690.0))
    if ratio < 1.05:
        return "no likelier"
    shown = (
        f"{ratio:,.0f}" if 10 <= ratio < 1e6 else f"{ratio:.1f}" if ratio < 10 else f"{ratio:.0e}".replace("e+0", "e")
    )
    return f"{shown} × {'likelier' if nats > 0 else 'less likely'} with it"


def _add_prompt(made: Shaded, probe: Probe, cell: Cell) -> None:
    """The conversation: what comes before the text whole, of the text what is around the fact and its two ends."""
    needle = probe.needle.fact
    for message in cell.spot.messages:
        made.add(f"{message.role}: ", "dim")
        text, at = message.content, message.content.find(needle)
        if at < 0:
            _add_long(made, text)
            made.add("\n")
            continue
        before, after = text[:at], text[at + len(needle) :]
        if len(before) > _AROUND:
            made.add(_cut(len(before) - _AROUND), "dim")
        made.add(before[-_AROUND:])
        made.add(needle, "hot4")
        _add_long(made, after)
        made.add("\n")
    if probe.needle.opening:
        made.add("assistant: ", "dim")
        made.add(probe.needle.opening)
        made.add(f" {probe.needle.expected}", "hot2")
        made.add(" ← scored, not generated\n", "dim")


def _add_long(made: Shaded, text: str) -> None:
    """A text, its middle left out when it is long."""
    if len(text) <= 2 * _AROUND:
        made.add(text)
        return
    made.add(text[:_AROUND])
    made.add(_cut(len(text) - 2 * _AROUND), "dim")
    made.add(text[-_AROUND:])


def _cut(characters: int) -> str:
    return f" … {characters:,} characters … "
