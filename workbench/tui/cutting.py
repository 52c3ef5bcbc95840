"""Tokens of a text while it is typed: a key waits for nothing, and what it changed is cut within milliseconds.

One request is under way at a time, of the text as it stands when its turn comes. Near an edit only a stretch is cut
(insight/retokenizing.py); when the typing rests, the whole text once, to be certain.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from workbench.errors import WorkbenchError
from workbench.inference.engine import Engine
from workbench.insight.retokenizing import Tape

REST = 0.4  # seconds without a key after which the whole text is cut


class Cutter:
    """`lend` gives the engine; `told` hears of the first token that changed, `failed` of what went wrong."""

    def __init__(
        self,
        lend: Callable[[], AbstractAsyncContextManager[Engine]],
        told: Callable[[int], None],
        failed: Callable[[str], None],
        *,
        rest: float = REST,
    ) -> None:
        self.tape = Tape()
        self.mended = 0  # times that the whole text's tokens were others than those near the edits
        self._lend, self._told, self._failed, self._rest = lend, told, failed, rest
        self._wanted: Callable[[], str] | None = None
        self._woken = asyncio.Event()
        self._sure = True
        self._task: asyncio.Task[None] | None = None

    @property
    def quiet(self) -> bool:
        """Whether what is there is certain, and of the text wanted last."""
        return self._task is None

    async def settled(self) -> None:
        """Wait until it is quiet."""
        while self._task is not None:
            await asyncio.wait([self._task])

    def want(self, text: Callable[[], str]) -> None:
        """Make the tape that of this text, put together when its turn comes; the latest counts."""
        self._wanted = text
        self._woken.set()
        if self._task is None:
            self._task = asyncio.create_task(self._work())

    def close(self) -> None:
        """Stop."""
        self._wanted = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _work(self) -> None:
        try:
            while self._wanted is not None or not self._sure:
                if self._wanted is not None:
                    text, self._wanted = self._wanted, None
                    await self._cut(text())
                else:
                    await self._rested()
        except WorkbenchError as error:
            self._sure = True
            self._failed(str(error))
        finally:
            if self._task is asyncio.current_task():
                self._task = None

    async def _cut(self, text: str) -> None:
        ask = self.tape.ask(text)
        if ask is None:
            return
        async with self._lend() as engine:
            changed = self.tape.take(ask, await engine.tokenize(ask.stretch, special=True))
            self._sure = ask.whole
            if changed is None:
                changed = self.tape.confirm(text, await engine.tokenize(text, special=True))
                self._sure = True
        self._told(changed)

    async def _rested(self) -> None:
        """Wait; when nothing came meanwhile, cut the whole text."""
        self._woken.clear()
        try:
            await asyncio.wait_for(self._woken.wait(), self._rest)
        except TimeoutError:
            text = self.tape.text
            async with self._lend() as engine:
                tokens = await engine.tokenize(text, special=True)
            self._sure = True
            if text == self.tape.text and (changed := self.tape.confirm(text, tokens)) < len(tokens):
                self.mended += 1
                self._told(changed)
