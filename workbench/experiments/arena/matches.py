"""Which two trials to show next: those whose vote is expected to tell most."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from workbench.experiments.arena.bradley import PRIOR, Fit, fit
from workbench.experiments.arena.ranking import meetings
from workbench.experiments.arena.votes import Vote, items


@dataclass(frozen=True)
class Match:
    """Two items on a case, on sides that were drawn; `gain` in bits is what their vote is expected to tell."""

    left: str
    right: str
    case: str
    gain: float


def gain(found: Fit, one: int, other: int) -> float:
    """Expected information of a vote on two items about all ratings, in bits: ½ log2(1 + p (1-p) v).

    p is the chance that `one` wins and v the variance of their difference. A vote adds p(1-p) to the precision along
    that difference (D-optimal choice, Chaloner and Verdinelli 1995, Statistical Science 10): much where the two are
    near each other and little is known, none where the winner is certain.
    """
    p = found.chance(one, other)
    return 0.5 * math.log2(1 + p * (1 - p) * found.variance(one, other))


def next_match(
    votes: Sequence[Vote],
    candidates: Iterable[tuple[str, str, str]],
    *,
    seed: int,
    prior: float = PRIOR,
) -> Match | None:
    """The match that tells most among (item, item, case), None without candidates. For a category: give its votes.

    Within the pair the case with the fewest votes on that pair, then on any, comes first. What is equal is drawn, and
    so are the sides: by `seed`, which should be new for each match and kept with the vote.
    """
    open_matches = [match for match in candidates if match[0] != match[1]]
    if not open_matches:
        return None
    names = sorted({*items(votes), *(item for match in open_matches for item in match[:2])})
    place = {name: index for index, name in enumerate(names)}
    found = fit(meetings(votes, names, control=False), len(names), prior=prior)
    rng = random.Random(seed)
    pairs = sorted({tuple(sorted(match[:2])) for match in open_matches})
    gains = {pair: gain(found, place[pair[0]], place[pair[1]]) for pair in pairs}
    most = max(gains.values())
    chosen = rng.choice([pair for pair in pairs if gains[pair] > most - 1e-9])
    on_pair = Counter(vote.case for vote in votes if tuple(sorted((vote.left, vote.right))) == chosen)
    on_any = Counter(vote.case for vote in votes)
    cases = sorted({match[2] for match in open_matches if tuple(sorted(match[:2])) == chosen})
    fewest = min((on_pair[case], on_any[case]) for case in cases)
    case = rng.choice([case for case in cases if (on_pair[case], on_any[case]) == fewest])
    left, right = rng.sample(chosen, 2)
    return Match(left, right, case, gains[chosen])


def all_matches(names: Iterable[str], cases: Iterable[str] = ("",)) -> list[tuple[str, str, str]]:
    """Every two items on every case."""
    told = list(cases)
    return [(one, other, case) for one, other in combinations(sorted(set(names)), 2) for case in told]
