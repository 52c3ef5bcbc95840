"""Which cells of a unified cache are in use: sequences share the cells of a common beginning.

The cache itself is llama.cpp's; this is the bookkeeping that lets a trial in only when its cells are there.
"""

from __future__ import annotations

import numpy as np

from workbench.inference.local.llama import Ids


def common(left: Ids, right: Ids) -> int:
    """How many tokens two sequences have in common from the start."""
    size = min(len(left), len(right))
    differs = np.flatnonzero(left[:size] != right[:size])
    return int(differs[0]) if len(differs) else size


class _Run:
    """Cells in a row that the same sequences hold."""

    __slots__ = ("holders", "length")

    def __init__(self, length: int, holders: int = 1) -> None:
        self.length = length
        self.holders = holders


class Cells:
    """What each sequence holds, and how many cells that takes together (shared ones counted once)."""

    def __init__(self) -> None:
        self.used = 0
        self._runs: dict[int, list[_Run]] = {}

    def length(self, sequence: int) -> int:
        """Tokens that `sequence` holds."""
        return sum(run.length for run in self._runs.get(sequence, ()))

    def append(self, sequence: int, count: int) -> None:
        """`count` new cells at the end of `sequence`."""
        if count <= 0:
            return
        runs = self._runs.setdefault(sequence, [])
        if runs and runs[-1].holders == 1:
            runs[-1].length += count
        else:
            runs.append(_Run(count))
        self.used += count

    def share(self, source: int, target: int, length: int) -> None:
        """Let the empty `target` hold the first `length` cells of `source` too."""
        runs = self._runs.get(source, [])
        self._split(runs, length)
        taken: list[_Run] = []
        for run in runs:
            if length <= 0:
                break
            run.holders += 1
            length -= run.length
            taken.append(run)
        self._runs[target] = taken

    def cut(self, sequence: int, length: int) -> None:
        """Drop what `sequence` holds beyond `length` tokens."""
        runs = self._runs.get(sequence, [])
        self._split(runs, length)
        kept: list[_Run] = []
        for run in runs:
            if length > 0:
                kept.append(run)
                length -= run.length
            else:
                run.holders -= 1
                if run.holders == 0:
                    self.used -= run.length
        self._runs[sequence] = kept

    def drop(self, sequence: int) -> None:
        """`sequence` holds nothing any more."""
        self.cut(sequence, 0)
        self._runs.pop(sequence, None)

    def _split(self, runs: list[_Run], length: int) -> None:
        """See to it that a run ends at `length`, in every sequence that holds it."""
        for run in runs:
            if length <= 0:
                return
            if length < run.length:
                rest = _Run(run.length - length, run.holders)
                run.length = length
                for other in self._runs.values():
                    for index, held in enumerate(other):
                        if held is run:
                            other.insert(index + 1, rest)
                            break
                return
            length -= run.length
