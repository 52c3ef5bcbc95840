"""The `fast` mode: all lanes in one context with one unified cache.

A prompt's common beginning with what any sequence holds (or is reading in) is copied instead of read again. A finished
lane's sequence is kept, so that the next turn of a conversation reads only what is new, until its cells or its place
are needed. A lane is let in when the cells it may ever take are free; the cache therefore never overflows. The cache
begins with the cells of one lane's context and is made anew, larger, when what waits needs it and nothing is lost.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence

from workbench.errors import EngineError
from workbench.inference.local.cells import Cells, common
from workbench.inference.local.lane import Fed
from workbench.inference.local.llama import Context, Ids, padded
from workbench.inference.local.shape import Shape

_PATIENCE = 0.15  # seconds that streaming lanes wait, at most, while a chunk of another prompt is read in
_SMALLEST = 32  # tokens in a chunk, at least
_REDO = 128  # tokens that may be read in again to get a larger cache while lanes run
_WORTH = 8  # tokens in common that are worth waiting for a lane that is still reading them in
_KEPT = 8  # finished sequences that are kept, at most: what is compared by hand, and a beginning that trials share
_USEFUL = 64  # tokens in common that make a finished sequence worth keeping


class Kept:
    """A finished sequence whose cells may serve again."""

    __slots__ = ("missed", "sequence", "tokens")

    def __init__(self, sequence: int, tokens: Ids) -> None:
        self.sequence = sequence
        self.tokens = tokens
        self.missed = 0  # starts that had no use for it

    def used(self, length: int) -> None:
        """A lane took its first `length` tokens."""
        if length >= _USEFUL or 2 * length >= len(self.tokens):
            self.missed = 0


class Batched:
    """Lanes decoded together. `make` builds a unified context with so many cells; `most` is how many it may have.

    `guard` runs a decode that may be interrupted by a cancel and returns its result (see scheduler.py).
    """

    def __init__(
        self,
        make: Callable[[int], Context],
        *,
        lanes: int,
        cells: int,
        most: int,
        shares: bool,
        shape: Shape,
        guard: Callable[[Context, int, Sequence[Fed]], int],
    ) -> None:
        self._make = make
        self._most_lanes = lanes
        self._base = cells
        self._most = max(most, cells)
        self._shares = shares
        self.shape = shape
        self._guard = guard
        self.context = make(cells)
        self.lanes: list[Fed] = []
        self._reset()
        self._rate = 0.0  # prompt tokens a second
        self.decoding = 0.0

    @property
    def used(self) -> int:
        """Cells in use; `context.cells` is how many there are."""
        return self._cells.used

    def _reset(self) -> None:
        self._cells = Cells()
        self._kept: list[Kept] = []  # oldest first
        self._free = list(range(self.context.sequences - 1, -1, -1))

    # -- letting lanes in -------------------------------------------------------------------------------------------

    def admit(self, queue: deque[Fed]) -> None:
        """Let in what waits, first come first served, as far as there are lanes and cells."""
        start = bool(queue) and not self.lanes
        for kept in self._kept if start else ():
            kept.missed += 1
        self._fill(queue)
        if start:  # every step reads all cells: what two starts had no use for only slows the others down
            for kept in [kept for kept in self._kept if kept.missed > 1]:
                self._evict(kept)

    def _fill(self, queue: deque[Fed]) -> None:
        while queue and len(self.lanes) < self._most_lanes:
            lane = queue[0]
            if self._let_in(lane):
                queue.popleft()
            elif self._grow(queue):
                continue
            elif not self.lanes:
                queue.popleft()
                lane.fail(f"no room for {lane.reserve:,} tokens in the cache of {self.context.cells:,}")
            else:
                return

    def _let_in(self, lane: Fed) -> bool:
        """Give the lane a sequence, and what of its beginning is there; False when its cells are not free."""
        donor, length = self._donor(lane)
        need = lane.reserve - length
        spare = donor.sequence if isinstance(donor, Kept) else -1
        self._make_room(need, spare)
        if need > self._room():
            if spare < 0:
                return False
            self._evict(next(kept for kept in self._kept if kept.sequence == spare))  # it is itself in the way
            return self._let_in(lane)
        if not self._free:
            self._evict(next(kept for kept in self._kept if kept.sequence != spare))
        lane.sequence = self._free.pop()
        lane.shared, lane.owed, lane.past = length, need, 0
        lane.donor = donor if isinstance(donor, Fed) else None
        self.lanes.append(lane)
        if isinstance(donor, Kept):
            donor.used(length)
            self._kept.remove(donor)
            self._kept.append(donor)
            self._copy(donor.sequence, lane)
        elif donor is None:
            lane.begin(0)
        self._settle()
        return True

    def _room(self) -> int:
        return self.context.cells - self._cells.used - sum(lane.owed for lane in self.lanes)

    def _make_room(self, need: int, spare: int) -> None:
        for kept in list(self._kept):
            if need <= self._room() and self._free:
                return
            if kept.sequence != spare:
                self._evict(kept)

    def _evict(self, kept: Kept) -> None:
        self._kept.remove(kept)
        self._empty(kept.sequence)

    def _empty(self, sequence: int) -> None:
        self.context.drop(sequence)
        self._cells.drop(sequence)
        self._free.append(sequence)

    def _donor(self, lane: Fed) -> tuple[Kept | Fed | None, int]:
        """Who has (or reads in) the longest beginning of the lane's tokens, and how long that is."""
        best: Kept | Fed | None = None
        length = 0
        if not self._shares:
            return None, 0
        most = len(lane.tokens) - 1
        for kept in reversed(self._kept):
            size = min(most, common(kept.tokens, lane.tokens))
            if size > length:
                best, length = kept, size
        for other in self.lanes:
            size = min(most, common(other.planned(), lane.tokens))
            if size > length and (size <= other.past or size >= length + _WORTH):
                best, length = other, size
        return best, length

    def _copy(self, source: int, lane: Fed) -> None:
        self.context.copy(source, lane.sequence, lane.shared)
        self._cells.share(source, lane.sequence, lane.shared)
        lane.past = lane.shared
        lane.donor = None
        lane.begin(lane.shared)

    def _settle(self) -> None:
        """Copy for the lanes whose donor has come far enough; those whose donor is gone read for themselves."""
        for lane in self.lanes:
            donor = lane.donor
            if donor is None:
                continue
            if donor.past >= lane.shared and donor.sequence >= 0:
                self._copy(donor.sequence, lane)
            elif donor.done:
                lane.donor = None
                lane.owed += lane.shared
                lane.shared = 0
                lane.begin(0)

    def _grow(self, queue: deque[Fed]) -> bool:
        """A larger cache for what runs and waits, if memory allows and nearly nothing must be read in again.

        The lanes that ran stand first in the queue then.
        """
        if sum(lane.past for lane in self.lanes) > _REDO:
            return False
        coming = [*self.lanes, *queue][: self._most_lanes]
        wanted = min(self._most, padded(sum(lane.reserve for lane in coming)))
        if wanted <= self.context.cells:
            return False
        old = self.context.cells
        self.context.free()
        try:
            self.context = self._make(wanted)
        except EngineError:
            self._most = old
            self.context = self._make(old)
        self._reset()
        ran = bool(self.lanes)
        for lane in reversed(self.lanes):
            lane.rewind()
            lane.sequence, lane.donor = -1, None
            queue.appendleft(lane)
        self.lanes.clear()
        return self.context.cells > old or ran

    # -- a step -----------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """One token for every lane that streams, and a chunk of the prompts that wait to be read in."""
        self.decoding = 0.0
        self._settle()
        feeding = [lane for lane in self.lanes if lane.feeding and lane.donor is None]
        ready = [lane for lane in self.lanes if not lane.feeding and lane.next_token() >= 0]
        if feeding:
            self._read(ready, feeding)
        else:
            size = self.shape.rows(len(ready)) if ready else 1
            for start in range(0, len(ready), size):
                group = ready[start : start + size]
                rows = self._fill_ready(group)
                if self._decode(rows, group):
                    if len(group) == size:
                        self.shape.note(size, self._took)
                    self._after([(lane, 1, row) for row, lane in enumerate(group)])
        self.collect()

    def _fill_ready(self, group: Sequence[Fed]) -> int:
        context = self.context
        for row, lane in enumerate(group):
            context.token[row] = lane.next_token()
            context.position[row] = lane.past
            context.sequence[row] = lane.sequence
        context.wanted[: len(group)] = 1
        return len(group)

    def _read(self, ready: Sequence[Fed], feeding: Sequence[Fed]) -> None:
        """A mixed batch: the streaming lanes' tokens, then as much of the prompts as the streaming ones can bear."""
        context = self.context
        rows = self._fill_ready(ready[: context.batch - 1])
        ready = ready[:rows]
        work = [(lane, 1, row) for row, lane in enumerate(ready)]
        room = context.batch - rows
        if ready and self._rate:
            room = min(room, max(_SMALLEST, int(self._rate * _PATIENCE)))
        elif ready:
            room = min(room, _SMALLEST)
        for lane in feeding:
            count = min(room, len(lane.tokens) - lane.past)
            if count <= 0:
                break
            end = rows + count
            context.token[rows:end] = lane.tokens[lane.past : lane.past + count]
            context.position[rows:end] = range(lane.past, lane.past + count)
            context.sequence[rows:end] = lane.sequence
            context.wanted[rows:end] = 0
            wanted = lane.wanted - lane.past
            if wanted < count:
                context.wanted[rows + wanted] = 1
            work.append((lane, count, rows + wanted if wanted < count else -1))
            room -= count
            rows = end
        group = [lane for lane, _, _ in work]
        if self._decode(rows, group):
            if rows - len(ready) >= _SMALLEST:
                rate = rows / max(self._took, 1e-6)
                self._rate = rate if not self._rate else 0.5 * (self._rate + rate)
            self._after(work)

    def _decode(self, rows: int, group: Sequence[Fed]) -> bool:
        """Decode the batch; on failure what it half did is undone, and the lanes it is the end of fail."""
        began = time.perf_counter()
        result = self._guard(self.context, rows, group)
        self._took = time.perf_counter() - began
        self.decoding += self._took
        if result == 0:
            return True
        for lane in group:
            self.context.cut(lane.sequence, lane.past)
        if result == 1 and self._kept:  # never seen: the cells are reserved; what is kept goes, and it is tried again
            for kept in list(self._kept):
                self._evict(kept)
        elif result != 2:
            reason = "the cache is full" if result == 1 else f"llama.cpp could not compute this step (code {result})"
            for lane in group:
                lane.fail(reason)
        return False

    def _after(self, work: Sequence[tuple[Fed, int, int]]) -> None:
        for lane, count, _ in work:
            lane.decoded(count)
            self._cells.append(lane.sequence, count)
        for lane, _, wanted in work:
            if wanted >= 0:
                take(lane, self.context, wanted)

    def collect(self) -> None:
        """Take out the lanes that are done; keep their sequences while that costs nobody a place."""
        if not any(lane.done for lane in self.lanes):
            return
        self._settle()
        for lane in [lane for lane in self.lanes if lane.done]:
            self.lanes.remove(lane)
            lane.close()
            if self._shares and lane.past > 0 and lane.donor is None:
                held = lane.held()
                for kept in [one for one in self._kept if common(one.tokens, held) == len(one.tokens)]:
                    self._evict(kept)
                self._kept.append(Kept(lane.sequence, held))
            else:
                self._empty(lane.sequence)
            lane.sequence = -1
        while len(self._kept) > min(self._most_lanes, _KEPT):  # every step goes over all cells
            self._evict(self._kept[0])
        self._settle()


def take(lane: Fed, context: Context, row: int) -> None:
    """Hand a lane its logits; whatever goes wrong ends that lane alone."""
    try:
        lane.take(context, row)
    except Exception as error:  # noqa: BLE001  (the boundary of one trial: its error is the trial's end)
        lane.fail(str(error) or type(error).__name__)
