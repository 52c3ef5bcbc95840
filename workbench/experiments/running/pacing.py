"""Models beside each other kept near the same case, where a verdict on them may end the run.

Without it a fast model is done with all cases while the verdict waits for a slow one, and most of that was for nothing.
"""

from __future__ import annotations

import asyncio


class Pace:
    """Who has joined is waited for, until it leaves: the hindmost itself never waits. One event loop."""

    def __init__(self, ahead: int) -> None:
        self._ahead = ahead
        self._at: dict[str, int] = {}
        self._moved = asyncio.Event()
        self._over = False

    def join(self, name: str) -> None:
        """One more, at the first case."""
        self._at[name] = 0

    def leave(self, name: str) -> None:
        """It is done, or failed."""
        self._at.pop(name, None)
        self._tell()

    def end(self) -> None:
        """Nobody waits any more."""
        self._over = True
        self._tell()

    async def reach(self, name: str, place: int) -> None:
        """`name` begins this case; returns when no other is more than `ahead` cases behind it."""
        if name not in self._at:
            return
        self._at[name] = place
        self._tell()
        while not self._over and place - min(self._at.values()) > self._ahead:
            await self._moved.wait()

    def _tell(self) -> None:
        """Wake who waits; they look again, and wait for the next time."""
        self._moved.set()
        self._moved = asyncio.Event()
