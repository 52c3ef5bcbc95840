"""Charts of a run: pass rates with intervals, verdicts in words, a heat table over two settings, speed, checks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar, cast

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen

from workbench.errors import WorkbenchError
from workbench.tui import actions, results_charts
from workbench.tui.results_text import count
from workbench.tui.screens.beside import bindings
from workbench.tui.widgets.frame import FrameLine
from workbench.tui.widgets.page import Page

if TYPE_CHECKING:
    from workbench.experiments.results.grid import Measure
    from workbench.experiments.results.opening import Opened
    from workbench.experiments.results.pairs import Pair
    from workbench.session import Session
    from workbench.tui.app import WorkbenchApp


class ChartsScreen(ModalScreen[None]):
    """`x` and `y` choose what the heat table goes over, `m` what it shows. Verdicts come when they are worked out."""

    DEFAULT_CSS = "ChartsScreen { background: $background; layout: vertical; }"
    AUTO_FOCUS = "Page"
    places: ClassVar[tuple[str, ...]] = ("charts", "answer", "app")
    BINDINGS: ClassVar[list[BindingType]] = bindings("charts")

    def __init__(self, session: Session, opened: Opened) -> None:
        super().__init__()
        self.session = session
        self._opened = opened
        self._axes = list(opened.results.axes())
        self._x = self._axes[0] if self._axes else ""
        self._y = self._axes[1] if len(self._axes) > 1 else ""
        self._measure: Measure = "score" if opened.results.judged else "tokens_per_s"
        self._pairs: list[Pair] | None = None
        self._known = False  # the checks were read
        self.page = Page()
        self.head, self.foot = FrameLine("top"), FrameLine("bottom")

    @property
    def workbench(self) -> WorkbenchApp:
        """The app, by its type."""
        return cast("WorkbenchApp", self.app)

    def compose(self) -> ComposeResult:
        yield self.head
        yield self.page
        yield self.foot

    def on_mount(self) -> None:
        results = self._opened.results
        size = f"{count(len(results), 'trial')} · {count(len(results.cases), 'case')}"
        name = self._opened.title or f"{self._opened.kind} {self._opened.run}"
        self.head.show([("charts", "name"), (f"  {name}", "strong")], [(size, "")], firm=True)
        keys = [f"{actions.key_name(a.keys[0])} {a.footer}" for a in actions.at("charts") if a.footer]
        self.foot.show([(" · ".join(["↑ ↓ scroll", *(keys if self._axes else []), "esc"]), "")])
        self._judge()

    def on_resize(self) -> None:
        """Other columns."""
        self.call_after_refresh(self._draw)

    @work(group="judge", exclusive=True)
    async def _judge(self) -> None:
        results = self._opened.results
        try:
            await asyncio.to_thread(lambda: [figures.checks for figures in results.figures])
            self._known = True
            self._draw()
            self._pairs = await asyncio.to_thread(lambda: results.pairs)
        except WorkbenchError as error:
            self.workbench.tell(str(error), severity="error")
            return
        self._draw()

    def _draw(self) -> None:
        results, width = self._opened.results, self.page.columns
        if width < 20:
            return
        lines = results_charts.rates(results.figures, width)
        verdicts = results_charts.verdicts(self._pairs, width) if results.judged else []
        many = len(self._axes) > 1 and len(results.variants) > 3  # a grid: its table says most
        heat = results_charts.heat_table(results.grid(self._x, self._y, self._measure), width) if self._x else []
        lines += [*heat, *verdicts] if many else [*verdicts, *heat]
        lines += results_charts.speed(results.figures, width)
        lines += results_charts.checks(results.figures, width) if self._known else []
        self.page.show(lines)

    # ---- actions

    def action_across(self) -> None:
        """The next setting across; what went down there stays, unless it is that one."""
        self._x = self._next(self._x)
        if self._x == self._y:
            self._y = self._next(self._y) if len(self._axes) > 2 else ""
        self._draw()

    def action_downwards(self) -> None:
        """The next setting down, or none."""
        ways = [name for name in self._axes if name != self._x] + [""]
        self._y = ways[(ways.index(self._y) + 1) % len(ways)]
        self._draw()

    def _next(self, name: str) -> str:
        return self._axes[(self._axes.index(name) + 1) % len(self._axes)] if self._axes else ""

    def action_measure(self) -> None:
        """The next measure."""
        ways = list(results_charts.MEASURES)
        self._measure = ways[(ways.index(self._measure) + 1) % len(ways)]
        self._draw()

    def action_leave(self) -> None:
        """Back to the matrix."""
        self.dismiss(None)
