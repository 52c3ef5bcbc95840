"""Painting only what changed: of a partial update, the changed rows of the widgets that show there.

Textual's own renders every line of every widget that touches the hull of all changes, the containers behind them too:
with two lanes streaming, the whole screen twenty times a second (benchmarks/terminal.py, streaming).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from rich.console import Console, RenderableType
from rich.control import Control
from textual._compositor import ChopsUpdate, Compositor
from textual._context import visible_screen_stack
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import Strip


class FrugalCompositor(Compositor):
    """A compositor whose partial updates cost what they change."""

    def render_partial_update(self) -> ChopsUpdate | None:
        """As Compositor's: what is to be written, None for nothing."""
        regions = {region.intersection(self.size.region) for region in self._dirty_regions}
        self._dirty_regions.clear()
        spans = list(self._regions_to_spans(region for region in regions if region))
        if not spans:
            return None
        cuts = self.cuts
        wanted: dict[int, set[int]] = {}  # row -> cuts where nothing is painted yet
        for y, first, last in spans:
            wanted.setdefault(y, set()).update(cut for cut, end in pairwise(cuts[y]) if cut < last and end > first)
        chops: list[dict[int, Strip | None]] = [dict[int, Strip | None]()] * len(cuts)
        for y in wanted:
            chops[y] = dict.fromkeys(cuts[y][:-1])
        for widget, (region, clip) in self.visible_widgets.items():  # front to back: the first one wins
            shown = region.intersection(clip)
            first, last = shown.column_span
            rows = [y for y in shown.line_range if y in wanted and any(first <= cut < last for cut in wanted[y])]
            if not rows:
                continue
            crop = Region(shown.x - region.x, rows[0] - region.y, shown.width, rows[-1] + 1 - rows[0])
            strips = widget.render_lines(crop)
            for y in rows:
                edges = [cut for cut in cuts[y] if first <= cut <= last]
                parts = strips[y - rows[0]].divide([cut - shown.x for cut in edges[1:]])
                for cut, part in zip(edges, parts, strict=False):
                    if cut in wanted[y]:
                        wanted[y].discard(cut)
                        chops[y][cut] = part
            wanted = {y: left for y, left in wanted.items() if left}
            if not wanted:
                break
        return ChopsUpdate(chops, spans, [line[1:] for line in cuts])


class DiffingCompositor(FrugalCompositor):
    """One that also leaves out what the terminal shows already: an editor paints itself anew at each key.

    `forget` when something else wrote to the terminal.
    """

    def __init__(self) -> None:
        super().__init__()
        self.written: dict[int, tuple[tuple[int, ...], dict[int, Strip]]] = {}  # row -> its cuts, column -> as written

    def forget(self) -> None:
        """The terminal may show anything."""
        self.written.clear()

    def render_update(
        self, full: bool = False, screen_stack: list[Screen[object]] | None = None, simplify: bool = False
    ) -> RenderableType | None:
        """As Compositor's; a picture for export is whole."""
        if not simplify and (full or self.size.region in self._dirty_regions):
            visible_screen_stack.set([] if screen_stack is None else screen_stack)
            self._dirty_regions.clear()
            chops = self._render_chops(self.size.region, lambda _: True)
            spans = [(y, 0, self.size.width) for y in range(len(chops))]
            return _DiffUpdate(chops, spans, [line[1:] for line in self.cuts], self)
        return super().render_update(full, screen_stack, simplify)

    def render_partial_update(self) -> ChopsUpdate | None:
        """As Compositor's."""
        made = super().render_partial_update()
        return made and _DiffUpdate(made.chops, made.spans, made.chop_ends, self)


class _DiffUpdate(ChopsUpdate):
    """Writes the chops that are not on the terminal as they are."""

    def __init__(
        self,
        chops: Sequence[Mapping[int, Strip | None]],
        spans: list[tuple[int, int, int]],
        chop_ends: list[list[int]],
        compositor: DiffingCompositor,
    ) -> None:
        super().__init__(chops, spans, chop_ends)
        self._compositor = compositor

    def render_segments(self, console: Console) -> str:
        """What is to be written; what is written is remembered here, where it is certain."""
        written = self._compositor.written
        made: list[str] = []
        for y in dict.fromkeys(y for y, _, _ in self.spans):
            cuts = tuple(self.chop_ends[y])
            if y not in written or written[y][0] != cuts:
                written[y] = (cuts, {})
            shown = written[y][1]
            for x, strip in self.chops[y].items():
                if strip is not None and shown.get(x) != strip:
                    shown[x] = strip
                    made += (Control.move_to(x, y).segment.text, strip.render(console))
        return "".join(made)
