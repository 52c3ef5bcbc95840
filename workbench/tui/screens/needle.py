"""The needle probe of a lane: a fact at growing depth in longer and longer texts, after the lane's own prompt."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from workbench.errors import WorkbenchError
from workbench.inference.engine import Message
from workbench.insight import needle
from workbench.insight.needle import Cell
from workbench.insight.needle_words import SIGNS, brief
from workbench.tui import actions, needle_text
from workbench.tui.needle_kept import Kept, Place, Setup
from workbench.tui.screens.beside import bindings
from workbench.tui.widgets.frame import FrameLine
from workbench.tui.widgets.heat import HeatPane
from workbench.tui.widgets.heat_table import HeatTable
from workbench.tui.widgets.matrix import Cells, Matrix

if TYPE_CHECKING:
    from workbench.session import Session
    from workbench.tui.app import WorkbenchApp


_CELL = (9, 12)  # columns of a cell


class NeedleScreen(ModalScreen[None]):
    """Cells fill in as they are measured; below them what the current one reads, scores and, when asked, says."""

    DEFAULT_CSS = """
    NeedleScreen { background: $background; layout: vertical; }
    NeedleScreen Vertical { height: 1fr; padding: 0 1; }
    """
    AUTO_FOCUS = "HeatTable"
    places: ClassVar[tuple[str, ...]] = ("needle", "matrix", "answer", "app")
    BINDINGS: ClassVar[list[BindingType]] = bindings("needle")

    def __init__(self, session: Session, label: str, model: str, path: str, lead: Sequence[Message]) -> None:
        super().__init__()
        self.session = session
        self._label, self._model, self._path, self._lead = label, model, path, tuple(lead)
        self._measure: needle_text.Measure = "probability"
        self._asked = 0  # answers begun
        self._states = {"measure": "", "ask": ""}  # what goes on, or why it ended
        self.rows: list[Cells] = []
        self.table, self.pane = HeatTable(lambda at: self.rows[at], _CELL), HeatPane()
        self.head, self.middle, self.foot = FrameLine("top"), FrameLine("middle"), FrameLine("bottom")

    @property
    def workbench(self) -> WorkbenchApp:
        """The app, by its type."""
        return cast("WorkbenchApp", self.app)

    @property
    def kept(self) -> Kept:
        """The probe; what another visit measured of the same is there."""
        assert self.workbench.needle is not None
        return self.workbench.needle

    def compose(self) -> ComposeResult:
        yield self.head
        yield self.table
        yield self.middle
        with Vertical():
            yield self.pane
        yield self.foot

    def on_mount(self) -> None:
        before = self.workbench.needle
        self.workbench.needle = (
            before.of(self._path, self._lead) if before is not None else Kept(self._path, self._lead)
        )
        keys = [f"{actions.key_name(a.keys[0])} {a.footer}" for a in actions.at("needle") if a.footer]
        self.foot.show([(" · ".join([*keys, "esc leave"]), "")])
        self.call_after_refresh(self._run)  # the text is wrapped to a width that there is by then

    # ---- measuring

    @property
    def _whole(self) -> bool:
        return self.kept.probe is not None and all(place in self.kept.cells for place in self.kept.places)

    @work(group="measure", exclusive=True)
    async def _run(self) -> None:
        """Measure what is not there yet; another run, a stop or leaving the screen ends it."""
        kept = self.kept
        if self._whole:
            self._tell("measure", "")
            return
        self._tell(
            "measure", "reading the model" if Path(self._path) not in self.session.pool.engines() else "counting tokens"
        )
        try:
            probe = await asyncio.to_thread(kept.setup.probe, self._lead)
            async with self.session.pool.use(Path(self._path)) as engine:
                kept.probe = await needle.settled(engine, probe)
                kept.limit = needle.limit(engine, probe.room)
                kept.reason = await needle.unscored(engine)
                self._tell("measure", "measuring")
                async for spot in needle.spots(engine, kept.probe):
                    place = spot.fill, spot.depth
                    if place not in kept.cells:
                        plain = Cell(spot) if kept.reason else await needle.scored(engine, probe.needle, spot)
                        kept.cells[place] = plain
                        self._show()
            self._tell("measure", "")
        except WorkbenchError as error:  # the screen stays: another setup may do
            self._tell("measure", str(error))
            self.workbench.tell(str(error), severity="error")

    @work(group="ask", exclusive=True)
    async def _ask(self, places: Sequence[Place]) -> None:
        """Have the model answer these cells, one after the other."""
        kept = self.kept
        probe = kept.probe
        if probe is None:
            return
        try:
            async with self.session.pool.use(Path(self._path)) as engine:
                for done, place in enumerate(places):
                    self._tell("ask", f"asking, {done} of {len(places)} done" if len(places) > 1 else "asking")
                    self._asked += 1
                    trial = f"needle-{id(self)}-{self._asked}"
                    kept.cells[place] = await needle.asked(
                        engine, probe.needle, kept.cells[place], probe.room, trial=trial
                    )
                    self._show()
            self._tell("ask", "")
        except WorkbenchError as error:
            self._tell("ask", str(error))
            self.workbench.tell(str(error), severity="error")

    # ---- painting

    @property
    def _state(self) -> str:
        return " · ".join(filter(None, self._states.values()))

    def _tell(self, what: str, state: str) -> None:
        self._states[what] = state
        self._show()

    @property
    def place(self) -> Place | None:
        """The current cell's."""
        probe, row = self.kept.probe, self.table.here
        if probe is None or row < 0:
            return None
        return probe.fills[row], (*probe.columns, None)[self.table.column]

    def _show(self) -> None:
        if not self.is_attached:
            return
        kept, probe = self.kept, self.kept.probe
        about = [self._state] if self._state else []
        self.rows = needle_text.rows(kept, self._measure)
        heads = [(name, "") for name in needle_text.heads(probe)] if probe is not None else []
        wide = needle_text.NAME
        title = (f"{'tokens':>{wide}}", f"{needle_text.SHORT[self._measure]:>{wide}}")
        self.table.put(len(self.rows), heads, title=title, longest=wide, most=self.size.height // 2)
        if probe is not None:
            said = needle_text.measure_told(self._measure, probe)
            limit = [f"limit {kept.limit:,}"] if kept.limit else []
            about = [said, *(about or [*limit, f"{len(kept.measured)} of {len(kept.places)}"])]
        label = [(f"needle {self._label}", "name"), (f"  {self._model}", "strong")]
        self.head.show(label, [(" · ".join(about), "")], firm=True)
        done = brief(probe, kept.measured) if probe is not None and self._whole else ""
        self.middle.show([(done or SIGNS, "strong" if done else "")], [(SIGNS, "")] if done else [])
        self._paint()

    def _paint(self, at: int | None = None) -> None:
        place = self.place
        cell = self.kept.cells.get(place) if place is not None else None
        self.pane.put(needle_text.paint(self.kept, cell, self._state), at)

    @on(Matrix.Moved)
    def _moved(self, event: Matrix.Moved) -> None:
        """Another cell, from its beginning."""
        event.stop()
        self._paint(0)

    @on(Matrix.Taken)
    def _taken(self, event: Matrix.Taken) -> None:
        """Into the text, to scroll."""
        event.stop()
        self.pane.focus()

    # ---- keys

    def action_run(self) -> None:
        """Go on; from anew when all is there."""
        if self._whole:
            self._cancel("ask")
            self._states["ask"] = ""
            self.kept.cells.clear()
        self._run()

    def action_stop(self) -> None:
        """Measure and ask no more."""
        if self._cancel("measure", "ask"):
            self._states["ask"] = ""
            self._tell("measure", "" if self._whole else "stopped, r goes on")

    def _cancel(self, *groups: str) -> bool:
        """End what runs of these; whether anything did."""
        busy = [each for each in self.workers if each.node is self and each.group in groups and not each.is_finished]
        for worker in busy:
            worker.cancel()
        return bool(busy)

    def _take(self, setup: Setup) -> None:
        """Another setup: what is measured and asked for the old one ends."""
        self._cancel("measure", "ask")
        self._states["ask"] = ""
        self.kept.take(setup)
        self._run()

    def action_ask(self) -> None:
        """The current cell."""
        place = self.place
        if place is None or place not in self.kept.cells:
            self.workbench.tell("this cell is not measured yet", severity="warning")
            return
        self._ask([place])

    def action_ask_all(self) -> None:
        """All that are there and were not asked; without the fact too."""
        places = [
            place for place in self.kept.places if place in self.kept.cells and self.kept.cells[place].answer is None
        ]
        if places:
            self._ask(places)

    @work(group="form")
    async def action_form(self) -> None:
        """Another fact, another text; what was measured before goes."""
        from workbench.tui.screens.needle_form import NeedleForm

        setup = await self.app.push_screen_wait(NeedleForm(self.kept.setup, self._lead))
        if setup is not None and setup != self.kept.setup:
            self._take(setup)

    def action_measure(self) -> None:
        """The next measure in the cells."""
        ways = needle_text.MEASURES
        self._measure = ways[(ways.index(self._measure) + 1) % len(ways)]
        self._show()

    def action_beyond(self) -> None:
        """Fills past the limit, or none."""
        setup = self.kept.setup
        self._take(replace(setup, beyond=not setup.beyond))

    def action_read(self) -> None:
        """Between the cells and the text."""
        (self.table if self.focused is self.pane else self.pane).focus()

    def action_leave(self) -> None:
        """From the text to the cells, from there back."""
        if self.focused is self.pane:
            self.table.focus()
        else:
            self.dismiss(None)
