"""The results of a run: cases × variants, sorted and filtered; from a cell to its trials; charts; an earlier run.

Trials are read once, off the loop, into arrays (`experiments/results`): the matrix is drawn from those, texts are read
for the case one stands at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from workbench.errors import WorkbenchError
from workbench.tui import actions
from workbench.tui.compositor import FrugalCompositor
from workbench.tui.covered import CoverableScreen
from workbench.tui.results_text import (
    LEGEND,
    case_name,
    cell_part,
    count,
    difference,
    rate,
    short_name,
    trial_brief,
)
from workbench.tui.results_tools import ResultsTools
from workbench.tui.screens.beside import bindings
from workbench.tui.widgets.answer import AnswerPane
from workbench.tui.widgets.frame import FrameLine
from workbench.tui.widgets.matrix import Cells, Matrix

if TYPE_CHECKING:
    from textual.timer import Timer

    from workbench.experiments.results.opening import Opened
    from workbench.experiments.results.results import Results
    from workbench.session import Session
    from workbench.tui.app import WorkbenchApp

STILL = 0.08  # seconds without another key before the trial under the matrix follows
TYPED = 0.12  # and before the search does
_TALL = 24  # lines below which there is no room for a trial under the matrix

SORTS = {
    "plan": "in plan order",
    "name": "by case",
    "score": "by score, the worst first",
    "spread": "by difference, the greatest first",
}
SHOWS = {
    "all": "all cases",
    "failed": "only failed",
    "differing": "only where variants differ",
    "errors": "only with errors",
    "running": "only running",
}


class ResultsScreen(CoverableScreen[None], ModalScreen[None]):
    """The run of this id, of any kind. `opened` is there once it was read."""

    DEFAULT_CSS = """
    ResultsScreen { background: $background; layout: vertical; }
    ResultsScreen Input { border: none; height: 1; padding: 0 1; background: $foreground 8%; display: none; }
    ResultsScreen Input:focus { border: none; background: $accent 20%; }
    ResultsScreen.-searching Input { display: block; }
    ResultsScreen Vertical { height: 11; border-top: solid $foreground 25%; padding: 0 1; }
    ResultsScreen.-low Vertical { display: none; }
    ResultsScreen.-empty Matrix { display: none; }
    ResultsScreen.-empty Vertical { height: 1fr; display: block; border-top: none; }
    """
    AUTO_FOCUS = "Matrix"
    places: ClassVar[tuple[str, ...]] = ("results", "matrix", "app")
    BINDINGS: ClassVar[list[BindingType]] = bindings("results")

    def __init__(self, session: Session, run_id: str) -> None:
        super().__init__()
        self._compositor = FrugalCompositor()
        self.session = session
        self.run_id = run_id
        self.opened: Opened | None = None
        self.rows: Sequence[int] = ()  # indices of cases, as they are shown
        self.shows, self.sort, self.backwards = "all", "plan", False
        self.tools = ResultsTools(self)
        self.matrix = Matrix(self.row)
        self.pane = AnswerPane()
        self.pane.can_focus = False
        self.head, self.foot = FrameLine("top"), FrameLine("bottom")
        self._still: Timer | None = None
        self._typing: Timer | None = None

    @property
    def workbench(self) -> WorkbenchApp:
        """The app, by its type."""
        return cast("WorkbenchApp", self.app)

    @property
    def results(self) -> Results | None:
        """What was read; None before."""
        return self.opened.results if self.opened else None

    def compose(self) -> ComposeResult:
        yield self.head
        self.line = Input(placeholder="words in the names of cases")
        self.line.cursor_blink = False
        yield self.line
        yield self.matrix
        with Vertical():
            yield self.pane
        yield self.foot

    def on_mount(self) -> None:
        self.set_class(True, "-empty")
        self.head.show([("results", "name"), ("  reading …", "")])
        self.read()

    def on_resize(self, event: events.Resize) -> None:
        """A low terminal has the matrix alone."""
        self.set_class(event.size.height < _TALL + 6, "-low")

    # ---- reading

    @work(group="read", exclusive=True)
    async def read(self) -> None:
        """Read the run, again where it was; one stays at the case and the variant."""
        from workbench.experiments.results.opening import open_run

        case = self.case_name
        try:
            found = await asyncio.to_thread(open_run, self.session.store, self.run_id)
            await asyncio.to_thread(lambda: found.results.figures)
        except WorkbenchError as error:
            self._say(str(error))
            return
        self.opened = found
        self._set_heads(found.results)
        await self._lay(case)
        for note in found.notes:
            self.workbench.tell(note, severity="warning")

    def _say(self, why: str) -> None:
        self.set_class(True, "-empty")
        self.pane.set_text(why)
        self.head.show([("results", "name"), (f"  run {self.run_id}", "")])
        self.tell()

    def _set_heads(self, results: Results) -> None:
        figures = results.figures
        heads = [(f"{each.variant.label} {short_name(each, figures)}", rate(each.passed)) for each in figures]
        last = "" if len(figures) < 2 or not results.judged else "B − A" if len(figures) == 2 else "spread"
        if last == "B − A":
            a, b = (each.variant.label for each in figures)
            last = f"{b} − {a}" if len(a) + len(b) < 4 else "B − A"
        longest = max((len(name) for name in results.cases), default=0) + 1
        title = ("case", "passed (95 %)" if results.judged else "")
        self.matrix.set_heads(heads, title=title, last=last, longest=max(longest, 14))

    async def _lay(self, case: str | None = None) -> None:
        """The rows as they are wanted now; the current case stays so where it is among them."""
        results = self.results
        if results is None:
            return
        case = self.case_name if case is None else case
        wanted: dict[str, Any] = {
            "show": self.shows,
            "sort": self.sort,
            "reverse": self.backwards,
            "text": self.line.value.strip(),
        }
        try:
            rows = await asyncio.to_thread(lambda: results.matrix(**wanted))
        except WorkbenchError as error:
            self.workbench.tell(str(error), severity="error")
            return
        self.rows = rows
        index = results.case(case) if case is not None else None
        self.matrix.show(len(rows), rows.index(index) if index in rows else 0)
        if not len(results):
            self._say("This run has no trials: it was broken off before the first one began.")
            return
        self.set_class(not rows, "-empty")
        if not rows:
            self.pane.set_text(f"No case here: {SHOWS[self.shows]}. f shows others, / searches other words.")
        self.tell()
        if rows:
            self._follow()

    @work(group="lay", exclusive=True)
    async def lay(self) -> None:
        """The rows anew."""
        await self._lay()

    # ---- what is shown

    @property
    def case(self) -> int | None:
        """The index of the case one is at."""
        here = self.matrix.here
        return self.rows[here] if 0 <= here < len(self.rows) else None

    @property
    def case_name(self) -> str | None:
        """Its name."""
        return self.results.cases[self.case] if self.results and self.case is not None else None

    @property
    def label(self) -> str:
        """The variant one is at."""
        labels = self.results.labels if self.results else []
        return labels[self.matrix.column] if self.matrix.column < len(labels) else ""

    def row(self, index: int) -> Cells:
        """A row of the matrix, made when it is drawn."""
        results = self.results
        assert results is not None
        cells = results.cells(self.rows[index])
        last = difference(cells) if len(cells) > 1 else ("", "")
        return case_name(results.cases[self.rows[index]]), [cell_part(cell) for cell in cells], last

    def tell(self) -> None:
        """The lines above and below."""
        found, results = self.opened, self.results
        keys = " · ".join(f"{actions.key_name(a.keys[0])} {a.footer}" for a in actions.at("results") if a.footer)
        self.foot.show([(f"enter trials · {keys} · esc", "")], [(LEGEND, "")], brief=[(keys, "")])
        if found is None or results is None:
            return
        what = found.title or f"{found.kind} {found.run}"
        shown = f"{len(self.rows):,} of " if len(self.rows) != len(results.cases) else ""
        size = f"{shown}{count(len(results.cases), 'case')} × {count(len(results.variants), 'variant')}"
        how = [] if self.shows == "all" else [SHOWS[self.shows]]
        how += [] if self.sort == "plan" and not self.backwards else [self._sorted()]
        errors = sum(figures.errors for figures in results.figures)
        total = int(found.meta.get("total") or 0)
        trials = (
            f"{len(results):,} of {count(total, 'trial')}" if total > len(results) else count(len(results), "trial")
        )
        state: list[tuple[str, str]] = []
        if found.state:
            kind = "good" if found.state in ("done", "decided") else "warn"
            state = [(f"{found.state} · ", kind)]
        self.head.show(
            [("results", "name"), (f"  {what}  ", "strong"), (" · ".join([size, *how]), "")],
            [*state, (trials, ""), *([(f" · {count(errors, 'error')}", "bad")] if errors else [])],
            firm=True,
        )

    def _sorted(self) -> str:
        said = SORTS.get(self.sort) or f"by the score of {self.sort.partition(':')[2]}, the worst first"
        return said + (", turned round" if self.backwards else "")

    @on(Matrix.Moved)
    def _follow(self) -> None:
        """The trial under the matrix follows when no key comes for a moment."""
        if self.has_class("-low"):
            return
        if self._still is not None:
            self._still.stop()
        self._still = self.set_timer(STILL, self._show_trial)

    @work(group="text", exclusive=True)
    async def _show_trial(self) -> None:
        results, case, label = self.results, self.case, self.label
        if results is None or case is None:
            return
        try:
            trials = await asyncio.to_thread(results.siblings, self.session.store, self.run_id, case)
        except WorkbenchError as error:
            self.pane.set_text(str(error))
            return
        if (case, label) != (self.case, self.label):
            return
        mine = [trial for trial in trials if trial["variant"] == label]
        telling = next((trial for trial in mine if trial.get("passed") is False or trial.get("error")), None)
        shown = telling or next(iter(mine), None)
        name = f"{case_name(results.cases[case])} · {label}"
        if shown is None:
            self.pane.set_text(f"{name}: no trial")
            return
        repeat = f" · repeat {int(shown.get('repeat') or 0) + 1} of {len(mine)}" if len(mine) > 1 else ""
        self.pane.set_text(f"{name}{repeat}\n{trial_brief(shown)}")

    # ---- actions

    @on(Matrix.Taken)
    def _taken(self) -> None:
        self.tools.work(self.tools.trials())

    def action_diff(self) -> None:
        """The case's answers beside each other."""
        self.tools.work(self.tools.diff())

    def action_charts(self) -> None:
        """Bars, heat table, verdicts."""
        self.tools.work(self.tools.charts())

    def action_baseline(self) -> None:
        """What got worse since an earlier run."""
        self.tools.work(self.tools.baseline())

    def action_report(self) -> None:
        """Write a report."""
        self.tools.work(self.tools.report())

    def action_vote(self) -> None:
        """Vote blind on the answers to this case."""
        self.tools.work(self.tools.vote())

    def action_filter(self) -> None:
        """The next filter that lets any case through."""
        ways = list(SHOWS)
        self.shows = ways[(ways.index(self.shows) + 1) % len(ways)]
        self.lay()

    def action_sort(self) -> None:
        """The next order."""
        ways = list(SORTS)
        self.sort = ways[(ways.index(self.sort) + 1) % len(ways)] if self.sort in ways else "plan"
        self.lay()

    def action_sort_variant(self) -> None:
        """By the score of the variant one is at."""
        if self.label or self.results:
            self.sort = f"score:{self.label}"
            self.lay()

    def action_reverse(self) -> None:
        """The other way round."""
        self.backwards = not self.backwards
        self.lay()

    def action_again(self) -> None:
        """Read the run again: it may have gone on."""
        self.read()

    def action_search(self) -> None:
        """To the search line."""
        self.set_class(True, "-searching")
        self.line.focus()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self._typing is not None:
            self._typing.stop()
        self._typing = self.set_timer(TYPED, self.lay)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self._leave_line()

    def _leave_line(self) -> None:
        self.set_class(bool(self.line.value.strip()), "-searching")
        self.matrix.focus()

    def on_key(self, event: events.Key) -> None:
        """The matrix moves while one searches."""
        if self.focused is self.line and event.key in ("up", "down", "pageup", "pagedown"):
            event.stop()
            page = max(1, self.matrix.body - 1)
            self.matrix.action_step({"up": -1, "down": 1, "pageup": -page, "pagedown": page}[event.key])

    def action_leave(self) -> None:
        """From the search line to the matrix, from a search to all cases, from a filter to all, then away."""
        if self.focused is self.line:
            self._leave_line()
        elif self.line.value:
            self.line.value = ""
            self._leave_line()
        elif self.shows != "all":
            self.shows = "all"
            self.lay()
        else:
            self.dismiss(None)

    async def jump(self, case: str, label: str) -> None:
        """To a cell, by names; what hides it is taken away."""
        results = self.results
        index = results.case(case) if results is not None else None
        if results is None or index is None:
            return
        if index not in self.rows:
            self.shows, self.line.value = "all", ""
            self._leave_line()
            await self._lay(case)
        column = results.labels.index(label) if label in results.labels else None
        self.matrix.go(self.rows.index(index), column)
