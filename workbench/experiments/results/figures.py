"""One variant in numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from workbench.experiments.results.columns import Column
from workbench.experiments.results.identity import Variant
from workbench.experiments.statistics.estimates import Estimate, mean_score, pass_rate


@dataclass(frozen=True)
class Figures:
    """A variant's line. `passed` and `score` are shares 0…1, None where nothing was judged; times in seconds.

    `tokens` were generated, all trials together; `tokens_per_s` and `first_token_s` are means over trials, None where
    none was timed. `checks`: name → (verdicts, share that passed, mean score).
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
    checks: dict[str, tuple[int, float, float]]


def of(variant: Variant, column: Column) -> Figures:
    """The figures of a variant from its column."""
    judged = any(column.judged)
    return Figures(
        variant=variant,
        trials=sum(column.trials),
        errors=sum(column.errors),
        running=sum(column.running),
        passed=pass_rate(dict(_passes(column))) if judged else None,
        score=mean_score(scores(column)) if judged else None,
        tokens=column.tokens,
        tokens_per_s=column.speed / column.speed_of if column.speed_of else None,
        first_token_s=column.waited / column.waited_of if column.waited_of else None,
        checks={
            name: (int(count), passed / count, score / count) for name, (count, passed, score) in column.checks.items()
        },
    )


def _passes(column: Column) -> Iterator[tuple[str, list[bool]]]:
    for case, judged in enumerate(column.judged):
        if judged:
            passes = column.passes[case]
            yield str(case), [True] * passes + [False] * (judged - passes)


def scores(column: Column) -> dict[str, list[float]]:
    """Case index, as text → its mean score, once for each judged trial: what `statistics` takes as scores."""
    found = {}
    for case, judged in enumerate(column.judged):
        if judged:
            found[str(case)] = [min(1.0, column.scores[case] / judged)] * judged
    return found
