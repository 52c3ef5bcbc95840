"""A measure over what the variants differ in: a heat table over two settings, bars over one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from workbench.errors import UsageError
from workbench.experiments.results.figures import Figures
from workbench.experiments.results.identity import shown

if TYPE_CHECKING:
    from workbench.experiments.results.results import Results

Measure = Literal["score", "passed", "tokens_per_s", "first_token_s"]


@dataclass(frozen=True)
class Spot:
    """A point of the grid: the mean over its variants, None where there are none; which those are, and their trials."""

    value: float | None
    labels: tuple[str, ...]
    trials: int


@dataclass(frozen=True)
class Grid:
    """`spots[row][column]` at `ys[row]` and `xs[column]`; with one axis `y` is "" and there is one row.

    `low` and `high` are the least and the greatest value, what colours go by; both 0 where there is none.
    """

    measure: Measure
    x: str
    y: str
    xs: tuple[Any, ...]
    ys: tuple[Any, ...]
    spots: tuple[tuple[Spot, ...], ...]
    low: float
    high: float


def axes(results: Results) -> dict[str, list[Any]]:
    """Settings with more than one value among the variants, numbers in their order; those with most values first."""
    names = dict.fromkeys(name for variant in results.variants for name in variant.settings)
    found = {name: _values(results, name) for name in names}
    several = [(name, values) for name, values in found.items() if len(values) > 1]
    return dict(sorted(several, key=lambda each: -len(each[1])))


def of(results: Results, x: str, y: str = "", measure: Measure = "score") -> Grid:
    """The measure over these axes, other settings averaged out. Raises UsageError for an axis that is none."""
    known = axes(results)
    for name in (x, y):
        if name and name not in known:
            raise UsageError(f"{name} is the same in all variants", hint=f"take {' or '.join(known) or 'another run'}")
    if x == y:
        raise UsageError(f"both axes are {x}", hint="two different ones, or one alone")
    points: dict[tuple[str, str], list[Figures]] = {}
    for figures in results.figures:
        at = figures.variant.settings
        points.setdefault((shown(at.get(x)), shown(at.get(y)) if y else ""), []).append(figures)
    xs = known[x]
    ys = known[y] if y else [""]
    spots = tuple(
        tuple(_spot(points.get((shown(column), shown(row) if y else ""), []), measure) for column in xs) for row in ys
    )
    values = [spot.value for row in spots for spot in row if spot.value is not None]
    return Grid(measure, x, y, tuple(xs), tuple(ys), spots, min(values, default=0.0), max(values, default=0.0))


def _values(results: Results, name: str) -> list[Any]:
    """The values of a setting, each once: numbers sorted, others as they come; None where a variant has none."""
    seen = {shown(value): value for variant in results.variants for value in (variant.settings.get(name),)}
    values = list(seen.values())
    if all(isinstance(value, int | float) for value in values):
        return sorted(values)
    return values


def _spot(points: list[Figures], measure: Measure) -> Spot:
    values = [value for figures in points if (value := _value(figures, measure)) is not None]
    return Spot(
        sum(values) / len(values) if values else None,
        tuple(figures.variant.label for figures in points),
        sum(figures.trials for figures in points),
    )


def _value(figures: Figures, measure: Measure) -> float | None:
    if measure == "score":
        return figures.score.value if figures.score else None
    if measure == "passed":
        return figures.passed.value if figures.passed else None
    return figures.tokens_per_s if measure == "tokens_per_s" else figures.first_token_s
