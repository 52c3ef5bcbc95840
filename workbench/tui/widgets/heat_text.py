"""An answer's tokens as heat: a shade behind each and a mark below it; a cursor goes from token to token."""

from __future__ import annotations

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

from workbench.tui import actions
from workbench.tui.heat import LEVELS, Heat, Place, lay_out

ROWS = 2  # of a line: its text, its marks
_SHADES = {f"heat--{tone}{level}" for tone in ("hot", "cold") for level in range(1, LEVELS + 1)}


class HeatText(Widget, can_focus=True):
    """`show` gives it tokens; `parting` is the one with ◆, -1 none. It scrolls so that the cursor is in sight."""

    DEFAULT_CSS = """
    HeatText { height: 1fr; width: 1fr; background: $background; color: $foreground; }
    HeatText > .heat--mark { color: $foreground-muted; }
    HeatText > .heat--hot1 { background: $accent 12%; color: $foreground; }
    HeatText > .heat--hot2 { background: $accent 24%; color: $foreground; }
    HeatText > .heat--hot3 { background: $accent 36%; color: $foreground; }
    HeatText > .heat--hot4 { background: $accent 48%; color: $foreground; }
    HeatText > .heat--cold1 { background: $primary 12%; color: $foreground; }
    HeatText > .heat--cold2 { background: $primary 24%; color: $foreground; }
    HeatText > .heat--cold3 { background: $primary 36%; color: $foreground; }
    HeatText > .heat--cold4 { background: $primary 48%; color: $foreground; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"heat--mark", *_SHADES}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(a.keys), a.do, a.title, show=False, id=a.id) for a in actions.at("heat")
    ]

    class Moved(Message):
        """A person moved the cursor onto another token."""

        def __init__(self, heat: HeatText, token: int) -> None:
            super().__init__()
            self.heat = heat
            self.token = token

        @property
        def control(self) -> HeatText:
            """Whose."""
            return self.heat

    def __init__(self) -> None:
        super().__init__()
        self._tokens: Sequence[Heat] = ()
        self._lines: list[list[Place]] = []
        self._at: dict[int, tuple[int, int]] = {}  # token -> line, column
        self._parting = -1
        self._here = 0
        self._top = 0

    # ---- what is shown

    @property
    def here(self) -> int:
        """The token under the cursor; behind the last one where there is nothing to point at."""
        return self._here

    @property
    def plain(self) -> list[str]:
        """Every line, its text and its marks, as a test reads it."""
        found = []
        for line in self._lines:
            found += ["".join(place.text for place in line), self._marks(line)[0]]
        return found

    def show(self, tokens: Sequence[Heat], parting: int = -1) -> None:
        """These tokens now; the cursor stays where it is."""
        same = [token.text for token in tokens] == [token.text for token in self._tokens]
        self._tokens, self._parting = tokens, parting
        if not same:
            self._wrap()
        self.refresh()

    def go(self, token: int) -> None:
        """The cursor onto that token (or behind the last); tells nobody."""
        token = max(0, min(token, len(self._tokens)))
        if token == self._here:
            return
        before, top, self._here = self._here, self._top, token
        self._follow()
        if top != self._top:
            self.refresh()
            return
        lines = {self._at[each][0] for each in (before, token) if each in self._at}
        lines |= {place.line for line in self._lines for place in line if place.token in (before, token)}
        if lines:
            self.refresh(*(Region(0, (at - top) * ROWS, self.size.width, ROWS) for at in lines if at >= top))

    def on_resize(self) -> None:
        """Other lines."""
        self._wrap()
        self.refresh()

    def _wrap(self) -> None:
        places = lay_out([token.text for token in self._tokens], self.size.width - 1)
        self._lines = [[] for _ in range(places[-1].line + 1)] if places else []
        self._at = {}
        for place in places:
            self._lines[place.line].append(place)
            self._at.setdefault(place.token, (place.line, place.column))
        self._here = min(self._here, len(self._tokens))
        self._follow()

    @property
    def _room(self) -> int:
        """Lines that are in sight."""
        return max(1, self.size.height // ROWS)

    def _follow(self) -> None:
        line = self._at.get(self._here, (len(self._lines) - 1, 0))[0]
        top = min(max(self._top, line - self._room + 1), max(0, line))
        self._top = max(0, min(top, len(self._lines) - self._room))

    # ---- painting

    def render_line(self, y: int) -> Strip:
        """A line of text, or the marks below it."""
        width, base = self.size.width, self.rich_style
        at, row = divmod(y, ROWS)
        at += self._top
        if at >= len(self._lines) or width < 4:
            return Strip.blank(width, base)
        line = self._lines[at]
        if row == 0:
            made = [Segment(place.text, self._style(place.token, base)) for place in line]
        else:
            text, _ = self._marks(line)
            made = [Segment(text, self.get_component_rich_style("heat--mark"))]
        strip = Strip(made).adjust_cell_length(width - 1, base)
        return Strip.join([strip, Strip([Segment(self._bar(y), base)], 1)])

    def _style(self, token: int, base: Style) -> Style:
        shown = self._tokens[token]
        style = base
        if shown.level:
            style = base + self.get_component_rich_style(f"heat--{shown.tone}{shown.level}")
        if token == self._parting:
            style += Style(bold=True, underline=True)
        return style + Style(reverse=True) if token == self._here else style

    def _marks(self, line: Sequence[Place]) -> tuple[str, int]:
        """The marks of a line, and its width."""
        parts, used = [], 0
        for place in line:
            wide = cell_len(place.text)
            mark = self._tokens[place.token].mark if place.first else ""
            if place.first and place.token == self._parting:
                mark = f"◆{mark}"
            if mark and place.text[:1] == " " and wide > len(mark):
                mark = f" {mark}"  # below the word, not below the blank before it
            parts.append(set_cell_size(mark, wide))
            used += wide
        return "".join(parts), used

    def _bar(self, y: int) -> str:
        count, room = len(self._lines), self._room
        if count <= room:
            return " "
        height = self.size.height
        size = max(1, height * room // count)
        at = round((height - size) * self._top / max(1, count - room))
        return "┃" if at <= y < at + size else "│"

    # ---- keys and mouse

    def _move(self, token: int) -> None:
        token = max(0, min(token, len(self._tokens) - 1))
        if token != self._here:
            self.go(token)
            self.post_message(self.Moved(self, token))

    def action_step(self, by: int) -> None:
        """So many tokens on."""
        self._move(self._here + by)

    def action_line(self, by: int) -> None:
        """So many lines down, in the same column."""
        if not self._lines:
            return
        line, column = self._at.get(self._here, (len(self._lines) - 1, 0))
        there = max(0, min(line + by, len(self._lines) - 1))
        if there == line or not self._lines[there]:
            return
        self._move(next((p.token for p in reversed(self._lines[there]) if p.column <= column), 0))

    def action_page(self, by: int) -> None:
        """So many pages down."""
        self.action_line(by * max(1, self._room - 1))

    def action_first(self) -> None:
        """The first token."""
        self._move(0)

    def action_last(self) -> None:
        """The last token."""
        self._move(len(self._tokens) - 1)

    def on_click(self, event: events.Click) -> None:
        """The token under the mouse."""
        at = event.y // ROWS + self._top
        if at < len(self._lines):
            found = [place.token for place in self._lines[at] if place.column <= event.x]
            if found:
                self._move(found[-1])

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """A line."""
        event.stop()
        self.action_line(1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """A line."""
        event.stop()
        self.action_line(-1)
