"""The thread that reads the machine: slots, gaps, a driver that hangs, the end. Time is the test's own."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.hardware.gpu import Gpu, Workers
from workbench.hardware.sampling import KEPT, Ring, Watch
from workbench.hardware.snapshot import Snapshot


def snapshot(cpu: float = 1.0) -> Snapshot:
    return Snapshot((Gpu("H100", 61.0, 48, 80, 71.0),), 5, 24, cpu)


class Clock:
    """Seconds that pass only when they are waited for."""

    def __init__(self, now: float = 100.0, waits: int = 0) -> None:
        self.now = now
        self.waits = waits

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        """Pass the time; True, as when stopped, after so many times."""
        assert 0 < seconds <= 1.01
        self.now += seconds
        self.waits -= 1
        return self.waits < 0


@given(st.lists(st.tuples(st.integers(1, 5), st.integers()), max_size=150))
def test_a_ring_holds_the_last_minute_and_no_more(steps: list[tuple[int, int]]) -> None:
    ring: Ring[int] = Ring()
    known: dict[int, int] = {}
    slot = 0
    for step, value in steps:
        slot += step
        known[slot] = value
        ring.put(slot, value)
    assert ring.minute(slot) == [known.get(each) for each in range(slot - KEPT + 1, slot + 1)]
    assert ring.minute(slot + KEPT) == [None] * KEPT
    assert ring.last == (known[slot] if steps else None)
    ring.put(slot, 7)
    assert ring.minute(slot)[-1] == 7


def test_a_reading_a_second_and_one_only() -> None:
    clock = Clock(100.3, waits=5)
    read: list[Workers] = []

    def reading(ours: Workers) -> Snapshot:
        read.append(ours)
        return snapshot(len(read))

    watch = Watch(reading, clock=clock, wait=clock.wait)
    watch.ours = {7: 0}
    watch.start()
    watch.start()
    assert watch._thread is not None
    watch._thread.join(10)
    assert read == [{7: 0}] * 6
    assert watch.slot() == 106
    assert [each and each.cpu for each in watch.minute(105)[-7:]] == [None, 1, 2, 3, 4, 5, 6]
    assert watch.latest == snapshot(6)
    assert not watch.silent


def test_a_driver_that_hangs_leaves_a_gap_and_is_told() -> None:
    clock, go, inside = Clock(100.0), threading.Event(), threading.Event()
    count = [0]

    def reading(_: Workers) -> Snapshot:
        count[0] += 1
        if count[0] == 2:
            inside.set()
            go.wait(30)
        return snapshot(count[0])

    turns = iter([False, False, True])

    def wait(seconds: float) -> bool:
        clock.now += seconds
        return next(turns)

    watch = Watch(reading, clock=clock, wait=wait)
    watch.start()
    assert inside.wait(10)
    assert watch.silent == 0.0
    clock.now += 12
    assert watch.silent == 12.0
    assert watch.latest == snapshot(1)  # what is shown meanwhile
    assert count == [2]  # no second reading
    go.set()
    assert watch._thread is not None
    assert watch._thread.daemon
    watch._thread.join(10)
    assert watch.silent == 0.0
    found = [each and each.cpu for each in watch.minute(114)]
    assert found[-15:] == [1, 2, *[None] * 12, 3]


@pytest.mark.parametrize(("spent", "every"), [(0.0, 1), (0.01, 1), (0.011, 2), (0.044, 5), (3.0, 10)])
def test_readings_that_cost_much_are_taken_less_often(spent: float, every: int) -> None:
    clock, used, count = Clock(100.0, waits=3), [0.0], [0]

    def reading(_: Workers) -> Snapshot:
        used[0] += 2.0 if not count[0] else spent  # the first one loads the driver
        count[0] += 1
        return snapshot(count[0])

    times: list[float] = []

    def wait(seconds: float) -> bool:
        times.append(seconds)
        clock.now += seconds
        return len(times) > 3

    watch = Watch(reading, clock=clock, wait=wait, cost=lambda: used[0])
    watch._run()
    assert [round(each) for each in times] == [1, every, every, every]
    assert [each and each.cpu for each in watch.minute(100 + 3 * every)][-3 * every - 1 :] == [
        1,
        *[2] * every,
        *[3] * every,
        *[4] * every,
    ]


def test_stopping_does_not_wait() -> None:
    hang, inside = threading.Event(), threading.Event()

    def reading(_: Workers) -> Snapshot:
        inside.set()
        hang.wait(30)
        return snapshot()

    watch = Watch(reading)
    watch.start()
    assert inside.wait(10)
    watch.stop()
    assert watch._thread is not None
    assert watch._thread.is_alive()
    hang.set()
    watch._thread.join(10)
    assert not watch._thread.is_alive()


def test_a_reading_that_fails_is_told_and_the_next_one_goes_well() -> None:
    clock = Clock(100.0)
    broken = [True]

    def reading(_: Workers) -> Snapshot:
        if broken[0]:
            raise OSError("no such thing")
        return snapshot()

    watch = Watch(reading, clock=clock)
    watch.once()
    assert watch.problem == "OSError: no such thing"
    assert watch.latest is None
    broken[0] = False
    clock.now += 1
    watch.once()
    assert watch.problem == ""
    assert watch.minute(101)[-2:] == [None, snapshot()]


@given(st.floats(0, 1e6))
def test_the_middle_of_a_slot(now: float) -> None:
    watch = Watch(lambda _: snapshot(), clock=lambda: now)
    then = now + watch.until_middle()
    assert abs(then % 1.0 - 0.5) < 1e-6
    assert 0 < watch.until_middle() <= 1
