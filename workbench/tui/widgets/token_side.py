"""One model's tokens of the text at hand: its name and count above them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message

from workbench.inference.engine import Engine
from workbench.insight.tokens import Rendered
from workbench.tui.cutting import Cutter
from workbench.tui.widgets.frame import FrameLine
from workbench.tui.widgets.token_pane import TokenPane

Lend = Callable[[], AbstractAsyncContextManager[Engine]]


class TokenSide(Vertical):
    """`cut` gives it a text, `take` a rendered prompt; `likely` are log-probabilities by token, as far as asked for."""

    DEFAULT_CSS = """
    TokenSide { width: 1fr; height: 1fr; }
    TokenSide > .body { height: 1fr; border-left: solid $foreground 25%; border-right: solid $foreground 25%;
        padding: 0 0 0 1; }
    """

    class Cut(Message):
        """Its tokens are others now."""

        def __init__(self, side: TokenSide) -> None:
            super().__init__()
            self.side = side

    class Failed(Message):
        """Its model says no."""

        def __init__(self, what: str) -> None:
            super().__init__()
            self.what = what

    def __init__(self, model: str, path: str, lend: Lend) -> None:
        super().__init__()
        self.model, self.path, self.lend = model, path, lend
        self.head, self.pane = FrameLine("top"), TokenPane()
        self.cutter = Cutter(lend, self._changed, lambda what: self._failed(what))
        self.rendered: Rendered | None = None  # what is shown, where it is a rendered prompt
        self.likely: dict[int, float] = {}

    def compose(self) -> ComposeResult:
        yield self.head
        with Vertical(classes="body"):
            yield self.pane

    def on_unmount(self) -> None:
        """Cut no more."""
        self.cutter.close()

    def cut(self, text: Callable[[], str]) -> None:
        """Another text, or the same a key later."""
        if self.rendered is not None:
            self.rendered = None
            self._changed(0)
        self.cutter.want(text)

    def take(self, rendered: Rendered) -> None:
        """A rendered prompt."""
        self.rendered = rendered
        self.likely = {}
        self.cutter.close()
        self.pane.show(rendered.tokens, rendered.owners)
        self.post_message(self.Cut(self))

    def _changed(self, first: int) -> None:
        if self.rendered is None and self.is_attached:
            self.likely = {at: value for at, value in self.likely.items() if at < first}
            self.pane.show(self.cutter.tape.tokens, changed=first if not self.pane.owners else 0)
            self.post_message(self.Cut(self))

    def _failed(self, what: str) -> None:
        if self.is_attached:
            self.post_message(self.Failed(what))

    @property
    def text(self) -> str:
        """What its tokens are of."""
        return self.rendered.text if self.rendered is not None else self.cutter.tape.text

    def place(self, token: int) -> int:
        """Where a token begins, in characters."""
        if self.rendered is None:
            return self.cutter.tape.place(token)
        return sum(len(each.text) for each in self.rendered.tokens[:token])

    def token_at(self, place: int) -> int:
        """The token that the character at `place` is in."""
        if self.rendered is None:
            return self.cutter.tape.token_at(place)
        starts, at = [], 0
        for token in self.rendered.tokens:
            starts.append(at)
            at += len(token.text)
        return max(0, bisect_right(starts, place) - 1)

    def says(self, label: str, right: str) -> None:
        """Its top line."""
        self.head.show([(label, "name"), (f"  {self.model}", "")], [(right, "")], firm=True)
