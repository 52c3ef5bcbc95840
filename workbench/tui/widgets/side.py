"""One of two answers that are voted on blind: sealed until the vote, then with its name and figures."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical

from workbench.experiments.arena.entries import Entry
from workbench.tui.widgets.answer import AnswerPane
from workbench.tui.widgets.frame import FrameLine
from workbench.tui.widgets.wrap import wrap


class Side(Vertical):
    """`name` is all that its frame says while it is sealed."""

    DEFAULT_CSS = """
    Side { width: 1fr; height: 1fr; min-height: 4; }
    Side > .body { height: 1fr; border-left: solid $foreground 25%; border-right: solid $foreground 25%;
        padding: 0 0 0 1; }
    Side .item { color: $accent; }
    Side.-revealed .item { border-bottom: solid $foreground 25%; }
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self._called = name
        self.pane = AnswerPane()
        self.item = AnswerPane(classes="item")
        self.item.can_focus = False
        self.item.styles.height = 0
        self.head, self.foot = FrameLine("top"), FrameLine("bottom")

    def compose(self) -> ComposeResult:
        yield self.head
        with Vertical(classes="body"):
            yield self.item
            yield self.pane
        yield self.foot

    def call(self, name: str) -> None:
        """Another name for it: it stands elsewhere now."""
        self._called = name
        if not self.has_class("-revealed"):
            self.head.show([(name, "name")])

    def seal(self, entry: Entry) -> None:
        """Show the whole text from its beginning, and nothing of what made it."""
        self.set_class(False, "-revealed")
        self.item.set_text("")
        self.item.styles.height = 0
        self.pane.set_text(_whole(entry))
        self.head.show([(self._called, "name")])
        self.foot.show()

    def reveal(self, entry: Entry, mark: str) -> None:
        """What made it; `mark` says how the vote went for it."""
        kind = {"better": "good", "worse": "", "bad": "bad"}.get(mark, "strong")
        self.head.show([(mark, kind)])
        self.item.set_text(entry.item.replace(" · ", "\n"))
        wide = max(2, self.pane.size.width - 1)
        lines = sum(len(wrap(part, wide)) for part in self.item.shown.split("\n"))
        self.item.styles.height = min(lines, max(3, self.size.height - 6)) + 1  # and the rule below
        self.set_class(True, "-revealed")
        figures = [f"{entry.tokens:,} tok"]
        if entry.tokens_per_s:
            figures.append(f"{entry.tokens_per_s:.0f} tok/s")
        if entry.first_s is not None:
            figures.append(f"first {entry.first_s:.2f} s")
        figures.append(f"{len(entry.text):,} characters")
        self.foot.show([(" · ".join(figures), "")])


def _whole(entry: Entry) -> str:
    """The answer; where it is a later one of its conversation, with what was said before."""
    answer = entry.text or "(no text)"
    if not entry.before:
        return answer
    told = [f"❯ {content}" if role == "user" else content for role, content in entry.before]
    return "\n\n".join([*told, f"❯ {entry.message}", answer])
