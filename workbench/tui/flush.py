"""One ticker for all that streams: repaints are gathered to a frame budget, and nothing ticks when nothing streams."""

from __future__ import annotations

import time
from typing import Any, Protocol

from textual.app import App


class Flushable(Protocol):
    """What gathers changes until it is told to show them."""

    def flush(self) -> None:
        """Show them."""
        ...


class Flusher:
    """`request` makes `flush` be called once, at most `fps` times a second."""

    def __init__(self, app: App[Any], fps: int = 20) -> None:
        self._app = app
        self._pause = 1 / fps
        self._waiting: dict[int, Flushable] = {}
        self._armed = False
        self._turn = True
        self._last = 0.0

    def request(self, item: Flushable) -> None:
        """Have `item.flush()` called at the next frame."""
        self._waiting[id(item)] = item
        if not self._armed:
            self._armed = True
            self._app.set_timer(max(0.001, self._last + self._pause - time.monotonic()), self._run)

    def take_turn(self) -> bool:
        """Whether one that asks may do its costly painting in this frame: the first one may."""
        first, self._turn = self._turn, False
        return first

    def _run(self) -> None:
        self._armed, self._turn = False, True
        self._last = time.monotonic()
        waiting, self._waiting = list(self._waiting.values()), {}
        with self._app.batch_update():
            for item in waiting:
                item.flush()
