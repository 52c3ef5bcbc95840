"""An association's biplot in terminal cells, and what it says of itself."""

from __future__ import annotations

from collections.abc import Callable

from workbench import safe
from workbench.insight.association import Association
from workbench.insight.biplot import biplot
from workbench.scatter import Drawn, Spot, scatter

CONTEXT, BASE, WORD = "◆", "◇", "•"


def drawn(found: Association, base: int, columns: int, rows: int, cells: Callable[[str], int]) -> Drawn:
    """Contexts (`head`) and words on so many cells."""
    plane = biplot([[word.logp for word in context.words] for context in found.contexts])
    spots = [
        Spot(x, y, safe.line(context.name), BASE if place == base else CONTEXT, "head")
        for place, (context, (x, y)) in enumerate(zip(found.contexts, plane.contexts, strict=True))
    ]
    names = found.contexts[0].words if found.contexts else ()
    spots += [Spot(x, y, safe.line(word.word.strip()), WORD) for word, (x, y) in zip(names, plane.words, strict=True)]
    return scatter(spots, columns, rows, cells)


def legend(found: Association, made: Drawn) -> str:
    """What the marks are, how much of the changes the axes show, and which labels found no room."""
    across, up = biplot([[word.logp for word in context.words] for context in found.contexts]).shares
    missing = f"; no room for {', '.join(made.left_out)}" if made.left_out else ""
    return f"{CONTEXT} context {BASE} baseline {WORD} word; across {across:.0%} of the changes, up {up:.0%}{missing}"
