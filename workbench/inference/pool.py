"""One engine a model, shared by whoever uses it; in turn where memory does not hold them beside each other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from workbench.errors import EngineError
from workbench.inference.engine import Engine

OnWait = Callable[[str], None]
OnProgress = Callable[[float], None]


class EnginePool:
    """Loads engines on first use and keeps them. All methods belong to one event loop.

    `make` builds the engine for a model's file; `fits(path, loaded)` says whether memory holds `path` beside those, and
    if not why. Then idle engines are closed, and busy ones waited for, first come first served.
    """

    def __init__(
        self, make: Callable[[Path], Engine], fits: Callable[[Path, Sequence[Path]], tuple[bool, str]]
    ) -> None:
        self._make = make
        self._fits = fits
        self._engines: dict[Path, Engine] = {}
        self._users: dict[Path, int] = {}
        self._admit = asyncio.Lock()  # fair: who waits for memory keeps its turn
        self._freed = asyncio.Condition()
        self._loading: dict[Path, asyncio.Task[None]] = {}
        self._listeners: dict[Path, list[OnProgress]] = {}
        self._closed = False

    def engines(self) -> Mapping[Path, Engine]:
        """The engines there are, by model file."""
        return dict(self._engines)

    @asynccontextmanager
    async def use(
        self, path: Path, *, on_wait: OnWait | None = None, on_progress: OnProgress | None = None
    ) -> AsyncIterator[Engine]:
        """The loaded engine for `path`, kept while the block runs.

        A failed one is started again. `on_wait` gets the reason each time memory makes it wait; `on_progress` the
        loading's 0…1. Raises EngineError when loading fails.
        """
        if self._closed:
            raise EngineError("the engines are closed", hint="start the workbench again")
        engine = await self._enter(path, on_wait)
        try:
            await self._load(path, engine, on_progress)
            yield engine
        finally:
            self._users[path] -= 1
            async with self._freed:
                self._freed.notify_all()

    async def restart(self, path: Path, on_progress: OnProgress | None = None) -> None:
        """Start a failed engine again, or load one that is not."""
        async with self.use(path, on_progress=on_progress):
            pass

    async def discard(self, path: Path) -> None:
        """Close the engine for `path`, if there is one: whoever uses it sees it end; the next use makes a new one."""
        if engine := self._engines.pop(path, None):
            await engine.close()

    async def fits(self, path: Path) -> bool:
        """Whether `path` is there already, or memory holds it beside those that are."""
        if path in self._engines:
            return True
        return (await asyncio.to_thread(self._fits, path, list(self._engines)))[0]

    async def _enter(self, path: Path, on_wait: OnWait | None) -> Engine:
        """Count in as a user, once memory holds the model."""
        if path in self._engines and path not in self._waiting_out():
            self._users[path] = self._users.get(path, 0) + 1
            return self._engines[path]
        async with self._admit:
            while path not in self._engines:
                loaded = list(self._engines)
                fits, reason = await asyncio.to_thread(self._fits, path, loaded)
                if fits or not loaded:
                    self._engines[path] = self._make(path)
                    break
                idle = [other for other in self._engines if not self._users.get(other)]
                if idle:
                    await self._engines.pop(idle[0]).close()
                    continue
                if on_wait:
                    on_wait(reason)
                async with self._freed:
                    await self._freed.wait_for(lambda: any(not self._users.get(other) for other in self._engines))
            self._users[path] = self._users.get(path, 0) + 1
            return self._engines[path]

    def _waiting_out(self) -> Sequence[Path]:
        """Engines that new users must queue for, because somebody already waits for their memory."""
        return list(self._engines) if self._admit.locked() else ()

    async def _load(self, path: Path, engine: Engine, on_progress: OnProgress | None) -> None:
        """Load once, however many ask; each hears of the progress."""
        if engine.state == "ready":
            return
        listeners = self._listeners.setdefault(path, [])
        if on_progress:
            listeners.append(on_progress)
        task = self._loading.get(path)
        if task is None:
            task = self._loading[path] = asyncio.create_task(self._load_once(path, engine))
        await asyncio.shield(task)

    async def _load_once(self, path: Path, engine: Engine) -> None:
        def tell(fraction: float) -> None:
            for listener in self._listeners.get(path, ()):
                listener(fraction)

        try:
            await engine.load(tell)
        finally:
            self._loading.pop(path, None)
            self._listeners.pop(path, None)

    async def close(self) -> None:
        """Close all at once. Idempotent."""
        self._closed = True
        engines = list(self._engines.values())
        self._engines.clear()
        await asyncio.gather(*(engine.close() for engine in engines))
