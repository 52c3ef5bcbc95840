"""A run's charts as lines of text: pass rates with their intervals, verdicts, a heat table, speed, checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.cells import cell_len, set_cell_size

from workbench import safe
from workbench.bars import bar, span
from workbench.experiments.results.figures import Figures
from workbench.experiments.results.grid import Grid, Measure
from workbench.experiments.results.identity import shown
from workbench.experiments.results.pairs import Pair
from workbench.experiments.statistics.estimates import Estimate
from workbench.experiments.statistics.verdicts import percent, signed
from workbench.tui.results_text import short_name
from workbench.tui.widgets.page import heat
from workbench.tui.widgets.wrap import wrap

Part = tuple[str, str]
Line = list[Part]

MEASURES: dict[Measure, str] = {
    "score": "mean score",
    "passed": "pass rate",
    "tokens_per_s": "tokens a second",
    "first_token_s": "seconds to the first token",
}
_NAME = 30  # columns of a variant's name at most
_SPOT = 10  # columns of a heat table's spot
_TELLS = 32  # columns of what stands beside a bar
_FEW = 6  # pairs that are told in full; of more the decided ones come first, in a line each


def rates(figures: Sequence[Figures], width: int) -> list[Line]:
    """Pass rate, then mean score where it says more, each as a point in its 95 % interval with the numbers."""
    if all(each.passed is None for each in figures):
        return [[("Nothing was checked: there are no scores.", "dim")], []]
    lines = _estimates("Pass rate, with its 95 % interval", figures, [each.passed for each in figures], width)
    if any(each.score and each.passed and abs(each.score.value - each.passed.value) > 0.005 for each in figures):
        lines += _estimates("Mean score, with its 95 % interval", figures, [each.score for each in figures], width)
    return lines


def _estimates(title: str, figures: Sequence[Figures], found: Sequence[Estimate | None], width: int) -> list[Line]:
    name = name_width(figures, width)
    room = max(12, min(60, width - name - _TELLS))
    scale = "0".ljust(room // 2 - 1) + "50".ljust(room - room // 2 - 2) + "100"
    lines: list[Line] = [[(title, "head")], [(" " * name + scale, "dim")]]
    for each, estimate in zip(figures, found, strict=True):
        told = [(" " * room + " no checks", "dim")] if estimate is None else _bar(estimate, room)
        lines.append([_named(each, figures, name), *told])
    return [*lines, []]


def _bar(found: Estimate, room: int) -> Line:
    return [(span(found.low, found.value, found.high, 0.0, 1.0, room), "line"), (f" {percent(found)}", "")]


def verdicts(pairs: Sequence[Pair] | None, width: int) -> list[Line]:
    """Each pair's verdict in words, of a few also the look at the end; None while they are worked out."""
    head: list[Line] = [[("Verdicts: one may look after every case", "head")]]
    if pairs is None:
        return [*head, [("working them out …", "dim")], []]
    if not pairs:
        return []
    lines = head
    full = len(pairs) <= _FEW
    for pair in pairs if full else sorted(pairs, key=lambda each: each.verdict.decided_at is None):
        kind = "dim" if pair.verdict.verdict == "not enough yet" else "good"
        sign = "·" if kind == "dim" else "≈" if pair.verdict.verdict.startswith("no difference") else "✓"
        for at, part in enumerate(_wrapped(pair.verdict.text, width - 2)):
            lines.append([(f"{sign} " if not at else "  ", kind), (part, "")])
        if not full:
            continue
        once = pair.once
        chance = "< 0.001" if pair.p < 0.001 else f"{pair.p:.3f}"
        end = (
            f"looked at once, at the end: {signed(once.difference)} (from {signed(once.low)} to {signed(once.high)}), "
        )
        end += f"{once.wins:,} won, {once.losses:,} lost, {once.ties:,} ties, p {chance}"
        lines += [[(f"  {part}", "dim")] for part in _wrapped(end, width - 2)]
    return [*lines, []]


