"""One variant in numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from workbench.experiments.results.columns import Column
from workbench.experiments.results.identity import Variant
from workbench.experiments.statistics.estimates import Estimate, rate_of, score_of


@dataclass(frozen=True)
class Figures:
    """A variant's line. `passed` and `score` are shares 0…1, None where nothing was judged; times in seconds.

    `tokens` were generated, all trials together; `tokens_per_s` and `first_token_s` are means over trials, None where
    none was timed.
    """

    variant: Variant
    trials: int
    errors: int
    running: int
    passed: Estimate | None
    score: Estimate | None
    tokens: int
    tokens_per_s: float | None
    first_token_s: float | None
    column: Column = field(repr=False, compare=False)

    @cached_property
    def checks(self) -> dict[str, tuple[int, float, float]]:
        """Name → (verdicts, share that passed, mean score). Of a run of the history it is read when asked for."""
        found = self.column.checks.items()
        return {name: (int(count), passed / count, score / count) for name, (count, passed, score) in found}


def of(variant: Variant, column: Column) -> Figures:
    """The figures of a variant from its column."""
    judged = any(column.judged)
    return Figures(
        variant=variant,
        trials=sum(column.trials),
        errors=sum(column.errors),
        running=sum(column.running),
        passed=rate_of(_rates(column), sum(column.judged)) if judged else None,
        score=score_of(_means(column), sum(column.judged)) if judged else None,
        tokens=column.tokens,
        tokens_per_s=column.speed / column.speed_of if column.speed_of else None,
        first_token_s=column.waited / column.waited_of if column.waited_of else None,
        column=column,
    )


def _rates(column: Column) -> list[float]:
    """Of each case that was judged the share of its trials that passed."""
    return [passes / judged for passes, judged in zip(column.passes, column.judged, strict=True) if judged]


def _means(column: Column) -> list[float]:
    """Of each case that was judged its mean score."""
    found = [score / judged for score, judged in zip(column.scores, column.judged, strict=True) if judged]
    return found if max(found) <= 1 else [min(1.0, mean) for mean in found]  # sums of floats


def scores(column: Column) -> dict[str, list[float]]:
    """Case index, as text → its mean score, once for each judged trial: what `statistics` takes as scores."""
    found = {}
    for case, judged in enumerate(column.judged):
        if judged:
            found[str(case)] = [min(1.0, column.scores[case] / judged)] * judged
    return found
