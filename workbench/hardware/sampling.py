"""Sampling in a thread of its own, once a second: who shows the gauges never waits for a driver.

Time is cut into slots of a second. A reading belongs to the slot it was begun in, so a driver that hangs leaves a gap
and no second reading is begun meanwhile. A machine whose readings take much processor time (many cards, a slow driver)
is read less often, so that the gauges keep to their share. The thread is a daemon: nothing waits for it at the end.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from workbench.hardware.gpu import NONE, Workers

if TYPE_CHECKING:
    from workbench.hardware.snapshot import Sampler, Snapshot

T = TypeVar("T")
KEPT = 60  # slots: a minute
SHARE = 0.01  # of one core, for readings
SELDOM = 10  # seconds between readings at most, whatever they take
LATE = 3.0  # seconds after which a reading under way counts as a driver that does not answer


class Ring(Generic[T]):
    """The values of the last minute, at most one a slot. Any thread may put, any may look."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: deque[tuple[int, T]] = deque(maxlen=KEPT)

    def put(self, slot: int, value: T) -> None:
        """The slot's value; what is there of it or later goes."""
        with self._lock:
            while self._values and self._values[-1][0] >= slot:
                self._values.pop()
            self._values.append((slot, value))

    @property
    def last(self) -> T | None:
        """The newest, however old."""
        with self._lock:
            return self._values[-1][1] if self._values else None

    def minute(self, slot: int) -> list[T | None]:
        """KEPT values, oldest first, the last one that of `slot`; None where there is none."""
        with self._lock:
            known = dict(self._values)
        return [known.get(each) for each in range(slot - KEPT + 1, slot + 1)]


class Watch:
    """Reads the machine in a thread. `ours` may be set at any time.

    `read` (this machine, when None) may block for as long as a driver likes. `clock` (seconds, monotonic) and `wait`
    (sleep so many seconds, True when stopped meanwhile) stand in for time in tests, `cost` for the thread's processor
    seconds.
    """

    def __init__(
        self,
        read: Callable[[Workers], Snapshot] | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], bool] | None = None,
        cost: Callable[[], float] = time.thread_time,
    ) -> None:
        self._read = read or self._machine
        self._sampler: Sampler | None = None
        self._clock = clock
        self._stopped = threading.Event()
        self._wait = wait or self._stopped.wait
        self._cost = cost
        self._spent = 0.0  # processor seconds of the reading before
        self.every = 1  # seconds from the last reading to the next
        self._ring: Ring[Snapshot] = Ring()
        self._began: float | None = None  # when the reading under way was begun
        self._thread: threading.Thread | None = None
        self.ours: Workers = NONE
        self.problem = ""  # why the last reading failed

    def start(self) -> None:
        """Begin; once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="gauges", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """No more readings; does not wait for one that hangs."""
        self._stopped.set()

    def slot(self) -> int:
        """The slot it is now."""
        return int(self._clock())

    def until_middle(self) -> float:
        """Seconds until the next middle of a slot: then the slot's reading is there, if the driver is well."""
        return 1.0 - (self._clock() + 0.5) % 1.0

    @property
    def latest(self) -> Snapshot | None:
        """The newest reading, however old."""
        return self._ring.last

    def minute(self, slot: int) -> list[Snapshot | None]:
        """The readings of the minute that ends with `slot`."""
        return self._ring.minute(slot)

    @property
    def silent(self) -> float:
        """Seconds that the reading under way has taken when that is too long, else 0."""
        began = self._began
        spent = 0.0 if began is None else self._clock() - began
        return spent if spent >= LATE else 0.0

    def once(self) -> None:
        """One reading, in the caller's thread."""
        self._began = now = self._clock()
        before = self._cost()
        try:
            reading = self._read(self.ours)
            spent = self._cost() - before
            # one costly reading (the first loads the driver) is no rule
            self.every = max(1, min(SELDOM, math.ceil(min(spent, self._spent) / SHARE)))
            self._spent = spent
            for ahead in range(self.every):
                self._ring.put(int(now) + ahead, reading)
            self.problem = ""
        except Exception as error:  # noqa: BLE001  (the boundary of one reading: it is told, the next may succeed)
            self.problem = f"{type(error).__name__}: {error}"
        finally:
            self._began = None

    def _machine(self, ours: Workers) -> Snapshot:
        """This machine; what that needs is imported here, in the thread."""
        if self._sampler is None:
            from workbench.hardware.snapshot import Sampler

            self._sampler = Sampler()
        return self._sampler.read(ours)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self.once()
            if self._wait(
                self.every + 0.01 - self._clock() % 1.0
            ):  # a little into the slot, for a clock that wakes early
                return
