"""Two variants looked at after every case: an e-process, so that looking costs nothing and stopping early is fair.

A bet in words: someone says "B is no better than A". We start with 1 coin and stake a share of it on B before every
case, at odds that are fair or worse for us if they are right; so our coins are 40 one day with a chance of 1 in 40 at
most, whenever we look (Ville's inequality). Coins are the evidence, the e-value. Four claims are bet against:

    d ≤ 0    lost: "B better"          d ≥ 0     lost: "A better"
    d ≤ -δ, d ≥ δ    both lost: "no difference of at least δ"

where d is the mean over the cases to come of B - A. Against d ≤ m, a case with difference x (-1…1) multiplies the
coins by (1-c) + c·(1+x)/(1+m) for the staked share c; its mean is 1 at most while the claim holds. The share is not
guessed: the coins are spread over fixed shares before the first case and each part goes its own way (Cover's
universal portfolio). So the e-value depends on which differences were seen and not on their order, and for pass and
fail it is the mixture martingale on the cases where just one of the two passes (Robbins 1970).
Sources: Waudby-Smith and Ramdas 2024 (JRSS B 86, "Estimating means of bounded random variables by betting");
Orabona and Jun 2024 (IEEE Trans. Information Theory 70, universal portfolio); Cover 1991 (Math. Finance 1).

It holds when cases come in an order that has nothing to do with their outcome: shuffle the plan by its seed, and feed
cases in plan order (`InTurn`), never as they end: quick answers end first.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from workbench.errors import UsageError
from workbench.experiments.statistics.correction import needed

BINS = 840  # differences are kept in steps of 1/840, exact for passes over up to 8 repeats; else rounded against us
_NODES = 32
Decided = Literal["A better", "B better", "no difference"]


@lru_cache(maxsize=1)
def shares() -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The shares that are staked, between 0 and 1, and the part of the coins that each starts with (sum 1).

    Nine tenths lie as Beta(2, 2), where differences of 10 to 30 points are; a tenth is spread towards 0 and 1 for tiny
    and for one-sided differences. Any choice is valid; this one is quick on 20 points.
    """
    angles = [(index + 0.5) / _NODES for index in range(_NODES)]
    nodes = tuple(math.sin(math.pi * angle / 2) ** 2 for angle in angles)
    middle = [(node * (1 - node)) ** 1.5 for node in nodes]
    whole = sum(middle)
    return nodes, tuple(0.9 * weight / whole + 0.1 / _NODES for weight in middle)


@lru_cache(maxsize=4096)
def growth(step: int, bound: float) -> tuple[float, ...]:
    """By how much (natural log) each part's coins grow at a difference of step/BINS, betting against d ≤ bound."""
    ratio = (1 + step / BINS) / (1 + bound)
    return tuple(math.log((1 - share) + share * ratio) for share in shares()[0])


def total(logs: Iterable[float]) -> float:
    """The e-value of parts that stand at these logs."""
    parts = list(logs)
    top = max(parts)
    return math.exp(min(700.0, top)) * sum(
        weight * math.exp(log - top) for weight, log in zip(shares()[1], parts, strict=True)
    )


def steps(difference: float) -> tuple[int, int]:
    """A difference in steps of 1/BINS, rounded down and rounded up. Errors: UsageError when it is not within -1…1."""
    if not -1 - 1e-9 <= difference <= 1 + 1e-9:
        raise UsageError(f"a difference of {difference}", hint="scores go from 0 to 1, differences from -1 to 1")
    exact = difference * BINS
    return math.floor(exact + 1e-6), math.ceil(exact - 1e-6)


@dataclass
class Bet:
    """Coins against "d ≤ bound": `value`, in parts whose logarithms are `logs`."""

    bound: float
    logs: list[float] = field(default_factory=lambda: [0.0] * _NODES)
    value: float = 1.0

    def add(self, step: int) -> None:
        """One case more, its difference in steps of 1/BINS."""
        self.logs = [log + more for log, more in zip(self.logs, growth(step, self.bound), strict=True)]
        self.value = total(self.logs)


