"""Where the message is written: several lines, its token count in the frame, warnings at the foot."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import TextArea

from workbench.tui.widgets.frame import FrameLine, Part


class MessageArea(TextArea):
    """The text area; Up in an empty one asks for what was said last."""

    DEFAULT_CSS = """
    MessageArea, MessageArea:focus { height: auto; min-height: 2; max-height: 8; border: none; padding: 0;
        background: $background; }
    """

    class Recalled(Message):
        """The last message is wanted back."""

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "up" and not self.text:
            event.stop()
            event.prevent_default()
            self.post_message(self.Recalled())
            return
        await super()._on_key(event)


class MessageBox(Vertical):
    """The area in its frame."""

    DEFAULT_CSS = """
    MessageBox { height: auto; }
    MessageBox > .body { height: auto; border-left: solid $foreground 25%; border-right: solid $foreground 25%;
        padding: 0 1; }
    MessageBox.-low MessageArea { max-height: 2; min-height: 1; }
    """

    def __init__(self) -> None:
        super().__init__(id="message")
        self.head = FrameLine("top")
        self.area = MessageArea(
            soft_wrap=True,
            highlight_cursor_line=False,
            tab_behavior="focus",
            compact=True,
            placeholder="your message · F5 runs it in all lanes",
        )
        self.area.cursor_blink = False  # half a kilobyte a second over SSH
        self.foot = FrameLine("bottom")

    def compose(self) -> ComposeResult:
        yield self.head
        with Vertical(classes="body"):
            yield self.area
        yield self.foot

    def count(self, text: str) -> None:
        """What the frame's head says of its length."""
        self.head.show([("message", "")], [(text, "")] if text else [])

    def say(self, left: Sequence[Part], right: Sequence[Part] = ()) -> None:
        """What the frame's foot says."""
        self.foot.show(left, right)

    def on_descendant_focus(self) -> None:
        """The frame shows the focus."""
        self.head.add_class("-focus")
        self.foot.add_class("-focus")

    def on_descendant_blur(self) -> None:
        """And no more."""
        self.head.remove_class("-focus")
        self.foot.remove_class("-focus")
