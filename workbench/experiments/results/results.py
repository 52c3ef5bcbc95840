"""The results of a run: built from its trials in one pass, and asked for everything that is shown of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from workbench.experiments.results import against, drill, figures, grid, matrix, pairs, summary
from workbench.experiments.results.columns import Cell, Column
from workbench.experiments.results.identity import Variant, variant_of
from workbench.experiments.results.rows import Row, row_of, stored, whole

if TYPE_CHECKING:
    from workbench.history.store import Store


@dataclass
class Results:
    """What a run's trials came to. Nothing of it is changed by looking; `add` another trial before, not after.

    `delta`: the least difference that matters, 0…1, None for no verdict of "no difference". `alpha`: the chance of any
    false verdict. `baseline`: the label that others are compared with, "" for every pair. `order`: the cases' names in
    plan order where it is known; else it is the order of the trials. `stopped`: why the run ended, "" when that is not
    known.
    """

    delta: float | None = None
    alpha: float = 0.05
    baseline: str = ""
    order: Sequence[str] | None = None
    stopped: str = ""
    variants: list[Variant] = field(default_factory=list)
    cases: list[str] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)
    _variant: dict[str, int] = field(default_factory=dict, repr=False)
    _case: dict[str, int] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls,
        trials: Iterable[Mapping[str, Any]],
        *,
        delta: float | None = None,
        alpha: float = 0.05,
        baseline: str | None = None,
        order: Sequence[str] | None = None,
        stopped: str = "",
    ) -> Results:
        """From TRIALs in the run's order. Raises StorageError for one that is none."""
        found = cls(delta, alpha, baseline or "", order, stopped)
        for place, trial in enumerate(trials):
            found.add(row_of(trial), place, partial(dict, trial))
        return found

    @classmethod
    def of_run(cls, store: Store, run: str, **given: Any) -> Results:
        """The results of a run of the history; `given` as for `of`. Raises StorageError."""
        found = cls(**given)
        variants, cases, columns = found._variant, found._case, found.columns
        for place, row in stored(store, run, checks=False):  # as `add`, in fewer steps
            variant = variants.get(row.variant or "")
            if variant is None:
                variant = found._variant_of(row.variant or "", partial(_told, store, run, place))
            name = row.case or ""
            case = cases.get(name)
            if case is None:
                case = cases[name] = len(cases)
                found.cases.append(name)
            columns[variant].add(case, row, place)
        late = partial(found._read_checks, store, run)
        for column in columns:
            column.late = late
        return found

    def _read_checks(self, store: Store, run: str) -> None:
        """The verdicts by check: another way through the trials, for who looks at them."""
        for column in self.columns:
            column.late = None
        for _, row in stored(store, run):
            place = self._variant.get(row.variant or "")
            if place is not None:
                self.columns[place].count(row)

    def add(self, row: Row, place: int, told: Callable[[], Mapping[str, Any]]) -> None:
        """One trial more, at its place in the run; `told` gives its TRIAL, and is asked for a variant's first one."""
        column = self.columns[self._variant_of(row.variant or "", told)]
        column.add(self._case_of(row.case or ""), row, place)
        column.count(row)

    def _variant_of(self, label: str, told: Callable[[], Mapping[str, Any]]) -> int:
        variant = self._variant.get(label)
        if variant is None:
            variant = self._variant[label] = len(self.variants)
            self.variants.append(variant_of(told()))
            self.columns.append(Column())
        return variant

    def _case_of(self, name: str) -> int:
        case = self._case.get(name)
        if case is None:
            case = self._case[name] = len(self.cases)
            self.cases.append(name)
        return case

    def __len__(self) -> int:
        """How many trials."""
        return sum(sum(column.trials) for column in self.columns)

    @property
    def labels(self) -> list[str]:
        """The variants' labels, in their order."""
        return [variant.label for variant in self.variants]

    def column(self, label: str) -> Column:
        """The cells of the variant of this label."""
        return self.columns[self._variant[label]]

    def case(self, name: str) -> int | None:
        """The index of the case of this name."""
        return self._case.get(name)

    def cells(self, case: int) -> list[Cell]:
        """A row of the matrix: the case's cell of each variant."""
        return [column.cell(case) for column in self.columns]

    @cached_property
    def judged(self) -> bool:
        """Whether any trial has a score."""
        return any(any(column.judged) for column in self.columns)

    @cached_property
    def figures(self) -> list[figures.Figures]:
        """Each variant in numbers."""
        return [figures.of(variant, column) for variant, column in zip(self.variants, self.columns, strict=True)]

    @cached_property
    def pairs(self) -> list[pairs.Pair]:
        """Each pair in numbers and words; [] where nothing was judged."""
        return pairs.of(self)

    def matrix(self, **wanted: Any) -> Sequence[int]:
        """The indices of cases, filtered and sorted as `matrix.rows` says."""
        return matrix.rows(self, **wanted)

    def axes(self) -> dict[str, list[Any]]:
        """What the variants differ in, name → values: axes for `grid`."""
        return grid.axes(self)

    def grid(self, x: str, y: str = "", measure: grid.Measure = "score") -> grid.Grid:
        """A measure over one or two axes. Raises UsageError for what is none."""
        return grid.of(self, x, y, measure)

    def worse_than(self, baseline: Results) -> against.Comparison:
        """What got worse, and what better, since an earlier run."""
        return against.compare_runs(baseline, self)

    def siblings(self, store: Store, run: str, case: int) -> list[dict[str, Any]]:
        """The TRIALs of all variants on a case; of results that were made by `of_run`. Raises StorageError."""
        return drill.siblings(self, store, run, case)

    def summary(self) -> dict[str, Any]:
        """`{"summary": …}`, as `run --json` ends with it (docs/reports.md)."""
        return {"summary": summary.of(self)}


def _told(store: Store, run: str, place: int) -> dict[str, Any]:
    return next(whole(store, run, place))
