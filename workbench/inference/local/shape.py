"""The shape of a step: how many lanes go into one llama_decode.

Which is faster depends on model, machine and build (two lanes in one batch gain nothing on many CPUs), so it is
measured while lanes run: every measured step is a step that was needed anyway, and a single lane never pays.
"""

from __future__ import annotations

from statistics import median

_SAMPLES = 3  # decodes of a size before its time counts as known; the first after a change of size is left out
_AGE = 600  # steps after which the sizes not in use are looked at again


class Shape:
    """Seconds of one llama_decode by its number of rows, and the choice that follows.

    `fixed` > 0 is the caller's choice. `hint` > 0 is an earlier measurement: taken until this one is made.
    """

    def __init__(self, fixed: int = 0, hint: int = 0) -> None:
        self._fixed = fixed
        self._hint = hint
        self._samples: dict[int, list[float]] = {}
        self._stamp: dict[int, int] = {}
        self._steps = 0
        self._last = 0
        self.latest = fixed or hint

    def rows(self, lanes: int) -> int:
        """Lanes in one llama_decode for this step of `lanes` live lanes."""
        if self._fixed:
            return min(self._fixed, lanes)
        if lanes <= 1:
            return 1
        self._steps += 1
        options = self._options(lanes)
        for size in options:
            if not self._known(size):
                return size
        best = min(options, key=lambda size: self._step_time(lanes, size))
        for size in options:
            if size != best and self._steps - self._stamp[size] > _AGE:
                self._samples[size] = []
                return size
        self.latest = best
        return best

    def note(self, rows: int, seconds: float) -> None:
        """One decode of `rows` rows, one a lane, took so long."""
        changed, self._last = rows != self._last, rows
        if self._fixed:
            return
        samples = self._samples.setdefault(rows, [])
        self._stamp[rows] = self._steps
        if changed and len(samples) < _SAMPLES:  # it built its graph: not what a step costs
            return
        samples.append(seconds)
        if len(samples) > 2 * _SAMPLES:
            del samples[0]

    def _options(self, lanes: int) -> tuple[int, ...]:
        if self._hint and self._hint <= lanes and not self._known(self._hint):
            return (self._hint, lanes, 1) if self._hint not in (1, lanes) else (lanes, 1)
        return (lanes, -(-lanes // 2), 1) if lanes >= 6 else (lanes, 1)

    def _known(self, size: int) -> bool:
        return len(self._samples.get(size, ())) >= _SAMPLES

    def _step_time(self, lanes: int, size: int) -> float:
        """A step of `lanes` lanes in groups of `size`; the rest group is counted in proportion."""
        return median(self._samples[size]) * lanes / size
