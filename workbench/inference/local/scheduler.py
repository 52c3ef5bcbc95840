"""What runs when: the queue of trials, the two modes, cancelling, and one frame of events a step.

Everything here runs on the worker's main thread, except `register`, `cancel` and `forget`, which any thread may call.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from workbench.errors import EngineError
from workbench.inference.engine import Event, Finished, LoadOptions, Usage
from workbench.inference.loading import stretched
from workbench.inference.local import machine
from workbench.inference.local.alternating import Alternating
from workbench.inference.local.batched import Batched
from workbench.inference.local.hiding import BESIDE
from workbench.inference.local.lane import Fed, Lane
from workbench.inference.local.llama import OUTPUTS, Context, Flag, Log, Model, padded
from workbench.inference.local.protocol import Events
from workbench.inference.local.samplers import Candidates
from workbench.inference.local.scoring import Scorer
from workbench.inference.local.shape import Shape
from workbench.inference.local.together import TEXTS

_LONG = 32  # rows in a decode that is worth interrupting for a cancel
_NEWS = 1.0  # seconds between two reports of how full it is


class Trials:
    """The ids of live trials and of those to cancel; the flag that stops a long decode. Thread-safe."""

    def __init__(self, flag: Flag) -> None:
        self._lock = threading.Lock()
        self._live: set[str] = set()
        self._cancelled: set[str] = set()
        self._decoding: frozenset[str] = frozenset()
        self._flag = flag

    def register(self, trials: Iterable[str]) -> set[str]:
        """Make these trials live; returns those that already were."""
        double: set[str] = set()
        with self._lock:
            for trial in trials:
                if trial in self._live:
                    double.add(trial)
                self._live.add(trial)
        return double

    def cancel(self, trials: Iterable[str] | None) -> None:
        """Mark live trials (all when None); a long decode of one of them stops at once."""
        with self._lock:
            marked = self._live if trials is None else self._live & set(trials)
            self._cancelled |= marked
            if self._decoding & marked:
                self._flag.set(True)

    def forget(self, trial: str) -> None:
        """The trial has ended."""
        with self._lock:
            self._live.discard(trial)
            self._cancelled.discard(trial)

    def cancelled(self) -> frozenset[str]:
        """Live trials that are to end."""
        with self._lock:
            return frozenset(self._cancelled)

    def decode(self, context: Context, rows: int, group: Sequence[Fed]) -> int:
        """`context.decode(rows)`, stopped when a trial of `group` is cancelled while much is read in."""
        if rows <= _LONG:
            return context.decode(rows)
        with self._lock:
            self._decoding = frozenset(lane.trial for lane in group)
            self._flag.set(bool(self._decoding & self._cancelled))
        try:
            return 2 if self._flag.is_set() else context.decode(rows)
        finally:
            with self._lock:
                self._decoding = frozenset()
                self._flag.set(False)


class Scheduler:
    """The lanes of one model. `send` takes the events of a step; `length` is the context of each lane in tokens."""

    def __init__(
        self,
        model: Model,
        log: Log,
        options: LoadOptions,
        send: Callable[[Events], None],
        *,
        length: int,
        most: int,
        threads: int,
        hint: int = 0,
    ) -> None:
        flag = Flag()
        self.trials = Trials(flag)
        self.candidates = Candidates(model.vocabulary)
        self.length = length
        self._send = send
        self._events: list[Event] = []
        self._fast: deque[Fed] = deque()
        self._strict: deque[Fed] = deque()
        self.most = lanes = min(64, max(1, options.lanes))
        self._told = 0.0  # when it was last said how full it is
        self._told_busy = False
        common: dict[str, Any] = {
            "threads": threads,
            "options": options,
            "flag": flag,
            "log": log,
        }
        # a lane, a kept sequence for each, and one to score with; a recurrent model pays for each, so only the lanes
        sequences = 2 * lanes + 1 if model.shares else lanes + 1
        self.batched = Batched(
            lambda cells: Context(model, cells=cells, sequences=sequences, unified=True, **common),
            lanes=lanes,
            cells=padded(length),
            most=most,
            shares=model.shares,
            shape=Shape(options.shape, hint),
            guard=self.trials.decode,
        )

        def alone(cells: int, outputs: int, sequences: int = 1) -> Context:
            check_size(model, options, min(cells, length), machine.available())
            return Context(model, cells=cells, sequences=sequences, unified=sequences > 1, outputs=outputs, **common)

        self.alternating = Alternating(
            lambda: alone(padded(length), 1),
            lanes=lanes,
            guard=self.trials.decode,
        )
        sequences = 1 + max(TEXTS, BESIDE) if model.shares else 1  # the prompt's, and those of texts that go on from it
        self.scorer = Scorer(model, lambda cells: alone(cells, OUTPUTS, sequences), length)

    def emit(self, event: Event) -> None:
        """Note an event of a lane for this step's frame."""
        if isinstance(event, Finished):
            self.trials.forget(event.trial)
        self._events.append(event)

    def submit(self, lanes: Iterable[Fed]) -> None:
        """Queue lanes; they start as soon as there is room, those handed over together in one batch."""
        for lane in lanes:
            (self._strict if isinstance(lane, Lane) and lane.mode == "strict" else self._fast).append(lane)

    @property
    def busy(self) -> bool:
        """Whether there is anything to do."""
        return bool(self._fast or self._strict or self.batched.lanes or self.alternating.lanes or self.scorer.busy)

    @property
    def resting(self) -> bool:
        """Whether contexts are kept that nobody uses."""
        return self.alternating.resting or self.scorer.resting

    def rest(self) -> None:
        """Free the contexts that were not used for a while."""
        self.alternating.rest()
        self.scorer.rest()

    def step(self) -> None:
        """Let in, decode once, send what came of it."""
        self._cancel()
        self.batched.admit(self._fast)
        self.alternating.admit(self._strict)
        decoding = 0.0
        if self.batched.lanes:
            self.batched.step()
            decoding += self.batched.decoding
        if self.alternating.lanes:
            self.alternating.step()
            decoding += self.alternating.decoding
        if self.scorer.busy:
            self.scorer.step()
        self.flush(decoding)

    def flush(self, decoding: float = 0.0) -> None:
        """Send the events so far in one frame."""
        if self._events:
            self._send(Events(tuple(self._events), decoding, self.batched.shape.latest, self._news()))
            self._events.clear()

    def usage(self) -> Usage:
        """How full it is. Strict lanes have caches of their own, beside those that are decoded together."""
        fast, strict = len(self.batched.lanes), len(self.alternating.lanes)
        lanes = self.most * ((fast > 0) + (strict > 0) or 1)
        used, cells = self.alternating.cells
        waiting = len(self._fast) + len(self._strict)
        return Usage(fast + strict, lanes, self.batched.used + used, self.batched.context.cells + cells, waiting)

    def _news(self) -> Usage | None:
        """`usage`, when it is due: once a second, and at once when work begins or has ended."""
        now, busy = time.monotonic(), bool(self.batched.lanes or self.alternating.lanes)
        if busy == self._told_busy and now - self._told < _NEWS:
            return None
        self._told, self._told_busy = now, busy
        return self.usage()

    def _cancel(self) -> None:
        marked = self.trials.cancelled()
        if not marked:
            return
        for queue in (self._fast, self._strict):
            for lane in [lane for lane in queue if lane.trial in marked]:
                queue.remove(lane)
                lane.cancel()
        for lane in [*self.batched.lanes, *self.alternating.lanes]:
            if lane.trial in marked:
                lane.cancel()
        self.batched.collect()
        self.alternating.collect()


def most_cells(model: Model, options: LoadOptions, length: int, available: int) -> int:
    """How large the unified cache may become: every lane's context, in half of the memory that is left.

    A model with long-rope factors chooses them by the size of its context, so there the size stays on its side.
    """
    most = length * min(64, max(1, options.lanes))
    each = max(1, model.kv_bytes(1024, options) // 1024)
    most = max(length, min(most, available // 2 // each))
    original = model.number("rope.scaling.original_context_length")
    return min(most, original) if length <= original else most


def check_size(model: Model, options: LoadOptions, length: int, available: int) -> None:
    """Refuse a context that cannot fit before llama.cpp tries (it hangs on absurd sizes)."""
    if model.trained_context and length > model.trained_context and not stretched(options):
        raise EngineError(
            f"a context of {length:,} tokens is longer than the model's {model.trained_context:,}",
            hint=f"take at most {model.trained_context:,}, or set rope_scaling",
        )
    need = model.kv_bytes(length, options)
    if need > available:
        raise EngineError(
            f"a context of {length:,} tokens takes {need / 1e9:,.1f} GB, {available / 1e9:,.1f} GB are free",
            hint="take a shorter context",
        )
