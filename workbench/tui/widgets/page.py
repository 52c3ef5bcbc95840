"""A page of styled lines that scrolls: charts and tables that are no list and no text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.strip import Strip
from textual.widget import Widget

from workbench import safe
from workbench.tui import actions

Part = tuple[str, str]  # text (untrusted), component class suffix ("" = plain)
_HEATS = 5
_STYLES = ("head", "dim", "line", "good", "mixed", "bad", *(f"heat{n}" for n in range(_HEATS)))


def heat(fraction: float) -> str:
    """The style of a heat table's spot: 0 the least value, 1 the greatest."""
    return f"heat{max(0, min(_HEATS - 1, int(fraction * _HEATS)))}"


class Page(Widget, can_focus=True):
    """`show` gives it lines; the keys of an answer scroll them."""

    DEFAULT_CSS = """
    Page { height: 1fr; width: 1fr; background: $background; color: $foreground; padding: 0 1; }
    Page > .page--head { color: $accent; text-style: bold; }
    Page > .page--dim { color: $foreground-muted; }
    Page > .page--line { color: $primary; }
    Page > .page--good { color: $success; }
    Page > .page--mixed { color: $warning; }
    Page > .page--bad { color: $error; }
    Page > .page--heat0 { background: $primary 5%; }
    Page > .page--heat1 { background: $primary 18%; }
    Page > .page--heat2 { background: $primary 31%; }
    Page > .page--heat3 { background: $primary 44%; }
    Page > .page--heat4 { background: $primary 57%; text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"page--{name}" for name in _STYLES}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(a.keys), a.do, a.title, show=False, id=a.id) for a in actions.at("answer")
    ]

    def __init__(self) -> None:
        super().__init__()
        self._lines: Sequence[Sequence[Part]] = ()
        self._top = 0

    def show(self, lines: Sequence[Sequence[Part]]) -> None:
        """These lines now; one stays at the same place."""
        self._lines = lines
        self._go(self._top)
        self.refresh()

    @property
    def plain(self) -> list[str]:
        """Every line, as a test reads it."""
        return ["".join(text for text, _ in line).rstrip() for line in self._lines]

    @property
    def columns(self) -> int:
        """How wide a line may be."""
        return max(1, self.content_size.width)

    @property
    def hidden(self) -> int:
        """Lines below what is in sight."""
        return max(0, len(self._lines) - self._top - self.size.height)

    def render_line(self, y: int) -> Strip:
        """A line of the page."""
        base, at, width = self.rich_style, self._top + y, self.size.width
        if at >= len(self._lines):
            return Strip.blank(width, base)
        segments = [Segment(safe.line(text), self._look(kind, base)) for text, kind in self._lines[at]]
        return Strip(segments).adjust_cell_length(width, base)

    def _look(self, kind: str, base: Style) -> Style:
        if not kind:
            return base
        style = self.get_component_rich_style(f"page--{kind}")
        return style if kind.startswith("heat") else base + Style(color=style.color, bold=style.bold or None)

    def _go(self, top: int) -> None:
        self._top = max(0, min(top, len(self._lines) - self.size.height))

    def action_scroll(self, by: int) -> None:
        """So many lines down."""
        self._go(self._top + by)
        self.refresh()

    def action_page(self, by: int) -> None:
        """So many pages down."""
        self.action_scroll(by * max(1, self.size.height - 1))

    def action_top(self) -> None:
        """To the first line."""
        self.action_scroll(-len(self._lines))

    def action_bottom(self) -> None:
        """To the last line."""
        self.action_scroll(len(self._lines))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel."""
        event.stop()
        self.action_scroll(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel."""
        event.stop()
        self.action_scroll(-3)
