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
        self._since = 0  # how often it went on after a pause
        self.paused = ""  # why, "" while it goes on

    async def do(self, write: Callable[[], Future[None]]) -> None:
        """The write, done. Raises nothing but cancellation."""
        while True:
            began = self._since
            try:
                await asyncio.wrap_future(write())
            except StorageError as error:
                if began != self._since:
                    continue  # there is room since
                if not self.paused:
                    self.paused = str(error)
                    self._tell(RunPaused(self.paused))
                await self._sleep(EVERY)
                continue
            if self.paused:
                self.paused = ""
                self._since += 1
                self._tell(RunContinued())
            return
