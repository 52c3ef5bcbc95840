"""Many pairs, one promise: the chance that any verdict at all is false stays within alpha (5 %).

A plan that is looked at once has p-values: Holm's. An experiment that is looked at after every case has e-values: each
pair needs as many times the evidence as there are pairs (Bonferroni), which holds at every look, whatever the pairs
share, and lets each pair stop on its own. e-BH would bound the share of false verdicts and not the chance of any.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations


def holm(values: Sequence[float]) -> list[float]:
    """p-values corrected for their number, in the same order, each 0…1 (Holm 1979, Scand. J. Statistics 6)."""
    order = sorted(range(len(values)), key=values.__getitem__)
    corrected = [1.0] * len(values)
    least = 0.0
    for rank, index in enumerate(order):
        least = max(least, min(1.0, (len(values) - rank) * values[index]))
        corrected[index] = least
    return corrected


def needed(alpha: float = 0.05, pairs: int = 1) -> float:
    """The e-value that decides: 2 · pairs / alpha; 40 for one pair at 5 %.

    Of the four things a pair can be said to be (`evidence`), at most two are false at once: no difference at all makes
    both "A better" and "B better" false, a difference of δ or more "no difference" and one of these. Hence the 2.
    Source: Ville 1939 (an e-process ever reaches 1/α with chance α at most); Vovk and Wang 2021 (Ann. Statistics 49).
    """
    return 2 * max(1, pairs) / alpha


def pairs_of(labels: Sequence[str], baseline: str | None = None) -> list[tuple[str, str]]:
    """What is compared: each with the baseline (A of each pair), or with none every two."""
    if baseline is not None:
        return [(baseline, label) for label in labels if label != baseline]
    return list(combinations(labels, 2))
