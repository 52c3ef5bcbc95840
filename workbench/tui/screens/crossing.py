"""Cross-scores: each lane's answer after the other's prompt too; heat over the words that the prompt change bought."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from workbench.insight.crossing import Crossed, Crossing, Piece, cross, perplexity, sentences
from workbench.insight.divergence import quoted, share
from workbench.insight.reading import Subject, bits
from workbench.tui.heat import Heat, chance, fitted, gain
from workbench.tui.screens.two_answers import TwoAnswersScreen, pair_bindings

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from workbench.inference.engine import Engine
    from workbench.session import Session
    from workbench.tui.widgets.card_list import Row

# What the heat shows, and how its marks are read.
SHOWS = {
    "bought": "+3 = three bits likelier after its own prompt, −3 less",
    "own prompt": "9 = 90 % and more, 0 = under 10 %",
    "other prompt": "9 = 90 % and more, 0 = under 10 %",
}
SHOWN = 20  # pieces in a table: those that gain or lose the most


class CrossingScreen(TwoAnswersScreen[None]):
    """The cursor of either side goes its own way; the tables have the telling pieces, the most telling first."""

    place: ClassVar[str] = "crossing"
    places: ClassVar[tuple[str, ...]] = ("crossing", "heat", "app")
    BINDINGS: ClassVar[list[BindingType]] = pair_bindings("crossing")

    def __init__(self, session: Session, subjects: Sequence[Subject], left: int, right: int) -> None:
        super().__init__(session, subjects, left, right)
        self.found: Crossing | None = None
        self.shows = "bought"
        for side in self.sides:
            side.cards.can_focus = False

    async def read(
        self, use: Callable[[Path], AbstractAsyncContextManager[Engine]], say: Callable[[str], None]
    ) -> None:
        """Both answers after both prompts."""
        self.found = await cross(use, self.left, self.right, on_step=say)

    def both(self) -> tuple[Crossed, ...]:
        """The left one and the right one; nothing until they are read."""
        return () if self.found is None else (self.found.left, self.found.right)

    def ready(self) -> None:
        """Both with their heat; each cursor on the piece that its prompt bought most."""
        self._paint()
        for place, each in enumerate(self.both()):
            if each.telling:
                self.sides[place].heat.go(each.pieces.index(each.telling[0]))
            self.turned(place)

    def _paint(self) -> None:
        if self.found is None:
            return
        for place, each in enumerate(self.both()):
            side, count = self.sides[place], len(each.own.tokens)
            side.heat.show([self._heat(piece) for piece in each.pieces])
            side.cards.show(len(each.telling[:SHOWN]))
            own, other = perplexity(each.own_logp, count), perplexity(each.other_logp, count)
            self.heading(place, each.own, f"{bits(each.gain):+.1f} bits · perplexity {own:.2f} / {other:.2f}")
        self.focused_side()
        self.tell(sentences(self.found))
        self.show_keys(self.shows, SHOWS[self.shows])

    def _heat(self, piece: Piece) -> Heat:
        if self.shows == "bought":
            return gain(piece.text, piece.gain)
        return chance(piece.text, piece.own if self.shows == "own prompt" else piece.other)

    def turned(self, side: int) -> None:
        """The line below an answer is of the piece under its cursor."""
        both = self.both()
        if not both:
            return
        each, here = both[side], self.sides[side].heat.here
        if here >= len(each.pieces):
            self.sides[side].info.show()
            return
        piece = each.pieces[here]
        text, change = quoted(piece.text, piece.id), f"{bits(piece.gain):+.2f} bits"
        other = (self.right if side == 0 else self.left).name
        self.sides[side].info.show(
            [
                (f"{here + 1}/{len(each.pieces)} ", ""),
                (f"{text} ", "strong"),
                (f"{share(piece.own)}, after {other}’s prompt {share(piece.other)}: ", ""),
                (change, "strong"),
            ],
            brief=[(f"{text} ", "strong"), (f"{share(piece.own)} / {share(piece.other)} {change}", "")],
        )

    def row(self, side: int, index: int) -> Row:
        """A telling piece: what it gains, its text, its probability after either prompt."""
        piece = self.both()[side].telling[index]
        room = self.sides[side].size.width
        text = 24 if room > 55 else 10
        change = bits(piece.gain)
        times = f"× {2 ** min(60.0, abs(change)):,.0f}" if abs(change) >= math.log2(10) else f"× {2 ** abs(change):.1f}"
        return [
            (f" {change:>+6.1f} ", "match" if change > 0 else "label"),
            (fitted(quoted(piece.text, piece.id), text), ""),
            (f" {share(piece.own):>7} / {share(piece.other):<7}", "dim"),
        ], [(times if room > 55 and abs(change) < 30 else "", "dim")]

    def action_measure(self) -> None:
        """What the prompt bought; the probabilities after its own; those after the other."""
        names = list(SHOWS)
        self.shows = names[(names.index(self.shows) + 1) % len(names)]
        self._paint()
