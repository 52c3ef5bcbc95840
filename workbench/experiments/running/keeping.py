"""Writing that waits: a history that cannot be written (a full disk) pauses the run until there is room again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future

from workbench.errors import StorageError
from workbench.experiments.running.events import RunContinued, RunPaused

EVERY = 5.0  # seconds between tries


class Keeping:
    """Does writes in order of asking, again and again until they are done.

    `sleep` waits for the next try; `tell` gets RunPaused once, and RunContinued when all goes on.
    """

    def __init__(
        self,
        tell: Callable[[RunPaused | RunContinued], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._tell = tell
        self._sleep = sleep
        self._turns = 0  # pauses begun and ended: even, it goes on; odd, it waits
        self.paused = ""  # why, "" while it goes on

    async def do(self, write: Callable[[], Future[None]]) -> None:
        """The write, done. Raises nothing but cancellation."""
        while True:
            asked = self._turns
            try:
                await asyncio.wrap_future(write())
            except StorageError as error:
                if self._turns // 2 > asked // 2:
                    continue  # there is room since
                if not self.paused:
                    self.paused = str(error)
                    self._turns += 1
                    self._tell(RunPaused(self.paused))
                await self._sleep(EVERY)
                continue
            if self.paused and asked == self._turns:  # one from before the pause does not tell of room
                self.paused = ""
                self._turns += 1
                self._tell(RunContinued())
            return
