"""A context window as a bar: each part in a pattern and a colour of its own, its name in it where there is room."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from workbench.insight.context import PARTS, Filling

_LIMIT = "┃"  # where the context ends, in a bar that is longer


class PartsBar(Widget):
    """One line: `▕:: system ▓▓▒▒▒ history ▒▒▒█ message █░░░ answer ░░░   ▏`."""

    DEFAULT_CSS = """
    PartsBar { height: 1; color: $foreground-muted; }
    PartsBar > .parts--template { color: $foreground-muted; }
    PartsBar > .parts--system { color: $primary; }
    PartsBar > .parts--examples { color: $success; }
    PartsBar > .parts--summary { color: $warning; }
    PartsBar > .parts--history { color: $secondary; }
    PartsBar > .parts--message { color: $accent; }
    PartsBar > .parts--answer { color: $foreground 60%; }
    PartsBar > .parts--limit { color: $error; text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"parts--{name}" for name in (*PARTS, "limit")}
    can_focus = False

    def __init__(self) -> None:
        super().__init__()
        self._found: Filling | None = None

    def show(self, found: Filling | None) -> None:
        """This one now; None while it is counted."""
        self._found = found
        self.refresh()

    def plain(self, width: int) -> str:
        """The bar on `width` columns, as a test reads it."""
        return "".join(text for text, _ in self._parts(width))

    def render_line(self, y: int) -> Strip:
        """The bar."""
        width = self.size.width
        segments = [Segment(text, self._look(kind)) for text, kind in self._parts(width)]
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _look(self, kind: str) -> Style:
        return self.get_component_rich_style(f"parts--{kind}") if kind else self.rich_style

    def _parts(self, width: int) -> list[tuple[str, str]]:
        room = width - 4
        found = self._found
        if found is None or room < 1:
            return [(" …", "")]
        made = [(" ▕", "")]
        for name, count in found.cells(room):
            if name == "free":
                made.append((" " * count, ""))
            elif count >= len(name) + 4:
                left = (count - len(name) - 2) // 2
                mark = PARTS[name]
                made.append((f"{mark * left} {name} {mark * (count - left - len(name) - 2)}", name))
            elif count:
                made.append((PARTS[name] * count, name))
        return [*_limited(made, found, room), ("▏", "")]


def _limited(made: list[tuple[str, str]], found: Filling, room: int) -> list[tuple[str, str]]:
    """With the end of the context marked where the bar goes on behind it."""
    if not found.context or found.prompt_tokens <= found.context:
        return made
    at, done = 2 + min(room - 1, found.context * room // found.prompt_tokens), list[tuple[str, str]]()
    for text, kind in made:
        if 0 <= at < len(text):
            done += [(text[:at], kind), (_LIMIT, "limit"), (text[at + 1 :], kind)]
        else:
            done.append((text, kind))
        at -= len(text)
    return [(text, kind) for text, kind in done if text]
