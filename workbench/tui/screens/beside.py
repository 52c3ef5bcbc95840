"""A list and, beside it, the text of its current row: what the history, versions and models screens are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.screen import ModalScreen

from workbench.tui import actions
from workbench.tui.widgets.answer import AnswerPane
from workbench.tui.widgets.card_list import CardList, Row
from workbench.tui.widgets.frame import FrameLine

if TYPE_CHECKING:
    from workbench.session import Session
    from workbench.tui.app import WorkbenchApp

Result = TypeVar("Result")


def bindings(place: str, *, without: tuple[str, ...] = ()) -> list[BindingType]:
    """The keys of the actions at `place`; escape is heard before what has the focus."""
    return [
        Binding(",".join(a.keys), a.do, a.title, show=False, id=a.id, priority="escape" in a.keys)
        for a in actions.at(place)
        if a.id not in without
    ]


class BesideScreen(ModalScreen[Result]):
    """`row(index)` paints the list, `turned()` hears of another row; enter reads the text, escape goes back."""

    DEFAULT_CSS = """
    BesideScreen { background: $background; }
    BesideScreen Container { layout: horizontal; height: 1fr; }
    BesideScreen CardList { width: 2fr; }
    BesideScreen Vertical { width: 3fr; height: 1fr; border-left: solid $foreground 25%; padding: 0 0 0 1; }
    BesideScreen.-narrow Container { layout: vertical; }
    BesideScreen.-narrow CardList { width: 1fr; height: 1fr; }
    BesideScreen.-narrow Vertical { width: 1fr; height: 2fr; border-left: none; border-top: solid $foreground 25%; }
    """
    AUTO_FOCUS = "CardList"
    narrow: ClassVar[int] = 80  # columns below which the text stands under the list

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.cards = CardList(self.row)
        self.pane = AnswerPane()
        self.head, self.foot = FrameLine("top"), FrameLine("bottom")

    @property
    def workbench(self) -> WorkbenchApp:
        """The app, by its type."""
        return cast("WorkbenchApp", self.app)

    def compose(self) -> ComposeResult:
        yield self.head
        with Container():
            yield self.cards
            with Vertical():
                yield self.pane
        yield self.foot

    def on_resize(self) -> None:
        """A narrow terminal has the text under the list."""
        self.set_class(self.size.width < self.narrow, "-narrow")

    def row(self, index: int) -> Row:
        """How that row is painted."""
        raise NotImplementedError

    def turned(self) -> None:
        """Another row is the current one."""
        raise NotImplementedError

    def on_card_list_moved(self) -> None:
        """Another row."""
        self.turned()

    def on_card_list_taken(self) -> None:
        """Enter."""
        self.taken()

    def taken(self) -> None:
        """Enter goes into the text, to scroll; here and not in a handler, for Textual calls those of all classes."""
        self.pane.focus()

    def action_leave(self) -> None:
        """From the text to the list, from the list to where one came from."""
        if self.focused is self.pane:
            self.cards.focus()
        else:
            self.dismiss(None)
