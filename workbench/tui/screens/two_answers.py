"""Two lanes' answers beside each other as heat: what the divergence and the cross-scores screens are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.screen import ModalScreen
from textual.widgets import Static

from workbench import safe
from workbench.errors import WorkbenchError
from workbench.insight.reading import Reading, Subject
from workbench.tui import actions
from workbench.tui.screens.beside import bindings
from workbench.tui.widgets.answer import AnswerPane
from workbench.tui.widgets.frame import FrameLine, Part
from workbench.tui.widgets.heat_side import HeatSide
from workbench.tui.widgets.heat_text import HeatText

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from workbench.inference.engine import Engine
    from workbench.session import Session
    from workbench.tui.app import WorkbenchApp
    from workbench.tui.widgets.card_list import Row

Result = TypeVar("Result")
_LOW = 30  # lines of the terminal below which the tables are short


def pair_bindings(place: str) -> list[BindingType]:
    """The place's keys; the digits choose what is on the right."""
    against = next(action for action in actions.at(place) if action.id == f"{place}.against")
    digits = [
        Binding(key, f"against({key})", against.title, show=False, id=f"{against.id}.{key}") for key in against.keys
    ]
    return [*bindings(place, without=(against.id,)), *digits]


class TwoAnswersScreen(ModalScreen[Result]):
    """Reads beside the interface; `read` does it, `turned` hears of the cursor, `row` paints a side's table."""

    DEFAULT_CSS = """
    TwoAnswersScreen { background: $background; }
    TwoAnswersScreen > Horizontal { height: 1fr; }
    TwoAnswersScreen > Static { height: auto; max-height: 4; padding: 0 1; }
    TwoAnswersScreen > AnswerPane { display: none; padding: 1 2; }
    TwoAnswersScreen.-empty > AnswerPane { display: block; }
    TwoAnswersScreen.-empty > Horizontal, TwoAnswersScreen.-empty > Static { display: none; }
    """
    AUTO_FOCUS = ""
    place: ClassVar[str]

    def __init__(self, session: Session, subjects: Sequence[Subject], left: int, right: int) -> None:
        super().__init__()
        self.session = session
        self.subjects = subjects
        self.chosen = [left, right]
        self.sides = (HeatSide(lambda index: self.row(0, index)), HeatSide(lambda index: self.row(1, index)))
        self.note = AnswerPane()
        self.says = Static(markup=False)
        self.foot = FrameLine("bottom")
        self.busy = False

    @property
    def workbench(self) -> WorkbenchApp:
        """The app, by its type."""
        return cast("WorkbenchApp", self.app)

    @property
    def left(self) -> Subject:
        """What is on the left."""
        return self.subjects[self.chosen[0]]

    @property
    def right(self) -> Subject:
        """What is on the right."""
        return self.subjects[self.chosen[1]]

    @property
    def at(self) -> int:
        """The side where the cursor is moved, 0 or 1."""
        return 1 if self.focused in (self.sides[1].heat, self.sides[1].cards) else 0

    def compose(self) -> ComposeResult:
        yield self.says
        with Horizontal():
            yield from self.sides
        yield self.note
        yield self.foot

    def on_mount(self) -> None:
        """Begin to read."""
        self.begin()

    def on_resize(self, event: events.Resize) -> None:
        """A low terminal has short tables."""
        for side in self.sides:
            side.set_class(event.size.height < _LOW, "-low")
            side.cards.refresh()

    # ---- reading

    async def read(
        self, use: Callable[[Path], AbstractAsyncContextManager[Engine]], say: Callable[[str], None]
    ) -> None:
        """Read what the screen shows. Raises EngineError."""
        raise NotImplementedError

    def ready(self) -> None:
        """It was read: show it."""
        raise NotImplementedError

    @work(group="reading", exclusive=True)
    async def begin(self) -> None:
        """Read the two that are chosen; what goes wrong stands where the answers would."""

        def use(path: Path) -> AbstractAsyncContextManager[Engine]:
            name = next((each.model for each in (self.left, self.right) if each.path == str(path)), path.stem)
            return self.session.pool.use(
                path,
                on_wait=lambda reason: self.say(f"{name} waits: {reason}"),
                on_progress=lambda part: self.say(f"loading {name}, {part:.0%}"),
            )

        self.busy = True
        self.set_class(True, "-empty")
        self.say("opening the model")
        wrong = ""
        try:
            await self.read(use, self.say)
        except WorkbenchError as error:
            wrong = str(error)
        finally:
            self.busy = False
        if wrong:
            self.say(wrong)
            return
        self.set_class(False, "-empty")
        self.sides[self.at].heat.focus()
        self.ready()

    def say(self, what: str) -> None:
        """What is being done, or went wrong."""
        if self.is_attached:
            self.note.set_text(what)
            self.foot.show([("esc cancels" if self.busy else "esc leaves", "")])

    # ---- showing

    def row(self, side: int, index: int) -> Row:
        """How a row of a side's table is painted."""
        raise NotImplementedError

    def turned(self, side: int) -> None:
        """The cursor of that side is on another token."""
        raise NotImplementedError

    def heading(self, side: int, reading: Reading, says: str) -> None:
        """A side's top line: which lane and model; `says` at the right; and when its tokens are not those drawn."""
        subject = self.subjects[self.chosen[side]]
        told: list[Part] = []
        if reading.retokenized:
            told.append((f"retokenized: {subject.made} → {len(reading.said)} ", "warn"))
        self.sides[side].head.show([(subject.name, "name"), (f"  {subject.model}", "")], [*told, (says, "")], firm=True)

    def tell(self, lines: Sequence[str]) -> None:
        """What there is to say of the two, above them."""
        self.says.update(safe.text("\n".join(safe.line(line) for line in lines)))

    def show_keys(self, what: str, legend: str) -> None:
        """The bottom line: what the heat is, how to read its marks, the keys."""
        keys = f"{self._keys()} · F1 keys"
        room = self.size.width - len(what) - len(legend) - len(keys) - 11
        shown = [(f"{what}: ", "strong"), (f"{legend} · ", "")] if room >= 0 else [(f"{what} · ", "strong")]
        self.foot.show([*shown, (keys, "")])

    def _keys(self) -> str:
        return " · ".join(f"{actions.key_name(a.keys[0])} {a.footer}" for a in actions.at(self.place) if a.footer)

    def on_heat_text_moved(self, event: HeatText.Moved) -> None:
        """The cursor moved."""
        self.turned(0 if event.heat is self.sides[0].heat else 1)

    # ---- actions

    def action_side(self) -> None:
        """The other answer."""
        if not self.has_class("-empty"):
            self.sides[1 - self.at].heat.focus()
            self.focused_side()

    def focused_side(self) -> None:
        """The cursor is on the other side now."""
        for place, side in enumerate(self.sides):
            side.head.set_class(place == self.at, "-focus")

    def action_against(self, number: int) -> None:
        """Another lane's answer on the right."""
        if number > len(self.subjects) or number - 1 in self.chosen:
            return
        self.chosen[1] = number - 1
        self.begin()

    def action_leave(self) -> None:
        """Back; what is being read is read no further."""
        self.dismiss(None)
