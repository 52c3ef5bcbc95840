"""Leave one out: which parts of a lane's prompt its answer hangs on, and what each does for each word of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import BindingType

from workbench.bars import bar
from workbench.errors import WorkbenchError
from workbench.inference.engine import Message
from workbench.insight.attribution import KINDS, Attribution, By, Unit, Weight, attribute, units_of
from workbench.tui import actions
from workbench.tui.screens.beside import BesideScreen, bindings
from workbench.tui.widgets.card_list import Row
from workbench.tui.widgets.heat import LEVELS, HeatPane, Shaded, level, style

if TYPE_CHECKING:
    from workbench.session import Session

_SAID = 3  # words of the answer that are named with their figures
_NARROW = 40  # columns of the list below which a row has no bar


def figure(weight: Weight) -> str:
    """Its nats; `≈` in front where the unit was only hidden."""
    return f"{'≈' if weight.quick else ''}{weight.nats:+.2f}"


class AttributionScreen(BesideScreen[None]):
    """The units by weight; beside them the prompt, each unit shaded, and the answer, shaded by what the unit does."""

    places: ClassVar[tuple[str, ...]] = ("attribution", "list", "answer", "app")
    BINDINGS: ClassVar[list[BindingType]] = bindings("attribution")

    def __init__(self, session: Session, label: str, path: str, messages: Sequence[Message], answer: str) -> None:
        super().__init__(session)
        self.pane = self._heat = HeatPane()
        self._label, self._path, self._answer = label, Path(path), answer
        self._messages = tuple(messages)
        self._by: By = "sentence"
        self._whole = False  # whether the last message is weighed too
        self._found: Attribution | None = None
        self._rows: list[Unit] = []
        self._state = ""

    def on_mount(self) -> None:
        keys = [f"{actions.key_name(a.keys[0])} {a.footer}" for a in actions.at("attribution") if a.footer]
        self.foot.show([(" · ".join([*keys, "esc leave"]), "")])
        self._weigh()

    @work(exclusive=True)
    async def _weigh(self) -> None:
        """A quick look at all units, then each left out; another unit, a key or leaving the screen ends it."""
        self._found, self._rows, self._state = None, [], "reading the prompt"
        self._show()
        try:
            units = units_of(self._messages, self._by, message=self._whole)
            async with self.session.pool.use(self._path) as engine:
                await attribute(engine, self._messages, self._answer, units, self._told, quick=True)
            self._state = ""
        except WorkbenchError as error:  # the screen stays: another unit may do
            self._state = "" if self._found else str(error)
            self.workbench.tell(str(error), severity="error")
        self._show()

    def _told(self, found: Attribution) -> None:
        done = f"{found.exact} of {len(found.units)} left out" if found.exact or found.note else "a quick look"
        self._found, self._state = found, done
        self._show()

    # ---- painting

    def _show(self) -> None:
        if not self.is_attached:
            return
        here = self._unit
        found = self._found
        done = [weight.unit for weight in found.measured] if found else []
        self._rows = done + ([unit for unit in found.units if unit not in done] if found else [])
        self.cards.show(len(self._rows), self._rows.index(here) if here in self._rows and self.cards.here else 0)
        about = [f"one {self._by} out", *([self._state] if self._state else [])]
        if found:
            about[1:1] = [f"log p {found.logp:.1f} nats"]
        self.head.show([(f"what answer {self._label} hangs on", "name")], [(" · ".join(about), "")], firm=True)
        self._paint()

    @property
    def _unit(self) -> Unit | None:
        return self._rows[self.cards.here] if 0 <= self.cards.here < len(self._rows) else None

    def _weight(self, unit: Unit | None) -> Weight | None:
        if self._found is None or unit is None:
            return None
        return next((weight for weight in self._found.weights if weight and weight.unit == unit), None)

    @property
    def _most(self) -> float:
        return max((abs(weight.nats) for weight in self._found.measured), default=0.0) if self._found else 0.0

    def row(self, index: int) -> Row:
        """`+3.21 ▓▓▓░ the unit`, with the tokens it costs at the right."""
        unit = self._rows[index]
        weight = self._weight(unit)
        if weight is None:
            return [("   …   ", "dim"), (unit.brief, "dim")], []
        kind = "mark" if weight.nats > 0 and level(weight.nats, self._most) else "dim"
        share = abs(weight.nats) / self._most if self._most else 0.0
        drawn = f"{bar(share, 5)} " if self.cards.size.width > _NARROW else ""
        left = [(f"{figure(weight):>7} ", kind), (drawn, "bar"), (unit.brief, "")]
        return left, [(f"{weight.tokens} tok", "dim")]

    def turned(self) -> None:
        """Another unit: it is marked in the prompt, and the answer shaded by it."""
        self._paint()

    def _paint(self) -> None:
        here, made, at = self._unit, Shaded(), 0
        if self._found is None:
            made.add(self._state)
            self._heat.put(made)
            return
        chosen = self._weight(here)
        if chosen is not None:
            self._add_answer(made, self._found, chosen)
        for place, message in enumerate(self._messages):
            made.add(f"── {message.role}\n", "head")
            covered = sorted(
                (span.start, span.end, at_unit)
                for at_unit, unit in enumerate(self._found.units)
                for span in unit.spans
                if span.message == place and span.end > span.start
            )
            done = 0
            for start, end, at_unit in covered:
                unit = self._found.units[at_unit]
                made.add(message.content[done:start], "dim")
                weight = self._weight(unit)
                kind = style(weight.nats, self._most) if weight else "dim"
                shade = made.add(LEVELS[level(weight.nats, self._most)] if weight else "", "dim")
                made.add(f"{figure(weight)} " if weight else "… ", "here" if unit == here else "dim")
                at = shade if unit == here and not at else at
                made.add(message.content[start:end], kind)
                done = end
            made.add(message.content[done:] + "\n", "dim")
        self._heat.put(made, at if chosen is None else None)

    def _add_answer(self, made: Shaded, found: Attribution, chosen: Weight) -> None:
        """The answer shaded by what the chosen unit does for each token, the strongest named with figures."""
        made.add(
            f"── the answer, {figure(chosen)} nats by this unit ({found.per_token(chosen):+.3f} a token)\n", "head"
        )
        if chosen.quick:
            made.add("≈ only hidden from the answer, not left out yet\n", "dim")
        if not chosen.words:
            made.add("without it the answer is cut into other tokens\n", "dim")
            return
        most = max(abs(value) for value in chosen.words)
        for token, value in zip(found.answer, chosen.words, strict=True):
            made.add(token.text, style(value, most))
        ordered = sorted(zip(chosen.words, found.answer, strict=True), key=lambda pair: -pair[0])
        for name, some in (("likelier", ordered[:_SAID]), ("less likely", ordered[: -_SAID - 1 : -1])):
            said = " · ".join(
                f"‘{token.text.strip()}’ {value:+.2f}"
                for value, token in some
                if level(value, most) and (value > 0) == (name == "likelier")
            )
            made.add(f"\n{name}: {said}" if said else "", "dim")
        made.add("\n")

    # ---- keys

    def action_by(self) -> None:
        """Sentences, paragraphs, examples, whole messages."""
        self._by = KINDS[(KINDS.index(self._by) + 1) % len(KINDS)]
        self._weigh()

    def action_stop(self) -> None:
        """Measure no more; what there is stays."""
        if self._state and self._found:
            self.workers.cancel_node(self)
            self._state = f"stopped · {self._found.exact} of {len(self._found.units)} left out"
            self._show()

    def action_message(self) -> None:
        """What the user asks is weighed too, or not."""
        self._whole = not self._whole
        self._weigh()
