"""The pane that an answer streams into: wraps only its last paragraph, repaints only what changed.

Not a ScrollView: `virtual_size` is a layout reactive, and each new line would cost a layout pass
(research/terminal.md). It keeps its own top line, scrolls by a third of the pane while it follows a stream, and is
told to paint by the app's one ticker.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, ClassVar, Literal

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from workbench import safe
from workbench.tui import actions
from workbench.tui.widgets.wrap import wrap

if TYPE_CHECKING:
    from workbench.tui.flush import Flusher

View = Literal["plain", "markdown", "mono"]
MARKDOWN_LIMIT = 60_000  # characters above which Markdown would freeze the screen: shown plain


class AnswerPane(Widget, can_focus=True):
    """A long text that grows. `append` while it streams, `finish` when it has ended."""

    DEFAULT_CSS = """
    AnswerPane { height: 1fr; width: 1fr; color: $text; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"answer--{name}" for name in ("added", "removed", "match", "bar", "statement", "written")
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(a.keys), a.do, a.title, show=False, id=a.id) for a in actions.at("answer")
    ]
    ALLOW_SELECT = True

    class Scrolled(Message):
        """A person scrolled; `fraction` 0…1 is the new place."""

        def __init__(self, pane: AnswerPane, fraction: float) -> None:
            super().__init__()
            self.pane = pane
            self.fraction = fraction

        @property
        def control(self) -> AnswerPane:
            """The pane."""
            return self.pane

    def __init__(self, text: str = "", *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.view: View = "plain"
        self._raw: list[str] = []
        self._pending: list[str] = []
        self._shown = ""  # what is on screen: safe, tabs as blanks
        self._starts: list[int] = [0]  # offset in _shown of each line
        self._ends: list[int] = [0]
        self._strips: list[Strip] | None = None  # Markdown, rendered
        self._spans: list[tuple[int, int, str]] = []
        self._top = 0
        self._following = True
        self._ended = True
        self._match = ""
        self._columns = 0
        self._waited = False  # a frame, for another pane's jump
        if text:
            self.set_text(text)

    # ---- the text

    @property
    def text(self) -> str:
        """The answer as it came (untrusted)."""
        if len(self._raw) > 1:
            self._raw = ["".join(self._raw)]
        return self._raw[0] if self._raw else ""

    @property
    def shown(self) -> str:
        """The answer as it is shown; spans and matches count in it."""
        return self._shown

    def append(self, text: str) -> None:
        """More of the answer; painted at the next frame."""
        if not text:
            return
        self._raw.append(text)
        self._pending.append(text)
        self._ended, self._strips = False, None
        flusher: Flusher | None = getattr(self.app, "flusher", None)
        if flusher is None:
            self.call_next(self.flush)
        else:
            flusher.request(self)

    def set_text(self, text: str) -> None:
        """Another text altogether, shown from its beginning."""
        self._raw, self._pending = [text] if text else [], []
        self._shown = _display(text)
        self._spans, self._top, self._following, self._ended = [], 0, False, True
        self._wrap_all()

    def clear(self) -> None:
        """Nothing, ready to follow a stream."""
        self.set_text("")
        self._following = True

    def finish(self) -> None:
        """The answer has ended: Markdown is rendered now, and the last lines stand at the bottom."""
        self.flush()
        self._ended = True
        if self.view == "markdown":
            self._wrap_all()
        if self._following:
            self._top = self._last_top()
        self.refresh()

    def set_view(self, view: View) -> None:
        """Plain, Markdown (once the answer has ended) or monospace."""
        fraction = self.scroll_fraction
        self.view = view
        self._wrap_all()
        self.scroll_fraction = fraction

    def set_spans(self, spans: list[tuple[int, int, str]]) -> None:
        """Mark (start, end, "added" | "removed" | "match") in `shown`, in order, not overlapping."""
        self._spans = spans
        self.refresh()

    def flush(self) -> None:
        """Take in what was appended and repaint the lines it changed."""
        if not (self._pending or self._waited) or not self.is_attached:
            return
        text, self._pending = _display("".join(self._pending)), []
        first = len(self._starts) - 1  # lines before the last one stay as they are: wrapping is greedy
        self._shown += text
        self._wrap_from(self._starts[first], first)
        height = self.size.height
        if self._following and len(self._starts) > self._top + height:
            if not self._may_jump():
                return
            self._top = max(0, len(self._starts) - max(1, height - height // 2))
            self.refresh()
        elif first < self._top + height:
            visible = max(0, first - self._top)
            lines = min(height, len(self._starts) - self._top) - visible
            self.refresh(Region(0, visible, self.size.width, max(1, lines)))

    def _may_jump(self) -> bool:
        """Whether the whole pane may be painted in this frame; one pane a frame, so that no key waits for several."""
        flusher: Flusher | None = getattr(self.app, "flusher", None)
        if flusher is None or self._waited or flusher.take_turn():
            self._waited = False
            return True
        self._waited = True
        flusher.request(self)
        return False

    # ---- wrapping

    def _wrap_all(self) -> None:
        self._starts, self._ends, self._strips = [], [], None
        self._columns = max(2, self.size.width - 1)
        if self.view == "markdown" and self._ended and len(self._shown) <= MARKDOWN_LIMIT and self.is_attached:
            self._strips = self._markdown()
        self._wrap_from(0, 0)
        self._top = min(self._top, self._last_top())
        self.refresh()

    def _wrap_from(self, offset: int, line: int) -> None:
        """Wrap `_shown` from `offset`, which is where line number `line` begins."""
        del self._starts[line:], self._ends[line:]
        words = self.view != "mono"
        while True:
            end = self._shown.find("\n", offset)
            paragraph = self._shown[offset:] if end < 0 else self._shown[offset:end]
            for first, last in wrap(paragraph, self._columns or 80, words=words):
                self._starts.append(offset + first)
                self._ends.append(offset + last)
            if end < 0:
                return
            offset = end + 1

    def _markdown(self) -> list[Strip]:
        """The answer as Markdown: no hyperlinks, its text made safe before it is parsed."""
        from rich.markdown import Markdown

        console = self.app.console
        options = console.options.update(width=self._columns, highlight=False)
        lines = console.render_lines(Markdown(self._shown, hyperlinks=False), options, pad=False)
        return [Strip(line) for line in lines]

    # ---- painting

    def _lines(self) -> int:
        return len(self._strips) if self._strips is not None else len(self._starts)

    def render_line(self, y: int) -> Strip:
        """Line `y` of the pane."""
        width = self.size.width
        index = self._top + y
        base = self.rich_style
        strip = self._content(index, base) if index < self._lines() else Strip.blank(max(0, width - 1), base)
        strip = strip.adjust_cell_length(max(0, width - 1), base).apply_offsets(0, index)
        return Strip.join([strip, Strip([Segment(self._bar(y), self._part("answer--bar", base))], 1)])

    def _content(self, index: int, base: Style) -> Strip:
        if self._strips is not None:
            return self._strips[index].apply_style(base)
        start, end = self._starts[index], self._ends[index]
        text = self._shown[start:end].rstrip(" ")
        marks = self._marks(start, start + len(text))
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(index)) is not None:
            first, last = span
            style = self.selection_style
            marks = [(start + first, start + (len(text) if last == -1 else last), style)]
        if not marks:
            return Strip([Segment(text, base)], cell_len(text))
        segments, at = [], start
        for first, last, style in marks:
            first, last = max(at, first), min(start + len(text), last)
            if first >= last:
                continue
            segments += [Segment(self._shown[at:first], base), Segment(self._shown[first:last], base + style)]
            at = last
        segments.append(Segment(self._shown[at : start + len(text)], base))
        return Strip([segment for segment in segments if segment.text])

    def _marks(self, start: int, end: int) -> list[tuple[int, int, Style]]:
        marks = (
            [
                (first, last, self._part(f"answer--{name}", Style()))
                for first, last, name in self._spans[max(0, bisect_right(self._spans, (start, 0, "")) - 1) :]
                if first < end and last > start
            ]
            if self._spans
            else []
        )
        if self._match and not marks:
            style = self._part("answer--match", Style())
            folded, wanted = self._shown[start:end].lower(), self._match.lower()
            at = folded.find(wanted)
            while at >= 0:
                marks.append((start + at, start + at + len(wanted), style))
                at = folded.find(wanted, at + len(wanted))
        return marks

    def _part(self, name: str, base: Style) -> Style:
        return base + self.get_component_rich_style(name, partial=True)

    def _bar(self, y: int) -> str:
        """The scrollbar's column."""
        lines, height = self._lines(), self.size.height
        if lines <= height:
            return " "
        size = max(1, height * height // lines)
        at = round((height - size) * self._top / max(1, self._last_top()))
        return "┃" if at <= y < at + size else "│"

    # ---- scrolling

    def _last_top(self) -> int:
        return max(0, self._lines() - self.size.height)

    @property
    def scroll_fraction(self) -> float:
        """How far down it is, 0…1."""
        last = self._last_top()
        return min(1.0, self._top / last) if last else 0.0

    @scroll_fraction.setter
    def scroll_fraction(self, fraction: float) -> None:
        self._go(round(fraction * self._last_top()), tell=False)

    def _go(self, top: int, *, tell: bool = True) -> None:
        last = self._last_top()
        top = max(0, min(top, last))
        self._following = top >= last
        if top != self._top:
            self._top = top
            self.refresh()
            if tell:
                self.post_message(self.Scrolled(self, self.scroll_fraction))

    @property
    def top(self) -> int:
        """The first row that is shown."""
        return self._top

    def go_to(self, row: int) -> None:
        """Show from this row on, as far as there are so many."""
        self._go(row, tell=False)

    def action_scroll(self, lines: int) -> None:
        """By lines."""
        self._go(self._top + lines)

    def action_page(self, pages: int) -> None:
        """By pages, keeping one line."""
        self._go(self._top + pages * max(1, self.size.height - 1))

    def action_top(self) -> None:
        """To the beginning."""
        self._go(0)

    def action_bottom(self) -> None:
        """To the end; the stream is followed from there."""
        self._go(self._last_top())

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Three lines."""
        event.stop()
        self._go(self._top + 3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Three lines."""
        event.stop()
        self._go(self._top - 3)

    def on_resize(self, event: events.Resize) -> None:
        """Wrap again when the width changed; the place is kept."""
        if max(2, event.size.width - 1) != self._columns:
            place = self._starts[min(self._top, len(self._starts) - 1)] if self._strips is None else 0
            self._wrap_all()
            self._top = bisect_right(self._starts, place) - 1
        if self._following:
            self._top = self._last_top()
        self._top = max(0, min(self._top, self._last_top()))
        self.refresh()

    # ---- finding and selecting

    def find(self, text: str, step: int = 1) -> bool:
        """Mark `text` and go to its next (step 1) or previous (-1) line; False when there is none."""
        again = text == self._match
        self._match = text
        self.refresh()
        if not text or self._strips is not None:
            return False
        wanted, folded = text.lower(), self._shown.lower()
        here = self._starts[min(self._top, len(self._starts) - 1)]
        if step > 0:
            at = folded.find(wanted, self._ends[min(self._top, len(self._ends) - 1)] if again else here)
            at = at if at >= 0 else folded.find(wanted)
        else:
            at = folded.rfind(wanted, 0, here)
            at = at if at >= 0 else folded.rfind(wanted)
        if at < 0:
            return False
        self._go(bisect_right(self._starts, at) - 1)
        return True

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text of the shown lines."""
        if self._strips is not None:
            return selection.extract("\n".join(strip.text for strip in self._strips)), "\n"
        lines = [self._shown[a:b] for a, b in zip(self._starts, self._ends, strict=True)]
        return selection.extract("\n".join(lines)), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Repaint."""
        self.refresh()


def _display(text: str) -> str:
    return safe.text(text).replace("\t", "    ")
