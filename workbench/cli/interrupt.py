"""Signals for headless work: Ctrl+C, SIGTERM and SIGHUP cancel it, so that its `finally` saves what there is."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from workbench.errors import Exit

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


async def interruptible(work: Coroutine[Any, Any, int]) -> int:
    """Await `work`; a signal cancels it and makes the exit code 130. A second one is left to its default action."""
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    hit = False

    def cancel() -> None:
        nonlocal hit
        hit = True
        for number in numbers:
            loop.remove_signal_handler(number)
        task.cancel()

    numbers = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
    for number in numbers:
        with suppress(NotImplementedError, RuntimeError):
            loop.add_signal_handler(number, cancel)
    try:
        return await task
    except asyncio.CancelledError:
        if hit:
            return Exit.INTERRUPTED
        raise
