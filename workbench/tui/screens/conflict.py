"""Two changes to one file: mine and theirs beside each other, and what to do."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen

from workbench.experiments.worddiff import diff
from workbench.tui import actions
from workbench.tui.widgets.answer import AnswerPane
from workbench.tui.widgets.frame import FrameLine


class ConflictScreen(ModalScreen[str | None]):
    """Gives "mine", "theirs", "merge", or None to decide later. `theirs` is None when the file is gone."""

    DEFAULT_CSS = """
    ConflictScreen { background: $background; }
    ConflictScreen .side { width: 1fr; }
    ConflictScreen .body { height: 1fr; border-left: solid $foreground 25%; border-right: solid $foreground 25%;
        padding: 0 0 0 1; }
    """
    places: ClassVar[tuple[str, ...]] = ("conflict", "answer", "app")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(a.keys), a.do, a.title, show=False, id=a.id, priority=True)  # k would scroll
        for a in actions.at("conflict")
    ]

    def __init__(self, name: str, mine: str, theirs: str | None) -> None:
        super().__init__()
        self._name, self._mine, self._theirs = name, mine, theirs
        self._panes = (AnswerPane(), AnswerPane())
        self._foot = FrameLine("bottom")

    def compose(self) -> ComposeResult:
        gone = self._theirs is None
        titles = ("mine, not saved", "the file is gone" if gone else "theirs, on disk")
        with Horizontal():
            for title, pane in zip(titles, self._panes, strict=True):
                with Vertical(classes="side"):
                    head = FrameLine("top")
                    head.show([(title, "name"), (f"  {self._name}", "")])
                    yield head
                    with Vertical(classes="body"):
                        yield pane
        yield self._foot

    def on_mount(self) -> None:
        self._panes[0].focus()
        keys = (
            "k keep mine · esc later" if self._theirs is None else "k keep mine · t take theirs · m merge · esc later"
        )
        says = "nothing is lost: the side that gives way is kept as a version"
        self._foot.show([(keys, "strong")], [(says, "")])
        self._mark()

    @work(exclusive=True)
    async def _mark(self) -> None:
        self._panes[0].set_text(self._mine)
        self._panes[1].set_text(self._theirs or "")
        found = await asyncio.to_thread(diff, self._panes[0].shown, self._panes[1].shown)
        self._panes[0].set_spans([(first, last, "added") for first, last in found.left])
        self._panes[1].set_spans([(first, last, "removed") for first, last in found.right])
        if found.left or found.right:
            first = min(start for start, _ in [*found.left, *found.right])
            for pane, text in zip(self._panes, (self._mine, self._theirs or ""), strict=True):
                lines = text.count("\n") or 1
                pane.scroll_fraction = max(0, text.count("\n", 0, first) - 3) / lines

    def on_answer_pane_scrolled(self, event: AnswerPane.Scrolled) -> None:
        """Both sides scroll together."""
        for pane in self._panes:
            if pane is not event.pane:
                pane.scroll_fraction = event.fraction

    def action_mine(self) -> None:
        """Mine replaces theirs."""
        self.dismiss("mine")

    def action_theirs(self) -> None:
        """Theirs replaces mine."""
        if self._theirs is not None:
            self.dismiss("theirs")

    def action_merge(self) -> None:
        """Both, in the editor."""
        if self._theirs is not None:
            self.dismiss("merge")

    def action_leave(self) -> None:
        """Later."""
        self.dismiss(None)
