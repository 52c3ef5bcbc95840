"""Two variants on the same cases, for a plan that is looked at once, at its end.

Differences are always B - A, from -1 to 1, over the cases that both have a score for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.experiments.statistics.correction import holm
from workbench.experiments.statistics.distributions import binomial_cdf, t_quantile
from workbench.experiments.statistics.estimates import Scores, case_means, wilson
from workbench.experiments.statistics.resampling import interval, resampled_means

_SAME = 1e-9  # two means nearer than this are a tie: sums of floats


@dataclass(frozen=True)
class Paired:
    """B against A. Differences are of per-case mean scores, B - A.

    `low`/`high`: t interval over the case differences; `resampled`: the bootstrap's. `wins`, `losses`, `ties` count
    cases by the sign of their difference (a win is B's). `p` is the exact sign test's, two-sided.
    """

    cases: int
    difference: float
    low: float
    high: float
    resampled: tuple[float, float]
    wins: int
    losses: int
    ties: int
    p: float


def differences(a: Scores, b: Scores) -> dict[str, float]:
    """B - A of each case that both have a score for, in A's order. Errors: UsageError for a score not within 0…1."""
    of_a, of_b = case_means(a), case_means(b)
    return {case: of_b[case] - of_a[case] for case in of_a if case in of_b}


def sign_test(wins: int, losses: int) -> float:
    """Exact two-sided p of H0 "a case that differs is as likely won as lost"; ties are left out.

    2 · P(Binomial(wins + losses, ½) ≤ the smaller), at most 1 (Dixon and Mood 1946, JASA 41).
    """
    return min(1.0, 2 * binomial_cdf(min(wins, losses), wins + losses, 0.5)) if wins + losses else 1.0


def mcnemar(only_a: int, only_b: int) -> float:
    """Exact McNemar test: p from the cases that only A passes and that only B passes (McNemar 1947, Psychometrika 12).

    The sign test under its name for pass and fail.
    """
    return sign_test(only_b, only_a)


def compare(a: Scores, b: Scores, *, level: float = 0.95, seed: int = 0) -> Paired:
    """The paired comparison of two variants: case → scores of its trials, for each.

    The t interval is over case differences, so repeats within a case do not count as independent. Fewer than two cases:
    the widest interval, -1…1. Cases that all differ alike (not at all, say) have no spread to go by, so
    both intervals allow the share of other cases that Wilson's allows after none was seen, each as far off as can be.
    """
    found = list(differences(a, b).values())
    size = len(found)
    wins = sum(value > _SAME for value in found)
    losses = sum(value < -_SAME for value in found)
    difference = math.fsum(found) / size if size else 0.0
    p = sign_test(wins, losses)
    if size < 2:
        return Paired(size, difference, -1.0, 1.0, (-1.0, 1.0), wins, losses, size - wins - losses, p)
    squares = math.fsum((value - difference) ** 2 for value in found)
    t = t_quantile((1 + level) / 2, size - 1)
    if squares < 1e-18:
        other = wilson(0.0, size, t)[1]
        low, high = difference - other * (1 + difference), difference + other * (1 - difference)
        resampled = low, high
    else:
        half = t * math.sqrt(squares / (size - 1) / size)
        low, high = difference - half, difference + half
        resampled = interval(found, resampled_means(found, seed), level)
    return Paired(
        cases=size,
        difference=difference,
        low=max(-1.0, low),
        high=min(1.0, high),
        resampled=resampled,
        wins=wins,
        losses=losses,
        ties=size - wins - losses,
        p=p,
    )


def compare_many(
    variants: Mapping[str, Scores], pairs: Sequence[tuple[str, str]], *, level: float = 0.95, seed: int = 0
) -> dict[tuple[str, str], tuple[Paired, float]]:
    """Each pair with its p corrected by Holm for the number of pairs. `pairs` as from `correction.pairs_of`."""
    found = {(a, b): compare(variants[a], variants[b], level=level, seed=seed) for a, b in pairs}
    corrected = holm([result.p for result in found.values()])
    return {pair: (result, p) for (pair, result), p in zip(found.items(), corrected, strict=True)}
