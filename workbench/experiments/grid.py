"""Variants by hand, multiplied by a grid: what is compared, in the order in which it is shown."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.errors import SamplingError
from workbench.experiments.experiment import LABELS
from workbench.inference.sampling import check as check_setting
from workbench.library.reader import Reader, clipped, noun

MOST = 1000  # variants of an experiment
SEED = "seed"


@dataclass(frozen=True)
class PlannedVariant:
    """A variant by names: what `variants.from_prompt` and `from_text` make a Variant of.

    `prompt` is an id (`ID`, `ID@REF`) or a system text, "" for none; `model` a name, "" for the one at hand; `sampling`
    what it sets beyond its prompt's own. `point` is its place in the grid, by name, for a chart.
    """

    label: str
    prompt: str = ""
    model: str = ""
    sampling: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    profile: str = ""
    point: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Grid:
    """Lists that multiply the variants; the first one changes slowest."""

    axes: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many points it has; 1 for no grid."""
        size = 1
        for values in self.axes.values():
            size *= len(values)
        return size

    def points(self) -> list[dict[str, Any]]:
        """Every combination."""
        return [dict(zip(self.axes, values, strict=True)) for values in itertools.product(*self.axes.values())]


def label_of(index: int) -> str:
    """A, B, … Z, AA, AB, … as spreadsheets count columns; `index` from 0."""
    label = ""
    index += 1
    while index:
        index, letter = divmod(index - 1, len(LABELS))
        label = LABELS[letter] + label
    return label


def expanded(variants: Sequence[PlannedVariant], grid: Grid) -> tuple[PlannedVariant, ...]:
    """The variants times the grid, each variant's points together.

    A label that was given stays; with several points it gets their number (`short.1`, `short.2`). The others are
    lettered in order, past letters that were given.
    """
    given = {variant.label for variant in variants if variant.label}
    letters = (label for label in map(label_of, itertools.count()) if label not in given)
    points = grid.points()
    made = []
    for variant in variants:
        for number, point in enumerate(points, 1):
            label = variant.label and (f"{variant.label}.{number}" if len(points) > 1 else variant.label)
            settings = {name: value for name, value in point.items() if name not in ("prompt", "model")}
            made.append(
                PlannedVariant(
                    label=label or next(letters),
                    prompt=point.get("prompt", variant.prompt),
                    model=point.get("model", variant.model),
                    sampling={**variant.sampling, **settings},
                    variables=variant.variables,
                    profile=variant.profile,
                    point=point,
                )
            )
    return tuple(made)


def read_grid(reader: Reader) -> Grid:
    """The table `[grid]`: `prompts`, `models`, and lists of sampling values. Raises FileError."""
    axes: dict[str, Sequence[Any]] = {}
    for name, values in reader.table.items():
        if not isinstance(values, list) or not values:
            hint = f"{name} = [{_shown(values)}]" if isinstance(values, str | int | float) else "at least one value"
            raise reader.error(
                name, f"{clipped(name).strip(chr(34))} must be a list of values, not {noun(values)}", hint
            )
        if len(values) > MOST:
            raise reader.error(name, f"{name} has {len(values):,} values", f"at most {MOST:,} variants")
        if name in ("prompts", "models"):
            axes[name[:-1]] = reader.texts(name)
        elif name == SEED:
            raise reader.error(name, "the seed is no axis: each repeat has its own", "repeats = 3, and seed beside it")
        else:
            axes[name] = [_setting(reader, name, value) for value in values]
        shown = list(axes.values())[-1]
        if any(shown.count(value) > 1 for value in shown):
            raise reader.error(name, f"{name} has a value twice", "each value once")
    if (size := Grid(axes).size) > MOST:
        raise reader.error("", f"the grid has {size:,} points", f"at most {MOST:,} variants")
    return Grid(axes)


def _setting(reader: Reader, name: str, value: Any) -> Any:
    try:
        return check_setting(name, value)
    except SamplingError as error:
        hint = error.hint
        if name in ("prompt", "model"):
            hint = f"did you mean {name}s?"
        raise reader.error(name, error.what[:200], hint) from None


def _shown(value: object) -> str:
    return f'"{value[:40]}"' if isinstance(value, str) else str(value)
