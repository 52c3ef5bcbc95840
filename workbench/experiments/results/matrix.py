"""Cases × variants: which rows are shown, and in which order. Rows are indices of cases; cells are made when drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from workbench.errors import UsageError

if TYPE_CHECKING:
    from workbench.experiments.results.results import Results

Filter = Literal["all", "failed", "errors", "differing", "running"]
FILTERS: tuple[Filter, ...] = ("all", "failed", "errors", "differing", "running")
SAME = 1e-9  # two means nearer than this are the same: sums of floats


def rows(
    results: Results, *, show: Filter = "all", text: str = "", sort: str = "plan", reverse: bool = False
) -> Sequence[int]:
    """The cases to show.

    `show`: those where any trial failed (an error is a failure), had an error, still runs, or where variants differ in
    their mean score. `text`: only cases whose name has all of its words. `sort`: "plan", "name", "spread" (where
    variants differ most first), "score" (the worst mean over all variants first) or "score:LABEL". Raises UsageError.
    """
    if show not in FILTERS:
        raise UsageError(f"{show} is no filter", hint=", ".join(FILTERS))
    found: Sequence[int] = range(len(results.cases))
    if show != "all":
        found = [case for case in found if _SHOWN[show](results, case)]
    if words := text.casefold().split():
        found = [case for case in found if all(word in results.cases[case].casefold() for word in words)]
    if sort != "plan":
        found = sorted(found, key=_key(results, sort))
    return found[::-1] if reverse else found


def failed(results: Results, case: int) -> bool:
    """Whether any trial on the case failed or ended in an error."""
    return any(
        column.errors[case] or column.passes[case] < column.judged[case]
        for column in results.columns
        if case < len(column.trials)
    )


def spread(results: Results, case: int) -> float:
    """How far apart the variants' mean scores on the case are, 0…1."""
    means = [mean for column in results.columns if (mean := column.mean(case)) is not None]
    return max(means) - min(means) if len(means) > 1 else 0.0


_SHOWN: dict[Filter, Callable[[Results, int], bool]] = {
    "all": lambda results, case: True,
    "failed": failed,
    "errors": lambda results, case: any(case < len(c.errors) and c.errors[case] for c in results.columns),
    "differing": lambda results, case: spread(results, case) > SAME,
    "running": lambda results, case: any(case < len(c.running) and c.running[case] for c in results.columns),
}


def _key(results: Results, sort: str) -> Callable[[int], tuple[float | str, int]]:
    if sort == "name":
        return lambda case: (results.cases[case].casefold(), case)
    if sort == "spread":
        return lambda case: (-spread(results, case), case)
    if sort == "score":
        return lambda case: (_mean(results, case), case)
    kind, _, label = sort.partition(":")
    if kind == "score" and label in results.labels:
        column = results.column(label)
        return lambda case: (2.0 if (mean := column.mean(case)) is None else mean, case)
    raise UsageError(f"{sort} is no order", hint="plan, name, spread, score or score:LABEL")


def _mean(results: Results, case: int) -> float:
    means = [mean for column in results.columns if (mean := column.mean(case)) is not None]
    return sum(means) / len(means) if means else 2.0  # unjudged last
