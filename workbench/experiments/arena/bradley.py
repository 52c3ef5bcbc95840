"""The Bradley–Terry model with a prior, by Newton's method.

The chance that item i wins against j is 1 / (1 + exp(-(θi - θj + β · style))). A tie counts as half a win for each, as
Chatbot Arena does; Davidson's model (1970, JASA 65) would fit how often ties come, which no ranking needs. The prior is
normal around 0 for every θ and β: an item that never lost stays finite, and one with few votes near the middle.
Sources: Bradley and Terry 1952 (Biometrika 39); Caron and Doucet 2012 (J. Comp. Graph. Statistics 21, a prior).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import mul

PRIOR = 1.5  # standard deviation of θ, in log-odds: 260 points on the ranking's scale
_TURNS = 500

Matrix = list[list[float]]


@dataclass(frozen=True)
class Meeting:
    """Votes on items number `left` and `right`: how many, and the left one's share of wins among them (in votes)."""

    left: int
    right: int
    votes: float
    wins: float
    style: tuple[float, ...] = ()


@dataclass(frozen=True)
class Fit:
    """θ of each item (log-odds, sum 0), β of each style, and their covariance about each other (items, then styles).

    The covariance is of the posterior's normal approximation, less what all θ share (their level means nothing).
    """

    ratings: list[float]
    styles: list[float]
    covariance: Matrix

    def variance(self, one: int, other: int) -> float:
        """Of θ_one - θ_other."""
        c = self.covariance
        return max(0.0, c[one][one] + c[other][other] - 2 * c[one][other])

    def chance(self, one: int, other: int) -> float:
        """That item `one` wins against `other`, in like style."""
        return logistic(self.ratings[one] - self.ratings[other])


def logistic(x: float) -> float:
    """1 / (1 + exp(-x)), for any x."""
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def fit(meetings: Iterable[Meeting], size: int, styles: int = 0, prior: float = PRIOR) -> Fit:
    """The most likely ratings of `size` items, numbered from 0, and of `styles` style differences.

    prior: standard deviation of each θ and β in log-odds, > 0.
    """
    found, hessian = _climb(list(meetings), [0.0] * (size + styles), size, prior, 1e-8)
    return Fit(found[:size], found[size:], _centred(inverse(hessian), size))


def refit(meetings: Iterable[Meeting], start: Fit, prior: float = PRIOR) -> list[float]:
    """θ, then β, for other votes on the same items, from a fit nearby, to a thousandth: what the bootstrap needs."""
    return _climb(list(meetings), [*start.ratings, *start.styles], len(start.ratings), prior, 1e-3)[0]


def _climb(
    meetings: Sequence[Meeting], values: list[float], size: int, prior: float, within: float
) -> tuple[list[float], Matrix]:
    """Newton's steps to the top of the posterior, which is concave; each at most 2, for far out curvature misleads.

    Steps that have not arrived after twenty are cut shorter and shorter, so that they cannot go round in a circle.
    """
    for turn in range(_TURNS):
        gradient, hessian = _slope(meetings, values, size, prior)
        step = solve(hessian, gradient)
        longest = max((abs(part) for part in step), default=0.0)
        most = 2 / max(1, turn - 20)
        shorter = most / longest if longest > most else 1.0
        values = [value + shorter * part for value, part in zip(values, step, strict=True)]
        # the second: what is left to gain is lost in rounding, as with millions of votes and a very wide prior
        if longest < within or sum(map(mul, gradient, step)) < 1e-15:
            return values, hessian
    raise ArithmeticError(f"{len(meetings)} meetings of {size} items: no fit after {_TURNS} steps (prior {prior:g})")


def _slope(meetings: Sequence[Meeting], values: list[float], size: int, prior: float) -> tuple[list[float], Matrix]:
    pull = 1 / prior**2
    gradient = [-value * pull for value in values]
    hessian = [[0.0] * len(values) for _ in values]
    for index in range(len(values)):
        hessian[index][index] = pull
    for meeting in meetings:
        i, j = meeting.left, meeting.right
        lean = values[i] - values[j]
        for index, part in enumerate(meeting.style):
            lean += values[size + index] * part
        chance = logistic(lean)
        apart = meeting.wins - meeting.votes * chance
        curve = meeting.votes * chance * (1 - chance)
        gradient[i] += apart
        gradient[j] -= apart
        hessian[i][i] += curve
        hessian[j][j] += curve
        hessian[i][j] -= curve
        hessian[j][i] -= curve
        for index, part in enumerate(meeting.style, size):
            if part:
                gradient[index] += apart * part
                for row, sign in ((i, 1.0), (j, -1.0)):
                    hessian[row][index] += sign * curve * part
                    hessian[index][row] += sign * curve * part
                for other, another in enumerate(meeting.style, size):
                    hessian[index][other] += curve * part * another
    return gradient, hessian


def _centred(covariance: Matrix, size: int) -> Matrix:
    """Of the ratings about their mean."""
    if not size:
        return covariance
    width = len(covariance)
    means = [sum(covariance[row][column] for row in range(size)) / size for column in range(width)]
    rows = [
        [covariance[row][column] - (means[column] if row < size else 0.0) for column in range(width)]
        for row in range(width)
    ]
    levels = [sum(row[:size]) / size for row in rows]
    return [
        [value - (level if column < size else 0.0) for column, value in enumerate(row)]
        for row, level in zip(rows, levels, strict=True)
    ]


def solve(matrix: Matrix, right: Sequence[float]) -> list[float]:
    """x of matrix · x = right, for a symmetric positive definite matrix (Cholesky)."""
    lower = _cholesky(matrix)
    return _back(lower, right)


def inverse(matrix: Matrix) -> Matrix:
    """The inverse of a symmetric positive definite matrix."""
    lower = _cholesky(matrix)
    size = len(matrix)
    return [_back(lower, [float(row == column) for column in range(size)]) for row in range(size)]


def _cholesky(matrix: Matrix) -> Matrix:
    lower: Matrix = []
    for row, values in enumerate(matrix):
        made: list[float] = []
        for column in range(row):
            above = lower[column]
            made.append((values[column] - sum(map(mul, made, above))) / above[column])
        made.append(math.sqrt(values[row] - sum(value * value for value in made)))
        lower.append(made)
    return lower


def _back(lower: Matrix, right: Sequence[float]) -> list[float]:
    forward: list[float] = []
    for row, value in zip(lower, right, strict=True):
        forward.append((value - sum(map(mul, row, forward))) / row[-1])
    for index in range(len(lower) - 1, -1, -1):
        forward[index] /= lower[index][index]
        for column in range(index):
            forward[column] -= lower[index][column] * forward[index]
    return forward
