"""A run against an earlier one: each variant with itself, case by case. Did it get worse?"""

from __future__ import annotations

from collections.abc import Mapping
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

    `worse`: it lost at least `delta` on average, or less and it is no accident (p ≤ 5 %). `lost` names cases that did
    better before.
    """

    variant: str
    paired: Paired
    p: float
    worse: bool
    lost: tuple[str, ...]
    text: str


def scores_of(store: Store, run: str) -> dict[str, dict[str, list[float]]]:
    """Scores by variant and case. Trials that failed to run have none."""
    found: dict[str, dict[str, list[float]]] = {}
    place = -1
    while rows := history.page(store, run, place, PAGE):
        for row in rows:
            place, record = row["place"], row["record"]
            if record.get("score") is not None and record.get("finish") != "error":
                found.setdefault(record["variant"], {}).setdefault(record["case"], []).append(record["score"])
    return found


def against(store: Store, before: str, now: str, delta: float) -> list[Against]:
    """Every variant that both runs have, by its label."""
    old, new = scores_of(store, before), scores_of(store, now)
    labels = [label for label in new if label in old]
    found = {label: compare(old[label], new[label]) for label in labels}
    corrected = holm([paired.p for paired in found.values()])
    return [
        _one(label, found[label], p, delta, differences(old[label], new[label]))
        for label, p in zip(labels, corrected, strict=True)
    ]


def _one(label: str, paired: Paired, p: float, delta: float, cases: Mapping[str, float]) -> Against:
    worse = changed(paired.difference, p, delta) < 0
    lost = tuple(case for case, difference in cases.items() if difference < -1e-9)
    if not paired.cases:
        return Against(label, paired, p, False, (), f"{label}: no case in common with the baseline")
    said = "worse than before" if worse else "no worse than before"
    text = f"{label} {said}: {signed(paired.difference)} over {paired.cases:,} cases (p = {p:.2g})"
    if lost:
        text += f"; lost: {', '.join(lost[:5])}" + (f" and {len(lost) - 5:,} more" if len(lost) > 5 else "")
    return Against(label, paired, p, worse, lost, text)
