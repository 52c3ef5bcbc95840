"""Blind votes: two answers beside each other, the better one told by a key, their names after it.

Nothing of what made an answer is on the screen before its vote is on disk. `Sitting` draws the pairs and the sides.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.screen import ModalScreen

from workbench.errors import UsageError, WorkbenchError
from workbench.experiments.arena.entries import entries, split_tags
from workbench.experiments.arena.sitting import Pair, Sitting, draw
from workbench.history.votes import Ballot, Verdict
from workbench.tui import actions
from workbench.tui.arena_text import SAID, marks, message, nothing
from workbench.tui.flows import begin
from workbench.tui.screens.ask import AskScreen
from workbench.tui.screens.beside import bindings
from workbench.tui.screens.choice import Choice, ChoiceScreen
from workbench.tui.widgets.answer import AnswerPane
from workbench.tui.widgets.frame import FrameLine, Part
from workbench.tui.widgets.side import Side
from workbench.tui.widgets.wrap import wrap

if TYPE_CHECKING:
    from textual.widget import Widget

    from workbench.session import Session
    from workbench.tui.app import WorkbenchApp
    from workbench.tui.widgets.answer import View

Load = Callable[[], Sequence[Mapping[str, Any]]]  # TRIALs, off the loop

SHOWN = 5000  # trials that pairs are drawn from: the newest of the history
_NARROW = 80
_STAY = ("undo", "ranking", "leave")  # what a key may do, the names in sight, but go on
_VIEWS: tuple[View, ...] = ("plain", "markdown")


class ArenaScreen(ModalScreen[None]):
    """Votes on what `load` gives; `name` says what that is. `seed` draws each pair (tests give their own)."""

    DEFAULT_CSS = """
    ArenaScreen { background: $background; }
    ArenaScreen > .message { height: 1; padding: 0 1; }
    ArenaScreen Container { layout: horizontal; height: 1fr; }
    ArenaScreen.-narrow Container { layout: vertical; }
    ArenaScreen.-empty Container { display: none; }
    ArenaScreen.-empty > .message { height: 1fr; }
    """
    AUTO_FOCUS = ""
    places: ClassVar[tuple[str, ...]] = ("arena", "answer", "app")
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("arena"),
        *(Binding(",".join(a.keys), a.do, a.title, show=False, id=a.id) for a in actions.at("answer")),
    ]

    def __init__(self, session: Session, name: str, load: Load, *, seed: Callable[[], int] = draw) -> None:
        super().__init__()
        self.session = session
        self._name, self._load, self._seed = name, load, seed
        self._all = False  # the whole history instead
        self.sitting: Sitting | None = None
        self.pair: Pair | None = None  # what is shown
        self.ballot: Ballot | None = None  # the vote on it, once it is cast: names are in sight
        self.tags: tuple[str, ...] = ()
        self._busy = True
        self._why = "looking for answers …"
        self.head, self.foot = FrameLine("top"), FrameLine("bottom")
        self.message = AnswerPane(classes="message")
        self.sides = (Side("left"), Side("right"))

    @property
    def workbench(self) -> WorkbenchApp:
        """The app, by its type."""
        return cast("WorkbenchApp", self.app)

    def compose(self) -> ComposeResult:
        yield self.head
        yield self.message
        with Container():
            yield from self.sides
        yield self.foot

    def on_mount(self) -> None:
        """Nothing to see yet."""
        self._show()
        begin(self, self._open())

    def on_resize(self, event: events.Resize) -> None:
        """A narrow terminal has one answer under the other."""
        narrow = event.size.width < _NARROW
        self.set_class(narrow, "-narrow")
        for side, name in zip(
            self.sides, ("left, above", "right, below") if narrow else ("left", "right"), strict=True
        ):
            side.call(name)
        self._fit()

    # ---- what is shown

    async def _open(self, tag: str = "") -> None:
        load: Load = (lambda: self.session.store.trials(None, SHOWN)) if self._all else self._load

        def work() -> Sitting:
            return Sitting(self.session.store, entries(load()), tag=tag, seed=self._seed)

        self._busy = True
        try:
            self.sitting = await asyncio.to_thread(work)
            await self._advance()
        except WorkbenchError as error:
            self._say_nothing(str(error))
            raise
        finally:
            self._busy = False

    async def _advance(self) -> None:
        """The next pair, when its ballot is on disk."""
        sitting = self.sitting
        if sitting is None:
            return
        pair = await asyncio.to_thread(sitting.advance)
        self.ballot = None
        if pair is None:
            self._say_nothing(nothing(sitting, everything=self._all))
            return
        self.pair, self.tags = pair, sitting.tags_of(pair.left)
        for side, entry in zip(self.sides, (pair.left, pair.right), strict=True):
            side.seal(entry)
        self._show()

    def _say_nothing(self, why: str) -> None:
        self.pair, self._why = None, why
        self._show()

    def _show(self) -> None:
        """The lines above and below, and the message."""
        if not self.is_attached:
            return
        pair, sitting = self.pair, self.sitting
        self.set_class(pair is None, "-empty")
        self.message.set_text(self._why if pair is None else message(pair))
        self._fit()
        self.head.show(self._heading(), self._counts(sitting))
        if pair is None:
            self.foot.show([("a whole history · c category · r ranking · esc leave", "")], brief=[("F1 keys", "")])
        elif self.ballot is None:
            keys = " · ".join(f"{actions.key_name(a.keys[0])} {a.footer}" for a in actions.at("arena") if a.footer)
            self.foot.show(
                [(keys, "")],
                [("F1 keys · esc leave", "")],
                brief=[("← → better · t tie · b bad · s skip · F1 keys", "")],
            )
        else:
            said = SAID[self.ballot.verdict]
            self.foot.show(
                [(said, "strong"), (" · u withdraws it · any other key: the next pair", "")],
                brief=[(said, "strong"), (" · u withdraws it · any other key", "")],
            )

    def _heading(self) -> list[Part]:
        shown: list[Part] = [("blind vote", "name"), (f"  {'the whole history' if self._all else self._name}", "")]
        if self.pair is not None and self.ballot is None and self.pair.left.text == self.pair.right.text:
            shown.append(("  the answers are the same, letter for letter", "warn"))
        return shown

    def _counts(self, sitting: Sitting | None) -> list[Part]:
        if sitting is None:
            return []
        tags = " ".join(f"#{tag}" for tag in self.tags) if self.pair is not None else ""
        votes = "1 vote" if sitting.counted == 1 else f"{sitting.counted:,} votes"
        return [(" · ".join(part for part in (tags, f"only {sitting.tag}" if sitting.tag else "", votes) if part), "")]

    def _fit(self) -> None:
        """The message takes the lines it needs, up to a fifth of the screen."""
        if self.pair is None:
            self.message.styles.height = None
            return
        width = max(2, self.size.width - 3)
        lines = sum(len(wrap(part, width)) for part in self.message.shown.split("\n"))
        self.message.styles.height = max(1, min(lines, self.size.height // 5))

    # ---- voting

    def on_key(self, event: events.Key) -> None:
        """With the names in sight any key but a few goes on; a second press of a vote's key is no vote."""
        if self.ballot is None:
            return
        found = self.active_bindings.get(event.key)
        if found is not None and (found.binding.action in _STAY or found.node is self.app):
            return
        event.stop()
        event.prevent_default()
        self._do(self._advance)

    def _do(self, work: Callable[[], Any]) -> None:
        """One thing at a time: keys meanwhile are lost, so that none falls on a pair that was not seen."""
        if self._busy or self.sitting is None:
            return
        self._busy = True

        async def flow() -> None:
            try:
                await work()
            finally:
                self._busy = False

        begin(self, flow())

    def action_vote(self, verdict: Verdict) -> None:
        """The present pair's verdict."""
        if self.pair is not None and self.ballot is None:
            self._do(lambda: self._vote(verdict))

    async def _vote(self, verdict: Verdict) -> None:
        sitting, pair = self.sitting, self.pair
        assert sitting is not None
        assert pair is not None
        try:
            told = await asyncio.to_thread(sitting.vote, verdict, self.tags)
        except UsageError as error:  # another window was faster
            self.workbench.tell(str(error), severity="warning")
            await asyncio.to_thread(sitting.reread)
            await self._advance()
            return
        if verdict == "skip":
            await self._advance()
            return
        self.ballot = told
        for side, entry, mark in zip(self.sides, (pair.left, pair.right), marks(verdict), strict=True):
            side.reveal(entry, mark)
        self._show()

    def action_undo(self) -> None:
        """Take back the last verdict."""
        self._do(self._undo)

    async def _undo(self) -> None:
        assert self.sitting is not None
        told = await asyncio.to_thread(self.sitting.undo)
        if told is None:
            self.workbench.tell("there is nothing to take back: no vote was cast since this page was opened")
            return
        if told.verdict == "withdrawn":
            self.workbench.tell("the vote is withdrawn; its names were seen, so the pair does not come again")
        if self.ballot is not None or told.verdict == "reopened" or self.pair is None:
            await self._advance()
        else:
            self._show()

    # ---- what else one does

    def action_tags(self) -> None:
        """The categories of the case, for this vote and those to come."""
        if self.pair is not None:
            begin(self, self._ask_tags())

    async def _ask_tags(self) -> None:
        asked = AskScreen("tags of this case, commas between (coding, korean)", ", ".join(self.tags))
        text = await self.app.push_screen_wait(asked)
        if text is not None:
            self.tags = split_tags(text)
            self._show()

    def action_category(self) -> None:
        """Only cases of one category."""
        if self.sitting is not None and not self._busy:
            begin(self, self._choose(self.sitting))

    async def _choose(self, sitting: Sitting) -> None:
        rows = [Choice("", "all", "every case"), *(Choice(tag, tag, f"#{tag}") for tag in sitting.categories())]
        if len(rows) == 1:
            self.workbench.tell("no case has a tag yet — e gives this one some")
            return
        tag = await self.app.push_screen_wait(ChoiceScreen("vote on the cases of one category", rows))
        if tag is not None:
            sitting.tag = tag
            self._do(self._advance)

    def action_scope(self) -> None:
        """The whole history, or back to what it was opened on."""
        if not self._busy:
            self._all = not self._all
            begin(self, self._open(self.sitting.tag if self.sitting is not None else ""))

    def action_ranking(self) -> None:
        """The ranking."""
        from workbench.tui.screens.ranking import RankingScreen

        self.app.push_screen(RankingScreen(self.session, self.sitting.tag if self.sitting is not None else ""))

    def action_view(self) -> None:
        """Plain or Markdown, both sides."""
        view = _VIEWS[(_VIEWS.index(self.sides[0].pane.view) + 1) % len(_VIEWS)]
        for side in self.sides:
            side.pane.set_view(view)

    def action_pane(self) -> None:
        """Scroll both, the left one, the right one, the message."""
        order: list[Widget | None] = [None, *(side.pane for side in self.sides), self.message]
        here = order.index(self.focused) if self.focused in order else 0
        self.set_focus(order[(here + 1) % len(order)] if self.pair is not None else None)
        for side in self.sides:
            side.head.set_class(self.focused is side.pane, "-focus")

    def action_scroll(self, lines: int) -> None:
        """Both sides, as long as none has the focus."""
        for side in self.sides:
            side.pane.action_scroll(lines)

    def action_page(self, pages: int) -> None:
        """Both sides."""
        for side in self.sides:
            side.pane.action_page(pages)

    def action_top(self) -> None:
        """Both sides."""
        for side in self.sides:
            side.pane.action_top()

    def action_bottom(self) -> None:
        """Both sides."""
        for side in self.sides:
            side.pane.action_bottom()

    def action_leave(self) -> None:
        """Back; a pair without a vote comes again, on the same sides."""
        self.dismiss(None)
