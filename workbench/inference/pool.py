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
    if not why: then idle engines are closed, and busy ones waited for, first come first served. `on_used(path, engine)`
    is called when the last one has used it.
    """

    def __init__(
        self,
        make: Callable[[Path], Engine],
        fits: Callable[[Path, Sequence[Path]], tuple[bool, str]],
        on_used: Callable[[Path, Engine], None] | None = None,
    ) -> None:
        self._make = make
        self._fits = fits
        self._on_used = on_used
        self._engines: dict[Path, Engine] = {}
        self._users: dict[Path, int] = {}
        self._admit = asyncio.Lock()  # fair: who waits for memory keeps its turn
        self._freed = asyncio.Condition()
        self._loading: dict[Engine, tuple[asyncio.Task[None], list[OnProgress]]] = {}
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
        engine = await self._enter(path, on_wait)
        try:
            await self._load(engine, on_progress)
            yield engine
        finally:
            self._users[path] -= 1
            if self._on_used is not None and not self._users[path] and engine.state == "ready":
                self._on_used(path, engine)
            await self._tell_waiting()

    async def restart(self, path: Path, on_progress: OnProgress | None = None) -> None:
        """Start a failed engine again, or load one that is not."""
        async with self.use(path, on_progress=on_progress):
            pass

    def busy(self, path: Path) -> bool:
        """Whether somebody uses the engine for `path` now."""
        return bool(self._users.get(path))

    async def discard(self, path: Path) -> None:
        """Close the engine for `path`, if there is one: whoever uses it sees it end; the next use makes a new one."""
        if engine := self._engines.pop(path, None):
            await engine.close()
            await self._tell_waiting()

    async def fits(self, path: Path) -> bool:
        """Whether `path` is there already, or memory holds it beside those that are."""
        if path in self._engines:
            return True
        return (await asyncio.to_thread(self._fits, path, list(self._engines)))[0]

    async def together(self, paths: Sequence[Path]) -> bool:
        """Whether memory holds all of these beside each other."""

        def hold() -> bool:
            return all(self._fits(path, list(paths[:at]))[0] for at, path in enumerate(paths))

        return await asyncio.to_thread(hold)

    async def _enter(self, path: Path, on_wait: OnWait | None) -> Engine:
        """Count in as a user, once memory holds the model."""
        if path in self._engines and not self._admit.locked():  # locked: somebody already waits for its memory
            return self._count_in(path)
        async with self._admit:
            while path not in self._engines:
                self._check_open()
                loaded = list(self._engines)
                fits, reason = await asyncio.to_thread(self._fits, path, loaded)
                self._check_open()
                if fits or not self._engines:
                    self._engines[path] = self._make(path)
                    break
                if idle := self._idle():
                    await self._engines.pop(idle[0]).close()
                    continue
                if on_wait:
                    on_wait(reason)
                async with self._freed:
                    await self._freed.wait_for(lambda: self._closed or not self._engines or self._idle())
            return self._count_in(path)

    def _count_in(self, path: Path) -> Engine:
        self._check_open()
        self._users[path] = self._users.get(path, 0) + 1
        return self._engines[path]

    def _check_open(self) -> None:
        if self._closed:
            raise EngineError("the engines are closed", hint="start the workbench again")

    def _idle(self) -> list[Path]:
        """Engines that nobody uses, the one loaded first before the others."""
        return [path for path in self._engines if not self._users.get(path)]

    async def _tell_waiting(self) -> None:
        async with self._freed:
            self._freed.notify_all()

    async def _load(self, engine: Engine, on_progress: OnProgress | None) -> None:
        """Load once, however many ask; each hears of the progress. Who gives up leaves the loading to the others."""
        if engine.state == "ready":
            return
        if engine not in self._loading:
            listeners: list[OnProgress] = []
            task = asyncio.create_task(self._load_once(engine, listeners))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen, if all gave up
            self._loading[engine] = task, listeners
        task, listeners = self._loading[engine]
        if on_progress:
            listeners.append(on_progress)
        await asyncio.shield(task)

    async def _load_once(self, engine: Engine, listeners: list[OnProgress]) -> None:
        def tell(fraction: float) -> None:
            for listener in listeners:
                listener(fraction)

        try:
            await engine.load(tell)
        finally:
            del self._loading[engine]

    async def close(self) -> None:
        """Close all at once; who waits for memory is told. Idempotent."""
        self._closed = True
        engines = list(self._engines.values())
        self._engines.clear()
        await self._tell_waiting()
        await asyncio.gather(*(engine.close() for engine in engines))
