"""The experiments: files, what each plans, how it runs and what came of it; run, stop, edit, new, detach, results."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.widgets import Input

from workbench import paths
from workbench.errors import NotFoundError, UsageError, WorkbenchError
from workbench.experiments.looking import Look
from workbench.experiments.places import folders
from workbench.experiments.shelf import Shelf
from workbench.tui import actions, experiments_text, flows
from workbench.tui.screens.beside import BesideScreen, bindings
from workbench.tui.widgets.card_list import Row

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.experiments.places import Entry
    from workbench.session import Session
    from workbench.tui.going import Going

EVERY = 0.5  # seconds between looks at what runs
STILL = 0.08  # seconds without another key before a file is read


class ExperimentsScreen(BesideScreen[None]):
    """`at` is the file that is the current one first."""

    DEFAULT_CSS = """
    ExperimentsScreen Input { border: none; height: 1; padding: 0 1; background: $foreground 8%; display: none; }
    ExperimentsScreen Input:focus { border: none; background: $accent 20%; }
    ExperimentsScreen.-searching Input { display: block; }
    """
    places: ClassVar[tuple[str, ...]] = ("experiments", "list", "answer", "app")
    BINDINGS: ClassVar[list[BindingType]] = bindings("experiments")

    def __init__(self, session: Session, at: Path | None = None) -> None:
        super().__init__(session)
        self._at = at
        self._all: list[Entry] = []
        self._rows: list[Entry] = []
        self._shelf = Shelf(folders(session.folders))
        self._looks: dict[Path, Look | str] = {}
        self._ran: dict[Path, list[dict[str, Any]]] = {}
        self._elsewhere: dict[Path, dict[str, Any]] = {}
        self._shown = ""
        self._states: list[str] = []
        self._of: Path | None = None  # the file that is shown

    def compose(self) -> ComposeResult:
        yield self.head
        self.line = Input(placeholder="search names and titles")
        self.line.cursor_blink = False
        yield self.line
        with Container():
            yield self.cards
            with Vertical():
                yield self.pane
        yield self.foot

    def on_mount(self) -> None:
        """Show, and go on showing."""
        self._tell()
        self._list()
        self.set_interval(EVERY, self._tick)

    # ---- what there is

    @property
    def entry(self) -> Entry | None:
        """The current file."""
        return self._rows[self.cards.here] if 0 <= self.cards.here < len(self._rows) else None

    @property
    def going(self) -> Going | None:
        """Its run in this app."""
        return self.workbench.experiments.of(self.entry.path) if self.entry is not None else None

    @work(group="list", exclusive=True)
    async def _list(self) -> None:
        try:
            self._all = await asyncio.to_thread(self._shelf.entries, self.session.store)
        except WorkbenchError as error:
            self.workbench.tell(str(error), severity="error")
        self._filter()

    def _filter(self) -> None:
        words = self.line.value.casefold().split()
        at = self._at or (self.entry.path if self.entry is not None else None)
        self._rows = [e for e in self._all if all(word in f"{e.name} {e.title}".casefold() for word in words)]
        here = next((i for i, each in enumerate(self._rows) if at and each.path.resolve() == at.resolve()), 0)
        self._at = None
        self.cards.show(len(self._rows), here)
        self._tell()
        self.turned()

    def _tell(self) -> None:
        many = len(self._rows)
        running = len(self.workbench.experiments.running)
        words = f"  {many} file{'s' * (many != 1)}" + (f", {running} running" if running else "")
        self.head.show([("experiments", "name"), (words, "")])
        keys = " · ".join(f"{actions.key_name(a.keys[0])} {a.footer}" for a in actions.at("experiments") if a.footer)
        self.foot.show([(f"enter results · {keys} · esc", "")], brief=[("F1 keys · r run · esc leave", "")])

    def row(self, index: int) -> Row:
        """Its name, how it stands."""
        entry = self._rows[index]
        going = self.workbench.experiments.of(entry.path)
        return experiments_text.entry_row(entry, self._state(entry, going))

    def _state(self, entry: Entry, going: Going | None) -> str:
        if going is not None and not going.over:
            counts = going.counts
            return f"{counts['trials']:,}/{counts['total']:,}" if counts else "begins"
        if entry.path in self._elsewhere:
            return "runs elsewhere"
        if going is not None:
            return "failed" if going.error else "ended" if going.summary else "broken off"
        return ""

    # ---- the text

    def turned(self) -> None:
        """Another file: read it once no key comes."""
        self._paint()
        self.set_timer(STILL, self._read)

    @work(group="read", exclusive=True)
    async def _read(self) -> None:
        entry = self.entry
        if entry is None:
            return
        await self._history(entry)
        try:
            self._looks[entry.path] = await asyncio.to_thread(self._shelf.look, entry.path, self.session.rooms)
        except (WorkbenchError, OSError) as error:
            self._looks[entry.path] = str(error)
        self._paint()

    async def _history(self, entry: Entry) -> None:
        from workbench.history import experiments as history

        store = self.session.store

        def read() -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
            from workbench.experiments.running.following import told

            runs = history.runs_of_file(store, entry.path.resolve())
            brief = history.brief(store, runs[: experiments_text.RUNS]) + [
                {"id": run} for run in runs[experiments_text.RUNS :]
            ]
            try:
                last = told(store, runs[0]) if runs else None
            except NotFoundError:
                last = None
            return brief, last if last and last["alive"] and not last.get("stopped") else None

        try:
            self._ran[entry.path], last = await asyncio.to_thread(read)
        except WorkbenchError as error:
            self.workbench.tell(str(error), severity="error")
            return
        going = self.workbench.experiments.of(entry.path)
        if last is not None and (going is None or going.over):
            self._elsewhere[entry.path] = last
        else:
            self._elsewhere.pop(entry.path, None)

    def _paint(self) -> None:
        """The current file's text, when it changed."""
        entry = self.entry
        if entry is None:
            text = "no experiment here: n makes one, E in the lanes makes one of what they show"
        else:
            text = "\n".join(self._lines(entry))
        if text != self._shown:
            same, top = entry is not None and entry.path == self._of, self.pane.top
            self._shown, self._of = text, entry.path if entry is not None else None
            self.pane.set_text(text)
            if same:  # it goes on: who reads further down stays there
                self.pane.go_to(top)

    def _lines(self, entry: Entry) -> list[str]:
        known, going, width = self._looks.get(entry.path), self.going, self.pane.size.width
        if known is None:
            lines = [entry.title or entry.name, paths.short(entry.path), "", "reading…"]
        elif isinstance(known, str):
            lines = [entry.title or entry.name, "", known, "", "e opens it in your editor"]
        else:
            lines = experiments_text.look_text(entry, known)
        stands: list[str] = []
        if going is not None:
            stands += experiments_text.going_text(going, width)
        if entry.path in self._elsewhere:
            stands += experiments_text.elsewhere_text(self._elsewhere[entry.path], width)
        lines[1:1] = stands + [""] * bool(stands)  # what one waits for is in sight, however much the file plans
        if self._ran.get(entry.path) or (entry.path in self._ran and going is None):
            lines += experiments_text.runs_text(self._ran[entry.path])
        return lines

    @work(group="tick", exclusive=True)
    async def _tick(self) -> None:
        """How what runs stands; the history is read again while another process runs it, and at an end."""
        entry, going = self.entry, self.going
        states = [self._state(each, self.workbench.experiments.of(each.path)) for each in self._rows]
        if states != self._states:
            self._states = states
            self._tell()
            self.cards.refresh()
        if entry is None:
            return
        if entry.path in self._elsewhere or (going is not None and going.over and not self._knows(entry, going)):
            await self._history(entry)
        if going is not None or entry.path in self._elsewhere:
            self._paint()

    def _knows(self, entry: Entry, going: Going) -> bool:
        known = self._ran.get(entry.path, ())
        return not going.id or any(
            run["id"] == going.id and (run.get("meta", {}).get("stopped") or not going.summary) for run in known
        )

    # ---- moving about

    def taken(self) -> None:
        """Enter: the results of its last run; the text where it has none."""
        if self.entry is not None and (self._ran.get(self.entry.path) or self.going is not None):
            self.action_results()
        else:
            self.pane.focus()

    def action_leave(self) -> None:
        """From the text or the search to the list, from a search to all, then away. What runs goes on."""
        if self.focused is not self.cards:
            self.cards.focus()
            self.set_class(bool(self.line.value), "-searching")
        elif self.line.value:
            self.line.value = ""
            self.remove_class("-searching")
        else:
            self.dismiss(None)

    def action_search(self) -> None:
        """To the search line."""
        self.add_class("-searching")
        self.line.focus()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._filter()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.cards.focus()

    def on_key(self, event: events.Key) -> None:
        """The list moves while one searches."""
        if self.focused is self.line and event.key in ("up", "down"):
            event.stop()
            self.cards.step(-1 if event.key == "up" else 1)

    # ---- what one does

    def action_run(self) -> None:
        """Run it, or go on with it."""
        entry = self.entry
        if entry is None:
            return
        if entry.path in self._elsewhere:
            self.workbench.tell("it runs in another process; x stops it there", severity="warning")
            return
        self.workbench.experiments.begin(self.session, entry.path)
        self._tick()

    def action_stop(self) -> None:
        """Stop it: what is done is kept."""
        entry, going = self.entry, self.going
        if going is not None and not going.over:
            going.stop()
        elif entry is not None and entry.path in self._elsewhere:
            from workbench.experiments.running.following import stop

            try:
                stop(self.session.store, str(self._elsewhere[entry.path]["run"]))
            except WorkbenchError as error:
                self.workbench.tell(str(error), severity="error")
        else:
            self.workbench.tell("it does not run", severity="warning")

    def action_edit(self) -> None:
        """In the person's editor; a shipped one becomes a copy of their own."""
        if self.entry is not None:
            flows.begin(self, self._edit(self.entry))

    async def _edit(self, entry: Entry) -> None:
        from workbench.experiments import places
        from workbench.files import atomic_write
        from workbench.tui.external import edited

        before = await asyncio.to_thread(entry.path.read_bytes)
        made = await edited(self.app, entry.path.name, before)
        if made == before:
            return
        path = entry.path
        if not entry.folder.writable:
            look = self._looks.get(entry.path)
            path = await asyncio.to_thread(self._shelf.save_new, entry.name, made.decode("utf-8", "replace"))
            if isinstance(look, Look) and look.experiment is not None:
                await asyncio.to_thread(places.copy_cases, entry.path, look.experiment.case_file, path)
            self.workbench.tell(f"saved as your own: {path}")
        elif await asyncio.to_thread(path.read_bytes) != before:
            kept = await asyncio.to_thread(self._shelf.save_new, f"{entry.name}-mine", made.decode("utf-8", "replace"))
            raise UsageError(f"{path} changed meanwhile", hint=f"your text is kept in {kept}")
        else:
            await asyncio.to_thread(atomic_write, path, made)
        self._again(path)

    def _again(self, path: Path) -> None:
        self._at = path
        self._list()

    def action_new(self) -> None:
        """A new file, in the editor at once."""
        flows.begin(self, self._new())

    async def _new(self) -> None:
        from workbench.experiments.shelf import template
        from workbench.tui.screens.ask import AskScreen

        name = await self.app.push_screen_wait(AskScreen(f"its name, in {paths.short(self._shelf.home().path)}"))
        if name:
            path = await asyncio.to_thread(self._shelf.save_new, name, template(name))
            self.line.value = ""
            self._again(path)

    def action_detach(self) -> None:
        """Run it in a process of its own, that goes on when this one ends."""
        if self.entry is not None:
            flows.begin(self, self._set_free(self.entry))

    async def _set_free(self, entry: Entry) -> None:
        from workbench.experiments.files import open_experiment
        from workbench.experiments.running.detaching import detach
        from workbench.experiments.running.starting import start

        if (going := self.going) is not None and not going.over:
            raise UsageError("it runs here already", hint="x stops it; then d goes on with it")

        def begin() -> tuple[int | None, str]:
            begun = start(open_experiment(entry.path), self.session.rooms)
            begun.claim.release()
            folders = [f"--library={folder}" for folder in self.session.folders]
            code, log = detach(self.session.store, begun.run, ["--as", begun.run, str(entry.path), *folders, "--json"])
            return code, str(log)

        code, log = await asyncio.to_thread(begin)
        if code not in (None, 0, 1):
            raise UsageError(f"it ended at once ({code})", hint=f"its log: {log}")
        self.workbench.tell("it runs in a process of its own and goes on when you quit")
        await self._history(entry)
        self._paint()

    def action_results(self) -> None:
        """The results of its last run."""
        entry, going = self.entry, self.going
        runs = self._ran.get(entry.path, []) if entry is not None else []
        run = going.id if going is not None and going.id else runs[0]["id"] if runs else ""
        if not run:
            self.workbench.tell("it has no results yet: r runs it", severity="warning")
            return
        from workbench.tui.screens.results import ResultsScreen

        self.app.push_screen(ResultsScreen(self.session, run))
