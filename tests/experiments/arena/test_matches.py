"""The next pair: where a vote tells most."""

from __future__ import annotations

import math
import random
from collections import Counter

from workbench.experiments.arena.bradley import fit, logistic
from workbench.experiments.arena.matches import all_matches, gain, next_match
from workbench.experiments.arena.ranking import meetings
from workbench.experiments.arena.votes import Vote


def test_nothing_to_show() -> None:
    assert next_match([], [], seed=1) is None
    assert next_match([], [("a", "a", "x")], seed=1) is None


def test_a_newcomer_comes_first() -> None:
    told = [Vote("a", "b", winner) for winner in ("left", "right") * 10]
    for seed in range(10):
        found = next_match(told, all_matches("abc"), seed=seed)
        assert found
        assert "c" in (found.left, found.right)


def test_a_certain_winner_tells_least() -> None:
    told = [Vote("a", "b", "left")] * 40 + [Vote("b", "c", "left"), Vote("b", "c", "right")] * 20
    found = fit(meetings(told, ["a", "b", "c"], control=False), 3)
    assert gain(found, 1, 2) > 0
    match = next_match(told, all_matches("abc"), seed=0)
    assert match
    assert match.gain == max(gain(found, one, other) for one, other in ((0, 1), (0, 2), (1, 2)))


def test_the_gain_is_what_a_vote_adds_to_the_precision() -> None:
    found = fit([], 3)
    assert gain(found, 0, 1) == 0.5 * math.log2(1 + 0.25 * found.variance(0, 1))


def test_the_case_with_fewest_votes_comes_first() -> None:
    told = [Vote("a", "b", "left", "x"), Vote("b", "a", "left", "y"), Vote("a", "b", "left", "y")]
    found = next_match(told, all_matches("ab", ["x", "y"]), seed=1)
    assert found
    assert found.case == "x"
    found = next_match(told, all_matches("ab", ["x", "y", "new"]), seed=1)
    assert found
    assert found.case == "new"


def test_sides_are_drawn() -> None:
    lefts = Counter(found.left for seed in range(400) if (found := next_match([], all_matches("ab"), seed=seed)))
    assert 160 < lefts["a"] < 240
    assert next_match([], all_matches("abcd"), seed=7) == next_match([], all_matches("abcd"), seed=7)


def test_it_ranks_with_fewer_votes_than_random_pairs() -> None:
    """Six items, 60 votes, 40 arenas: the squared error of the ratings is smaller with chosen pairs."""
    strength = dict(zip("abcdef", (-2.0, -1.2, -0.4, 0.4, 1.2, 2.0), strict=True))

    def error(choose: bool, seed: int) -> float:
        rng = random.Random(seed)
        told: list[Vote] = []
        pairs = all_matches(strength)
        for step in range(60):
            one, other, _ = rng.choice(pairs)
            if choose:
                found = next_match(told, pairs, seed=seed * 1000 + step)
                assert found
                one, other = found.left, found.right
            wins = rng.random() < logistic(strength[one] - strength[other])
            told.append(Vote(one, other, "left" if wins else "right"))
        ratings = fit(meetings(told, list(strength), control=False), 6).ratings
        return sum((rating - truth) ** 2 for rating, truth in zip(ratings, strength.values(), strict=True))

    chosen, drawn = (sum(error(choose, seed) for seed in range(40)) for choose in (True, False))
    assert chosen < 0.95 * drawn
