"""The plan of an experiment: which trials, in which order, with which seeds. The same file and cases, the same plan."""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b

from workbench.experiments.cases import Case, Cases
from workbench.experiments.checks.filling import text_of
from workbench.experiments.files import Experiment
from workbench.experiments.grid import PlannedVariant
from workbench.experiments.made import Made
from workbench.library.prompt import Prompt

_SEEDS = 2**32
_STEP = 0x9E3779B1  # odd: repeats of a case never meet, in 2³² of them


@dataclass(frozen=True)
class PlannedTrial:
    """One trial to make. `case_index` counts in the cases' own order, `repeat` from 0."""

    index: int
    variant: PlannedVariant
    case: Case
    case_index: int
    repeat: int
    seed: int


def seed_of(seed: int, key: str, repeat: int) -> int:
    """The seed of a repeat of the case of this key, 0…2³² − 1: the same for every variant, so that trials pair.

    It depends on the experiment's seed and the case alone, not on its place: other cases may come and go.
    """
    made = blake2b(f"{seed}:{key}".encode(), digest_size=4).digest()
    return (int.from_bytes(made, "big") + repeat * _STEP) % _SEEDS


def values_for(prompt: Prompt | None, trial: PlannedTrial) -> tuple[dict[str, object], dict[str, object]]:
    """The values that the trial's prompt takes, and all that its checks may name.

    A case may have more variables than the prompt (an expected answer); the prompt is given only its own, as text where
    it wants text. The case's come before the variant's, and those before the prompt's defaults.
    """
    given = {**trial.variant.variables, **trial.case.variables}
    if prompt is None:
        return {}, given
    own: dict[str, object] = {
        name: text_of(given[name]) if slot.type in ("string", "choice") else given[name]
        for name, slot in prompt.variables.items()
        if name in given
    }
    defaults = {name: slot.default for name, slot in prompt.variables.items() if slot.default is not None}
    return own, {**defaults, **given}


class Plan(Made[PlannedTrial]):
    """Every trial, made when it is asked for: case by case, in each its repeats, in each repeat all variants.

    So what is to be compared is decoded together, and after each case all variants have been tried on it. `shuffle`
    takes the cases in an order drawn by the seed.
    """

    def __init__(self, experiment: Experiment, cases: Cases) -> None:
        self.experiment, self.cases = experiment, cases
        self._order: array[int] | None = None
        if experiment.shuffle:
            self._order = array("L", range(len(cases)))
            random.Random(experiment.seed).shuffle(self._order)

    @property
    def per_case(self) -> int:
        """Trials on each case."""
        return len(self.experiment.variants) * self.experiment.repeats

    def __len__(self) -> int:
        """How many trials there are."""
        return len(self.cases) * self.per_case

    def at(self, index: int) -> PlannedTrial:
        """One of them."""
        place, within = divmod(index, self.per_case)
        at = self._at(place)
        return self._trial(index, self.cases[at], at, *divmod(within, len(self.experiment.variants)))

    def __iter__(self) -> Iterator[PlannedTrial]:
        """All of them, in order; each case is read once."""
        return (trial for place in range(len(self.cases)) for trial in self.of_case(place))

    def of_case(self, place: int) -> list[PlannedTrial]:
        """The trials on the case that comes at `place`."""
        at = self._at(place)
        case = self.cases[at]
        count = len(self.experiment.variants)
        first = place * self.per_case
        return [self._trial(first + each, case, at, *divmod(each, count)) for each in range(self.per_case)]

    def _at(self, place: int) -> int:
        return place if self._order is None else self._order[place]

    def _trial(self, index: int, case: Case, at: int, repeat: int, variant: int) -> PlannedTrial:
        seed = seed_of(self.experiment.seed, case.key, repeat)
        return PlannedTrial(index, self.experiment.variants[variant], case, at, repeat, seed)
