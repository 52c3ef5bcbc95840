"""A text as its tokens, in turn: only the rows in sight are laid out and painted, however long the text.

Every other token of a row is underlined and has the other background: pieces are told apart without colours too. What
a template wrote stands in ⟦ ⟧, a control token that came from a person (or stands in an answer) behind ⚠.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from workbench.inference.engine import Token
from workbench.insight.tokens import BOTH, TEMPLATE, visible
from workbench.tui import actions

_KNOWN = 50_000  # pieces remembered as they are shown


class TokenPane(Widget, can_focus=True):
    """`show` gives it tokens, and whose each is (`insight.tokens`); the cursor goes from token to token."""

    DEFAULT_CSS = """
    TokenPane { height: 1fr; width: 1fr; background: $background; color: $foreground; }
    TokenPane > .token--even { background: $primary 22%; color: $foreground; }
    TokenPane > .token--odd { background: $accent 16%; color: $foreground; text-style: underline; }
    TokenPane > .token--bytes { color: $foreground-muted; }
    TokenPane > .token--control { color: $accent; text-style: bold; }
    TokenPane > .token--template { color: $foreground-muted; }
    TokenPane > .token--intruder { color: $error; text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *("token--even", "token--odd", "token--bytes", "token--control", "token--template", "token--intruder")
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(a.keys), a.do, a.title, show=False, id=a.id) for a in actions.at("heat")
    ]

    class Moved(Message):
        """The cursor is on another token."""

        def __init__(self, pane: TokenPane) -> None:
            super().__init__()
            self.pane = pane

        @property
        def control(self) -> TokenPane:
            """Whose."""
            return self.pane

    def __init__(self) -> None:
        super().__init__()
        self.tokens: Sequence[Token] = ()
        self.owners: Sequence[int] = ()
        self.here = 0  # the token under the cursor
        self.bars = False  # whether a bar stands behind each token
        self._rows: list[int] = [0]  # the first token of each row that is laid out, and the first of the next one
        self._top = 0
        self._known: dict[str, tuple[str, int]] = {}
        self._looks: dict[str, Style] = {}
        self._painted: list[object] = []

    # ---- what is shown

    def show(self, tokens: Sequence[Token], owners: Sequence[int] = (), *, changed: int = 0) -> None:
        """These tokens now, the same as before up to `changed`."""
        self.tokens, self.owners = tokens, owners
        row = max(0, bisect_right(self._rows, max(0, changed - 1)) - 1)  # a piece's width may depend on the next one
        del self._rows[max(1, row + 1) :]
        self.here = max(0, min(self.here, len(tokens) - 1))
        self._top = min(self._top, self._last_top())
        self._repaint()

    def _repaint(self) -> None:
        """Paint the rows in sight that are others than those that were painted last."""
        before, self._painted = self._painted, self._in_sight()
        if before[:1] != self._painted[:1] or len(before) != len(self._painted):
            self.refresh()
            return
        wide = self.size.width
        rows = [y for y, pair in enumerate(zip(before, self._painted, strict=True)) if pair[0] != pair[1]]
        if rows:
            self.refresh(*(Region(0, y - 1, wide, 1) for y in rows))

    def _in_sight(self) -> list[object]:
        """The top row and size, then what each row in sight is made of."""
        self._reach(self._top + self.size.height)
        made: list[object] = [(self._top, self.size, self.bars, self.has_focus)]
        last = len(self._rows) - 1
        for row in range(self._top, self._top + self.size.height):
            if row >= last:
                made.append(None)
                continue
            start, end = self._rows[row : row + 2]
            here = self.here - start if start <= self.here < end else -1
            made.append((self.tokens[start:end], tuple(self.owners[max(0, start - 1) : end + 1]), here))
        return made

    def set_bars(self, bars: bool) -> None:
        """A bar behind each token, or none."""
        self.bars = bars
        self._lay_out_anew()

    @property
    def current(self) -> Token | None:
        """The token under the cursor."""
        return self.tokens[self.here] if self.here < len(self.tokens) else None

    @property
    def plain(self) -> list[str]:
        """The rows in sight, as a test reads them."""
        self._reach(self._top + self.size.height)
        rows = range(self._top, min(self._top + self.size.height, len(self._rows) - 1))
        return ["".join(self._piece(at)[0] for at in range(*self._rows[row : row + 2])) for row in rows]

    def on_resize(self) -> None:
        """Other rows."""
        self._lay_out_anew()

    def notify_style_update(self) -> None:
        """Another theme."""
        super().notify_style_update()
        self._looks = {}

    def _lay_out_anew(self) -> None:
        first = self._rows[min(self._top, len(self._rows) - 1)]
        self._rows, self._top = [0], 0
        if first:
            self._top = self._row_of(first)
        self._follow()
        self.refresh()

    # ---- rows

    def _piece(self, at: int) -> tuple[str, int]:
        """A token as it stands in its row, and its cells."""
        token = self.tokens[at]
        if token.raw:
            shown = visible(token)
            found = shown, cell_len(shown)
        elif (known := self._known.get(token.text)) is not None:
            found = known
        else:
            shown = visible(token)
            found = shown, cell_len(shown)
            if len(self._known) < _KNOWN:
                self._known[token.text] = found
        told = self.owners or token.kind == "control"
        if not (told or self.bars):
            return found
        text, wide = found
        if not self.owners and told:
            text = f"⚠{text}"
        if self.owners and at < len(self.owners):
            text = self._told_apart(at, text)
        text += "│" if self.bars else ""
        return text, wide if text == found[0] else cell_len(text)

    def _told_apart(self, at: int, text: str) -> str:
        owner, last = self.owners[at], len(self.owners) - 1
        if owner == TEMPLATE:
            text = text if at and self.owners[at - 1] == TEMPLATE else f"⟦{text}"
            return text if at < last and self.owners[at + 1] == TEMPLATE else f"{text}⟧"
        if owner == BOTH:
            return f"⟨{text}⟩"
        return f"⚠{text}" if self.tokens[at].kind == "control" else text

    def _reach(self, rows: int) -> None:
        """Lay out so many rows, or all there are."""
        made, width, count = self._rows, max(4, self.size.width - 1), len(self.tokens)
        at, piece = made[-1], self._piece
        while at < count and len(made) <= rows:
            used = 0
            while at < count:
                wide = piece(at)[1]
                if used and used + wide > width:
                    break
                used += wide
                at += 1
                if self.tokens[at - 1].text[-1:] == "\n":
                    break
            made.append(at)

    def _row_of(self, token: int) -> int:
        while self._rows[-1] <= token and self._rows[-1] < len(self.tokens):
            self._reach(len(self._rows) + 64)
        return max(0, min(bisect_right(self._rows, token) - 1, len(self._rows) - 2))

    def _last_top(self) -> int:
        """The last row that may be on top, as far as it is known."""
        self._reach(self._top + 2 * self.size.height)
        return max(0, len(self._rows) - 1 - self.size.height)

    # ---- painting

    def render_line(self, y: int) -> Strip:
        """A row of tokens."""
        width, base, row = self.size.width, self.rich_style, self._top + y
        self._reach(row + 1)
        if row >= len(self._rows) - 1 or width < 4:
            strip = Strip.blank(max(0, width - 1), base)
        else:
            made = []
            for at in range(self._rows[row], self._rows[row + 1]):
                text, wide = self._piece(at)
                if wide > width - 1:
                    text = set_cell_size(text, width - 2) + "…"
                made.append(Segment(text, self._style(at, (at - self._rows[row]) % 2, base)))
            strip = Strip(made).adjust_cell_length(width - 1, base)
        return Strip.join([strip, Strip([Segment(self._bar(y), base)], 1)])

    def _style(self, at: int, odd: int, base: Style) -> Style:
        token, owner = self.tokens[at], self.owners[at] if at < len(self.owners) else 0
        style = base + self._look("odd" if odd else "even")
        if token.kind == "control":
            style += self._look("intruder" if owner >= 0 and self.owners else "control")
        elif owner == TEMPLATE:
            style += self._look("template")
        elif token.raw:
            style += self._look("bytes")
        if at == self.here:
            style += Style(reverse=True, bold=True)
        return style

    def _look(self, name: str) -> Style:
        if name not in self._looks:
            self._looks[name] = self.get_component_rich_style(f"token--{name}", partial=name not in ("even", "odd"))
        return self._looks[name]

    def _bar(self, y: int) -> str:
        """The scrollbar's column, by tokens: how many rows they will take is not known before they are laid out."""
        count, height = len(self.tokens), self.size.height
        first = self._rows[min(self._top, len(self._rows) - 1)]
        shown = self._rows[min(self._top + height, len(self._rows) - 1)] - first
        if shown >= count or not height:
            return " "
        size = max(1, height * shown // count)
        at = round((height - size) * first / max(1, count - shown))
        return "┃" if at <= y < at + size else "│"

    # ---- the cursor

    def go(self, token: int, *, tell: bool = True) -> None:
        """The cursor onto that token."""
        token = max(0, min(token, len(self.tokens) - 1))
        if token == self.here or not self.tokens:
            return
        self.here = token
        self._follow()
        self._repaint()
        if tell:
            self.post_message(self.Moved(self))

    def _follow(self) -> None:
        """Scroll so that the cursor is in sight."""
        row, height = self._row_of(self.here), max(1, self.size.height)
        if not self._top <= row < self._top + height:
            self._top = row if row < self._top else row - height + 1
            self._top = max(0, min(self._top, self._last_top()))

    def action_step(self, by: int) -> None:
        """So many tokens on."""
        self.go(self.here + by)

    def action_line(self, by: int) -> None:
        """So many rows down, in the same column."""
        row = self._row_of(self.here)
        column = sum(self._piece(at)[1] for at in range(self._rows[row], self.here))
        self._reach(row + by + 1)
        there = max(0, min(row + by, len(self._rows) - 2))
        if there != row:
            self.go(self._at(there, column))

    def _at(self, row: int, column: int) -> int:
        """The token in that row's column."""
        used = 0
        for at in range(*self._rows[row : row + 2]):
            used += self._piece(at)[1]
            if column < used:
                return at
        return max(0, self._rows[row + 1] - 1)

    def action_page(self, by: int) -> None:
        """So many pages down."""
        self.action_line(by * max(1, self.size.height - 1))

    def action_first(self) -> None:
        """The first token."""
        self.go(0)

    def action_last(self) -> None:
        """The last token."""
        self.go(len(self.tokens) - 1)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """The token under the mouse is the one that is told of."""
        row = self._top + event.y
        if row < len(self._rows) - 1:
            self.go(self._at(row, event.x))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Three rows."""
        event.stop()
        self.action_line(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Three rows."""
        event.stop()
        self.action_line(-3)
