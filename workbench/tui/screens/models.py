"""The models on this machine: what each is, whether it fits; the hub searched, a model fetched or deleted."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import BindingType

from workbench.errors import EngineError, UsageError
from workbench.inference.remote.address import is_remote
from workbench.tui import actions, flows
from workbench.tui.screens.beside import BesideScreen, bindings
from workbench.tui.screens.choice import Choice, ChoiceScreen
from workbench.tui.widgets.card_list import Row

if TYPE_CHECKING:
    from workbench.inference.engine import LoadOptions
    from workbench.models.catalog import Model
    from workbench.session import Session


class ModelsScreen(BesideScreen[str | None]):
    """Gives the path of the model to take into the lane, or None."""

    DEFAULT_CSS = """
    ModelsScreen CardList { width: 3fr; }
    ModelsScreen Vertical { width: 4fr; }
    ModelsScreen.-narrow CardList { height: 2fr; }
    ModelsScreen.-narrow Vertical { height: 3fr; }
    """
    places: ClassVar[tuple[str, ...]] = ("models", "list", "answer", "app")
    narrow: ClassVar[int] = 90
    BINDINGS: ClassVar[list[BindingType]] = bindings("models")

    def __init__(self, session: Session, lanes: int, current: str = "") -> None:
        super().__init__(session)
        self._current = current  # where one begins
        self._lanes = lanes
        self._models: list[Model] = []
        self._fetching = 0  # downloads when it was last looked
        self._stale: set[str] = set()  # loaded, but otherwise than they are set now

    @property
    def _model(self) -> Model | None:
        return self._models[self.cards.here] if 0 <= self.cards.here < len(self._models) else None

    async def on_mount(self) -> None:
        self.head.show([("models", "name"), ("  looking…", "")])  # headers are read once: the first time takes seconds
        await self.workbench.fetches.open()
        self._tick()
        self.set_interval(0.5, self._tick)
        await self._load(self._current)

    async def _load(self, path: str = "") -> None:
        for wait in (False, True) if self.session.settings.servers else (False,):  # servers come when they come
            models = await asyncio.to_thread(self.session.models, wait=wait)
            stale = await asyncio.to_thread(self._stale_ones)
            path = self._model.path if self._model else path  # where one is by now
            self._models, self._stale = models, stale
            here = next((at for at, model in enumerate(models) if model.path == path), 0)
            total = sum(model.size for model in self._models)
            self.head.show([("models", "name"), (f"  {len(self._models)}, {total / 1e9:.1f} GB", "")])
            self.cards.show(len(self._models), here)
            self._show()

    def row(self, index: int) -> Row:
        model = self._models[index]
        if model.error:
            return [(model.name, "bad"), (f"  {model.error}", "dim")], []
        if is_remote(model.path):
            return [(model.name, "")], [(f"{model.context_length:,} ctx" if model.context_length else "", "dim")]
        loaded = Path(model.path) in self.session.pool.engines()
        state = "reload needed " if model.path in self._stale else "loaded " if loaded else ""
        size = f"{model.size / 1e9:.1f} GB" if model.size >= 1e9 else f"{model.size / 1e6:.0f} MB"
        kind = "mark" if model.path in self._stale else "label"
        sees = " + mmproj" if model.projector else ""
        return [(model.name, ""), (f"{sees}  {model.source}", "dim")], [(state, kind), (size, "dim")]

    def _tick(self) -> None:
        """How far the downloads are; else the keys."""
        running = self.workbench.fetches.running
        if len(running) < self._fetching and self.is_mounted:
            self.action_again()  # one has arrived
        self._fetching = len(running)
        if running:
            more = f"  (+{len(running) - 1})" if len(running) > 1 else ""
            self.foot.show([(f"{running[-1].says}{more}", "warn")], [("d downloads", "")], firm=True)
            return
        keys = " · ".join(f"{actions.key_name(a.keys[0])} {a.footer}" for a in actions.at("models") if a.footer)
        self.foot.show([(f"enter use · {keys} · esc leave", "")], brief=[("F1 keys · esc leave", "")])

    def turned(self) -> None:
        """Another model."""
        self._show()

    def taken(self) -> None:
        """Enter takes it into the lane."""
        self.action_take()

    @work(exclusive=True)
    async def _show(self) -> None:
        model = self._model
        if model is None:
            self.pane.set_text("no model on this machine: h searches the hub")
            return
        from workbench.tui.model_text import marks

        self.pane.set_text(await asyncio.to_thread(self._described, model))
        self.pane.set_spans(marks(self.pane.shown))

    def _stale_ones(self) -> set[str]:
        return {str(path) for path in self.session.pool.engines() if self.session.reload_needed(path)}

    def _described(self, model: Model) -> str:
        from workbench.tui.model_text import described

        try:
            return described(model, self._lanes, self.session.load_options(Path(model.path)))
        except UsageError as error:  # the file of load settings
            return str(error)

    def _usable(self, what: str) -> Model | None:
        """The current model, None when it cannot be used. Raises EngineError where a server has it."""
        from workbench.models.remote import refuse

        model = self._model
        if model is None or model.error:
            return None
        refuse(model, what)
        return model

    # ---- actions

    def action_take(self) -> None:
        """Into the lane."""
        if self._model is not None and self._model.error is None:
            self.dismiss(self._model.path)

    def action_read(self) -> None:
        """Into its page, to scroll."""
        self.pane.focus()

    def action_hub(self) -> None:
        """Search the hub, fetch a model."""
        from workbench.tui.screens.hub import HubScreen

        self.app.push_screen(HubScreen(self.session), lambda _: self.action_again())

    def action_downloads(self) -> None:
        """What is being fetched."""
        from workbench.tui.screens.downloads import DownloadsScreen

        self.app.push_screen(DownloadsScreen(self.session))

    def action_settings(self) -> None:
        """How the model is loaded."""
        flows.begin(self, self._set())

    async def _set(self) -> None:
        from workbench.tui.screens.load_form import LoadForm

        model = self._usable("load here")
        if model is None:
            return
        path = Path(model.path)
        before = await asyncio.to_thread(self.session.load_options, path)
        chosen = await self.app.push_screen_wait(LoadForm(path, model.name, before))
        if chosen is not None and chosen.settings != before:
            await self._keep(model, chosen.settings)

    async def _keep(self, model: Model, chosen: LoadOptions) -> None:
        from workbench.models import loading

        path = Path(model.path)
        await asyncio.to_thread(loading.remember, path, chosen, self.session.load_base)
        await self._load(model.path)
        needs = f": {model.name} is loaded, l loads it again so" if model.path in self._stale else ""
        self.workbench.tell(f"kept{needs}")
        self.workbench.compare.reload_marks()

    def action_tune(self) -> None:
        """Measure the fastest load settings."""
        flows.begin(self, self._tune())

    async def _tune(self) -> None:
        from workbench.tui.screens.tune import TuneScreen

        model = self._usable("tune")
        if model is None:
            return
        path = Path(model.path)
        if self.session.pool.busy(path):
            raise EngineError(f"{model.name} is answering", hint="stop its lanes first")
        await self.session.pool.discard(path)  # its memory is needed
        chosen = await self.app.push_screen_wait(TuneScreen(self.session, path, model.name))
        if chosen is not None:
            await self._keep(model, chosen)

    def action_reload(self) -> None:
        """Load the model again, as it is set now."""
        flows.begin(self, self._reload())

    async def _reload(self) -> None:
        model = self._usable("load here")
        if model is None:
            return
        path = Path(model.path)
        await self.session.pool.discard(path)
        told = -1

        def progress(part: float) -> None:
            nonlocal told
            if int(part * 20) > told:
                told = int(part * 20)
                self.foot.show([(f"loading {model.name}: {part:.0%}", "")])

        await self.session.pool.restart(path, on_progress=progress)
        await self._load(model.path)
        self._tick()
        info = self.session.pool.engines()[path].info
        self.workbench.tell(f"{model.name} is loaded: {info.context_length:,} tokens a lane" if info else "closed")
        self.workbench.compare.reload_marks()

    def action_delete(self) -> None:
        """Delete it, after a question."""
        flows.begin(self, self._delete())

    async def _delete(self) -> None:
        from workbench.models.remote import refuse
        from workbench.models.removal import removal

        model = self._model
        if model is None:
            return
        refuse(model, "delete")
        comparison = self.workbench.compare.comparison
        used = [comparison.label(lane) for lane in comparison.lanes if lane.path == model.path]
        if used:
            raise EngineError(f"lane {', '.join(used)} uses {model.name}", hint="take another model there first")
        gone = await asyncio.to_thread(removal, model)
        frees = f"frees {gone.frees / 1e6:,.0f} MB"
        about = f"Deletes {', '.join(gone.files)}, {frees}. It can be fetched again."
        rows = [Choice("no", "keep it", "Nothing is deleted."), Choice("yes", f"delete {model.name}", about)]
        if await self.app.push_screen_wait(ChoiceScreen(f"delete the model? it {frees}", rows)) == "yes":
            await self.session.pool.discard(Path(model.path))
            await asyncio.to_thread(gone.work)
            self.workbench.tell(f"deleted {model.name}: {gone.frees / 1e6:,.0f} MB are free")
            await self._load()

    def action_again(self) -> None:
        """Look for models again."""
        self.session.remote.forget()
        flows.begin(self, self._load(self._model.path if self._model else ""))
