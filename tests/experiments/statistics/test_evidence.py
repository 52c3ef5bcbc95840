"""The e-process: what it says, that it keeps its promise when looked at after every case, and what that costs."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.experiments.statistics.simulated import NEVER, Floats, values, verdicts
from workbench.errors import UsageError
from workbench.experiments.statistics.correction import needed
from workbench.experiments.statistics.evidence import BINS, Evidence, InTurn, growth, shares

difference = st.sampled_from([-1.0, -0.5, -1 / 3, 0.0, 1 / 3, 0.5, 1.0])
PASSES = st.lists(st.sampled_from([-1.0, 0.0, 1.0]), max_size=80)


def test_nine_wins_in_a_row_are_enough() -> None:
    assert Evidence.of([1.0] * 7).verdict == ""
    found = Evidence.of([1.0] * 9)
    assert (found.verdict, found.decided_at) == ("B better", 8)
    assert Evidence.of([-1.0] * 9).verdict == "A better"


def test_a_verdict_stands() -> None:
    found = Evidence.of([1.0] * 9 + [-1.0] * 30)
    assert (found.verdict, found.decided_at, found.cases) == ("B better", 8, 39)
    assert found.strength >= found.needed > found.b_better.value


def test_alike_answers_are_no_difference_of_delta_and_never_without_one() -> None:
    found = Evidence.of([0.0] * 200, delta=0.1)
    assert (found.verdict, found.decided_at) == ("no difference", 54)
    assert Evidence.of([0.0] * 1000).verdict == ""


@given(PASSES)
def test_for_pass_and_fail_it_is_a_mixture_over_the_cases_that_differ(found: list[float]) -> None:
    wins, losses = found.count(1.0), found.count(-1.0)
    told = sum(weight * (1 + share) ** wins * (1 - share) ** losses for share, weight in zip(*shares(), strict=True))
    assert Evidence.of(found).b_better.value == pytest.approx(told, rel=1e-9)


@given(st.lists(difference, max_size=40), st.randoms(use_true_random=False))
def test_order_does_not_change_the_evidence_and_sides_mirror(found: list[float], rng: random.Random) -> None:
    shuffled = list(found)
    rng.shuffle(shuffled)
    one, other = Evidence.of(found, delta=0.2), Evidence.of(shuffled, delta=0.2)
    mirrored = Evidence.of([-value for value in found], delta=0.2)
    assert one.b_better.value == pytest.approx(other.b_better.value, rel=1e-9)
    assert one.b_better.value == pytest.approx(mirrored.a_better.value, rel=1e-9)
    assert one.interval() == pytest.approx(other.interval(), abs=1e-9)
    low, high = one.interval()
    assert (-high, -low) == pytest.approx(mirrored.interval(), abs=1e-9)
    assert -1 <= low <= one.difference + 2 / BINS
    assert one.difference - 2 / BINS <= high <= 1


@given(st.integers(0, 2**63), st.floats(-0.95, 0.95))
def test_each_case_is_a_fair_bet_at_worst(seed: int, bound: float) -> None:
    """The mean growth over any distribution with mean ≤ bound is 1 at most: two-point ones on either side suffice."""
    rng = random.Random(seed)
    low = rng.randint(-BINS, math.floor(bound * BINS))
    high = rng.randint(math.ceil(bound * BINS), BINS)
    share = (bound - low / BINS) / ((high - low) / BINS) if high > low else 0.0
    for down, up in zip(growth(low, bound), growth(high, bound), strict=True):
        assert (1 - share) * math.exp(down) + share * math.exp(up) <= 1 + 1e-9


def test_the_shares_are_a_distribution() -> None:
    nodes, weights = shares()
    assert sum(weights) == pytest.approx(1)
    assert 0 < min(nodes) < max(nodes) < 1


@pytest.mark.parametrize("value", [1.1, -2.0, float("nan")])
def test_a_difference_off_the_scale_is_refused(value: float) -> None:
    with pytest.raises(UsageError, match="a difference of"):
        Evidence().add(value)


@pytest.mark.parametrize("wrong", [{"alpha": 0.0}, {"alpha": 1.0}, {"delta": 0.0}, {"delta": 1.5}])
def test_wrong_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        Evidence(**wrong)  # type: ignore[arg-type]  # pairs is an int, and not among these


def test_more_pairs_need_more_evidence() -> None:
    one, six = Evidence.of([1.0] * 9), Evidence.of([1.0] * 9, pairs=6)
    assert (one.needed, six.needed) == pytest.approx((40, 240))
    assert (one.verdict, six.verdict) == ("B better", "")
    assert six.interval()[0] < one.interval()[0]


@given(st.permutations(range(12)))
def test_cases_take_their_turn_whatever_ends_first(order: list[int]) -> None:
    queue, fed = InTurn(), []
    for place in order:
        fed += queue.put(place, None if place == 5 else place / 12)
    assert fed == [place / 12 for place in range(12) if place != 5]


def test_an_interval_and_a_verdict_agree() -> None:
    rng = random.Random(4)
    for _ in range(60):
        lean = rng.random()
        found = Evidence(delta=0.25)
        while not found.verdict and found.cases < 150:
            found.add(rng.choice([0.0, 1.0 if rng.random() < lean else -1.0]))
        low, high = found.interval()
        assert (found.verdict == "B better") == (low > -1e-4)
        assert (found.verdict == "A better") == (high < 1e-4)
        if found.verdict == "no difference":
            assert -0.2501 < low < high < 0.2501


# ---- simulations: what runs over numpy arrays is the same process


def paired(rng: np.random.Generator, size: tuple[int, int], only_a: float, only_b: float) -> Floats:
    return rng.choice([-1.0, 0.0, 1.0], size, p=[only_a, 1 - only_a - only_b, only_b])


def test_the_arrays_are_the_process() -> None:
    rng = np.random.default_rng(1)
    rows = np.concatenate([paired(rng, (10, 120), 0.2, 0.3), rng.integers(-4, 5, (10, 120)) / 4])
    said, at = verdicts(rows, 0.2, 40.0)
    for row, verdict, when in zip(rows, said, at, strict=True):
        found = Evidence.of(row.tolist(), delta=0.2)
        assert found.decided_at == (None if when == NEVER else when)
        assert {"B better": 1, "A better": -1, "no difference": 0}.get(found.verdict) == (
            None if np.isnan(verdict) else verdict
        )


@pytest.mark.parametrize(
    "kind", ["coins apart", "rarely apart", "repeats", "skewed scores", "each easy for one", "one file"]
)
def test_two_alike_variants_looked_at_after_every_case(kind: str) -> None:
    """2,000 A/A experiments of 200 cases: a false "better" in ≤ 5 %. At 5 % in truth one would see 5 ± 1 (95 %)."""
    rng = np.random.default_rng(sum(map(ord, kind)))
    size = (2000, 200)
    if kind == "coins apart":
        rows = paired(rng, size, 0.25, 0.25)
    elif kind == "rarely apart":
        rows = paired(rng, size, 0.05, 0.05)
    elif kind == "repeats":
        easy = rng.beta(0.5, 0.5, size)
        rows = (rng.binomial(4, easy) - rng.binomial(4, easy)) / 4
    elif kind == "skewed scores":
        rows = np.where(rng.random(size) < 1 / 9, -1.0, 0.125)
    elif kind == "each easy for one":
        easy = rng.random(size)
        rows = (easy < 0.5).astype(float) - (easy >= 0.5)
    else:  # cases of one file, shuffled and run to its end: drawn without replacement
        rows = rng.permuted(np.tile(np.repeat([-1.0, 0.0, 1.0, 0.0], 50), (2000, 1)), axis=1)
    said, _ = verdicts(rows, 0.1, 40.0)
    false = float(np.mean(np.abs(np.nan_to_num(said)) == 1))
    assert false <= 0.05, false


def test_the_sign_test_looked_at_after_every_case_does_not_keep_it() -> None:
    from scipy import stats

    rng = np.random.default_rng(5)
    rows = paired(rng, (2000, 100), 0.5, 0.5)
    wins = (rows > 0).cumsum(1)
    ps = 2 * stats.binom.cdf(np.minimum(wins, np.arange(1, 101) - wins), np.arange(1, 101), 0.5)
    assert np.mean((ps <= 0.05).any(1)) > 0.15


@pytest.mark.parametrize(("only_a", "only_b"), [(0.1, 0.2), (0.02, 0.12), (0.3, 0.45)])
def test_a_true_difference_is_not_called_none_nor_turned_round(only_a: float, only_b: float) -> None:
    """2,000 experiments of 400 cases whose true difference is δ or more: any false verdict in ≤ 5 %, error ±1 point."""
    rng = np.random.default_rng(8)
    said, _ = verdicts(paired(rng, (2000, 400), only_a, only_b), 0.1, 40.0)
    assert np.mean((said == 0) | (said == -1)) <= 0.05
    assert np.mean(said == 1) > 0.25


def test_alike_variants_are_found_alike() -> None:
    rng = np.random.default_rng(9)
    said, at = verdicts(paired(rng, (500, 400), 0.1, 0.1), 0.15, 40.0)
    assert np.mean(said == 0) > 0.85
    assert np.median(at) < 250


@pytest.mark.parametrize("spread", ["pass and fail", "scores"])
def test_the_confidence_sequence_holds_the_truth_at_every_look(spread: str) -> None:
    """2,000 experiments of 200 cases: the truth is ever outside in ≤ 5 % (inside while no e-value reaches 40)."""
    rng = np.random.default_rng(10)
    if spread == "pass and fail":
        rows, truth = paired(rng, (2000, 200), 0.15, 0.35), 0.2
    else:
        rows, truth = rng.integers(-168, 505, (2000, 200)) / 840, 0.2
    out = (values(rows, truth) >= 40) | (values(rows, -truth, -1) >= 40)
    assert np.mean(out.any(1)) <= 0.05
    for row, outside in zip(rows[:20], out[:20], strict=True):
        low, high = Evidence.of(row.tolist()).interval()
        assert (low <= truth <= high) == (not outside[-1])


def test_six_pairs_of_four_alike_variants_at_every_look() -> None:
    """1,500 experiments, 150 cases: any false "better" among six pairs that share variants, ≤ 5 %; error ±1.1."""
    rng = np.random.default_rng(12)
    passed = (rng.random((4, 1500, 150)) < 0.5).astype(float)
    wrong = np.zeros(1500, bool)
    for a in range(4):
        for b in range(a + 1, 4):
            said, _ = verdicts(passed[b] - passed[a], None, needed(pairs=6))
            wrong |= ~np.isnan(said)
    assert np.mean(wrong) <= 0.05