def heat_table(grid: Grid, width: int) -> list[Line]:
    """The grid, a number and a shade in each spot: the darker the greater."""
    over = f"{grid.x} across" + (f", {grid.y} down" if grid.y else "")
    name = min(_NAME, max([len(_value(grid.y, each)) for each in grid.ys] + [6])) + 1
    many = max(1, (width - name) // (_SPOT + 1))
    lines: list[Line] = [[(f"{MEASURES[grid.measure].capitalize()} over settings: {over}", "head")]]
    for first in range(0, len(grid.xs), many):  # what is too wide goes on below
        part = slice(first, first + many)
        heads = [_fit(_value(grid.x, x), _SPOT).strip() for x in grid.xs[part]]
        lines.append([(" " * name, ""), *((_centred(head), "dim") for head in heads)])
        for value, row in zip(grid.ys, grid.spots, strict=True):
            spots: Line = []
            for spot in row[part]:
                spots += [_spot(spot.value, grid), (" ", "")]
            lines.append([(_fit(_value(grid.y, value) if grid.y else "", name), "dim"), *spots])
    return [*lines, []]


def _spot(value: float | None, grid: Grid) -> Part:
    if value is None:
        return f"{'–':^{_SPOT}}", "dim"
    wide = grid.high - grid.low
    told = f"{value:.2f}" if grid.measure in ("score", "first_token_s") else _number(value, grid.measure)
    return f"{told:^{_SPOT}}", heat((value - grid.low) / wide if wide else 0.0)


def _centred(text: str) -> str:
    """In the middle of a spot, and the blank after it."""
    return set_cell_size(" " * ((_SPOT - cell_len(text)) // 2) + text, _SPOT + 1)


def _number(value: float, measure: Measure) -> str:
    return f"{100 * value:.0f} %" if measure == "passed" else f"{value:.1f}"


def speed(figures: Sequence[Figures], width: int) -> list[Line]:
    """Tokens a second as bars, the wait for the first one, and how many tokens there were."""
    timed = [each.tokens_per_s or 0.0 for each in figures]
    if not any(timed):
        return []
    name = name_width(figures, width)
    room = max(8, min(40, width - name - _TELLS - 14))
    lines: list[Line] = [[("Speed", "head")]]
    for each, value in zip(figures, timed, strict=True):
        first = f" · first token {each.first_token_s:.2f} s" if each.first_token_s is not None else ""
        told = f" {value:.1f} tok/s{first} · {each.tokens:,} tokens"
        lines.append([_named(each, figures, name), (bar(value / max(timed), room), "line"), (told, "")])
    return [*lines, []]


def checks(figures: Sequence[Figures], width: int) -> list[Line]:
    """The share of each check's verdicts that passed, by variant: the lowest marked where they differ."""
    names = list(dict.fromkeys(name for each in figures for name in each.checks))
    if not names:
        return []
    wide = min(_NAME, max(cell_len(safe.line(name)) for name in names) + 1)
    many = max(1, (width - wide) // (_SPOT + 1))
    lines: list[Line] = [[("Checks: the share that passed", "head")]]
    for first in range(0, len(figures), many):
        part = figures[first : first + many]
        lines.append([(_fit("", wide), ""), *((_fit(each.variant.label, _SPOT + 1), "dim") for each in part)])
        for name in names:
            shares = [each.checks[name][1] if name in each.checks else None for each in figures]
            known = [share for share in shares if share is not None]
            row: Line = [(_fit(name, wide), "")]
            for share in shares[first : first + many]:
                worst = share is not None and share == min(known) < max(known)
                told = "–" if share is None else f"{100 * share:.0f} %" + (" ▾" if worst else "")
                row.append((_fit(told, _SPOT + 1), "mixed" if worst else ""))
            lines.append(row)
    return [*lines, []]


def name_width(figures: Sequence[Figures], width: int) -> int:
    """Columns of the variants' names."""
    longest = max(cell_len(safe.line(_name(each, figures))) for each in figures) + 1
    return min(longest, _NAME, width // 3)


def _name(figures: Figures, others: Sequence[Figures]) -> str:
    return f"{figures.variant.label} {short_name(figures, others)}"


def _named(figures: Figures, others: Sequence[Figures], width: int) -> Part:
    return _fit(_name(figures, others), width), ""


def _value(axis: str, value: Any) -> str:
    """A setting's value, briefly: the last part of a prompt's id or a model's name."""
    told = "none" if value is None else shown(value)
    return told.rsplit("/", 1)[-1] if axis in ("prompt", "model", "profile") else told


def _fit(text: str, width: int) -> str:
    text = safe.line(text)
    if cell_len(text) >= width:
        return set_cell_size(text, max(0, width - 2)) + "… "
    return set_cell_size(text, width)


def _wrapped(text: str, width: int) -> list[str]:
    text = safe.line(text)
    return [text[first:last] for first, last in wrap(text, max(20, width))]
