"""Contexts and words on one plane: a context points to the words that it makes likelier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Point = tuple[float, float]


@dataclass(frozen=True)
class Biplot:
    """Points of the contexts and of the words, and the share of all changes that each axis shows (0…1)."""

    contexts: tuple[Point, ...]
    words: tuple[Point, ...]
    shares: tuple[float, float]


def biplot(logs: Sequence[Sequence[float]]) -> Biplot:
    """The log-ratio biplot of `logs[context][word]`, natural-log probabilities.

    The table is centred by rows and by columns: what is left is how much likelier a context makes a word than the other
    contexts make it and than it makes the other words; which context is the baseline does not matter. Of its singular
    value decomposition U S Vᵀ contexts stand at U √S and words at V √S, so that the product of a context's and a word's
    points is that change as well as two axes can tell (Gabriel 1971; for logs of probabilities: Aitchison and Greenacre
    2002, Biplots of compositional data, JRSS C 51(4)). Signs are chosen: the word farthest along an axis is positive.
    """
    import numpy as np

    table = np.asarray(logs, dtype=np.float64)
    if table.ndim != 2 or not table.size:
        return Biplot(tuple((0.0, 0.0) for _ in logs), (), (0.0, 0.0))
    table = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()
    left, sizes, right = np.linalg.svd(table, full_matrices=False)
    kept = min(2, len(sizes))
    rows, columns = np.zeros((table.shape[0], 2)), np.zeros((table.shape[1], 2))
    for axis in range(kept):
        sign = -1.0 if right[axis][np.argmax(np.abs(right[axis]))] < 0 else 1.0
        rows[:, axis] = sign * left[:, axis] * np.sqrt(sizes[axis])
        columns[:, axis] = sign * right[axis] * np.sqrt(sizes[axis])
    whole = float((sizes**2).sum())
    shares = [float(size**2) / whole if whole > 1e-18 else 0.0 for size in sizes[:kept]]
    first, second = (*shares, 0.0, 0.0)[:2]

    contexts, words = (tuple((float(x), float(y)) for x, y in found) for found in (rows, columns))
    return Biplot(contexts, words, (first, second))
