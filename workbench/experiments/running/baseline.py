"""A run against an earlier one: each variant with itself, case by case. Did it get worse?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.experiments.statistics.correction import holm
from workbench.experiments.statistics.pairs import Paired, compare, differences
from workbench.experiments.statistics.verdicts import changed, signed
from workbench.history import experiments as history
from workbench.history.store import Store

PAGE = 1000


@dataclass(frozen=True)
class Against:
    """One variant, then and now, over the cases of both. `p` is Holm's, over all variants.

    `worse`: it lost at least `delta` on average, or less and it is no accident (p ≤ 5 %), or a case that was judged
    before ends in an error now. `lost` names cases that did better before, `broken` those that are errors now.
    """

    variant: str
    paired: Paired
    p: float
    worse: bool
    lost: tuple[str, ...]
    broken: tuple[str, ...]
    text: str


Scores = dict[str, dict[str, list[float]]]


def scores_of(store: Store, run: str) -> Scores:
    """Scores by variant and case. Trials that failed to run have none."""
    return _read(store, run)[0]


def _read(store: Store, run: str) -> tuple[Scores, dict[str, list[str]]]:
    """Its scores, and for each variant the cases on which it ended in an error."""
    found: Scores = {}
    errors: dict[str, list[str]] = {}
    place = -1
    while rows := history.page(store, run, place, PAGE):
        for row in rows:
            place, record = row["place"], row["record"]
            if record.get("finish") == "error":
                errors.setdefault(record["variant"], []).append(record["case"])
            elif record.get("score") is not None:
                found.setdefault(record["variant"], {}).setdefault(record["case"], []).append(record["score"])
    return found, errors


def against(store: Store, before: str, now: str, delta: float) -> list[Against]:
    """Every variant that both runs have, by its label."""
    (old, failed), (new, failing) = _read(store, before), _read(store, now)
    labels = [label for label in {**new, **failing} if label in old]
    found = {label: compare(old[label], new.get(label, {})) for label in labels}
    corrected = holm([paired.p for paired in found.values()])
    return [
        _one(
            label,
            found[label],
            p,
            delta,
            differences(old[label], new.get(label, {})),
            [
                case
                for case in dict.fromkeys(failing.get(label, ()))
                if case in old[label] and case not in failed.get(label, ())
            ],
        )
        for label, p in zip(labels, corrected, strict=True)
    ]


def _one(
    label: str, paired: Paired, p: float, delta: float, cases: Mapping[str, float], broken: Sequence[str]
) -> Against:
    worse = bool(broken) or changed(paired.difference, p, delta) < 0
    lost = tuple(case for case, difference in cases.items() if difference < -1e-9)
    if not paired.cases and not broken:
        return Against(label, paired, p, False, (), (), f"{label}: no case in common with the baseline")
    said = "worse than before" if worse else "no worse than before"
    text = f"{label} {said}: {signed(paired.difference)} over {paired.cases:,} cases (p = {p:.2g})"
    for what, names in (("lost", lost), ("now errors", broken)):
        if names:
            text += f"; {what}: {', '.join(names[:5])}" + (f" and {len(names) - 5:,} more" if len(names) > 5 else "")
    return Against(label, paired, p, worse, lost, tuple(broken), text)
