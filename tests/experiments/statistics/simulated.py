"""Thousands of experiments at once: the e-process of `evidence` laid over numpy arrays, from its own numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from workbench.experiments.statistics.evidence import BINS, growth, shares

Floats = npt.NDArray[np.float64]
NEVER = 10**9


def values(differences: Floats, bound: float, side: int = 1) -> Floats:
    """e-values against "side · d ≤ bound" after each case. Differences: (experiments, cases), whole 1/BINS."""
    kinds, which = np.unique(np.rint(side * differences * BINS).astype(int), return_inverse=True)
    rows = np.array([growth(int(kind), bound) for kind in kinds], dtype=np.float32)
    found = np.empty(differences.shape)
    weights = np.array(shares()[1], dtype=np.float32)
    logs = np.zeros((len(differences), len(weights)), dtype=np.float32)
    which = which.reshape(differences.shape)
    for case in range(differences.shape[1]):
        logs += rows[which[:, case]]
        found[:, case] = np.exp(np.minimum(logs, 80)) @ weights
    return found


def first(crossed: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """The number of cases at the first True of each row, NEVER without one."""
    return np.where(crossed.any(1), crossed.argmax(1) + 1, NEVER)


def verdicts(differences: Floats, delta: float | None, needed: float) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Of each experiment: 1 B better, -1 A better, 0 no difference, nan none; and the cases it took."""
    when = [first(values(differences, 0.0) >= needed), first(values(differences, 0.0, -1) >= needed)]
    if delta:
        alike = np.minimum(values(differences, -delta), values(differences, -delta, -1))
        when.append(first(alike >= needed))
    stacked = np.stack(when)
    said = np.array([1.0, -1.0, 0.0])[stacked.argmin(0)]
    at = stacked.min(0)
    return np.where(at == NEVER, np.nan, said), at
