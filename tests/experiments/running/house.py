"""A house of doubles for runs: models by name, prompts in a folder, a history in a file."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from workbench.errors import NotFoundError
from workbench.experiments.files import Experiment, parse
from workbench.experiments.running.events import ExperimentEvent, RunEnded
from workbench.experiments.running.rooms import Rooms
from workbench.experiments.running.run import ExperimentRun
from workbench.experiments.running.starting import start
from workbench.history.store import Store
from workbench.inference.double import DoubleEngine
from workbench.inference.engine import Engine, LoadOptions
from workbench.inference.pool import EnginePool
from workbench.library.library import Libraries
from workbench.models.catalog import Model

HEAD = 'schema = 1\nkind = "experiment"\nsampling = { max_tokens = 10 }\n'


class House:
    """Rooms on doubles. `fits` False: memory holds one model at a time. `loads` are the engines that were made."""

    def __init__(
        self,
        folder: Path,
        make: Callable[[Path], Engine] = DoubleEngine,
        *,
        fits: bool = True,
        store: Store | None = None,
        lanes: int = 4,
    ) -> None:
        self.folder = folder
        self.loads: list[str] = []

        def build(path: Path) -> Engine:
            self.loads.append(path.stem)
            return make(path)

        (folder / "prompts").mkdir(exist_ok=True)
        self.store = store or Store(folder / "history.db")
        self.pool = EnginePool(build, lambda path, loaded: (fits or not loaded, "needs 9 GiB"))
        self.rooms = Rooms(
            self.pool,
            self.store,
            Libraries.default(folder / "prompts", self.store.version),
            self.find,
            lambda path: LoadOptions(),
            lambda path: lanes,
        )

    def find(self, name: str) -> Model:
        """Any name but "missing" is a model."""
        if name == "missing":
            raise NotFoundError("there is no model missing")
        name = name or "one"
        return Model(name, f"/models/{name}.gguf", "test", "double", 1000, "Q4_1", 1000, 4096, f"sha-{name}")

    async def run(
        self,
        experiment: Experiment,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        **given: Any,
    ) -> list[ExperimentEvent]:
        """All events of a run of it."""
        made = ExperimentRun(start(experiment, self.rooms, **given), self.rooms, sleep=sleep)
        return [event async for event in made.events()]

    async def close(self) -> None:
        """Engines and history."""
        await self.pool.close()
        self.store.close()


def prompts(folder: Path) -> None:
    """A library with a plain prompt and one with a variable."""
    below = folder / "prompts" / "system"
    below.mkdir(parents=True, exist_ok=True)
    (below / "short.toml").write_text('schema = 1\nkind = "system"\ntitle = "Short"\ntext = "Be short."\n')
    (below / "topic.toml").write_text(
        'schema = 1\nkind = "system"\ntitle = "Topic"\ntext = "Talk of {{topic}}."\n'
        '[variables.topic]\ndescription = "it"\n'
    )


def experiment(text: str, cases: int = 0, path: Path | None = None) -> Experiment:
    """An experiment file's text, with so many cases added."""
    added = "".join(f'\n[[cases]]\nname = "c{at}"\nmessage = "Question {at}?"\n' for at in range(cases))
    return parse((HEAD + text + added).encode(), path)


def ended(events: list[ExperimentEvent]) -> RunEnded:
    """The last event."""
    assert isinstance(events[-1], RunEnded)
    return events[-1]


def stored(store: Store, run: str) -> list[tuple[Any, ...]]:
    """What makes the trials of a run the same as another's."""
    return [
        (each["variant"], each["case"], each["repeat"], each["seed"], each["text"], each["finish"], each["score"])
        for each in store.trials(run, limit=-1)
    ]
