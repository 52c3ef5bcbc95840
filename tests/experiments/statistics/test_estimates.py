"""Pass rates and mean scores: against formulas of others, and how often their intervals hold the truth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from workbench.errors import UsageError
from workbench.experiments.statistics.estimates import Estimate, grouped, mean_score, pass_rate, wilson

score = st.floats(0, 1)
cases = st.dictionaries(st.text("abcdefgh", max_size=3), st.lists(score, max_size=4), max_size=12)


def test_wilsons_interval_is_scipys() -> None:
    for passed, size in [(0, 5), (3, 10), (10, 10), (37, 90)]:
        theirs = stats.binomtest(passed, size).proportion_ci(0.95, method="wilson")
        assert wilson(passed / size, size, stats.norm.ppf(0.975)) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_one_trial_a_case_is_wilsons_with_t() -> None:
    found = pass_rate({str(case): [case < 7] for case in range(20)})
    assert (found.low, found.high) == pytest.approx(wilson(7 / 20, 20, stats.t.ppf(0.975, 19)))
    assert (found.value, found.cases, found.trials, found.method) == (7 / 20, 20, 20, "wilson")


def test_the_ends_of_a_mean_are_t_standard_errors_away() -> None:
    values = [0.1, 0.35, 0.5, 0.55, 0.9, 0.2, 0.4]
    found = mean_score({str(case): [value] for case, value in enumerate(values)})
    error = stats.sem(values) / np.sqrt(found.value * (1 - found.value))  # in units of a coin's deviation
    for end in (found.low, found.high):
        assert abs(end - found.value) / (error * np.sqrt(end * (1 - end))) == pytest.approx(stats.t.ppf(0.975, 6))


def test_close_scores_have_the_plain_t_interval() -> None:
    values = [0.5 + 0.001 * (case % 5) for case in range(25)]
    found = mean_score({str(case): [value] for case, value in enumerate(values)})
    theirs = stats.t.interval(0.95, 24, loc=np.mean(values), scale=stats.sem(values))
    assert (found.low, found.high) == pytest.approx(theirs, abs=1e-5)


def test_repeats_that_agree_add_nothing_and_repeats_that_differ_do() -> None:
    one = pass_rate({str(case): [case < 7] for case in range(20)})
    ten = pass_rate({str(case): [case < 7] * 10 for case in range(20)})
    mixed = pass_rate({str(case): [repeat < 4 + case % 2 for repeat in range(10)] for case in range(20)})
    assert (ten.low, ten.high) == pytest.approx((one.low, one.high))
    assert mixed.high - mixed.low < 0.6 * (one.high - one.low)


def test_a_case_counts_once_whatever_its_repeats() -> None:
    assert mean_score({"a": [1.0] * 9, "b": [0.0], "c": []}).value == 0.5


def test_all_pass_and_none_pass_leave_room() -> None:
    every = pass_rate({str(case): [True] * 3 for case in range(10)})
    none = pass_rate({str(case): [False] * 3 for case in range(10)})
    assert (every.value, every.high) == (1, 1)
    assert 0.6 < every.low < 0.75
    assert (none.low, none.high) == pytest.approx((0, 1 - every.low))


def test_one_case_or_none_says_nothing() -> None:
    assert pass_rate({"a": [True, True]}) == Estimate(1, 0, 1, 1, 2, "none")
    assert pass_rate({}) == Estimate(0, 0, 1, 0, 0, "none")


@pytest.mark.parametrize("value", [-0.1, 1.01, float("nan")])
def test_a_score_outside_its_scale_is_named(value: float) -> None:
    with pytest.raises(UsageError, match="case bad: a score of"):
        mean_score({"good": [0.5], "bad": [value]})


def test_rows_are_grouped() -> None:
    assert grouped([("a", 1), ("b", 0), ("a", 0.5)]) == {"a": [1, 0.5], "b": [0]}


@given(cases)
def test_the_interval_holds_the_mean_and_stays_on_the_scale(scores: dict[str, list[float]]) -> None:
    for found in (
        mean_score(scores),
        pass_rate({case: [value > 0.5 for value in values] for case, values in scores.items()}),
    ):
        assert 0 <= found.low <= found.value + 1e-12
        assert found.value - 1e-12 <= found.high <= 1


@pytest.mark.parametrize(("size", "repeats"), [(10, 1), (10, 5), (20, 5), (50, 3)])
@pytest.mark.parametrize(("a", "b"), [(1.0, 1.0), (0.4, 0.6), (4.0, 1.0)])
def test_intervals_clustered_by_case_hold_the_truth(size: int, repeats: int, a: float, b: float) -> None:
    """1,000 experiments each; cases differ in difficulty (Beta(a, b)), trials of a case share it. Error ±1.4 points."""
    rng = np.random.default_rng(7)
    rounds = 1000
    easy = rng.beta(a, b, (rounds, size, 1))
    passed = rng.random((rounds, size, repeats)) < easy
    scored = np.clip(easy + rng.normal(0, 0.1, (rounds, size, repeats)), 0, 1)
    truth, mean = a / (a + b), float(scored.mean())
    held = np.zeros(3)
    for index in range(rounds):
        rate = pass_rate(dict(enumerate_cases(passed[index])))
        average = mean_score(dict(enumerate_cases(scored[index])))
        flat = passed[index].ravel()
        naive = wilson(float(flat.mean()), flat.size, 1.96)
        held += [
            rate.low <= truth <= rate.high,
            average.low <= mean <= average.high,
            naive[0] <= truth <= naive[1],
        ]
    held /= rounds
    assert held[0] > 0.936, held
    assert held[1] > 0.92, held
    if repeats == 5:
        assert held[2] < 0.92, "the interval that takes repeats for independent should fail here"


def enumerate_cases(rows: np.ndarray) -> list[tuple[str, list[Any]]]:
    return [(str(case), values.tolist()) for case, values in enumerate(rows)]
