"""The ranking of blind votes: a row an item with its range as a bar; by category; looks taken out or not."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.widgets import Static

from workbench.bars import span
from workbench.errors import WorkbenchError
from workbench.experiments.arena.entries import told_apart, votes_of
from workbench.experiments.arena.ranking import Ranked, Ranking, ranking
from workbench.tui import actions
from workbench.tui.flows import begin
from workbench.tui.screens.ask import AskScreen
from workbench.tui.screens.beside import BesideScreen, bindings
from workbench.tui.screens.choice import Choice, ChoiceScreen
from workbench.tui.widgets.card_list import Row

if TYPE_CHECKING:
    from workbench.history.votes import Ballot
    from workbench.session import Session

_NOTHING = """No votes yet.

Esc goes back to the arena: ← and → say which answer is better.
i brings in votes from a CSV file with the columns left, right, winner."""


class RankingScreen(BesideScreen[None]):
    """Counts in a thread: with style control a thousand votes take a second or two."""

    DEFAULT_CSS = """
    RankingScreen Container { layout: vertical; }
    RankingScreen .heading { height: 1; color: $foreground-muted; }
    RankingScreen CardList { width: 1fr; height: 1fr; }
    RankingScreen Vertical { width: 1fr; height: 7; border-left: none; border-top: solid $foreground 25%; }
    """
    places: ClassVar[tuple[str, ...]] = ("ranking", "list", "answer", "app")
    narrow: ClassVar[int] = 0
    BINDINGS: ClassVar[list[BindingType]] = bindings("ranking")

    def __init__(self, session: Session, tag: str = "") -> None:
        super().__init__(session)
        self._ballots: list[Ballot] = []
        self.tag = tag
        self.style_control = False
        self.ranking = Ranking([], 0, 0)
        self._names: dict[str, str] = {}  # items by what tells them apart
        self.heading = Static(markup=False, classes="heading")

    def compose(self) -> ComposeResult:
        yield self.head
        yield self.heading
        with Container():
            yield self.cards
            with Vertical():
                yield self.pane
        yield self.foot

    def on_mount(self) -> None:
        self.head.show([("ranking", "name"), ("  counting …", "")])
        self._count()

    def on_resize(self) -> None:
        """Rows have other columns."""
        self._title()
        self.cards.refresh()

    @property
    def _bar(self) -> int:
        """Columns of a range."""
        return 32 if self.size.width >= 100 else 14

    def _title(self) -> None:
        """What the columns are; nothing over an empty table."""
        title = f"{'':>5} rating {'95 % range':<{self._bar}} {'votes':>7} {'wins':>7}  what was voted on"
        self.heading.update(title if self.ranking.rows else "")

    @work(group="count", exclusive=True)
    async def _count(self, *, read: bool = True) -> None:
        from workbench.history.votes import ballots

        try:
            if read:
                self._ballots = await asyncio.to_thread(ballots, self.session.store)
            votes = votes_of(self._ballots, self.tag)
            self.ranking = await asyncio.to_thread(ranking, votes, control=self.style_control)
        except WorkbenchError as error:
            self.workbench.tell(str(error), severity="error")
            return
        if not self.is_attached:
            return
        self._names = told_apart([row.item for row in self.ranking.rows])
        self.cards.show(len(self.ranking.rows))
        self._title()
        self._tell(any(vote.styles for vote in votes))
        self.turned()

    def _tell(self, known: bool) -> None:
        found = self.ranking
        only = f"  only {self.tag}" if self.tag else "  all categories"
        style = (
            "" if not self.style_control else "  style taken out" if known else "  style not known: nothing taken out"
        )
        votes = "1 vote" if found.votes == 1 else f"{found.votes:,} votes"
        cases = "1 case" if found.cases == 1 else f"{found.cases:,} cases"
        self.head.show([("ranking", "name"), (only, ""), (style, "strong")], [(f"{votes} on {cases}", "")])
        keys = " · ".join(f"{actions.key_name(a.keys[0])} {a.footer}" for a in actions.at("ranking") if a.footer)
        self.foot.show([(f"{keys} · esc back", "")], [("F1 keys", "")])

    def row(self, index: int) -> Row:
        """Place, rating, range, votes, wins; then the item, which gives way at the right."""
        rows = self.ranking.rows
        row = rows[index]
        low, high = min(each.low for each in rows), max(each.high for each in rows)
        bar = span(row.low, row.rating, row.high, low, high, self._bar)
        few = [(f"{row.note}", "mark")] if row.note else []
        return [
            (f"{index + 1:>3} ", "dim"),
            (f"{row.rating:>6.0f} ", "match"),
            (f"{bar} ", "" if not row.note else "dim"),
            (f"{row.votes:>7,} {row.wins:>7,}  ", "dim"),
            (self._names.get(row.item, row.item), ""),
        ], few

    def turned(self) -> None:
        """The current row in full."""
        rows = self.ranking.rows
        if not rows:
            only = f"No votes in the category {self.tag}.\n\nc chooses another." if self.tag else _NOTHING
            self.pane.set_text(only)
            return
        self.pane.set_text("\n".join(_whole(rows[self.cards.here], self.ranking)))

    # ---- actions

    def action_category(self) -> None:
        """Votes of one category."""
        begin(self, self._choose())

    async def _choose(self) -> None:
        tags = sorted({tag for told in self._ballots if told.counts for tag in told.tags})
        if not tags:
            self.workbench.tell("no vote has a tag yet — e in the arena gives a case some")
            return
        rows = [Choice("", "all", "every vote")]
        rows += [Choice(tag, tag, f"{len(votes_of(self._ballots, tag)):,} votes") for tag in tags]
        tag = await self.app.push_screen_wait(ChoiceScreen("the ranking of one category", rows))
        if tag is not None:
            self.tag = tag
            self._count(read=False)

    def action_style(self) -> None:
        """Length, lists, headings and bold taken out, or not."""
        self.style_control = not self.style_control
        self.head.show([("ranking", "name"), ("  counting …", "")])
        self._count(read=False)

    def action_take_in(self) -> None:
        """Votes from a CSV file."""
        begin(self, self._import())

    async def _import(self) -> None:
        from workbench.experiments.arena import tables
        from workbench.history import votes

        text = await self.app.push_screen_wait(AskScreen("CSV file with the columns left, right, winner"))
        if not text or not text.strip():
            return
        told = await asyncio.to_thread(tables.read, _path(text))
        added = await asyncio.to_thread(votes.add, self.session.store, told)
        here = len(told) - added
        self.workbench.tell(f"{added:,} votes added" + (f", {here:,} were here already" if here else ""))
        self._count()

    def action_export(self) -> None:
        """The votes as a CSV file."""
        begin(self, self._export())

    async def _export(self) -> None:
        from workbench.experiments.arena import tables
        from workbench.files import atomic_write

        text = await self.app.push_screen_wait(AskScreen("write the votes, as CSV, to", "votes.csv"))
        if not text or not text.strip():
            return
        path, tag = _path(text), self.tag
        told = [ballot for ballot in self._ballots if ballot.counts and (not tag or tag in ballot.tags)]
        await asyncio.to_thread(lambda: atomic_write(path, tables.written(told), expect="", mode=0o644))
        self.workbench.tell(f"{len(told):,} votes in {path}")


def _whole(row: Ranked, found: Ranking) -> list[str]:
    counts = f"{row.votes:,} votes: {row.wins:,} won, {row.votes - row.wins - row.ties - row.bad:,} lost, "
    counts += f"{row.ties:,} ties, {row.bad:,} both bad"
    lines = [row.item, f"{row.rating:.0f} ({row.low:.0f} to {row.high:.0f}) · {counts}"]
    if row.note == "too few votes":
        lines.append("too few votes: under 10 say nothing yet")
    elif row.note:
        lines.append(f"{row.note}: no chain of votes leads there, its rating cannot be compared")
    if found.effects:
        lines.append("all of it against none is worth, in points: " + " · ".join(told.says for told in found.effects))
    return lines


def _path(text: str) -> Path:
    """What a person typed as a path."""
    return Path(os.path.expanduser(text.strip()))
