"""How many cases it takes: the fixed plan, looked at once, and the early stop of `evidence`. Exact for pass and fail.

Two variants on the same cases are told apart by the cases where only one passes: `only_a` and `only_b` are their
shares (0…1), so the true difference is only_b - only_a. Two variants that pass 50 % and 70 % of the cases, each
on its own account, have 0.15 and 0.35; alike ones have less of both and need fewer cases.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from workbench.errors import UsageError
from workbench.experiments.statistics.correction import needed
from workbench.experiments.statistics.distributions import binomial_cdf, binomial_pmf, normal_quantile
from workbench.experiments.statistics.evidence import BINS, growth, total

_MOST = 20_000  # cases


def independent(a: float, b: float) -> tuple[float, float]:
    """only_a and only_b of two pass rates whose passes have nothing to do with each other."""
    return a * (1 - b), b * (1 - a)


@lru_cache(maxsize=200_000)
def _critical(differing: int, alpha: float) -> int:
    """The most wins of the loser that the exact test still rejects at; -1 when it can never."""
    low, high = -1, differing // 2
    while low < high:
        middle = (low + high + 1) // 2
        if 2 * binomial_cdf(middle, differing, 0.5) <= alpha:
            low = middle
        else:
            high = middle - 1
    return low


def fixed_power(cases: int, only_a: float, only_b: float, alpha: float = 0.05) -> float:
    """The chance that the exact two-sided McNemar test on `cases` cases rejects, 0…1.

    Sums over how many cases differ (Duffy 1984, Biometrics 40; unconditional exact power).
    """
    differ = only_a + only_b
    if not differ:
        return 0.0
    share = only_b / differ
    spread = 10 * math.sqrt(cases * differ * (1 - differ)) + 10
    chance = 0.0
    for count in range(max(0, int(cases * differ - spread)), min(cases, int(cases * differ + spread)) + 1):
        critical = _critical(count, alpha)
        if critical < 0:
            continue
        rejects = binomial_cdf(critical, count, share) + binomial_cdf(critical, count, 1 - share)
        chance += binomial_pmf(count, cases, differ) * min(1.0, rejects)
    return chance


def fixed_cases(only_a: float, only_b: float, power: float = 0.8, alpha: float = 0.05) -> int:
    """The fewest cases of a plan that is looked at once: exact McNemar, two-sided, with at least this power.

    The search starts from Connor's formula (1987, Biometrics 43): n = (z_α √(a+b) + z_β √(a+b-(b-a)²))² / (b-a)².
    Errors: UsageError where there is no difference to find, or more than 20,000 cases are needed.
    """
    differ, gap = only_a + only_b, only_b - only_a
    guess = _MOST + 1.0
    if gap:
        root = normal_quantile(1 - alpha / 2) * math.sqrt(differ)
        guess = ((root + normal_quantile(power) * math.sqrt(max(0.0, differ - gap * gap))) / gap) ** 2
    if guess > _MOST:
        raise UsageError(f"no plan of {_MOST:,} cases finds this difference", hint="look for a larger one")
    low, high = int(guess / 2), int(guess * 2) + 20
    while low < high:
        middle = (low + high) // 2
        if fixed_power(middle, only_a, only_b, alpha) >= power:
            high = middle
        else:
            low = middle + 1
    return low


@dataclass(frozen=True)
class EarlyStop:
    """When `evidence` says "A better" or "B better", as a distribution over the number of cases.

    `stops`: by the number of cases that differ when it is said (chance of A, chance of B). `differ`: the share of cases
    that differ. "No difference" is not in it: where there is one, that verdict would be a false one.
    """

    stops: Sequence[tuple[float, float]]
    differ: float

    def said(self, cases: int) -> tuple[float, float]:
        """The chances that A, and that B, was said to be better within so many cases."""
        a = b = 0.0
        for count, (of_a, of_b) in enumerate(self.stops):
            if of_a or of_b:
                reached = 1 - binomial_cdf(count - 1, cases, self.differ)
                a, b = a + of_a * reached, b + of_b * reached
        return a, b

    def within(self, share: float) -> int:
        """The fewest cases within which that share of experiments is decided; 0.5: the median."""
        if share > sum(a + b for a, b in self.stops):
            raise UsageError(f"{share:g} of experiments are not decided", hint="ask for a smaller share")
        low, high = 0, 1
        while sum(self.said(high)) < share:
            low, high = high, high * 2
        while low < high:
            middle = (low + high) // 2
            if sum(self.said(middle)) >= share:
                high = middle
            else:
                low = middle + 1
        return low


def early_stop(
    only_a: float, only_b: float, *, alpha: float = 0.05, pairs: int = 1, differing: int = 1000
) -> EarlyStop:
    """The exact distribution of the early stop, one look a case, up to `differing` cases that differ.

    The e-value depends on wins and losses only, so each number of differing cases has a least number of wins that
    decides; the chances of all paths are carried up to it. Which case they came at is binomial.
    """
    differ = only_a + only_b
    share = only_b / differ if differ else 0.0
    bounds = boundary(differing, alpha, pairs)
    paths = {0: 1.0}  # wins of B → chance, among paths that are undecided
    stops = [(0.0, 0.0)]
    for count in range(1, differing + 1):
        grown: dict[int, float] = {}
        a = b = 0.0
        for wins, chance in paths.items():
            for after, more in ((wins + 1, chance * share), (wins, chance * (1 - share))):
                if after >= bounds[count]:
                    b += more
                elif count - after >= bounds[count]:
                    a += more
                elif more > 1e-15:
                    grown[after] = grown.get(after, 0.0) + more
        paths = grown
        stops.append((a, b))
        if sum(paths.values()) < 1e-7:
            break
    return EarlyStop(stops, differ)


@lru_cache(maxsize=16)
def boundary(differing: int, alpha: float = 0.05, pairs: int = 1) -> tuple[int, ...]:
    """For each number of cases that differ, 0…differing, the wins among them that decide (more than all: none do)."""
    wanted = needed(alpha, pairs)
    won, lost = growth(BINS, 0.0), growth(-BINS, 0.0)
    found = [1]
    wins = 0
    for count in range(1, differing + 1):
        # one case more needs no fewer wins, so the search goes on from where it was
        while wins <= count:
            logs = [wins * up + (count - wins) * down for up, down in zip(won, lost, strict=True)]
            if total(logs) >= wanted:
                break
            wins += 1
        found.append(wins)
    return tuple(found)


@dataclass(frozen=True)
class Saving:
    """The early stop's median number of cases beside the fixed plan's, and their ratio."""

    power: float
    fixed: int
    median: int

    @property
    def ratio(self) -> float:
        """Below 1: the early stop is done sooner in half of the experiments."""
        return self.median / self.fixed


def saving(only_a: float, only_b: float, power: float, *, alpha: float = 0.05) -> Saving:
    """What the early stop saves against the fixed plan of this power.

    Half of the experiments cannot stop before a fixed plan of power 0.5 would be done, whatever the method: the best
    test at that point finds the difference in half of them. Against power 0.8 that is 0.49, and 0.30 against 0.95.
    """
    stop = early_stop(only_a, only_b, alpha=alpha)
    return Saving(power, fixed_cases(only_a, only_b, power, alpha), stop.within(0.5))
