"""Two variants on the same cases, and many pairs: against scipy."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from workbench.experiments.statistics.correction import holm, needed, pairs_of
from workbench.experiments.statistics.pairs import compare, compare_many, differences, mcnemar, sign_test
from workbench.experiments.statistics.resampling import interval, resampled_means


def one_each(values: list[float]) -> dict[str, list[float]]:
    return {str(case): [value] for case, value in enumerate(values)}


@pytest.mark.parametrize(("wins", "losses"), [(0, 1), (5, 5), (9, 1), (15, 5), (0, 30), (480, 420), (5100, 4900)])
def test_the_sign_test_is_scipys(wins: int, losses: int) -> None:
    theirs = stats.binomtest(wins, wins + losses, 0.5).pvalue
    assert sign_test(wins, losses) == pytest.approx(theirs, rel=1e-9)
    assert mcnemar(only_a=losses, only_b=wins) == sign_test(wins, losses)


def test_no_case_that_differs_is_no_evidence() -> None:
    assert sign_test(0, 0) == 1


def test_a_paired_comparison() -> None:
    a = one_each([0.2, 0.5, 1.0, 0.0, 0.4, 0.9])
    b = one_each([0.6, 0.5, 0.8, 0.7, 0.9, 1.0]) | {"only in B": [1.0]}
    found = compare(a, b)
    theirs = stats.ttest_rel([v for (v,) in list(b.values())[:6]], [v for (v,) in a.values()])
    assert (found.low, found.high) == pytest.approx(tuple(theirs.confidence_interval(0.95)), abs=1e-12)
    assert (found.cases, found.wins, found.losses, found.ties) == (6, 4, 1, 1)
    assert found.difference == pytest.approx(0.25)
    assert found.p == pytest.approx(stats.binomtest(4, 5).pvalue)


def test_turned_round_it_says_the_opposite() -> None:
    a, b = one_each([0.2, 0.5, 1.0, 0.0]), one_each([0.6, 0.5, 0.8, 0.7])
    there, back = compare(a, b), compare(b, a)
    assert (there.difference, there.low, there.high) == pytest.approx((-back.difference, -back.high, -back.low))
    assert (there.wins, there.losses, there.p) == (back.losses, back.wins, back.p)


def test_sums_of_floats_are_ties() -> None:
    assert compare({"x": [0.1, 0.2, 0.3]}, {"x": [0.3, 0.2, 0.1]}).ties == 1


def test_answers_all_alike_leave_room_for_cases_not_seen() -> None:
    same = one_each([0.0, 1.0] * 10)
    found = compare(same, same)
    assert found.difference == 0
    assert -0.2 < found.low < -0.1
    assert found.resampled == pytest.approx((found.low, found.high))
    assert compare({"a": [1]}, {"a": [0]}).low == -1


def test_the_bootstrap_is_the_same_for_the_same_seed_and_scipys_for_the_same_samples() -> None:
    rng = np.random.default_rng(3)
    for values in (rng.beta(0.5, 3, 40), rng.choice([-1.0, 0, 0, 1, 1], 60), rng.normal(0, 0.2, 15)):
        rows = values.tolist()
        means = resampled_means(rows, seed=5)
        assert means == resampled_means(rows, seed=5) != resampled_means(rows, seed=6)
        for ours, theirs in (("bca", "BCa"), ("percentile", "percentile")):
            given_samples = SimpleNamespace(bootstrap_distribution=np.array(means))
            wanted = stats.bootstrap(
                (values,), np.mean, n_resamples=0, method=theirs, bootstrap_result=given_samples
            ).confidence_interval
            found = interval(rows, means, method="bca" if ours == "bca" else "percentile")
            assert found == pytest.approx((wanted.low, wanted.high), abs=1e-9)


def test_many_values_take_fewer_rounds() -> None:
    assert len(resampled_means([0.0, 1.0] * 50)) == 2000
    assert len(resampled_means([0.0, 1.0] * 2500)) == 400


def test_the_bootstrap_holds_the_truth() -> None:
    """600 experiments of 40 cases, pass or fail, true difference 0.2; 95 %, error ±1.8 points."""
    rng = np.random.default_rng(11)
    held = np.zeros(2)
    for _ in range(600):
        values = rng.choice([-1.0, 0.0, 1.0], 40, p=[0.15, 0.5, 0.35]).tolist()
        means = resampled_means(values, seed=int(rng.integers(1 << 30)), rounds=400)
        bca, plain = interval(values, means), interval(values, means, method="percentile")
        held += [bca[0] <= 0.2 <= bca[1], plain[0] <= 0.2 <= plain[1]]
    assert (held / 600 > 0.925).all(), held / 600


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_is_scipys_step_down(values: list[float]) -> None:
    found = holm(values)
    order = sorted(values)
    # the definition: the largest of (m-j+1)·p_(j) up to its own place
    for value, corrected in zip(values, found, strict=True):
        upto = [(len(order) - place) * p for place, p in enumerate(order) if p <= value]
        least = [(len(order) - place) * p for place, p in enumerate(order) if p < value]
        first = (len(order) - order.index(value)) * value
        assert corrected == pytest.approx(min(1.0, max([*least, first])))
        assert corrected <= min(1.0, max(upto)) + 1e-12


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_pairs_are_with_the_baseline_or_every_two() -> None:
    assert pairs_of(["A", "B", "C"]) == [("A", "B"), ("A", "C"), ("B", "C")]
    assert pairs_of(["A", "B", "C"], "B") == [("B", "A"), ("B", "C")]
    assert (needed(), needed(pairs=3), needed(0.01)) == pytest.approx((40, 120, 200))


def test_many_pairs_carry_corrected_ps() -> None:
    variants = {"A": one_each([0.0] * 12), "B": one_each([1.0] * 12), "C": one_each([0.0] * 11 + [1.0])}
    found = compare_many(variants, pairs_of(list(variants)))
    assert found["A", "B"][1] == pytest.approx(3 * sign_test(12, 0))
    assert found["A", "C"][1] == 1
    assert differences(variants["A"], variants["C"])["11"] == 1


def test_holm_keeps_false_verdicts_within_five_percent() -> None:
    """4,000 experiments, four alike variants, six pairs, 60 cases: any p ≤ 5 % at all; error ±0.7 points."""
    rng = np.random.default_rng(2)
    passed = rng.random((4000, 4, 60)) < 0.5
    plain = corrected = 0
    for scores in passed:
        ps = []
        for a, b in pairs_of(["0", "1", "2", "3"]):
            one, other = scores[int(a)], scores[int(b)]
            ps.append(mcnemar(int((one & ~other).sum()), int((other & ~one).sum())))
        plain += min(ps) <= 0.05
        corrected += min(holm(ps)) <= 0.05
    assert corrected / 4000 <= 0.05
    assert plain / 4000 > 0.08
