"""Token counts in the background while one types: the latest wins, and a keystroke never waits.

One request is in flight for each engine; what was asked for meanwhile is counted after it, newest text only. The text
is put together when its turn comes, not at each key, and a slow count makes the next one wait longer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from workbench.errors import EngineError

Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")


@dataclass(frozen=True)
class Want(Generic[Result]):
    """One count: `count` does it (called when its turn comes), `told` gets the result or None when it failed."""

    count: Callable[[], Awaitable[Result]]
    told: Callable[[Result | None], None]


class Counter(Generic[Key, Result]):
    """Runs counts, one at a time for each engine (named by `group`), the latest of each `key` only."""

    def __init__(self, *, rest: float = 2.0, longest: float = 0.5) -> None:
        self._rest = rest  # seconds of rest for each second a count took
        self._longest = longest
        self._wanted: dict[str, dict[Key, Want[Result]]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def want(self, group: str, key: Key, want: Want[Result]) -> None:
        """Ask for a count; an earlier one of the same key that has not begun is forgotten."""
        for other, waiting in self._wanted.items():
            if other != group:
                waiting.pop(key, None)
        self._wanted.setdefault(group, {})[key] = want
        if group not in self._tasks:
            self._tasks[group] = asyncio.create_task(self._work(group))

    def forget(self, key: Key) -> None:
        """Drop what waits under this key."""
        for waiting in self._wanted.values():
            waiting.pop(key, None)

    @property
    def quiet(self) -> bool:
        """Whether nothing is wanted or under way."""
        return not self._tasks

    def close(self) -> None:
        """Stop all."""
        self._wanted.clear()
        for task in list(self._tasks.values()):
            task.cancel()

    async def _work(self, group: str) -> None:
        try:
            while waiting := self._wanted.get(group):
                key = next(iter(waiting))
                want = waiting.pop(key)
                began = time.perf_counter()
                try:
                    result = await want.count()
                except EngineError:
                    want.told(None)
                else:
                    want.told(result)
                took = time.perf_counter() - began
                if took > 0.005:
                    await asyncio.sleep(min(self._longest, took * self._rest))
        finally:
            self._tasks.pop(group, None)
            if self._wanted.get(group):
                self._tasks[group] = asyncio.create_task(self._work(group))
