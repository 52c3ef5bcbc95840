"""False verdicts, intervals that hold the truth, cases saved, and what the statistics cost.

`python -m benchmarks.statistics [--experiments N]`. Lines that say exact are sums over all paths, the rest is
simulated: N (20,000) experiments each, looked at after every case. Seeded: the same figures every time.
"""

from __future__ import annotations

import argparse
import random
import time

import numpy as np

from benchmarks.common import machine, row
from tests.experiments.statistics.simulated import Floats, verdicts
from workbench.experiments.arena.matches import all_matches, next_match
from workbench.experiments.arena.ranking import ranking
from workbench.experiments.arena.votes import Style, Vote
from workbench.experiments.statistics.estimates import mean_score, pass_rate
from workbench.experiments.statistics.evidence import Evidence
from workbench.experiments.statistics.power import early_stop, fixed_cases, independent, saving

CASES = 300
TWENTY = {
    "0.50 and 0.70, each on its own": independent(0.5, 0.7),
    "0.40 and 0.60, mostly the same cases": (0.1, 0.3),
    "0.30 and 0.50, nearly the same cases": (0.05, 0.25),
    "0.60 and 0.80, B passes all that A does": (0.0, 0.2),
    "the noisiest: 7 of 10 cases differ": (0.25, 0.45),
}


def alike(rng: np.random.Generator, experiments: int) -> dict[str, Floats]:
    """A/A experiments of CASES cases by kind of score."""
    size = (experiments, CASES)
    easy = rng.beta(0.5, 0.5, size)
    file = rng.permuted(np.tile(np.repeat([-1.0, 0.0, 1.0], CASES // 3), (experiments, 1)), axis=1)
    return {
        "pass and fail, half differ": rng.choice([-1.0, 0, 1], size, p=[0.25, 0.5, 0.25]),
        "four repeats a case": (rng.binomial(4, easy) - rng.binomial(4, easy)) / 4,
        "scores in steps of a tenth": (rng.integers(0, 11, size) - rng.integers(0, 11, size)) / 10,
        "skewed: 8 small wins for a whole loss": np.where(rng.random(size) < 1 / 9, -1.0, 0.125),
        "one file of cases, shuffled, to its end": file,
    }


def false_verdicts(experiments: int) -> None:
    """How often two alike variants are told apart, and a true difference is denied."""
    print(f"\ntwo alike variants told apart, a look after every case ({experiments:,} experiments of {CASES} cases)")
    for differ in (0.05, 0.3, 1.0):
        a, b = early_stop(differ / 2, differ / 2).said(2000)
        row(f"exact, 2,000 cases, {100 * differ:.0f} % differ", 100 * (a + b), "%", 5)
    rng = np.random.default_rng(1)
    for name, differences in alike(rng, experiments).items():
        said, _ = verdicts(differences, 0.1, 40.0)
        row(name, 100 * float(np.mean(np.abs(np.nan_to_num(said)) == 1)), "%", 5)
    print("a true difference of δ = 10 points: “no difference” or the wrong side")
    for only_a, only_b in ((0.02, 0.12), (0.1, 0.2), (0.35, 0.45)):
        said, _ = verdicts(
            rng.choice([-1.0, 0, 1], (experiments, CASES), p=[only_a, 1 - only_a - only_b, only_b]), 0.1, 40
        )
        row(f"only A {only_a:.2f}, only B {only_b:.2f}", 100 * float(np.mean((said == 0) | (said == -1))), "%", 5)


def saved() -> None:
    """The early stop's median number of cases over the fixed plan's, by the plan's power."""
    print("\ncases until “B better”, a true difference of 20 points; exact")
    for name, (only_a, only_b) in TWENTY.items():
        stop = early_stop(only_a, only_b)
        print(f"  {name}: median {stop.within(0.5)}, 80 % within {stop.within(0.8)}, 95 % within {stop.within(0.95)}")
        for power in (0.8, 0.9, 0.95, 0.97, 0.99):
            told = saving(only_a, only_b, power)
            floor = fixed_cases(only_a, only_b, 0.5) / told.fixed
            row(f"  over the fixed plan of power {power} ({told.fixed}), floor {floor:.2f}", told.ratio, "×", 0.5)


def intervals(experiments: int) -> None:
    """How often 95 % intervals clustered by case hold the truth."""
    print(f"\n95 % intervals that hold the truth, five trials a case ({experiments:,} experiments)")
    rng = np.random.default_rng(2)
    for cases in (5, 10, 30):
        for a, b in ((1.0, 1.0), (4.0, 1.0), (0.4, 0.6)):
            held = np.zeros(2)
            for _ in range(experiments):
                easy = rng.beta(a, b, cases)
                passes = rng.random((cases, 5)) < easy[:, None]
                rate = pass_rate({str(case): told.tolist() for case, told in enumerate(passes)})
                score = mean_score({str(case): [told] for case, told in enumerate(easy.tolist())})
                held += [rate.low <= a / (a + b) <= rate.high, score.low <= a / (a + b) <= score.high]
            rate_held, score_held = 100 * held / experiments
            print(f"  {cases:>3} cases, Beta({a:g}, {b:g}): pass rate {rate_held:.1f} %, mean score {score_held:.1f} %")


def costs() -> None:
    """Time on this machine."""
    print("\ncost")
    rng = random.Random(3)
    found = Evidence(delta=0.1)
    started = time.perf_counter()
    for _ in range(10_000):
        found.add(rng.choice((-1.0, 0.0, 1.0)))
    row("evidence, a case", (time.perf_counter() - started) * 100, "µs")
    started = time.perf_counter()
    found.interval()
    row("its interval, pass and fail", 1e3 * (time.perf_counter() - started), "ms")
    found = Evidence.of(rng.uniform(-1, 1) for _ in range(10_000))
    started = time.perf_counter()
    found.interval()
    row("its interval, 10,000 scores all different", 1e3 * (time.perf_counter() - started), "ms")
    votes = []
    for number in range(1000):
        one, other = rng.sample(range(8), 2)
        styles = (Style(rng.randint(50, 500), rng.randint(0, 5)), Style(rng.randint(50, 500), rng.randint(0, 5)))
        winner = "left" if rng.random() < 0.5 + (other - one) / 20 else "right"
        votes.append(Vote(f"i{one}", f"i{other}", winner, f"case {number // 4}", styles=styles))  # type: ignore[arg-type]
    for name, control in (("ranking of 1,000 votes on 8 items", False), ("… with style control", True)):
        started = time.perf_counter()
        ranking(votes, control=control)
        row(name, time.perf_counter() - started, "s")
    started = time.perf_counter()
    next_match(votes, all_matches([f"i{index}" for index in range(8)]), seed=1)
    row("next match", 1e3 * (time.perf_counter() - started), "ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, default=20_000)
    asked = parser.parse_args().experiments
    print(machine())
    false_verdicts(asked)
    saved()
    intervals(asked // 5)
    costs()
