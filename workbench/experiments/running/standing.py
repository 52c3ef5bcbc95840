"""How the variants stand while the run goes on: scores per case, and the evidence on each pair in plan order."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from workbench.experiments.experiment import TrialRecord
from workbench.experiments.statistics.correction import pairs_of
from workbench.experiments.statistics.evidence import Evidence, InTurn
from workbench.experiments.statistics.verdicts import all_decided

MANY = 12  # variants; more are compared with the first one alone, for all pairs would need too much evidence


@dataclass
class Column:
    """What one variant's trials came to; `cases`, `scores`, `passes` (-1 for none) go together, a trial each."""

    cases: array[int] = field(default_factory=lambda: array("l"))
    scores: array[float] = field(default_factory=lambda: array("d"))
    passes: array[int] = field(default_factory=lambda: array("b"))
    trials: int = 0
    errors: int = 0
    tokens: int = 0
    speed: float = 0.0  # sums, over those of the `timed` trials
    first: float = 0.0
    timed: int = 0

    def add(self, place: int, record: TrialRecord) -> None:
        """One trial more."""
        self.trials += 1
        self.errors += record.finish == "error"
        self.tokens += record.completion_tokens
        if record.tokens_per_s is not None and record.first_token_s is not None:
            self.timed += 1
            self.speed += record.tokens_per_s
            self.first += record.first_token_s
        if record.score is not None and record.finish != "error":
            self.cases.append(place)
            self.scores.append(record.score)
            self.passes.append(-1 if record.passed is None else int(record.passed))


class Standing:
    """Fed every trial that ended, in any order."""

    def __init__(self, labels: Sequence[str], repeats: int, delta: float, baseline: str = "") -> None:
        self.columns = {label: Column() for label in labels}
        first = baseline or (labels[0] if len(labels) > MANY else None)
        self.pairs = pairs_of(labels, first)
        self.evidence = {pair: Evidence(delta=delta, pairs=len(self.pairs)) for pair in self.pairs}
        self._turns = {pair: InTurn() for pair in self.pairs}
        self._needed = len(labels) * repeats
        self._open: dict[int, list[tuple[str, float | None]]] = {}

    def add(self, place: int, label: str, record: TrialRecord) -> None:
        """A trial on the case that comes at `place` of the plan has ended."""
        self.columns[label].add(place, record)
        ended = self._open.setdefault(place, [])
        ended.append((label, None if record.finish == "error" else record.score))
        if len(ended) < self._needed:
            return
        del self._open[place]
        scores: dict[str, list[float]] = {}
        for each, score in ended:
            if score is not None:
                scores.setdefault(each, []).append(score)
        means = {each: sum(found) / len(found) for each, found in scores.items()}
        for pair in self.pairs:
            a, b = pair
            difference = means[b] - means[a] if a in means and b in means else None
            for value in self._turns[pair].put(place, difference):
                self.evidence[pair].add(value)

    @property
    def decided(self) -> bool:
        """Whether every pair has its verdict."""
        return bool(self.evidence) and all_decided(self.evidence)

    @property
    def failed(self) -> int:
        """Trials that did not pass their checks."""
        return sum(column.passes.count(0) for column in self.columns.values())
