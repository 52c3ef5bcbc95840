"""A variant's cells: what its trials on each case came to, in arrays, so that memory does not grow with trials."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count as counting

from workbench.experiments.results.rows import ENDED, Checked, Lean, Row


@dataclass(frozen=True)
class Cell:
    """A variant's trials on one case. `passes` of `judged` trials; `score` is their mean, None where none was judged.

    `errors` ended without an answer, `running` have not ended. `first`…`last` are the places of its trials in the run.
    """

    trials: int
    errors: int
    running: int
    judged: int
    passes: int
    score: float | None
    first: int
    last: int

    @property
    def rate(self) -> float | None:
        """The share of its judged trials that passed."""
        return self.passes / self.judged if self.judged else None

    @property
    def failed(self) -> bool:
        """Whether any of its trials did not pass, or ended in an error."""
        return self.passes < self.judged or self.errors > 0


NONE = Cell(0, 0, 0, 0, 0, None, -1, -1)


def _counts() -> array[int]:
    return array("L")


@dataclass
class Column:
    """One variant. The arrays are by case; the rest are sums over all its trials (times in seconds)."""

    trials: array[int] = field(default_factory=_counts)
    errors: array[int] = field(default_factory=_counts)
    broken: array[int] = field(default_factory=_counts)  # of the errors those that nobody broke off
    running: array[int] = field(default_factory=_counts)
    judged: array[int] = field(default_factory=_counts)
    passes: array[int] = field(default_factory=_counts)
    scores: array[float] = field(default_factory=lambda: array("d"))
    first: array[int] = field(default_factory=lambda: array("l"))
    last: array[int] = field(default_factory=lambda: array("l"))
    tokens: int = 0
    speed: float = 0.0
    speed_of: int = 0
    waited: float = 0.0
    waited_of: int = 0
    late: Callable[[], None] | None = field(default=None, repr=False)  # reads what `checks` is about, when it is asked
    _checks: dict[str, list[float]] = field(default_factory=dict, repr=False)

    @property
    def checks(self) -> dict[str, list[float]]:
        """Name → verdicts, passes, sum of scores. Of a run of the history read when it is first asked for."""
        if self.late is not None:
            self.late()
        return self._checks

    def add(self, case: int, row: Lean, place: int) -> None:
        """A trial on the case of this index, that stands at this place of the run; without its checks."""
        try:
            trials = self.trials[case]
        except IndexError:
            self._grow(case)
            trials = 0
        if not trials:
            self.first[case] = place
        self.trials[case] = trials + 1
        self.last[case] = place
        finish = row.finish
        if finish == "running":
            self.running[case] += 1
            return
        self.tokens += row.completion_tokens or 0
        if finish in ENDED:
            self.errors[case] += 1
            self.broken[case] += finish == "error"
            return
        value = row.tokens_per_s
        if value is not None:
            self.speed += value
            self.speed_of += 1
        value = row.first_token_s
        if value is not None:
            self.waited += value
            self.waited_of += 1
        score = row.score
        if score is not None:
            self.judged[case] += 1
            self.scores[case] += score
            if row.passed:
                self.passes[case] += 1

    def count(self, row: Lean) -> None:
        """The trial's checks, of one that was answered."""
        if isinstance(row, Row) and row.checks and row.finish != "running" and row.finish not in ENDED:
            self._count(row.checks)

    def _count(self, checks: tuple[Checked, ...]) -> None:
        """Its checks by name; of several of a type the second is `contains 2`."""
        seen: set[str] = set()
        for check in checks:
            name = check.type
            if name in seen:
                name = next(new for nth in counting(2) if (new := f"{name} {nth}") not in seen)
            seen.add(name)
            counts = self._checks.get(name)
            if counts is None:
                counts = self._checks[name] = [0, 0, 0.0]
            counts[0] += 1
            counts[1] += check.passed
            counts[2] += check.score

    def cell(self, case: int) -> Cell:
        """What its trials on the case came to."""
        if case >= len(self.trials) or not self.trials[case]:
            return NONE
        judged = self.judged[case]
        return Cell(
            self.trials[case],
            self.errors[case],
            self.running[case],
            judged,
            self.passes[case],
            self.scores[case] / judged if judged else None,
            self.first[case],
            self.last[case],
        )

    def mean(self, case: int) -> float | None:
        """The mean score of its judged trials on the case."""
        judged = self.judged[case] if case < len(self.judged) else 0
        return self.scores[case] / judged if judged else None

    def _grow(self, case: int) -> None:
        more = max(256, len(self.trials), case + 1 - len(self.trials))
        for counts in (self.trials, self.errors, self.broken, self.running, self.judged, self.passes):
            counts.frombytes(bytes(more * counts.itemsize))
        self.scores.frombytes(bytes(more * self.scores.itemsize))
        for places in (self.first, self.last):
            places.frombytes(bytes(more * places.itemsize))
