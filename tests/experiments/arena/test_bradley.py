"""The Bradley–Terry fit against choix (with a prior) and evalica (without one)."""

from __future__ import annotations

import math
import random

import choix
import evalica
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from workbench.experiments.arena.bradley import Meeting, fit, inverse, logistic, refit, solve

meeting = st.tuples(st.integers(0, 4), st.integers(0, 4), st.floats(0, 30), st.floats(0, 1)).filter(
    lambda row: row[0] != row[1]
)


def drawn(seed: int, size: int, votes: int) -> list[tuple[int, int]]:
    """(winner, loser) pairs."""
    rng = random.Random(seed)
    strength = [rng.gauss(0, 0.8) for _ in range(size)]
    found = []
    for _ in range(votes):
        one, other = rng.sample(range(size), 2)
        wins = rng.random() < logistic(strength[one] - strength[other])
        found.append((one, other) if wins else (other, one))
    return found


@pytest.mark.parametrize(("size", "votes"), [(2, 3), (5, 40), (12, 900)])
@pytest.mark.parametrize("prior", [0.5, 1.5, 4.0])
def test_with_a_prior_it_is_choix(size: int, votes: int, prior: float) -> None:
    pairs = drawn(size, size, votes)
    theirs = choix.opt_pairwise(size, pairs, alpha=1 / (2 * prior**2), tol=1e-10)
    ours = fit([Meeting(winner, loser, 1, 1) for winner, loser in pairs], size, prior=prior)
    assert ours.ratings == pytest.approx(list(theirs), abs=1e-6)
    assert sum(ours.ratings) == pytest.approx(0, abs=1e-9)


def test_without_a_prior_and_with_ties_it_is_evalica() -> None:
    pairs = drawn(1, 6, 600)
    tied = drawn(2, 6, 150)
    left = [f"i{a}" for a, _ in pairs + tied]
    right = [f"i{b}" for _, b in pairs + tied]
    winners = [evalica.Winner.X] * len(pairs) + [evalica.Winner.Draw] * len(tied)
    scores = evalica.bradley_terry(left, right, winners, tolerance=1e-13, limit=10_000).scores
    theirs = np.log([scores[f"i{index}"] for index in range(6)])
    ours = fit([Meeting(a, b, 1, 1) for a, b in pairs] + [Meeting(a, b, 1, 0.5) for a, b in tied], 6, prior=1e4)
    assert ours.ratings == pytest.approx(list(theirs - theirs.mean()), abs=1e-6)


def test_with_styles_it_is_the_top_that_scipy_finds() -> None:
    rng = random.Random(5)
    rows = [Meeting(a, b, 1, 1, (rng.uniform(-1, 1), rng.choice([0.0, 0.5]))) for a, b in drawn(3, 4, 200)]

    def cost(x: np.ndarray) -> float:
        told = float(np.sum(x**2)) / (2 * 1.5**2)
        for row in rows:
            lean = x[row.left] - x[row.right] + x[4] * row.style[0] + x[5] * row.style[1]
            told += math.log1p(math.exp(-lean))
        return told

    theirs = minimize(cost, np.zeros(6), method="BFGS", options={"gtol": 1e-8})
    ours = fit(rows, 4, styles=2)
    assert [*ours.ratings, *ours.styles] == pytest.approx(list(theirs.x), abs=1e-5)
    step = np.eye(6) * 1e-3
    hessian = [
        [
            (cost(theirs.x + a + b) - cost(theirs.x + a - b) - cost(theirs.x - a + b) + cost(theirs.x - a - b)) / 4e-6
            for b in step
        ]
        for a in step
    ]
    full = np.linalg.inv(np.array(hessian))
    middle = np.eye(6)
    middle[:4, :4] -= 1 / 4
    assert np.array(ours.covariance) == pytest.approx(middle @ full @ middle, abs=1e-4)


def test_who_never_lost_stays_finite_and_grows_with_votes() -> None:
    few, many = (fit([Meeting(0, 1, n, n)], 2) for n in (3, 300))
    assert 0 < few.ratings[0] < many.ratings[0] < 5
    assert few.variance(0, 1) > many.variance(0, 1) > 0


@given(st.lists(meeting, max_size=12), st.floats(0.1, 5))
def test_it_always_reaches_the_top(rows: list[tuple[int, int, float, float]], prior: float) -> None:
    told = [Meeting(a, b, votes, votes * share) for a, b, votes, share in rows]
    found = fit(told, 5, prior=prior)
    for item, rating in enumerate(found.ratings):
        slope = -rating / prior**2
        for row in told:
            apart = row.wins - row.votes * found.chance(row.left, row.right)
            slope += apart * ((row.left == item) - (row.right == item))
        assert slope == pytest.approx(0, abs=1e-6)
    assert refit(told, found, prior) == pytest.approx(found.ratings, abs=1e-3)


@pytest.mark.parametrize("prior", [0.01, 1.5, 100.0])
def test_it_arrives_where_numbers_are_extreme(prior: float) -> None:
    told = [Meeting(0, 1, 1e6, 1e6, (1.0,)), Meeting(1, 2, 1e6, 1e6, (-1.0,)), Meeting(2, 3, 1, 0, (1e-3,))]
    found = fit(told, 5, styles=1, prior=prior)
    assert found.ratings[0] > found.ratings[1] > found.ratings[2]
    assert found.ratings[4] == pytest.approx(0, abs=1e-6)


def test_matrices() -> None:
    rng = np.random.default_rng(0)
    half = rng.normal(size=(7, 7))
    matrix = half @ half.T + np.eye(7)
    right = rng.normal(size=7)
    assert solve(matrix.tolist(), right.tolist()) == pytest.approx(list(np.linalg.solve(matrix, right)))
    assert np.array(inverse(matrix.tolist())) == pytest.approx(np.linalg.inv(matrix))


def test_the_logistic_at_its_ends() -> None:
    assert (logistic(-800), logistic(0), logistic(800)) == (0, 0.5, 1)
