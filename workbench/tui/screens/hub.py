"""The hub: repositories found, what is in one and whether it goes in here, a file fetched while work goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual import events, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Input

from workbench.errors import WorkbenchError
from workbench.models import hub
from workbench.models.asking import asked
from workbench.models.suiting import Room, room
from workbench.tui import actions, hub_text
from workbench.tui.screens.beside import BesideScreen, bindings
from workbench.tui.widgets.card_list import Row

if TYPE_CHECKING:
    from workbench.models.hub import Repo, RepoFile, RepoPage
    from workbench.session import Session

T = TypeVar("T")
LIMIT = 50  # repositories that are asked for
PAUSE = 0.25  # seconds on a row before its page is asked for


class HubScreen(BesideScreen[None]):
    """A search line over the list; the list holds repositories, or the files of one."""

    DEFAULT_CSS = """
    HubScreen Input { border: none; height: 1; padding: 0 1; background: $foreground 8%; }
    HubScreen Input:focus { border: none; background: $accent 20%; }
    """
    AUTO_FOCUS = "Input"
    places: ClassVar[tuple[str, ...]] = ("hub", "list", "answer", "app")
    narrow: ClassVar[int] = 90
    BINDINGS: ClassVar[list[BindingType]] = bindings("hub")

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.line = Input(placeholder="words · license: language: task: size:1B-8B tag:")
        self._sort = "downloads"
        self._repos: list[Repo] = []
        self._pages: dict[str, RepoPage] = {}
        self._inside: RepoPage | None = None  # whose files the list holds
        self._here: set[str] = set()  # its files that are fetched already
        self._room = Room(0)  # memory that is free
        self._fetching = 0  # downloads when it was last looked

    def compose(self) -> ComposeResult:
        yield self.line
        yield from super().compose()

    async def on_mount(self) -> None:
        """The most downloaded, until one asks for others."""
        self._room = await asyncio.to_thread(room)
        self.set_interval(0.5, self._tick)
        self._tick()
        self._search()

    # ---- what is shown

    @property
    def _files(self) -> list[RepoFile]:
        return list(hub_text.ordered(self._inside, self._room)) if self._inside else []

    @property
    def repo(self) -> Repo | None:
        """The current repository."""
        if self._inside is not None:
            return self._inside.repo
        return self._repos[self.cards.here] if 0 <= self.cards.here < len(self._repos) else None

    def row(self, index: int) -> Row:
        """A repository, or a file of one."""
        if self._inside is None:
            repo = self._repos[index]
            notes = " ".join(["gated"] * repo.gated + [repo.censorship] * bool(repo.censorship))
            right = [(f"{notes} " if notes else "", "mark"), (_by(repo, self._sort), "dim")]
            return [(repo.id, ""), (f"  {repo.license}", "dim")], right
        file = self._files[index]
        best, _ = hub_text.advised(self._inside, self._room)
        says = "is here" if file.name in self._here else hub_text.verdict(file, self._room)
        kind = {"is here": "label", "fits": "label", "too big": "bad", "tight": "mark"}.get(says, "dim")
        name = f" {hub_text.short(file.name, self._inside)}"
        left = [("▸ " if file is best else "  ", "match"), (f"{file.quantization or '?':<8}", ""), (name, "dim")]
        return left, [(f"{file.size / 1e6:,.0f} MB ", "dim"), (says, kind)]

    def turned(self) -> None:
        """Another row: its page, once one stays on it."""
        if self._inside is not None:
            return
        repo = self.repo
        if repo is None:
            self.pane.set_text("")
        elif repo.id in self._pages:
            self.pane.set_text(hub_text.described(self._pages[repo.id], self._room))
        else:
            self.pane.set_text("\n".join(hub_text.about(repo)))
            self._look(repo.id, PAUSE)

    @work(group="page", exclusive=True)
    async def _look(self, id: str, pause: float) -> None:
        await asyncio.sleep(pause)
        if (page := await self._page(id)) is not None and self.repo is not None and self.repo.id == id:
            self.pane.set_text(hub_text.described(page, self._room))

    async def _page(self, id: str) -> RepoPage | None:
        if id not in self._pages:
            try:
                self._pages[id] = await asyncio.to_thread(hub.page, id)
            except WorkbenchError as error:
                self.pane.set_text("\n".join([*(hub_text.about(self.repo) if self.repo else []), "", f"✗ {error}"]))
                return None
        return self._pages[id]

    @work(group="search", exclusive=True)
    async def _search(self, *, entered: bool = False) -> None:
        """Ask the hub; what was `entered` leads to the list."""
        self.head.show([("searching the hub…", "")], [(hub.endpoint(), "")])
        problem = ""
        try:
            wish = asked(self.line.value, self._sort)
            find: Callable[[], list[Repo]] = lambda: hub.search(  # noqa: E731  (typed, for the thread)
                wish.words, sort=wish.sort, limit=LIMIT, filters=wish.filters, parameters=wish.parameters
            )
            self._repos = await asyncio.to_thread(find)
        except WorkbenchError as error:
            self._repos = []
            problem = f"✗ {error}"
            self.head.show([(problem, "bad")], firm=True)
        else:
            self._show_found()
        self._inside = None
        self.cards.show(len(self._repos))
        self.turned()
        if problem:
            self.pane.set_text(problem)  # whole: the head may be too short for it
        if self._repos and self.focused is self.line and entered:
            self.cards.focus()

    def _show_found(self) -> None:
        count = len(self._repos)
        found = "1 repository" if count == 1 else f"{'the first ' * (count == LIMIT)}{count} repositories"
        says = f"  {found if count else 'nothing matches'}, by {self._sort}"
        self.head.show([("the hub", "name"), (says, "")], [(hub.endpoint(), "")])

    def _tick(self) -> None:
        """How far the downloads are; else the keys."""
        running = self.workbench.fetches.running
        if len(running) < self._fetching and self._inside is not None:
            self._mark_fetched(self._inside)  # one has arrived
        self._fetching = len(running)
        keys = " · ".join(f"{actions.key_name(a.keys[0])} {a.footer}" for a in actions.at("hub") if a.footer)
        if running:
            more = f"  (+{len(running) - 1})" if len(running) > 1 else ""
            self.foot.show([(f"{running[-1].says}{more}", "warn")], [("d downloads", "")], firm=True)
        else:
            what = "fetch" if self._inside else "its files"
            if self.focused is self.line:
                what, keys = "search", "↓ to the list"  # letters are typed there
            self.foot.show([(f"enter {what} · {keys} · esc back", "")], brief=[("F1 keys · esc back", "")])

    @work(group="here", exclusive=True)
    async def _mark_fetched(self, page: RepoPage) -> None:
        self._here = await asyncio.to_thread(_fetched, page)
        self.cards.refresh()

    # ---- actions

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in the search line."""
        event.stop()
        self._search(entered=True)

    def on_descendant_focus(self) -> None:
        """Other keys hold there."""
        self._tick()

    def on_key(self, event: events.Key) -> None:
        """Down leaves the search line for the list."""
        if event.key == "down" and self.focused is self.line and (self._repos or self._inside):
            event.stop()
            self.cards.focus()

    def taken(self) -> None:
        """Enter: into a repository, or a file of it is fetched."""
        if self._inside is not None:
            file = self._files[self.cards.here]
            self.workbench.fetches.begin(self._inside, file)
            self._tick()
        elif self.repo is not None:
            self._enter(self.repo.id)

    @work(group="page", exclusive=True)
    async def _enter(self, id: str) -> None:
        page = await self._page(id)
        if page is None or self.repo is None or self.repo.id != id:
            return
        self.pane.set_text(hub_text.described(page, self._room))
        if not page.files:
            return
        self._here = await asyncio.to_thread(_fetched, page)
        self._inside = page
        self.head.show([(page.repo.id, "name"), (f"  {len(page.files)} files", "")], [(hub.endpoint(), "")])
        self.cards.show(len(page.files))
        self._tick()

    def action_search(self) -> None:
        """To the search line."""
        self.line.focus()

    def action_order(self) -> None:
        """The next order: downloads, trending, likes, new."""
        sorts = list(hub.SORTS)
        self._sort = sorts[(sorts.index(self._sort) + 1) % len(sorts)]
        self._search()

    def action_read(self) -> None:
        """Into the page, to scroll."""
        self.pane.focus()

    def action_downloads(self) -> None:
        """What is being fetched."""
        from workbench.tui.screens.downloads import DownloadsScreen

        self.app.push_screen(DownloadsScreen(self.session))

    def action_leave(self) -> None:
        """From the page to the list, from the files to the repositories, from there to the models."""
        if self.focused is not self.cards and self._repos:
            self.cards.focus()
        elif self._inside is not None:
            here = next((at for at, repo in enumerate(self._repos) if repo.id == self._inside.repo.id), 0)
            self._inside = None
            self._show_found()
            self.cards.show(len(self._repos), here)
            self._tick()
        else:
            self.dismiss(None)


def _fetched(page: RepoPage) -> set[str]:
    """The files that the cache has whole."""
    from workbench.models.download import Download

    return {file.name for file in page.files if Download(page.repo.id, page.commit, file).there() >= file.size}


def _by(repo: Repo, sort: str) -> str:
    """What the order goes by: `1.2M ↓`, `4.1k ♥`, a date."""
    if sort == "new":
        return repo.created or repo.updated
    return f"{_short(repo.likes)} ♥" if sort == "likes" else f"{_short(repo.downloads)} ↓"


def _short(count: int) -> str:
    """`1.2M`."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.1f}{unit}"
    return str(count)
