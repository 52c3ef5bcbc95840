"""The `strict` mode: bit-identical to the same trial run alone.

Every lane has a context of its own, always of the same shape, reads its own prompt in chunks of the same size, and is
decoded alone; the lanes take turns, one token each. Nothing of another lane ever meets its numbers. The contexts are
made when strict trials come and freed when none came for a while.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence

from workbench.errors import EngineError
from workbench.inference.local.batched import take
from workbench.inference.local.lane import Fed
from workbench.inference.local.llama import Context

IDLE = 60.0  # seconds after which unused contexts are freed


class Alternating:
    """Strict lanes. `make` builds one lane's context."""

    def __init__(
        self, make: Callable[[], Context], *, lanes: int, guard: Callable[[Context, int, Sequence[Fed]], int]
    ) -> None:
        self._make = make
        self._most = lanes
        self._guard = guard
        self._spare: list[Context] = []
        self._contexts: dict[int, Context] = {}
        self.lanes: list[Fed] = []
        self._used = 0.0
        self.decoding = 0.0

    def admit(self, queue: deque[Fed]) -> None:
        """Let in what waits while there are lanes and memory."""
        while queue and len(self.lanes) < self._most:
            if not self._spare:
                try:
                    self._spare.append(self._make())
                except EngineError as error:
                    if not self.lanes:
                        queue.popleft().fail(str(error))
                        continue
                    self._most = len(self.lanes)
                    return
            lane = queue.popleft()
            context = self._spare.pop()
            context.drop(0)
            lane.sequence, lane.past = 0, 0
            self._contexts[id(lane)] = context
            self.lanes.append(lane)
            lane.begin(0)

    def step(self) -> None:
        """One token, or one chunk of its prompt, for every lane in turn."""
        self.decoding = 0.0
        for lane in self.lanes:
            self._used = time.monotonic()
            if not lane.done:
                self._turn(lane, self._contexts[id(lane)])
        self.collect()

    def _turn(self, lane: Fed, context: Context) -> None:
        if lane.feeding:
            count = min(context.batch, len(lane.tokens) - lane.past)
            context.token[:count] = lane.tokens[lane.past : lane.past + count]
        else:
            count = 1
            context.token[0] = lane.next_token()
        context.position[:count] = range(lane.past, lane.past + count)
        context.sequence[:count] = 0
        context.wanted[:count] = 0
        wanted = not lane.feeding or lane.past + count == len(lane.tokens)
        context.wanted[count - 1] = 1 if wanted else 0
        began = time.perf_counter()
        result = self._guard(context, count, (lane,))
        self.decoding += time.perf_counter() - began
        if result == 2:  # cancelled: the scheduler ends the lane it was for, and another's chunk is read again
            context.cut(0, lane.past)
        elif result:
            lane.fail(f"llama.cpp could not compute this step (code {result})")
        else:
            lane.decoded(count)
            if wanted:
                take(lane, context, count - 1)

    def collect(self) -> None:
        """Take out the lanes that are done; their contexts wait for the next."""
        for lane in [lane for lane in self.lanes if lane.done]:
            self.lanes.remove(lane)
            lane.close()
            self._spare.append(self._contexts.pop(id(lane)))

    @property
    def cells(self) -> tuple[int, int]:
        """Cells in use, and how many there are in all contexts."""
        whole = sum(context.cells for context in (*self._contexts.values(), *self._spare))
        return sum(lane.past for lane in self.lanes), whole

    @property
    def resting(self) -> bool:
        """Whether contexts are kept that no lane uses."""
        return bool(self._spare) and not self.lanes

    def rest(self) -> None:
        """Free the unused contexts when none was used for a while."""
        if self._spare and time.monotonic() - self._used > IDLE:
            for context in self._spare:
                context.free()
            self._spare.clear()
