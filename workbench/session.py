"""Opens library, engines, history and hardware once, for either front door. Everything is made on first use."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import paths, settings
from workbench.errors import UsageError
from workbench.inference.engine import Engine, LoadOptions
from workbench.settings import Settings

if TYPE_CHECKING:
    from workbench.experiments.runner import Runner
    from workbench.hardware.sampling import Watch
    from workbench.history.store import Store
    from workbench.inference.pool import EnginePool
    from workbench.library.library import Libraries
    from workbench.library.versions import Versions
    from workbench.models.catalog import Model


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
        self.problem = ""  # why the history is off, "" when it is on
        self.settings_problem = ""  # why the settings file was not taken

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

    def models(self) -> list[Model]:
        """The models on this machine (reads their headers: call it off the interface's loop)."""
        from workbench.models.catalog import models

        return models()

    @cached_property
    def pool(self) -> EnginePool:
        """The engines, one a model."""
        from workbench.inference.pool import EnginePool

        return EnginePool(self._make_engine, self._fits)

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
        from workbench.experiments.runner import Runner

        return Runner(self.pool, self.store)

    async def close(self) -> None:
        """Interrupt what runs, end the workers, close the history. Idempotent."""
        opened = vars(self)
        if "watch" in opened:
            self.watch.stop()
        if "runner" in opened:
            await self.runner.close()
        if "pool" in opened:
            await self.pool.close()
        if "store" in opened:
            await asyncio.to_thread(self.store.close)

    def _make_engine(self, path: Path) -> Engine:
        if self._engine is not None:
            return self._engine(path)
        if script := os.environ.get("WORKBENCH_DOUBLE"):
            from workbench.inference.double import from_script

            return from_script(script, path)
        from workbench.inference.local.client import LocalEngine

        log = paths.cache_dir() / "logs" / f"{path.stem[:80]}.log"
        chosen = LoadOptions(context_length=self.settings.context_length, offload=self.settings.offload)
        return LocalEngine(path, self._options or chosen, log=log, shapes=paths.cache_dir() / "shapes.json")

    def _fits(self, path: Path, loaded: Sequence[Path]) -> tuple[bool, str]:
        if self._engine is not None or "WORKBENCH_DOUBLE" in os.environ:
            return True, ""
        from workbench.models.fit import holds

        chosen = self._options or LoadOptions(
            context_length=self.settings.context_length, offload=self.settings.offload
        )
        return holds(loaded, path, context=chosen.context_length, offload=chosen.offload)
