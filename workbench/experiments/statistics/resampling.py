"""Bootstrap by case: how much a mean would move with other cases of the same kind."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Literal

from workbench.experiments.statistics.distributions import normal_cdf, normal_quantile

ROUNDS = 2000
_FEWEST = 400
_DRAWS = 2_000_000  # about a third of a second


def resampled_means(values: Sequence[float], seed: int = 0, rounds: int = ROUNDS) -> list[float]:
    """The means of `rounds` samples of len(values) values drawn with replacement, sorted; one value is one case.

    The same seed gives the same means. Beyond 1,000 values fewer rounds are drawn (never under 400).
    """
    size = len(values)
    rng = random.Random(seed)
    rounds = max(min(rounds, _FEWEST), min(rounds, _DRAWS // max(1, size)))
    return sorted(math.fsum(rng.choices(values, k=size)) / size for _ in range(rounds))


def interval(
    values: Sequence[float],
    means: Sequence[float],
    level: float = 0.95,
    method: Literal["bca", "percentile"] = "bca",
) -> tuple[float, float]:
    """The bootstrap interval of the mean of `values` from its resampled means (sorted).

    `bca` corrects the percentiles for bias and skew (Efron 1987, JASA 82: z0 from the share of means below the value,
    counting half of those equal to it; acceleration from the jackknife); where all values are alike it is their value.
    """
    tail = (1 - level) / 2
    at = [tail, 1 - tail]
    size = len(values)
    mean = math.fsum(values) / size
    apart = [value - mean for value in values]
    squares = math.fsum(gap * gap for gap in apart)
    if method == "bca" and squares > 1e-18:
        below = sum((value < mean) + (value <= mean) for value in means) / (2 * len(means))
        if 0 < below < 1:
            bias = normal_quantile(below)
            # of a mean, the jackknife's values are (Σ - x)/(n-1): their skew is that of the values
            skew = math.fsum(gap**3 for gap in apart) / (6 * squares**1.5)
            at = [_moved(bias, skew, normal_quantile(p)) for p in at]
    return percentile(means, at[0]), percentile(means, at[1])


def _moved(bias: float, skew: float, z: float) -> float:
    return normal_cdf(bias + (bias + z) / (1 - skew * (bias + z)))


def percentile(ordered: Sequence[float], p: float) -> float:
    """The p-th (0…1) quantile of sorted values, by linear interpolation."""
    place = (len(ordered) - 1) * min(1.0, max(0.0, p))
    low = int(place)
    return ordered[low] + (ordered[min(low + 1, len(ordered) - 1)] - ordered[low]) * (place - low)
