"""Where two answers part: both as heat, the candidates at the cursor, and the way token by token beyond."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from workbench.bars import bar
from workbench.experiments.experiment import Branch
from workbench.insight.divergence import (
    Candidate,
    Divergence,
    beside,
    branching,
    candidates,
    diverge,
    quoted,
    sentences,
    share,
)
from workbench.insight.reading import Subject, bits
from workbench.tui.flows import begin
from workbench.tui.heat import LEGEND, MEASURES, Measure, fitted, heat
from workbench.tui.screens.two_answers import TwoAnswersScreen, pair_bindings

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from workbench.inference.engine import Engine, TokenLogprob
    from workbench.session import Session
    from workbench.tui.widgets.card_list import Row


class DivergenceScreen(TwoAnswersScreen["Branch | None"]):
    """The cursor stands where they part first; both go on together. Gives the branch for a new lane."""

    place: ClassVar[str] = "divergence"
    places: ClassVar[tuple[str, ...]] = ("divergence", "heat", "list", "app")
    BINDINGS: ClassVar[list[BindingType]] = pair_bindings("divergence")

    def __init__(self, session: Session, subjects: Sequence[Subject], left: int, right: int) -> None:
        super().__init__(session, subjects, left, right)
        self.found: Divergence | None = None
        self.measure: Measure = "probability"
        self._rows: tuple[list[Candidate], list[Candidate]] = ([], [])

    async def read(
        self, use: Callable[[Path], AbstractAsyncContextManager[Engine]], say: Callable[[str], None]
    ) -> None:
        """Both answers, token by token."""
        self.found = await diverge(use, self.left, self.right, on_step=say)

    def ready(self) -> None:
        """Both with their heat; the cursor where they part."""
        self._paint()
        self.action_parting()

    def _paint(self) -> None:
        found = self.found
        if found is None:
            return
        parting = found.parting
        for side, reading in enumerate((found.left, found.right)):
            at = -1 if parting is None else (parting.left, parting.right)[side]
            self.sides[side].heat.show([heat(token, self.measure) for token in reading.tokens], at)
            self.heading(side, reading, f"{reading.bits_per_token:.2f} bits/token · {len(reading.tokens)} tok")
        self.focused_side()
        self.tell(sentences(found))
        self.show_keys(self.measure, LEGEND[self.measure])

    # ---- the cursor

    def _under(self) -> list[TokenLogprob | None]:
        """The tokens under the cursors; None behind the last one."""
        if self.found is None:
            return [None, None]
        ats = [side.heat.here for side in self.sides]
        readings = (self.found.left, self.found.right)
        return [each.tokens[at] if at < len(each.tokens) else None for each, at in zip(readings, ats, strict=True)]

    def turned(self, side: int) -> None:
        """The other side's cursor goes along; both tables are those of the tokens under the cursors."""
        found = self.found
        if found is None:
            return
        self.sides[1 - side].heat.go(beside(found, self.sides[side].heat.here, right=side == 1))
        parting = found.parting
        tokens = self._under()
        before = parting is None or self.sides[0].heat.here <= parting.left
        there = parting is not None and self.sides[0].heat.here == parting.left
        for place, token in enumerate(tokens):
            other = tokens[1 - place] if before else None
            given = (found.left_gave, found.right_gave)[place] if there else None
            rows = [] if token is None else candidates(token, other, given=given)
            self._rows[place][:] = rows
            self.sides[place].cards.show(len(rows), next((at for at, each in enumerate(rows) if each.chosen), 0))
            self._inform(place, token)

    def _inform(self, place: int, token: TokenLogprob | None) -> None:
        """The line between an answer and its candidates."""
        assert self.found is not None
        reading = (self.found.left, self.found.right)[place]
        if token is None:
            finish = reading.subject.finish or "it goes on"
            self.sides[place].info.show([(f"over: {finish}", "strong")])
            return
        number = f"{self.sides[place].heat.here + 1}/{len(reading.tokens)} "
        rank = "" if token.rank is None else f" · rank {token.rank:,}"
        entropy = " · no entropy here" if token.entropy is None else f" · entropy {bits(token.entropy):.2f} bits"
        text = quoted(token.text, token.id)
        self.sides[place].info.show(
            [(number, ""), (f"{text} ", "strong"), (f"{share(token.logprob)}{rank}{entropy}", "")],
            brief=[(f"{text} ", "strong"), (f"{share(token.logprob)}{rank}", "")],
        )

    def row(self, side: int, index: int) -> Row:
        """A candidate: what it is to either side, its text, its probability in figures and as a bar."""
        each = self._rows[side][index]
        mark = "▶" if each.chosen else "◁" if each.others else " "
        name = (self.right if side == 0 else self.left).name
        whose = "chosen" if each.chosen else name if each.others else ""
        room = self.sides[side].size.width
        text = 18 if room > 50 else 14
        wide = room - text - 31
        left = [
            (f"{mark} ", "match"),
            (f"{'' if each.rank is None else each.rank:>4} ", "dim"),
            (fitted(quoted(each.text, each.id), text), "match" if each.chosen else ""),
            (f" {share(each.logprob):>7} ", ""),
            (bar(math.exp(min(0.0, each.logprob)), min(24, wide)) if wide > 3 else "", "dim"),
        ]
        return left, [(whose if room > 50 else "", "label")]

    # ---- actions

    def action_branch(self) -> None:
        """To the candidates: enter takes one."""
        side = self.at
        if not self._rows[side]:
            self.workbench.tell("there is no token here to take another one for", severity="warning")
            return
        self.sides[side].cards.focus()
        self.show_keys("branch", "enter goes on from the candidate in a new lane, esc goes back")

    def on_card_list_taken(self) -> None:
        """A candidate was taken."""
        begin(self, self._take(self.at))

    async def _take(self, side: int) -> None:
        """Leave with the branch. Raises UsageError where no answer can begin so."""
        assert self.found is not None
        reading = (self.found.left, self.found.right)[side]
        candidate = self._rows[side][self.sides[side].cards.here]
        at = self.sides[side].heat.here
        async with self.session.pool.use(Path(reading.subject.path)) as engine:
            prefix = await branching(engine, reading, at, candidate)
        self.dismiss(Branch(reading.subject.trial, at, prefix))

    def action_leave(self) -> None:
        """From the candidates to the answer; from there back to the lanes."""
        if self.focused is self.sides[self.at].cards:
            self.sides[self.at].heat.focus()
            self.show_keys(self.measure, LEGEND[self.measure])
        else:
            self.dismiss(None)

    def action_measure(self) -> None:
        """Probability, entropy, rank."""
        self.measure = MEASURES[(MEASURES.index(self.measure) + 1) % len(MEASURES)]
        self._paint()

    def action_parting(self) -> None:
        """The cursors where they part."""
        if self.found is None:
            return
        if self.found.parting is not None:
            self.sides[0].heat.go(self.found.parting.left)
            self.sides[1].heat.go(self.found.parting.right)
        self.turned(0)
