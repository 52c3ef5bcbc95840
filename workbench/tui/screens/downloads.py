"""The downloads: how far each is, pause and resume, give one up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import BindingType

from workbench.bars import bar
from workbench.errors import WorkbenchError
from workbench.tui import actions
from workbench.tui.screens.beside import BesideScreen, bindings
from workbench.tui.screens.choice import Choice, ChoiceScreen
from workbench.tui.widgets.card_list import Row

if TYPE_CHECKING:
    from workbench.session import Session
    from workbench.tui.fetching import Fetch


class DownloadsScreen(BesideScreen[None]):
    """Newest last; those that an earlier start left are there, paused."""

    places: ClassVar[tuple[str, ...]] = ("downloads", "list", "answer", "app")
    narrow: ClassVar[int] = 90
    BINDINGS: ClassVar[list[BindingType]] = bindings("downloads")

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._shown: list[str] | None = None

    def on_mount(self) -> None:
        """Show, and go on showing."""
        keys = " · ".join(f"{actions.key_name(a.keys[0])} {a.footer}" for a in actions.at("downloads") if a.footer)
        self.foot.show([(f"{keys} · esc back", "")])
        self.set_interval(0.5, self._tick)
        self.call_after_refresh(self._tick)  # the bar is as wide as its pane

    @property
    def fetch(self) -> Fetch | None:
        """The current one."""
        rows = self.workbench.fetches.all
        return rows[self.cards.here] if 0 <= self.cards.here < len(rows) else None

    def _tick(self) -> None:
        """Paint what changed."""
        fetches = self.workbench.fetches
        says = [fetch.says for fetch in fetches.all]
        if says == self._shown:
            return
        if len(says) != len(self._shown or ()):
            self.cards.show(len(says), max(0, min(self.cards.here, len(says) - 1)))
        self._shown = says
        count = f"  {len(fetches.running)} running, {len(fetches.left)} not done" if says else "  none yet"
        self.head.show([("downloads", "name"), (count, "")])
        self.cards.refresh()
        self.turned()

    def row(self, index: int) -> Row:
        """Its name, how it stands."""
        fetch = self.workbench.fetches.all[index]
        kind = "bad" if fetch.error else "mark" if fetch.paused else "label" if fetch.path else "dim"
        state = "failed" if fetch.error else f"{fetch.part:.0%}" if fetch.running else fetch.state
        return [(fetch.name, ""), (f"  {fetch.what.repo}", "dim")], [(state, kind)]

    def turned(self) -> None:
        """The current one, whole."""
        fetch = self.fetch
        if fetch is None:
            self.pane.set_text("nothing is being fetched")
            return
        now = fetch.progress
        lines = [
            fetch.name,
            fetch.what.repo,
            "",
            f"{bar(fetch.part, max(8, min(40, self.pane.size.width - 2)))}",
            f"{now.done / 1e6:,.0f} of {now.total / 1e6:,.0f} MB, {now.doing if fetch.running else ''}".rstrip(", "),
            fetch.state,
        ]
        self.pane.set_text("\n".join(lines))

    def action_pause(self) -> None:
        """Pause it, or go on."""
        fetch = self.fetch
        if fetch is not None and fetch.running:
            self.workbench.fetches.pause(fetch)
        elif fetch is not None:
            self.workbench.fetches.resume(fetch)
        self._tick()

    @work(group="dialog")
    async def action_cancel(self) -> None:
        """Give it up, after a question."""
        fetch = self.fetch
        if fetch is None or fetch.path is not None:
            return
        there = await asyncio.to_thread(fetch.work.there)
        rows = [
            Choice("no", "keep it", "Nothing is deleted; p pauses it."),
            Choice("yes", f"give up {fetch.name}", f"Deletes the {there / 1e6:,.0f} MB that are there."),
        ]
        if await self.app.push_screen_wait(ChoiceScreen("give the download up?", rows)) != "yes":
            return
        try:
            await self.workbench.fetches.cancel(fetch)
        except WorkbenchError as error:
            self.workbench.tell(str(error), severity="error")
        self._tick()
