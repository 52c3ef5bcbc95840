"""How full a lane's context will be: prompt, history, message and the room for the answer against what it holds."""

from __future__ import annotations

from typing import ClassVar

import msgspec
from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget


class Load(msgspec.Struct, frozen=True):
    """What the next run puts in the context, in tokens.

    `prompt` is all that is fed (`history` of it earlier turns); `room` the longest answer asked for; `context` what
    the model's context holds (0: a server does not say). `known` is False until the engine has counted. `forgotten` is
    what the lane's policy leaves out.
    """

    prompt: int = 0
    history: int = 0
    room: int = 0
    context: int = 0
    known: bool = False
    forgotten: int = 0

    @property
    def fits(self) -> bool:
        """Whether the prompt and at least one token of answer go in."""
        return not self.known or not self.context or self.prompt + 1 <= self.context

    @property
    def left(self) -> int:
        """Tokens that the answer can really have."""
        return max(0, min(self.room, self.context - self.prompt)) if self.context else self.room

    def says(self) -> str:
        """The numbers, exactly."""
        if not self.known:
            return "… tok"
        if not self.fits:
            return f"{self.prompt:,} tok do not fit in {self.context:,}"
        text = f"{self.prompt:,}"
        about = [f"{self.history:,} history"] if self.history else []
        about += [f"{self.forgotten:,} forgotten"] if self.forgotten else []
        text += f" ({', '.join(about)})" if about else ""
        text += f" + {self.left:,} / {self.context:,}" if self.context else f" + {self.left:,} tok"
        if self.left < self.room:
            text += f" (answer cut at {self.left:,})"
        return text

    def brief(self) -> str:
        """The numbers where there is little room."""
        if not self.known:
            return "… tok"
        if not self.fits:
            return f"{self.prompt} > {self.context} tok"
        gone = f" -{self.forgotten}" if self.forgotten else ""
        return f"{self.prompt}+{self.left}/{self.context or '?'}{gone}"


class ContextBar(Widget):
    """One line: `▕███▒▒▒░░░▏ 812 + 512 / 4,096`, red when the prompt does not fit, amber when the answer is cut."""

    DEFAULT_CSS = """
    ContextBar { height: 1; color: $foreground-muted; }
    ContextBar > .bar--used { color: $accent; }
    ContextBar > .bar--history { color: $secondary; }
    ContextBar > .bar--room { color: $accent 50%; }
    ContextBar > .bar--free { color: $foreground 15%; }
    ContextBar > .bar--warn { color: $warning; }
    ContextBar > .bar--bad { color: $error; text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "bar--used",
        "bar--history",
        "bar--room",
        "bar--free",
        "bar--warn",
        "bar--bad",
    }
    can_focus = False

    def __init__(self) -> None:
        super().__init__()
        self._load = Load()

    @property
    def load(self) -> Load:
        """What is shown."""
        return self._load

    def show(self, load: Load) -> None:
        """Show it; repaints only when it changed."""
        if load != self._load:
            self._load = load
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The bar and its numbers."""
        width = self.size.width
        load = self._load
        text = load.says()
        if cell_len(text) + 9 > width:
            text = load.brief()
        cells = min(24, width - cell_len(text) - 4)
        warned = load.known and (load.left < load.room or load.forgotten)
        kind = "bad" if not load.fits else "warn" if warned else ""
        style = self.get_component_rich_style(f"bar--{kind}") if kind else self.rich_style
        segments = []
        if cells >= 4:
            segments.append(Segment("▕", self.rich_style))
            for name, count in self._cells(cells):
                if count:
                    mark = {"used": "█", "history": "█", "room": "▒", "free": "░", "bad": "█"}[name]
                    segments.append(Segment(mark * count, self.get_component_rich_style(f"bar--{name}")))
            segments.append(Segment("▏ ", self.rich_style))
        segments.append(Segment(text, style))
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _cells(self, cells: int) -> list[tuple[str, int]]:
        load = self._load
        if not load.known or not load.context:
            return [("free", cells)]
        if not load.fits:
            return [("bad", cells)]

        def share(tokens: int) -> int:
            return min(cells, -(-tokens * cells // load.context)) if tokens else 0

        history = share(load.history)
        used = max(share(load.prompt) - history, 0)
        room = max(0, min(share(load.left), cells - history - used))
        return [("history", history), ("used", used), ("room", room), ("free", cells - history - used - room)]
