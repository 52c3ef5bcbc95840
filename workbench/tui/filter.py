"""The last guard: no control code reaches the terminal from any widget, whatever text it was given."""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from workbench import safe


class SafeFilter(LineFilter):
    """Turns control codes in rendered lines into one-column pictures; the common line is passed on as it is."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """`segments` without C0, C1, DEL or bidi codes; each is replaced by one column so that the layout holds."""
        if all(_clean(text) for text, _, control in segments):
            return segments
        return [
            segment if segment.control or _clean(segment.text) else Segment(_mask(segment.text), segment.style)
            for segment in segments
        ]


def _clean(text: str) -> bool:
    return text.isprintable() or safe.line(text) == text


def _mask(text: str) -> str:
    """Each unsafe character as one column: its control picture, or U+FFFD."""
    shown = []
    for character in text:
        picture = safe.line(character)
        shown.append(picture if len(picture) == 1 else "\ufffd")
    return "".join(shown)