class Evidence:
    """What is known of B - A so far. `add` a difference per case, in plan order; a rebuilt one equals the one that ran.

    alpha: the chance of a false verdict, over all looks and all `pairs` that are compared. delta: the smallest
    difference that matters, 0…1 (0.1 is ten points), None for no verdict of "no difference". A case costs about 25 µs.
    """

    def __init__(self, *, alpha: float = 0.05, delta: float | None = None, pairs: int = 1) -> None:
        if not 0 < alpha < 1:
            raise UsageError(f"alpha = {alpha}", hint="the chance of a false verdict, such as 0.05")
        if delta is not None and not 0 < delta < 1:
            raise UsageError(
                f"delta = {delta}", hint="the smallest difference that matters, such as 0.1 for ten points"
            )
        self.alpha, self.delta, self.pairs = alpha, delta, pairs
        self.needed = needed(alpha, pairs)
        self.cases = 0
        self.b_better, self.a_better = Bet(0.0), Bet(0.0)
        # against d ≤ -δ, and against d ≥ δ seen from the other side
        self.not_below = Bet(-delta) if delta else None
        self.not_above = Bet(-delta) if delta else None
        self.decided_at: int | None = None
        self._verdict: Decided | Literal[""] = ""
        self._decided = 0.0
        self._sum = 0.0
        self._low: Counter[int] = Counter()
        self._high: Counter[int] = Counter()

    @classmethod
    def of(
        cls, differences: Iterable[float], *, alpha: float = 0.05, delta: float | None = None, pairs: int = 1
    ) -> Evidence:
        """Rebuilt from the differences of the cases, in plan order."""
        found = cls(alpha=alpha, delta=delta, pairs=pairs)
        for difference in differences:
            found.add(difference)
        return found

    def add(self, difference: float) -> None:
        """One case more: the mean score of B's trials less that of A's, -1…1. Errors: UsageError when it is not."""
        low, high = steps(difference)
        self.cases += 1
        self._sum += difference
        self._low[low] += 1
        self._high[-high] += 1
        self.b_better.add(low)
        self.a_better.add(-high)
        if self.not_below and self.not_above:
            self.not_below.add(low)
            self.not_above.add(-high)
        if not self._verdict:
            self._decide()

    def _decide(self) -> None:
        if self.strength < self.needed:
            return
        self._decided = self.strength
        self.decided_at = self.cases
        if max(self.b_better.value, self.a_better.value) >= self.needed:
            self._verdict = "B better" if self.b_better.value >= self.needed else "A better"
        else:
            self._verdict = "no difference"

    @property
    def verdict(self) -> Decided | Literal[""]:
        """`A better`, `B better`, `no difference` (of at least delta), "" for not enough yet. Once said, it stands."""
        return self._verdict

    @property
    def difference(self) -> float:
        """The mean difference B - A seen so far, 0 of no cases."""
        return self._sum / self.cases if self.cases else 0.0

    @property
    def strength(self) -> float:
        """The evidence, to 1: what decided, or before that for what is nearest to being said."""
        if self._verdict:
            return self._decided
        alike = min(self.not_below.value, self.not_above.value) if self.not_below and self.not_above else 0.0
        return max(self.b_better.value, self.a_better.value, alike)

    def interval(self) -> tuple[float, float]:
        """All differences that the cases do not speak against: a confidence sequence, B - A.

        Holds the true mean difference with 1 - alpha at every look at once (with `pairs`: for all of them together).
        Its ends are where the e-value against d ≤ m, and against d ≥ m, is what decides (Waudby-Smith and Ramdas
        2024, theorem 3); to 1e-4. Under 1 ms for pass and fail, at most 0.3 s (for scores that are all different,
        however many).
        """
        if not self.cases:
            return -1.0, 1.0
        return self._lowest(self._low), -self._lowest(self._high)

    def _lowest(self, seen: Counter[int]) -> float:
        """The least m that "d ≤ m" can hold for."""
        wanted = math.log(self.needed)

        def beyond(bound: float) -> float:
            logs = [0.0] * _NODES
            for step, count in seen.items():
                ratio = (1 + step / BINS) / (1 + bound)
                for node, share in enumerate(shares()[0]):
                    logs[node] += count * math.log((1 - share) + share * ratio)
            top = max(logs)
            inside = sum(weight * math.exp(log - top) for weight, log in zip(shares()[1], logs, strict=True))
            return top + math.log(inside) - wanted

        mean = sum(step * count for step, count in seen.items()) / (BINS * self.cases)
        least = -1 + 1e-6
        if mean <= least or beyond(least) < 0:
            return -1.0
        return _root(beyond, least, mean)


def _root(value: Callable[[float], float], low: float, high: float) -> float:
    """Where a falling function that is ≥ 0 at `low` and < 0 at `high` crosses 0, to 1e-4 and never above it."""
    while high - low > 1e-4:
        middle = (low + high) / 2
        if value(middle) >= 0:
            low = middle
        else:
            high = middle
    return low


class InTurn:
    """Holds what arrives early until it is its turn: cases are fed to `Evidence` in plan order, whatever ends first.

    A case that has no score for both (its trial failed) is put with None: its turn passes.
    """

    def __init__(self) -> None:
        self._next = 0
        self._waiting: dict[int, float | None] = {}

    def put(self, place: int, difference: float | None) -> list[float]:
        """The case at `place` of the plan (from 0) has ended; the differences whose turn has come, in order."""
        self._waiting[place] = difference
        ready = []
        while self._next in self._waiting:
            value = self._waiting.pop(self._next)
            self._next += 1
            if value is not None:
                ready.append(value)
        return ready
