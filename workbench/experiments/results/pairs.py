"""Two variants of a run: the difference looked at once, and the evidence as it stood after every case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench import safe
from workbench.experiments.results.columns import Column
from workbench.experiments.results.figures import scores
from workbench.experiments.statistics.correction import pairs_of
from workbench.experiments.statistics.evidence import Evidence, InTurn
from workbench.experiments.statistics.pairs import Paired, compare_many
from workbench.experiments.statistics.verdicts import Verdict, judge

if TYPE_CHECKING:
    from workbench.experiments.results.results import Results

MANY = 12  # variants; more are compared with the first one alone: all pairs would need too much evidence


@dataclass(frozen=True)
class Pair:
    """B against A. `once`: looked at once, at the end; `p` corrected by Holm. `verdict`: looked at after every case."""

    a: str
    b: str
    once: Paired
    p: float
    verdict: Verdict


def compared(results: Results) -> list[tuple[str, str]]:
    """The labels of the pairs: each with the baseline, or every two, or of many each with the first."""
    labels = results.labels
    first = results.baseline if results.baseline in labels else ""
    if not first and len(labels) > MANY:
        first = labels[0]
    return pairs_of(labels, first or None)


def of(results: Results) -> list[Pair]:
    """All pairs, compared. Costs up to half a second a pair where thousands of scores are all different."""
    wanted = compared(results)
    if not results.judged or not wanted:
        return []
    values = {label: scores(results.column(label)) for label in results.labels}
    once = compare_many(values, wanted)
    return [
        Pair(
            a,
            b,
            *once[a, b],
            judge(evidence(results, a, b, len(wanted)), safe.line(a), safe.line(b)),
        )
        for a, b in wanted
    ]


def evidence(results: Results, a: str, b: str, count: int) -> Evidence:
    """The evidence of the pair, one of `count`, its cases fed in plan order.

    A case waits while a trial of it runs, and those after it wait with it; one whose trials ended in errors passes.
    """
    found = Evidence(alpha=results.alpha, delta=results.delta, pairs=count)
    of_a, of_b = results.column(a), results.column(b)
    turns = InTurn()
    for place, case in enumerate(_order(results)):
        if case is None or _runs(of_a, case) or _runs(of_b, case):
            continue
        first, second = of_a.mean(case), of_b.mean(case)
        difference = None if first is None or second is None else second - first
        for value in turns.put(place, difference):
            found.add(max(-1.0, min(1.0, value)))
    return found


def _order(results: Results) -> list[int | None]:
    """The cases by plan order; None for one that has no trial yet."""
    if results.order is None:
        return list(range(len(results.cases)))
    return [results.case(name) for name in results.order]


def _runs(column: Column, case: int) -> bool:
    return case < len(column.running) and column.running[case] > 0
