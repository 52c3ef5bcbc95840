"""What ran before: runs, newest first, searched as one types; a run's trials; the text of either at the right."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.message import Message
from textual.widgets import Input

from workbench.errors import UsageError, WorkbenchError
from workbench.tui import actions
from workbench.tui.history_text import SHOWN, message_of, run_row, run_text, trial_row, trial_text
from workbench.tui.history_tools import HistoryTools
from workbench.tui.pages import SIZE, Pages
from workbench.tui.screens.beside import BesideScreen, bindings
from workbench.tui.widgets.card_list import CardList, Row

if TYPE_CHECKING:
    from textual.timer import Timer

    from workbench.history.search import Query
    from workbench.session import Session

STILL = 0.06  # seconds without another key before the text at the right follows
TYPED = 0.12  # and before the search does


class HistoryScreen(BesideScreen[str | None]):
    """Gives the message to take up again, or None."""

    DEFAULT_CSS = """
    HistoryScreen Input { border: none; height: 1; padding: 0 1; background: $foreground 8%; }
    HistoryScreen Input:focus { border: none; background: $accent 20%; }
    """
    places: ClassVar[tuple[str, ...]] = ("history", "list", "answer", "app")
    BINDINGS: ClassVar[list[BindingType]] = bindings("history", without=("history.open",))

    class Indexed(Message):
        """So many of so many trials are in the index of words."""

        def __init__(self, done: int, of: int) -> None:
            super().__init__()
            self.done, self.of = done, of

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.tools = HistoryTools(self)
        self._runs = Pages((), self._want_runs)
        self._matches: dict[str, int] = {}
        self._trials: Pages | None = None  # of the run that was entered
        self._query: Query | None = None
        self._place = 0  # the run's row, for coming back
        self._disk = ""
        self._said = ""  # what is wrong with the search line
        self._still: Timer | None = None
        self._typing: Timer | None = None

    def compose(self) -> ComposeResult:
        yield self.head
        self.line = Input(placeholder="search · kind: model: prompt: finish: tag: since:7d")
        self.line.cursor_blink = False
        yield self.line
        with Container():
            yield self.cards
            with Vertical():
                yield self.pane
        yield self.foot

    async def on_mount(self) -> None:
        self._search()
        self._measure()

    # ---- what there is

    @property
    def run(self) -> dict[str, Any] | None:
        """The run one is at, or in."""
        return self._runs.get(self._place if self._trials is not None else self.cards.here)

    @property
    def trial(self) -> dict[str, Any] | None:
        """The trial one is at."""
        return self._trials.get(self.cards.here) if self._trials is not None else None

    @property
    def ids(self) -> Sequence[str]:
        """The runs of the list, newest first."""
        return self._runs.ids

    @property
    def asked(self) -> Query:
        """What was searched."""
        from workbench.history.search import Query

        return self._query or Query()

    def row(self, index: int) -> Row:
        if self._trials is not None:
            return trial_row(self._trials.get(index))
        found = self._runs.get(index)
        if found is None and self._runs.is_read(index):
            return [("deleted", "dim")], []
        return run_row(found, self._matches.get(self._runs.ids[index], 0), width=self.cards.size.width)

    @work(group="search", exclusive=True)
    async def _search(self, keep: str = "") -> None:
        """The runs for what is typed; `keep` is the id that stays the current one."""
        from workbench.history.search import parse

        try:
            query = parse(self.line.value)
            found, first = await asyncio.to_thread(self._found, query)
        except UsageError as error:  # a filter that is not typed to its end, as a rule
            self._said = str(error)
            self.tell()
            return
        except WorkbenchError as error:
            self.workbench.tell(str(error), severity="error")
            return
        self._said, self._query, self._trials = "", query, None
        self._matches = dict(found)
        ids = [id for id, _ in found]
        self._runs = Pages(ids, self._want_runs)
        self._runs.give(0, first)
        here = ids.index(keep) if keep in self._matches else 0
        self.cards.show(len(ids), here)
        self.tell()
        self.turned()

    def _found(self, query: Query) -> tuple[list[tuple[str, int]], list[dict[str, Any]]]:
        """The runs that match, and the rows of the first ones, so that a key never empties the list."""
        from workbench.history.search import Searcher, run_rows

        store = self.session.store
        found = Searcher(store).runs(query, self._tell_index)
        return found, run_rows(store, [id for id, _ in found[:SIZE]])

    def _tell_index(self, done: int, of: int) -> None:
        if of > 2000:
            self.post_message(self.Indexed(done, of))

    def on_history_screen_indexed(self, event: Indexed) -> None:
        """How far the index is: the first time it takes a while."""
        self.foot.show([(f"indexing {event.done:,} of {event.of:,} trials", "warn")])

    def _want_runs(self, number: int, ids: Sequence[str]) -> None:
        from workbench.history.search import run_rows

        self._read(self._runs, number, partial(run_rows, self.session.store, ids))

    def _want_trials(self, number: int, ids: Sequence[str]) -> None:
        from workbench.history.search import trial_rows

        if self._trials is not None:
            self._read(self._trials, number, partial(trial_rows, self.session.store, ids))

    @work(group="page")
    async def _read(self, pages: Pages, number: int, rows: Callable[[], list[dict[str, Any]]]) -> None:
        try:
            pages.give(number, await asyncio.to_thread(rows))
        except WorkbenchError as error:
            self.workbench.tell(str(error), severity="error")
            return
        if pages in (self._runs, self._trials):
            self.cards.refresh()
            if pages.get(self.cards.here) is not None:
                self.turned()

    @work(group="disk", exclusive=True)
    async def _measure(self) -> None:
        """The disk use in the foot."""
        from workbench.history import disk

        store = self.session.store
        size, free = await asyncio.to_thread(lambda: (disk.file_bytes(store), disk.free_bytes(store)))
        self._disk = disk.told(size) + (f", {disk.told(free)} of it free" if free > size // 10 > 0 else "")
        self.tell()

    def tell(self) -> None:
        """The lines above and below."""
        if self._trials is not None and self.run is not None:
            self.head.show([("history", "name"), (f"  {len(self._trials):,} trials of {self.run['id']}", "")])
        else:
            filtered = self._query is not None and bool(self.line.value.strip())
            count = len(self._runs)
            many = f"{count:,} run{'s' * (count != 1)}{' found' * filtered}"
            nothing = "nothing matches" if filtered else "nothing ran yet"
            self.head.show([("history", "name"), (f"  {many if len(self._runs) else nothing}", "")])
        if self._said:
            self.foot.show([(self._said, "warn")])
            return
        keys = " · ".join(f"{actions.key_name(a.keys[0])} {a.footer}" for a in actions.at("history") if a.footer)
        self.foot.show(
            [(f"enter open · {keys} · esc", "")],
            [(self._disk, "")],
            brief=[(f"F1 keys · esc leave · {self._disk}", "")],
        )

    # ---- moving about

    def turned(self) -> None:
        """The text follows when no key comes for a moment: who holds an arrow sees the list move."""
        if self._still is not None:
            self._still.stop()
        self._still = self.set_timer(STILL, self._show)

    @work(group="text", exclusive=True)
    async def _show(self) -> None:
        if self._trials is not None:
            if (trial := self.trial) is not None:
                self.pane.set_text(trial_text(trial))
            return
        run = self.run
        if run is None:
            self.pane.set_text("")
            return
        try:
            trials = await asyncio.to_thread(self._first_trials, run["id"])
        except WorkbenchError as error:
            self.workbench.tell(str(error), severity="error")
            return
        if self.run is run and self._trials is None:
            self.pane.set_text(run_text(run, trials))

    def _first_trials(self, run: str) -> list[dict[str, Any]]:
        """Those that match first."""
        from workbench.history.search import Query, Searcher, trial_rows

        store = self.session.store
        if self._query is None or not self._query.on_trials:
            return store.trials(run, SHOWN)
        return trial_rows(store, Searcher(store).trials(run, self._query or Query())[:SHOWN])

    def on_card_list_taken(self, event: CardList.Taken | None = None) -> None:
        """Enter: into the run, then into the text."""
        if event is not None:
            event.prevent_default()  # or Textual calls the one of the class below too
        if self._trials is not None:
            self.pane.focus()
        else:
            self._enter()

    @work(group="search", exclusive=True)
    async def _enter(self) -> None:
        from workbench.history.search import Query, Searcher

        run, here = self.run, self.cards.here
        if run is None:
            return
        try:
            query = self._query or Query()
            ids = await asyncio.to_thread(Searcher(self.session.store).trials, run["id"], query)
        except WorkbenchError as error:
            self.workbench.tell(str(error), severity="error")
            return
        self._place, self._trials = here, Pages(ids, self._want_trials)
        self.cards.show(len(ids))
        self.tell()
        self.turned()

    def action_leave(self) -> None:
        """From the text or the search line to the list, from trials to runs, from a search to all, then away."""
        if self.focused is not self.cards:
            self.cards.focus()
        elif self._trials is not None:
            self._trials = None
            self.cards.show(len(self._runs), self._place)
            self.tell()
            self.turned()
        elif self.line.value:
            self.line.value = ""
        else:
            self.dismiss(None)

    def action_search(self) -> None:
        """To the search line."""
        self.line.focus()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self._typing is not None:
            self._typing.stop()
        self._typing = self.set_timer(TYPED, self._search)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.cards.focus()

    def on_key(self, event: events.Key) -> None:
        """The list moves while one searches."""
        if self.focused is self.line and event.key in ("up", "down", "pageup", "pagedown"):
            event.stop()
            page = max(1, self.cards.size.height - 1)
            self.cards.step({"up": -1, "down": 1, "pageup": -page, "pagedown": page}[event.key])

    def again(self, *, keep: str = "") -> None:
        """Something changed: look again, at the runs."""
        self._search(keep)
        self._measure()

    def changed(self) -> None:
        """The run's tags or note changed: its row and text are read again, wherever one is."""
        at = self._place if self._trials is not None else self.cards.here
        self._runs.forget(at)
        self._runs.get(at)
        self.cards.refresh()

    # ---- actions

    def action_reuse(self) -> None:
        """Take the message."""
        if self.trial is not None:
            self.dismiss(message_of(self.trial))
        elif self._trials is None and self.run is not None:
            self.dismiss(str(self.run["message"]))

    def action_copy(self) -> None:
        """The text at the right."""
        self.workbench.copy(str(self.trial["text"]) if self.trial is not None else self.pane.text)

    def action_replay(self) -> None:
        """Run the trial again."""
        self.tools.work(self.tools.replay())

    def action_diff(self) -> None:
        """The run's answers beside each other."""
        self.tools.work(self.tools.diff())

    def action_tag(self) -> None:
        """The run's tags."""
        self.tools.work(self.tools.tag())

    def action_note(self) -> None:
        """The run's note."""
        self.tools.work(self.tools.note())

    def action_delete(self) -> None:
        """Delete the run."""
        self.tools.work(self.tools.delete())

    def action_export(self) -> None:
        """Runs as JSON lines."""
        self.tools.work(self.tools.export())

    def action_results(self) -> None:
        """The run's results."""
        from workbench.tui.screens.results import ResultsScreen

        if self.run is not None:
            self.app.push_screen(ResultsScreen(self.session, self.run["id"]))

    def action_vote(self) -> None:
        """Vote blind on the run's answers."""
        self.tools.work(self.tools.vote())
