"""A run against an earlier one: what got worse and what better, by variant, by case and by check."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from workbench.experiments.results.columns import Column
from workbench.experiments.results.matrix import SAME
from workbench.experiments.statistics.correction import holm
from workbench.experiments.statistics.pairs import Paired, compare
from workbench.experiments.statistics.verdicts import changed

if TYPE_CHECKING:
    from workbench.experiments.results.results import Results

Said = Literal["worse", "better", "no sure change"]


@dataclass(frozen=True)
class CaseChange:
    """A case's mean score in both runs, 0…1. `newly` failed: it passed whole before and does not now (or passes)."""

    case: str
    before: float
    after: float
    newly: bool

    @property
    def change(self) -> float:
        """After less before."""
        return self.after - self.before


@dataclass(frozen=True)
class CheckChange:
    """The share of verdicts of a check that passed, in both runs, 0…1; None in a run that did not have it."""

    check: str
    before: float | None
    after: float | None


@dataclass(frozen=True)
class VariantChange:
    """A variant in both runs, on the cases that both judged.

    `found` is this run less the earlier one; `p` corrected by Holm for the number of variants; `said` by it and the
    least difference that matters (statistics/verdicts.py, `changed`), as by `run --baseline`.
    `worse` and `better` cases: those that changed most first. `broken` ones were judged before and end in an error now:
    that is worse, however few.
    """

    label: str
    before: str
    found: Paired
    p: float
    said: Said
    worse: tuple[CaseChange, ...]
    better: tuple[CaseChange, ...]
    broken: tuple[str, ...]
    checks: tuple[CheckChange, ...]


@dataclass(frozen=True)
class Comparison:
    """This run against an earlier one. `new` and `gone` are labels of variants without a counterpart."""

    variants: tuple[VariantChange, ...]
    new: tuple[str, ...]
    gone: tuple[str, ...]
    new_cases: int
    gone_cases: int

    @property
    def worse(self) -> bool:
        """Whether a variant got worse."""
        return any(change.said == "worse" for change in self.variants)


def matched(before: Results, after: Results) -> list[tuple[str, str]]:
    """(before, after) labels of the same variants: of one identity first, by their label where several share it.

    What is left over goes by label alone: the same lane with another model is what one wants to compare.
    """
    found: dict[str, str] = {}  # after → before
    of_before = Counter(variant.identity for variant in before.variants)
    of_after = Counter(variant.identity for variant in after.variants)
    for mine in after.variants:
        for theirs in before.variants:
            alone = of_before[theirs.identity] == of_after[mine.identity] == 1
            if mine.identity == theirs.identity and (alone or mine.label == theirs.label):
                found[mine.label] = theirs.label
    for label in after.labels:
        if label not in found and label in before.labels and label not in found.values():
            found[label] = label
    return [(found[label], label) for label in after.labels if label in found]


def compare_runs(before: Results, after: Results) -> Comparison:
    """This run (`after`) against an earlier one; cases are matched by name."""
    both = matched(before, after)
    pairs = [(mine, theirs, _paired(before, after, theirs, mine)) for theirs, mine in both]
    corrected = holm([found.p for _, _, found in pairs])
    broken = {mine: _broken(before, after, theirs, mine) for theirs, mine in both}
    changes = tuple(
        VariantChange(
            label=mine,
            before=theirs,
            found=found,
            p=p,
            said="worse" if broken[mine] else _said(found, p, after),
            worse=tuple(sorted(_changes(before, after, theirs, mine, -1), key=lambda each: each.change)),
            better=tuple(sorted(_changes(before, after, theirs, mine, 1), key=lambda each: -each.change)),
            broken=broken[mine],
            checks=_checks(before.column(theirs), after.column(mine)),
        )
        for (mine, theirs, found), p in zip(pairs, corrected, strict=True)
    )
    known, now = set(before.cases), set(after.cases)
    return Comparison(
        variants=changes,
        new=tuple(label for label in after.labels if label not in {mine for _, mine in both}),
        gone=tuple(label for label in before.labels if label not in {theirs for theirs, _ in both}),
        new_cases=len(now - known),
        gone_cases=len(known - now),
    )


def _said(found: Paired, p: float, after: Results) -> Said:
    sign = changed(found.difference, p, after.delta, after.alpha)
    return "no sure change" if sign == 0 else "better" if sign > 0 else "worse"


def _paired(before: Results, after: Results, theirs: str, mine: str) -> Paired:
    first, second = before.column(theirs), after.column(mine)
    return compare(_by_name(before, first), _by_name(after, second))


def _by_name(results: Results, column: Column) -> dict[str, list[float]]:
    found = {}
    for case, name in enumerate(results.cases):
        mean = column.mean(case)
        if mean is not None:
            found[name] = [min(1.0, mean)]
    return found


def _changes(before: Results, after: Results, theirs: str, mine: str, sign: int) -> list[CaseChange]:
    first, second = before.column(theirs), after.column(mine)
    found = []
    for case, name in enumerate(after.cases):
        earlier = before.case(name)
        if earlier is None:
            continue
        was, now = first.mean(earlier), second.mean(case)
        if was is None or now is None or (now - was) * sign <= SAME:
            continue
        passed = not first.cell(earlier).failed
        found.append(CaseChange(name, was, now, passed != (not second.cell(case).failed)))
    return found


def _broken(before: Results, after: Results, theirs: str, mine: str) -> tuple[str, ...]:
    first, second = before.column(theirs), after.column(mine)
    found = []
    for case, name in enumerate(after.cases):
        earlier = before.case(name)
        if earlier is None or case >= len(second.broken) or not second.broken[case]:
            continue
        if first.mean(earlier) is not None and not first.broken[earlier]:
            found.append(name)
    return tuple(found)


def _checks(before: Column, after: Column) -> tuple[CheckChange, ...]:
    """Checks whose share changed, those that fell most first."""

    def share(column: Column, name: str) -> float | None:
        counts = column.checks.get(name)
        return counts[1] / counts[0] if counts else None

    names = dict.fromkeys([*after.checks, *before.checks])
    found = [CheckChange(name, share(before, name), share(after, name)) for name in names]
    changed = [each for each in found if each.before is None or each.after is None or each.before != each.after]
    return tuple(sorted(changed, key=lambda each: (each.after or 0.0) - (each.before or 0.0)))


def to_json(found: Comparison) -> dict[str, Any]:
    """`{"variants", "new", "gone", …}` as `report --json` has it under "against"."""
    return {
        "worse": found.worse,
        "variants": [
            {
                "label": change.label,
                "before": change.before,
                "said": change.said,
                "cases": change.found.cases,
                "difference": change.found.difference,
                "low": change.found.low,
                "high": change.found.high,
                "p": change.found.p,
                "p_holm": change.p,
                "worse": [vars(case) for case in change.worse],
                "better": [vars(case) for case in change.better],
                "broken": list(change.broken),
                "checks": [vars(check) for check in change.checks],
            }
            for change in found.variants
        ],
        "new": list(found.new),
        "gone": list(found.gone),
        "new_cases": found.new_cases,
        "gone_cases": found.gone_cases,
    }
