"""The library screen: find a prompt, change it, see what it renders to, save it as a version."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.reactive import Reactive
from textual.widget import Widget
from textual.widgets import Input

from workbench.errors import WorkbenchError
from workbench.library.index import Card
from workbench.library.search import positions
from workbench.tui import actions
from workbench.tui.compositor import DiffingCompositor
from workbench.tui.covered import CoverableScreen
from workbench.tui.library_count import LibraryCount
from workbench.tui.library_file import LibraryFile
from workbench.tui.library_tools import LibraryTools
from workbench.tui.shelf import Shelf
from workbench.tui.widgets.card_list import CardList, Row, marked
from workbench.tui.widgets.frame import FrameLine
from workbench.tui.widgets.gauges import Gauges
from workbench.tui.widgets.top_line import TopLine

if TYPE_CHECKING:
    from workbench.session import Session
    from workbench.tui.app import WorkbenchApp


def _bindings() -> list[BindingType]:
    """F-keys and ctrl+s, ctrl+n hold while one types; escape is the screen's own."""
    return [
        Binding(",".join(a.keys), a.do, a.title, show=False, id=a.id, priority="escape" not in a.keys)
        for a in actions.at("library")
    ]


class Cards(CardList):
    """The list, with the keys that hold while it has the focus."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(a.keys), f"screen.{a.do}", a.title, show=False, id=a.id) for a in actions.at("cards")
    ]


class LibraryScreen(CoverableScreen[None]):
    """Cards at the left, the file at the right, what it renders to below."""

    DEFAULT_CSS = """
    LibraryScreen Container { layout: horizontal; height: 1fr; }
    LibraryScreen #shelf { width: 2fr; max-width: 48; }
    LibraryScreen #file { width: 5fr; }
    LibraryScreen.-narrow Container { layout: vertical; }
    LibraryScreen.-narrow #shelf { width: 1fr; max-width: 100%; height: 1fr; }
    LibraryScreen.-narrow #file { width: 1fr; height: 2fr; }
    LibraryScreen Input { border: none; height: 1; padding: 0 1; background: $foreground 8%; }
    LibraryScreen Input:focus { border: none; background: $accent 20%; }
    LibraryScreen #editor { height: 2fr; }
    LibraryScreen #preview { height: 1fr; padding: 0 1; }
    LibraryScreen.-plain #preview { display: none; }
    """
    places: ClassVar[tuple[str, ...]] = ("library", "cards", "list", "app")
    BINDINGS: ClassVar[list[BindingType]] = _bindings()
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)  # as in the compare screen

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._compositor: DiffingCompositor = DiffingCompositor()
        self.session = session
        self.shelf = Shelf(session)
        self.tools = LibraryTools(self)
        self.count = LibraryCount(self)
        self.found: list[Card] = []
        self.file = LibraryFile(self)

    @property
    def workbench(self) -> WorkbenchApp:
        """The app, by its type."""
        return cast("WorkbenchApp", self.app)

    @property
    def card(self) -> Card | None:
        """The current row."""
        return self.found[self.cards.here] if 0 <= self.cards.here < len(self.found) else None

    # ---- composing

    def compose(self) -> ComposeResult:
        yield TopLine("Library")
        with Container():
            with Vertical(id="shelf"):
                self.query_line = Input(placeholder="search · kind: tag: label:")
                yield self.query_line
                self.cards = Cards(self._row)
                yield self.cards
                self.shelf_foot = FrameLine("bottom")
                yield self.shelf_foot
            yield self.file
        self.gauges = gauges = Gauges()
        gauges.hints = tuple((actions.key_name(a.keys[0]), a.footer) for a in actions.at("library") if a.footer)
        yield gauges

    async def on_mount(self) -> None:
        self.app.app_resume_signal.subscribe(self, lambda _: self._compositor.forget())
        self.query_line.cursor_blink = False
        self.query_line.focus()
        await self.shelf.names()
        self.fill()
        self._read()
        self._tick_timer = self.set_interval(1.0, self._tick)
        self._watch()
        self.tools.warn_of_others()

    def on_screen_resume(self) -> None:
        """Another screen wrote to the terminal."""
        self._compositor.forget()

    def on_screen_suspend(self) -> None:
        """Another screen is going to."""
        self._compositor.forget()

    def on_resize(self, event: events.Resize) -> None:
        """Below 72 columns the file stands under the list; a low terminal shows no preview."""
        self._compositor.forget()
        self.set_class(event.size.width < 72, "-narrow")
        if event.size.height < 22:
            self.add_class("-plain")

    # ---- the list

    def _row(self, index: int) -> Row:
        card = self.found[index]
        query = self.query_line.value
        drafted = self.shelf.is_drafted(card)
        found = positions(query, card.id)
        left = [("● " if drafted else "  ", "mark"), *marked(card.id, found, "bad" if card.error else "")]
        titled = positions(query, card.title) if query.strip() else []
        if len(titled) > len(found):  # why it is here
            left += [("  ", ""), *marked(card.title, titled, "dim")]
        labels = " ".join(self.shelf.labels_of(card.library, card.id, card.version))
        return left, [(labels, "label")] if labels else [("✗", "bad")] if card.error else []

    def fill(self, keep: str = "") -> None:
        """The rows for what is typed; `keep` is the id that stays the current one.

        An unsaved edit stays in the editor when its file goes.
        """
        query = self.query_line.value
        self.found = self.shelf.find(query)
        here = next((at for at, card in enumerate(self.found) if card.id == keep), 0) if keep else 0
        self.cards.show(len(self.found), here)
        total = len(self.shelf.cards)
        bad = sum(bool(card.error) for card in self.shelf.cards)
        says = f"{self.shelf.matches:,} of {total:,}" if query else f"{total:,} prompts"
        self.shelf_foot.show([(says, "")], [(f"{bad:,} bad", "bad")] if bad else [])
        if not self.found:
            nothing = "nothing matches" if query else "no prompts yet: ^n makes one"
            self.shelf_foot.show([(nothing, "warn")])
        gone = keep and keep not in {card.id for card in self.found}
        if not (gone and self.file.working is not None and self.file.working.changed):
            self._open_soon()

    @on(Input.Changed)
    def _searched(self, event: Input.Changed) -> None:
        event.stop()
        self.fill()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_edit_text()

    def on_key(self, event: events.Key) -> None:
        """The list moves while one searches."""
        if self.focused is self.query_line and event.key in ("up", "down", "pageup", "pagedown"):
            event.stop()
            page = max(1, self.cards.size.height - 1)
            self.cards.step({"up": -1, "down": 1, "pageup": -page, "pagedown": page}[event.key])

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """The file's frame says whether one is in it."""
        self.file.head.set_class(event.widget is not self.query_line and event.widget is not self.cards, "-focus")

    @on(CardList.Moved)
    def _moved(self) -> None:
        self._open_soon()

    @on(CardList.Taken)
    def _taken(self) -> None:
        self.action_edit_text()

    @work(group="read", exclusive=True)
    async def _read(self) -> None:
        """Read what changed on disk; rows and the text at the right follow."""
        visible = [card.id for card in self.found[: self.cards.size.height or 30]]
        if await self.shelf.refresh(visible):
            working = self.file.working
            unsaved = working.id if working is not None and working.changed else ""
            self.fill(keep=unsaved or (self.card.id if self.card else ""))

    def reread(self) -> None:
        """Files changed: look again."""
        self._read()

    @work(group="watch", exclusive=True)
    async def _watch(self) -> None:
        """A hint that something below the libraries changed; hashes and stat times say what."""
        from watchfiles import awatch

        folders = [library.folder for library in self.session.libraries.libraries if library.folder.is_dir()]
        try:
            async for _ in awatch(*folders, step=100, debounce=400, stop_event=self.workbench.stopping):
                self._read()
        except (OSError, RuntimeError) as error:  # no watches left, a file system without them: the tick still looks
            self.log(error)

    def _open_soon(self) -> None:
        """Open the current row's file, if it is another; while one holds an arrow key, only the last."""
        card = self.card
        if card is None:
            self.file.open(None)
        elif not self.file.is_shown(card):
            self.file.open(card)

    # ---- the clock

    @work(group="tick", exclusive=True)
    async def _tick(self) -> None:
        """Whether another program wrote the file in the editor."""
        if self.app.screen is not self:
            return
        await self.file.look()

    # ---- actions

    def action_edit_text(self) -> None:
        """Into the editor; never into another file than the current row's."""
        card = self.card
        if card is not None and not self.file.is_shown(card):
            try:
                self.file.keep_now()
                self.file.show(self.shelf.writer.open(card.id, card.library))
            except WorkbenchError as error:
                self.workbench.tell(str(error), severity="error")
                return
        if self.file.working is not None:
            self.tools.focus_file()

    def action_search(self) -> None:
        """To the search line."""
        self.query_line.focus()

    def action_back(self) -> None:
        """From the file to the list; from the search to the list; from the list to the lanes."""
        if self.focused is self.cards:
            if self.query_line.value:
                self.query_line.value = ""
            else:
                self.workbench.action_library()
        else:
            self.cards.focus()

    def action_preview(self) -> None:
        """What it renders to, shown or not."""
        self.toggle_class("-plain")

    def action_problem(self) -> None:
        """To the next problem."""
        lines = sorted({p.line for p in self.file.checked.problems if p.line}) if self.file.checked else []
        if lines:
            here = self.file.editor.cursor_location[0] + 1
            self.file.editor.go(next((line for line in lines if line > here), lines[0]))
            self.file.editor.focus()

    def action_save(self) -> None:
        """A new version."""
        self.tools.work(self.tools.save())

    def action_save_noted(self) -> None:
        """A new version, with a note."""
        self.tools.work(self.tools.save(ask=True))

    def action_try_it(self) -> None:
        """Into a lane."""
        self.tools.work(self.tools.try_it())

    def action_versions(self) -> None:
        """The prompt's history."""
        self.tools.work(self.tools.versions())

    def action_form(self) -> None:
        """Form or TOML."""
        self.tools.work(self.tools.form())

    def action_model(self) -> None:
        """Which model counts."""
        self.tools.work(self.count.choose())

    def action_new(self) -> None:
        """A new prompt."""
        self.tools.work(self.tools.new())

    def action_duplicate(self) -> None:
        """A copy."""
        self.tools.work(self.tools.duplicate())

    def action_move(self) -> None:
        """Another name or folder."""
        self.tools.work(self.tools.move())

    def action_delete(self) -> None:
        """Away with it."""
        self.tools.work(self.tools.delete())

    def action_restore(self) -> None:
        """And back."""
        self.tools.work(self.tools.restore())

    def action_label(self) -> None:
        """A label for its version."""
        self.tools.work(self.tools.label())

    def action_associate(self) -> None:
        """Measure it."""
        self.tools.work(self.tools.associate())

    def action_edit(self) -> None:
        """In the person's own editor."""
        self.tools.work(self.tools.external())

    def action_revert(self) -> None:
        """Give the unsaved edit up."""
        self.tools.work(self.tools.revert())
