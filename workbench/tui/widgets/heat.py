"""An answer pane with parts of its text shaded by how much they weigh; the text itself carries the figures."""

from __future__ import annotations

from bisect import bisect_right
from typing import ClassVar

from workbench import safe
from workbench.tui.widgets.answer import AnswerPane

LEVELS = " ░▒▓█"  # the shade as a letter, for whoever sees no colour
Spans = list[tuple[int, int, str]]


def level(value: float, most: float) -> int:
    """How strong `value` is beside the strongest: 0 (under a twentieth) to 4."""
    share = abs(value) / most if most > 0 else 0.0
    return 0 if share < 0.05 else min(4, 1 + int(share * 4))


def style(value: float, most: float) -> str:
    """The style of so much weight: `hot1` … `hot4`, `cold1` … `cold4` where it is negative, "" for nearly nothing."""
    found = level(value, most)
    return f"{'hot' if value > 0 else 'cold'}{found}" if found else ""


class Shaded:
    """A text put together piece by piece, as HeatPane shows it: safe, with its spans."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self.spans: Spans = []
        self.length = 0

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self._parts)

    def add(self, text: str, kind: str = "") -> int:
        """More text (untrusted); returns where it begins."""
        shown, at = safe.text(text).replace("\t", "    "), self.length
        self._parts.append(shown)
        self.length += len(shown)
        if kind and shown:
            self.spans.append((at, self.length, kind))
        return at


class HeatPane(AnswerPane):
    """Spans may be `hot1` … `hot4`, `cold1` … `cold4`, `here`, `head` and `dim`, besides an answer's own."""

    DEFAULT_CSS = """
    HeatPane > .answer--hot1 { color: $text-warning; }
    HeatPane > .answer--hot2 { color: $text-warning; text-style: underline; }
    HeatPane > .answer--hot3 { color: $text-warning; background: $warning-muted; }
    HeatPane > .answer--hot4 { color: $background; background: $warning; text-style: bold; }
    HeatPane > .answer--cold1 { color: $text-primary; }
    HeatPane > .answer--cold2 { color: $text-primary; text-style: underline; }
    HeatPane > .answer--cold3 { color: $text-primary; background: $primary-muted; }
    HeatPane > .answer--cold4 { color: $background; background: $primary; text-style: bold; }
    HeatPane > .answer--here { text-style: reverse; }
    HeatPane > .answer--head { color: $accent; text-style: bold; }
    HeatPane > .answer--dim { color: $foreground-muted; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"answer--{sign}{number}" for sign in ("hot", "cold") for number in range(1, 5)),
        *("answer--here", "answer--head", "answer--dim"),
    }

    def put(self, shaded: Shaded, at: int | None = None) -> None:
        """Show a text, scrolled as it was, and as far as the place `at` asks for."""
        fraction, same = self._top, shaded.text == self.shown
        if not same:
            self.set_text(shaded.text)
            self._top = min(fraction, self._last_top())
        self.set_spans(shaded.spans)
        if at is not None:
            self.reveal(at)

    def reveal(self, at: int) -> None:
        """Scroll so that this place of the text is in sight, a third down where it was not."""
        line = bisect_right(self._starts, at) - 1
        if not self._top <= line < self._top + max(1, self.size.height - 1):
            self._go(line - self.size.height // 3, tell=False)
