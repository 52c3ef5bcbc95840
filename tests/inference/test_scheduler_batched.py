"""Letting lanes in, sharing and cells, on a cache that is written out instead of computed."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pytest

from workbench.inference.local.batched import Batched
from workbench.inference.local.lane import Fed
from workbench.inference.local.llama import Context, padded
from workbench.inference.local.shape import Shape

BATCH = 64


class FakeContext:
    """A unified cache as lists of cells; fails the test where llama.cpp would abort or refuse."""

    def __init__(self, cells: int) -> None:
        self.cells = padded(cells)
        self.sequences = 9
        self.batch = self.outputs = BATCH
        self.token = np.zeros(BATCH, np.int32)
        self.position = np.zeros(BATCH, np.int32)
        self.sequence = np.zeros(BATCH, np.int32)
        self.wanted = np.zeros(BATCH, np.int8)
        self.held: dict[int, list[tuple[int, int]]] = {index: [] for index in range(self.sequences)}
        self._fresh = 0
        self.decoded = 0
        self.freed = False

    def decode(self, rows: int) -> int:
        assert 0 < rows <= BATCH
        assert not self.freed
        for row in range(rows):
            held = self.held[int(self.sequence[row])]
            assert int(self.position[row]) == len(held), "a gap in the positions"
            self._fresh += 1
            held.append((self._fresh, int(self.token[row])))
        self.decoded += rows
        assert len({cell for held in self.held.values() for cell in held}) <= self.cells, "the cache overflows"
        return 0

    def copy(self, source: int, target: int, length: int) -> None:
        assert not self.held[target]
        assert len(self.held[source]) >= length
        self.held[target] = self.held[source][:length]

    def cut(self, sequence: int, length: int) -> bool:
        del self.held[sequence][length:]
        return True

    def drop(self, sequence: int) -> None:
        self.held[sequence] = []

    def free(self) -> None:
        self.freed = True


class FakeLane(Fed):
    """Answers `length` times the token 1000 + its number; checks what the cache holds at every token."""

    def __init__(self, prompt: Sequence[int], length: int, number: int = 0) -> None:
        super().__init__(np.asarray(prompt, np.int32), len(prompt) + length)
        self.trial = str(number)
        self.number = number
        self.length = length
        self.answer: list[int] = []
        self.cached = -1
        self.error = ""

    def planned(self) -> Any:
        return np.concatenate([self.tokens, np.asarray(self.answer, np.int32)])

    def held(self) -> Any:
        return self.planned()[: self.past]

    def next_token(self) -> int:
        return self.answer[-1] if self.answer else -1

    def begin(self, cached: int) -> None:
        self.cached = cached

    def take(self, context: Context, row: int) -> None:
        held = cast(FakeContext, context).held[self.sequence]
        assert [token for _, token in held] == self.planned().tolist()
        self.answer.append(1000 + self.number)
        self.done = len(self.answer) >= self.length

    def fail(self, error: str) -> None:
        self.done, self.error = True, error

    def cancel(self) -> None:
        self.fail("cancelled")


def _batched(cells: int = 256, most: int = 256, lanes: int = 4) -> tuple[Batched, list[FakeContext]]:
    made: list[FakeContext] = []

    def make(size: int) -> Context:
        made.append(FakeContext(size))
        return cast(Context, made[-1])

    batched = Batched(
        make,
        lanes=lanes,
        cells=cells,
        most=most,
        shares=True,
        shape=Shape(),
        guard=lambda context, rows, _: context.decode(rows),
    )
    return batched, made


def _run(batched: Batched, lanes: Sequence[Fed], steps: int = 10_000) -> int:
    """Run all to the end; the most lanes that were live at once."""
    queue: deque[Fed] = deque(lanes)
    most = 0
    for _ in range(steps):
        batched.admit(queue)
        most = max(most, len(batched.lanes))
        if not batched.lanes and not queue:
            return most
        batched.step()
    raise AssertionError("it does not come to an end")


def test_a_thousand_trials_through_four_lanes() -> None:
    dice = random.Random(1)
    prefix = list(range(30))
    lanes = [
        FakeLane([*prefix[: dice.randrange(31)], *(dice.randrange(50) for _ in range(dice.randrange(1, 40)))],
                 dice.randrange(1, 30), number)
        for number in range(1000)
    ]  # fmt: skip
    batched, made = _batched()
    assert _run(batched, lanes) == 4
    assert all(lane.done and not lane.error and len(lane.answer) == lane.length for lane in lanes)
    assert len(made) == 1


def test_a_common_beginning_is_read_once() -> None:
    prefix = list(range(100))
    lanes = [FakeLane([*prefix, 200 + number], 5, number) for number in range(4)]
    batched, made = _batched()
    assert _run(batched, lanes) == 4
    assert [lane.cached for lane in lanes] == [0, 100, 100, 100]
    assert made[0].decoded == 100 + 4 * (1 + 4)


def test_the_next_turn_reads_only_what_is_new() -> None:
    batched, made = _batched()
    first = FakeLane(list(range(50)), 6, 1)
    _run(batched, [first])
    before = made[0].decoded
    second = FakeLane([*first.held().tolist(), 1001, 7, 8, 9], 1, 2)
    _run(batched, [second])
    assert second.cached == 55
    assert made[0].decoded - before == 4


def test_what_two_starts_had_no_use_for_is_forgotten() -> None:
    batched, _ = _batched()
    first = FakeLane(list(range(50)), 6, 1)
    _run(batched, [first])
    _run(batched, [FakeLane(list(range(500, 520)), 2, 2)])
    again = FakeLane(list(range(50)), 6, 3)  # missed one start: still there
    _run(batched, [again])
    assert again.cached == 49
    for number in range(2):
        _run(batched, [FakeLane(list(range(600 + 50 * number, 620 + 50 * number)), 2, 4 + number)])
    late = FakeLane(list(range(50)), 6, 6)
    _run(batched, [late])
    assert late.cached == 0


def test_the_cache_grows_when_lanes_come_together_and_memory_allows() -> None:
    batched, made = _batched(cells=256, most=2048)
    lanes = [FakeLane([number, *range(100)], 150, number) for number in range(4)]
    assert _run(batched, lanes) == 4
    assert [context.cells for context in made] == [256, 1024]
    assert [context.freed for context in made] == [True, False]


def test_without_memory_to_grow_lanes_take_turns() -> None:
    batched, made = _batched(cells=256, most=256)
    lanes = [FakeLane([number, *range(100)], 150, number) for number in range(4)]
    assert _run(batched, lanes) == 1
    assert len(made) == 1
    assert all(len(lane.answer) == 150 for lane in lanes)


def test_a_lane_whose_donor_is_cancelled_reads_for_itself() -> None:
    batched, _ = _batched(cells=1024)
    prompt = list(range(200))
    donor, other = FakeLane([*prompt, 1], 5, 1), FakeLane([*prompt, 2], 5, 2)
    queue: deque[Fed] = deque([donor, other])
    batched.admit(queue)
    batched.step()
    assert donor.past == BATCH
    assert other.donor is donor
    donor.cancel()
    batched.collect()
    assert _run(batched, []) >= 1
    assert len(other.answer) == 5


def test_a_lane_that_never_fits_ends_with_an_error() -> None:
    batched, _ = _batched(cells=256, most=256)
    lane, after = FakeLane(list(range(200)), 100), FakeLane([1, 2], 2)
    _run(batched, [lane, after])
    assert "no room" in lane.error
    assert len(after.answer) == 2


@pytest.mark.parametrize("code", [1, -1, -3])
def test_a_failed_decode_ends_the_lanes_of_that_batch(code: int) -> None:
    batched, _ = _batched()
    batched._guard = lambda context, rows, _: code
    lanes = [FakeLane([1, 2], 2, 1), FakeLane([3, 4], 2, 2)]
    _run(batched, lanes, 10)
    assert all(lane.error for lane in lanes)
    batched._guard = lambda context, rows, _: context.decode(rows)
    again = FakeLane([1, 2], 2)
    _run(batched, [again])
    assert len(again.answer) == 2


def test_an_interrupted_chunk_is_read_again() -> None:
    batched, made = _batched()
    results = iter([2, 0, 2])

    def guard(context: Context, rows: int, _: Sequence[Fed]) -> int:
        result = next(results, 0)
        decoded = context.decode(rows) if result == 0 else made[0].decode(rows // 2)
        return result or decoded

    batched._guard = guard
    lane = FakeLane(list(range(100)), 3)
    _run(batched, [lane])
    assert len(lane.answer) == 3


def test_an_error_in_one_lane_leaves_the_others() -> None:
    class Broken(FakeLane):
        def take(self, context: Context, row: int) -> None:
            raise ValueError("a fault of this lane")

    batched, _ = _batched()
    broken, sound = Broken([1, 2], 3, 1), FakeLane([3, 4], 3, 2)
    _run(batched, [broken, sound])
    assert broken.error == "a fault of this lane"
    assert len(sound.answer) == 3
