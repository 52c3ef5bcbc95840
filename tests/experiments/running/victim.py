"""A process that runs an experiment on the double and kills itself (SIGKILL) at its N-th moment.

A moment is an event of the engine, or just before or just after a transaction of the history. It ends by itself when
there are fewer, and leaves how many there were in FOLDER/moments. `victim.py` reads lines of `N FOLDER`, gives each a
process of its own (forked before there is any thread: the imports are done once), and writes how that one ended.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
import traceback
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from tests.experiments.running.house import House, experiment
from workbench.history.store import Store
from workbench.inference.double import DoubleEngine
from workbench.inference.engine import Event, Generate

T = TypeVar("T")
TEXT = """
repeats = 2
checks = [{ type = "contains", value = "two" }, { type = "regex", value = "[aeiou]" }]
[[variants]]
label = "A"
[[variants]]
label = "B"
prompt = "Be brief."
[[variants]]
label = "C"
model = "two"
"""
CASES = 8
TRIALS = CASES * 2 * 3

at = 0
last = 0


def moment() -> None:
    """Count, and end here when it is the one."""
    global at
    at += 1
    if at == last:
        os.kill(os.getpid(), signal.SIGKILL)


class Counting(DoubleEngine):
    """The double, each event a moment."""

    async def generate(self, requests: Sequence[Generate]) -> AsyncIterator[Event]:
        """As the double's."""
        async for event in super().generate(requests):
            moment()
            yield event


class Fragile(Store):
    """The history, each transaction two moments: when it is about to be durable, and when it is."""

    def _durable(self, work: Callable[[sqlite3.Connection], T], *, outside: bool = False) -> Future[T]:
        def counted(db: sqlite3.Connection) -> T:
            found = work(db)
            moment()
            return found

        future = super()._durable(counted, outside=outside)
        future.add_done_callback(lambda _: moment())
        return future


async def main(folder: Path) -> None:
    """The run, to its end or to ours."""
    house = House(folder, Counting, store=Fragile(folder / "history.db"), fits=False, lanes=2)
    await house.run(experiment(TEXT, CASES))
    await house.close()
    (folder / "moments").write_text(str(at))


def lives() -> None:
    """One process a line."""
    global last
    for line in sys.stdin:
        number, folder = line.rstrip("\n").split(" ", 1)
        if (pid := os.fork()) == 0:
            last, code = int(number), 1
            try:
                asyncio.run(main(Path(folder)))
                code = 0
            finally:
                if code:
                    traceback.print_exc()
                os._exit(code)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201


if __name__ == "__main__":
    lives()
