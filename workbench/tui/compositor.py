"""Painting only what changed: of a partial update, the changed rows of the widgets that show there.

Textual's own renders every line of every widget that touches the hull of all changes, the containers behind them too:
with two lanes streaming, the whole screen twenty times a second (benchmarks/terminal.py, streaming).
"""

from __future__ import annotations

from itertools import pairwise

from textual._compositor import ChopsUpdate, Compositor
from textual.geometry import Region
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
