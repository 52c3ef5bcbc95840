"""Votes to a ranking: a rating an item, with an interval, best first; by category; with style taken out."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from workbench.experiments.arena.bradley import PRIOR, Fit, Meeting, fit, refit
from workbench.experiments.arena.styles import NAMES, differences
from workbench.experiments.arena.votes import Vote, by_case, categories, items, separate
from workbench.experiments.statistics.distributions import normal_quantile
from workbench.experiments.statistics.resampling import percentile

ENOUGH = 10  # votes
MIDDLE = 1000.0
POINTS = 400 / math.log(10)  # a log-odds in points: 400 points are odds of ten to one, as in Elo's scale
ROUNDS = 200
_WORK = 400_000  # meetings looked at by the bootstrap: about two seconds; beyond it rounds go down, to 50


@dataclass(frozen=True)
class Ranked:
    """A row of the ranking. `rating` 1000 is the middle of all items; 400 points more are odds of ten to one.

    `wins` are outright; `votes` holds them, the losses, `ties` and `bad` (both bad). `note`: "too few votes" under 10,
    "met none of the others" where no chain of votes leads to most of the items; "" otherwise.
    """

    item: str
    rating: float
    low: float
    high: float
    votes: int
    wins: int
    ties: int = 0
    bad: int = 0
    note: str = ""


@dataclass(frozen=True)
class Effect:
    """What a look is worth: the log-odds of winning for having all of it (say, lists) against none; with interval."""

    style: str
    weight: float
    low: float
    high: float

    @property
    def says(self) -> str:
        """In points of the ranking: `length +87 (-12 to +180)`."""
        return f"{self.style} {POINTS * self.weight:+.0f} ({POINTS * self.low:+.0f} to {POINTS * self.high:+.0f})"


@dataclass(frozen=True)
class Ranking:
    """Rows, best first; with style control also what each look is worth. `cases` and `votes` it stands on."""

    rows: list[Ranked]
    votes: int
    cases: int
    effects: list[Effect] = field(default_factory=list)


def meetings(votes: Sequence[Vote], names: Sequence[str], *, control: bool) -> list[Meeting]:
    """Votes as the model takes them: added up by pair, or with style control one by one."""
    place = {name: index for index, name in enumerate(names)}
    if control:
        return [Meeting(place[v.left], place[v.right], 1.0, v.score, differences(v)) for v in votes]
    counted: dict[tuple[int, int], list[float]] = {}
    for vote in votes:
        left, right, score = place[vote.left], place[vote.right], vote.score
        if left > right:
            left, right, score = right, left, 1 - score
        told = counted.setdefault((left, right), [0.0, 0.0])
        told[0] += 1
        told[1] += score
    return [Meeting(left, right, number, wins) for (left, right), (number, wins) in counted.items()]


def ranking(
    votes: Sequence[Vote],
    *,
    control: bool = False,
    level: float = 0.95,
    rounds: int = ROUNDS,
    seed: int = 0,
    prior: float = PRIOR,
) -> Ranking:
    """The ranking of all items that were voted on.

    control: take out length, lists, headings and bold (logistic regression with their differences, as Chatbot Arena).
    The interval is the wider, at each end, of two: the percentiles of `rounds` refits, each to as many cases drawn with
    replacement (votes on one case are alike); and the normal approximation of the posterior, which has a width even
    where all votes agree and every draw is the same. The same seed gives the same intervals.
    """
    names = items(votes)
    if not names:
        return Ranking([], 0, 0)
    styles = len(NAMES) if control else 0
    found = fit(meetings(votes, names, control=control), len(names), styles, prior)
    drawn = _resampled(votes, names, found, control=control, rounds=rounds, seed=seed, prior=prior)
    ends = _ends(found, drawn, level)
    counts = {name: Counter[str]() for name in names}
    for vote in votes:
        counts[vote.left][{"left": "win", "right": "loss"}.get(vote.winner, vote.winner)] += 1
        counts[vote.right][{"right": "win", "left": "loss"}.get(vote.winner, vote.winner)] += 1
    main = separate(votes)[0]
    rows = []
    for index, name in enumerate(names):
        told = counts[name]
        note = "too few votes" if told.total() < ENOUGH else "" if name in main else "met none of the others"
        rows.append(
            Ranked(
                item=name,
                rating=points(found.ratings[index]),
                low=points(ends[index][0]),
                high=points(ends[index][1]),
                votes=told.total(),
                wins=told["win"],
                ties=told["tie"],
                bad=told["bad"],
                note=note,
            )
        )
    rows.sort(key=lambda row: (-row.rating, row.item))
    # without style control there are no styles to tell of
    effects = [
        Effect(name, weight, *told)
        for name, weight, told in zip(NAMES, found.styles, ends[len(names) :], strict=control)
    ]
    return Ranking(rows, len(votes), len(by_case(votes)), effects)


def by_category(
    votes: Sequence[Vote], *, control: bool = False, rounds: int = ROUNDS, seed: int = 0
) -> dict[str, Ranking]:
    """The ranking of all votes under "", then that of each tag's votes."""
    found = {"": ranking(votes, control=control, rounds=rounds, seed=seed)}
    for tag in categories(votes):
        tagged = [vote for vote in votes if tag in vote.tags]
        found[tag] = ranking(tagged, control=control, rounds=rounds, seed=seed)
    return found


def points(rating: float) -> float:
    """Log-odds on the ranking's scale."""
    return MIDDLE + POINTS * rating


def _resampled(
    votes: Sequence[Vote],
    names: Sequence[str],
    found: Fit,
    *,
    control: bool,
    rounds: int,
    seed: int,
    prior: float,
) -> list[list[float]]:
    """Ratings, then styles, of each refit to cases drawn with replacement."""
    cases = [meetings(case, names, control=control) for case in by_case(votes)]
    if len(cases) < 2:
        return []
    rng = random.Random(seed)
    rounds = max(min(rounds, 50), min(rounds, _WORK // sum(map(len, cases)))) if control else rounds
    drawn = []
    for _ in range(rounds):
        times = Counter(rng.choices(range(len(cases)), k=len(cases)))
        if control:
            again = [_times(meeting, count) for case, count in times.items() for meeting in cases[case]]
        else:
            again = _added(cases, times)
        drawn.append(refit(again, found, prior))
    return drawn


def _times(meeting: Meeting, count: int) -> Meeting:
    if count == 1:
        return meeting
    return Meeting(meeting.left, meeting.right, count * meeting.votes, count * meeting.wins, meeting.style)


def _added(cases: Sequence[Sequence[Meeting]], times: Counter[int]) -> list[Meeting]:
    counted: dict[tuple[int, int], list[float]] = {}
    for case, count in times.items():
        for meeting in cases[case]:
            told = counted.setdefault((meeting.left, meeting.right), [0.0, 0.0])
            told[0] += count * meeting.votes
            told[1] += count * meeting.wins
    return [Meeting(left, right, number, wins) for (left, right), (number, wins) in counted.items()]


def _ends(found: Fit, drawn: Sequence[Sequence[float]], level: float) -> list[tuple[float, float]]:
    """Low and high of each rating, then of each style: the wider of the draws' and the normal approximation's."""
    z, tail = normal_quantile((1 + level) / 2), (1 - level) / 2
    ends = []
    for index, value in enumerate([*found.ratings, *found.styles]):
        half = z * math.sqrt(max(0.0, found.covariance[index][index]))
        of_it = sorted(draw[index] for draw in drawn) or [value]
        ends.append((min(value - half, percentile(of_it, tail)), max(value + half, percentile(of_it, 1 - tail))))
    return ends
