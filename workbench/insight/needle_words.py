"""A cell of the needle probe in few letters, for either door: a sign and a number, so that no colour is needed."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.errors import UsageError
from workbench.insight.needle import Cell, Probe

SIGNS = "✓ found   · not likeliest   ✗ asked, not said   ○ fell out of the context"


def sign(cell: Cell) -> str:
    """`✓` the likeliest words, or said when asked; `·` not; `✗` asked and not said; `○` the fact fell out."""
    if not cell.spot.kept:
        return "○"
    if cell.answer is not None:
        return "✓" if cell.found else "✗"
    return "✓" if cell.first else "·" if cell.first is not None else " "


def meaning(cell: Cell) -> str:
    """The sign in words."""
    found = sign(cell)
    if found == "✓" and cell.answer is None:
        return "✓ word for word the likeliest"
    said = {"✓": "found in the answer", "✗": "not in the answer", "·": "not the likeliest", "○": "out of the context"}
    return f"{found} {said[found]}" if found in said else ""


def chance(p: float) -> str:
    """A probability in five letters at most: `93 %`, `0.3 %`, `2e-5`."""
    if p >= 0.00995:
        return f"{100 * p:.0f} %"
    if p >= 0.00095:
        return f"{100 * p:.1f} %"
    return f"{p:.0e}".replace("e-0", "e-")


def told(cell: Cell) -> str:
    """`✓ 93 %`; the sign alone where it was not scored."""
    return sign(cell) if cell.p is None else f"{sign(cell)} {chance(cell.p)}"


def fact(cell: Cell) -> str:
    """How long the prompt is, where the fact stands in it, and what fell out."""
    spot = cell.spot
    said = f"{'' if spot.exact else '~'}{spot.tokens:,} tokens"
    if spot.depth is None:
        said += ", without the fact"
    elif spot.kept:
        said += f", the fact at {100 * spot.at:.0f} % of the text"
    if spot.forgotten:
        said += f"; the first {spot.forgotten:,} tokens of the text fell out" + ("" if spot.kept else ", with the fact")
    if spot.special:
        said += f"; control tokens in what it reads: {' '.join(spot.special)}"
    return said


def brief(probe: Probe, cells: Sequence[Cell]) -> str:
    """What came of it, in a line: how many were found, and where it was likeliest and least likely."""
    with_fact = [cell for cell in cells if cell.spot.depth is not None]
    if not with_fact:
        return "nothing was measured"
    found = sum(sign(cell) == "✓" for cell in with_fact)
    said = f"found in {found} of {len(with_fact)}"
    known = [cell for cell in with_fact if cell.logp is not None and cell.spot.kept]
    if len(known) > 1:
        best, worst = (pick(known, key=lambda cell: cell.logp or 0.0) for pick in (max, min))
        said += f"; best {chance(best.p or 0.0)} {where(probe, best)}"
        said += f", worst {chance(worst.p or 0.0)} {where(probe, worst)}"
    return said


def where(probe: Probe, cell: Cell) -> str:
    """`at 50 % of 1,024`."""
    depth = "in the prompt" if probe.in_lead else f"at {100 * (cell.spot.depth or 0.0):.0f} %"
    return f"{depth} of {cell.spot.fill:,}"


def fills(text: str) -> tuple[int, ...]:
    """`256, 512` as tokens, () for none. Raises UsageError."""
    return tuple(int(number) for number in _numbers("fills", text, "256,512"))


def depths(text: str) -> tuple[float, ...]:
    """`0, 50, 100 %` as parts of one. Raises UsageError."""
    return tuple(number / 100 for number in _numbers("depths", text, "0,50,100"))


def _numbers(name: str, text: str, such: str) -> list[float]:
    try:
        found = [float(part) for part in text.replace("%", "").split(",") if part.strip()]
    except ValueError:
        found = [-1.0]
    if any(not 0 <= number < 1e9 for number in found):
        raise UsageError(f"{name}: {text} is no list of numbers from 0 up", hint=f"such as {such}")
    return found
