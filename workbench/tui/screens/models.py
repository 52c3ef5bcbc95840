"""The models on this machine: what each is, whether it fits; the hub searched, a model fetched or deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.screen import ModalScreen

from workbench.errors import EngineError, NotFoundError, WorkbenchError
from workbench.inference.remote.address import is_remote
from workbench.tui import actions
from workbench.tui.screens.ask import AskScreen
from workbench.tui.screens.choice import Choice, ChoiceScreen
from workbench.tui.widgets.answer import AnswerPane
from workbench.tui.widgets.card_list import CardList, Row
from workbench.tui.widgets.frame import FrameLine

if TYPE_CHECKING:
    from workbench.models.catalog import Model
    from workbench.models.hub import RepoFile, RepoPage
    from workbench.session import Session
    from workbench.tui.app import WorkbenchApp


class ModelsScreen(ModalScreen[str | None]):
    """Gives the path of the model to take into the lane, or None."""

    DEFAULT_CSS = """
    ModelsScreen { background: $background; }
    ModelsScreen Container { layout: horizontal; height: 1fr; }
    ModelsScreen CardList { width: 3fr; }
    ModelsScreen Vertical { width: 4fr; height: 1fr; border-left: solid $foreground 25%; padding: 0 0 0 1; }
    ModelsScreen.-narrow Container { layout: vertical; }
    ModelsScreen.-narrow CardList { width: 1fr; height: 2fr; }
    ModelsScreen.-narrow Vertical { width: 1fr; height: 3fr; border-left: none; border-top: solid $foreground 25%; }
    """
    places: ClassVar[tuple[str, ...]] = ("models", "list", "answer", "app")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(a.keys), a.do, a.title, show=False, id=a.id, priority="escape" in a.keys)
        for a in actions.at("models")
    ]

    def __init__(self, session: Session, lanes: int) -> None:
        super().__init__()
        self._session, self._lanes = session, lanes
        self._models: list[Model] = []
        self._cards = CardList(self._row)
        self._pane = AnswerPane()
        self._head, self._foot = FrameLine("top"), FrameLine("bottom")
        self._fetching = 0  # downloads when it was last looked

    @property
    def _app(self) -> WorkbenchApp:
        return cast("WorkbenchApp", self.app)

    @property
    def _model(self) -> Model | None:
        return self._models[self._cards.here] if 0 <= self._cards.here < len(self._models) else None

    def compose(self) -> ComposeResult:
        yield self._head
        with Container():
            yield self._cards
            with Vertical():
                yield self._pane
        yield self._foot

    async def on_mount(self) -> None:
        self._cards.focus()
        self._tick()
        self.set_interval(0.5, self._tick)
        await self._load()

    def on_resize(self) -> None:
        """Below 90 columns the page stands under the list."""
        self.set_class(self.size.width < 90, "-narrow")

    async def _load(self, path: str = "") -> None:
        for wait in (False, True) if self._session.settings.servers else (False,):  # servers come when they come
            models = await asyncio.to_thread(self._session.models, wait=wait)
            path = self._model.path if wait and self._model else path
            self._models = models
            here = next((at for at, model in enumerate(self._models) if model.path == path), 0)
            total = sum(model.size for model in self._models)
            self._head.show([("models", "name"), (f"  {len(self._models)}, {total / 1e9:.1f} GB", "")])
            self._cards.show(len(self._models), here)
            self._show()

    def _row(self, index: int) -> Row:
        model = self._models[index]
        if model.error:
            return [(model.name, "bad"), (f"  {model.error}", "dim")], []
        if is_remote(model.path):
            return [(model.name, "")], [(f"{model.context_length:,} ctx" if model.context_length else "", "dim")]
        size = f"{model.size / 1e9:.1f} GB" if model.size >= 1e9 else f"{model.size / 1e6:.0f} MB"
        return [(model.name, ""), (f"  {model.source}", "dim")], [(size, "dim")]

    def _tick(self) -> None:
        """How far the downloads are; else the keys."""
        running = self._app.fetches.running
        if len(running) < self._fetching and self.is_mounted:
            self.action_again()  # one has arrived
        self._fetching = len(running)
        if running:
            more = f"  (+{len(running) - 1})" if len(running) > 1 else ""
            self._foot.show([(f"{running[-1].says}{more}", "warn")], [("x stops", "")], firm=True)
            return
        keys = " · ".join(f"{actions.key_name(a.keys[0])} {a.footer}" for a in actions.at("models") if a.footer)
        self._foot.show([(f"enter use · {keys} · esc leave", "")], brief=[("F1 keys · esc leave", "")])

    def on_card_list_moved(self) -> None:
        """Another model."""
        self._show()

    def on_card_list_taken(self) -> None:
        """Enter takes it into the lane."""
        self.action_take()

    @work(exclusive=True)
    async def _show(self) -> None:
        model = self._model
        if model is None:
            self._pane.set_text("no model on this machine: h searches the hub")
            return
        from workbench.tui.model_text import described

        self._pane.set_text(await asyncio.to_thread(described, model, self._lanes))

    # ---- actions

    def _flow(self, flow: Coroutine[Any, Any, None]) -> None:
        async def guarded() -> None:
            try:
                await flow
            except WorkbenchError as error:
                self._app.tell(str(error), severity="error")

        self.run_worker(guarded(), group="dialog")

    def action_take(self) -> None:
        """Into the lane."""
        if self._model is not None and self._model.error is None:
            self.dismiss(self._model.path)

    def action_read(self) -> None:
        """Into its page, to scroll."""
        self._pane.focus()

    def action_hub(self) -> None:
        """Search the hub, fetch a model."""
        self._flow(self._fetch())

    async def _fetch(self) -> None:
        from workbench.models import hub

        words = await self.app.push_screen_wait(AskScreen("search the hub for GGUF models"))
        if words is None:
            return
        found = await asyncio.to_thread(hub.search, words)
        if not found:
            raise NotFoundError("the hub has nothing that matches", hint="other words, or a part of the name")
        rows = [
            Choice(repo.id, f"{repo.id}  {repo.downloads:,} ↓  {repo.license}", _about(repo.gated, repo.censorship))
            for repo in found
        ]
        id = await self.app.push_screen_wait(ChoiceScreen("repositories, most downloaded first", rows))
        if id is None:
            return
        page = await asyncio.to_thread(hub.page, id)
        file = await self._chosen(page)
        if file is not None:
            self._app.fetches.begin(page, file)
            self._tick()

    async def _chosen(self, page: RepoPage) -> RepoFile | None:
        from workbench.hardware import memory
        from workbench.models.quantization import line, recommended

        room = await asyncio.to_thread(memory.available)
        best, why = recommended([file for file in page.files if not file.projector], room)
        models = [file for file in page.files if not file.projector]
        rows = []
        for at, file in enumerate(page.files):
            mark = "▸ " if 0 <= best < len(models) and file is models[best] else "  "
            fits = "projector" if file.projector else "" if file.size <= room * 0.8 else "too big for this machine"
            name = f"{mark}{file.quantization:<8} {file.size / 1e6:>8,.0f} MB  {fits}  {file.name}"
            about = why if mark == "▸ " else line(file.quantization)
            rows.append(Choice(str(at), name, about))
        rows.sort(key=lambda row: not row.name.startswith("▸"))
        if not rows:
            raise NotFoundError(f"there is no GGUF model in {page.repo.id}", hint="choose one that ends with -GGUF")
        key = await self.app.push_screen_wait(ChoiceScreen(f"files of {page.repo.id}", rows))
        return page.files[int(key)] if key is not None else None

    def action_stop(self) -> None:
        """Stop the downloads; they go on from there when fetched again."""
        self._app.fetches.stop()

    def action_delete(self) -> None:
        """Delete it, after a question."""
        self._flow(self._delete())

    async def _delete(self) -> None:
        from workbench.models.remote import refuse
        from workbench.models.removal import removal

        model = self._model
        if model is None:
            return
        refuse(model, "delete")
        if Path(model.path) in self._session.pool.engines():
            raise EngineError(f"{model.name} is loaded", hint="take another model into its lanes, and start again")
        gone = await asyncio.to_thread(removal, model)
        about = f"Deletes {', '.join(gone.files)} and frees {gone.frees / 1e6:,.0f} MB. It can be fetched again."
        rows = [Choice("no", "keep it", "Nothing is deleted."), Choice("yes", f"delete {model.name}", about)]
        if await self.app.push_screen_wait(ChoiceScreen("delete the model?", rows)) == "yes":
            await asyncio.to_thread(gone.work)
            self._app.tell(f"deleted {model.name}: {gone.frees / 1e6:,.0f} MB are free")
            await self._load()

    def action_again(self) -> None:
        """Look for models again."""
        self._session.remote.forget()
        self._flow(self._load(self._model.path if self._model else ""))

    def action_leave(self) -> None:
        """From the page to the list, from the list to the lanes."""
        if self.focused is self._pane:
            self._cards.focus()
        else:
            self.dismiss(None)


def _about(gated: bool, censorship: str) -> str:
    notes = ["gated: accept its terms on its page first, and set HF_TOKEN"] if gated else []
    return " · ".join([*notes, *([censorship] if censorship else [])])
