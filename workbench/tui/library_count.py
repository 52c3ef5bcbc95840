"""The live token count of the library screen: the rendered prompt, counted by a model that one chooses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import EngineError
from workbench.tui.counting import Counter, Want

if TYPE_CHECKING:
    from workbench.inference.engine import Counted, Message
    from workbench.models.catalog import Model
    from workbench.tui.screens.library import LibraryScreen


class LibraryCount:
    """Counts in the background, the newest text only. Until a model is chosen it is the first lane's."""

    def __init__(self, screen: LibraryScreen) -> None:
        self._screen = screen
        self._counter: Counter[str, Counted] = Counter()
        self._messages: tuple[Message, ...] = ()
        self._path = ""
        self._name = ""
        self._loading = False
        self.says = ""

    def want(self, messages: tuple[Message, ...]) -> None:
        """Count these."""
        self._messages = messages
        if not self._path:
            lane = self._screen.workbench.compare.lane
            self._path, self._name = lane.path, lane.model
        if not self._path:
            return
        engine = self._screen.session.pool.engines().get(Path(self._path))
        if engine is None or engine.state != "ready":
            self._load()
            return
        if not messages:
            self._take(None)
            return
        self._counter.want(self._path, "prompt", Want(count=lambda: engine.count(self._messages), told=self._take))

    def _take(self, counted: Counted | None) -> None:
        says = f"{counted.prompt_tokens:,} tok · {self._name}" if counted is not None else ""
        if counted is not None and counted.special:
            says += f" · contains {' '.join(sorted(counted.special))}"
        if says != self.says:
            self.says = says
            self._screen.file.say_count()

    def _load(self) -> None:
        if not self._loading:
            self._loading = True
            self._screen.run_worker(self._loaded(), group="count")

    async def _loaded(self) -> None:
        pool, path = self._screen.session.pool, Path(self._path)
        try:
            if await pool.fits(path):
                await pool.restart(path)
        except EngineError as error:
            self.says = str(error)
            self._screen.file.say_count()
            return
        finally:
            self._loading = False
        engine = pool.engines().get(path)
        if engine is not None and engine.state == "ready":
            self.want(self._messages)

    async def choose(self) -> None:
        """Pick the model that counts."""
        from workbench.tui.screens.model_picker import ModelPicker

        chosen = await self._screen.app.push_screen_wait(ModelPicker(self._screen.session, self._path))
        if chosen is None:
            return
        self._path, self._name, self.says = chosen, Path(chosen).stem, ""
        models: list[Model] = self._screen.session.models(wait=False)
        self._name = next((model.name for model in models if str(model.path) == chosen), self._name)
        self.want(self._messages)
