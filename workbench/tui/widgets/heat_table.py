"""A matrix whose cells have a shade of their own, as the background: hot where more, cold where less."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.style import Style

from workbench.tui.widgets.matrix import HEAD, Cells, Matrix

_SHADES = tuple(f"{sign}{number}" for sign in ("hot", "cold") for number in range(1, 5))


class HeatTable(Matrix):
    """Cells of the kinds `hot1` … `hot4`, `cold1` … `cold4`; the current one keeps its own background."""

    DEFAULT_CSS = """
    HeatTable > .matrix--hot1 { background: $warning 15%; }
    HeatTable > .matrix--hot2 { background: $warning 30%; }
    HeatTable > .matrix--hot3 { background: $warning 45%; }
    HeatTable > .matrix--hot4 { background: $warning 60%; text-style: bold; }
    HeatTable > .matrix--cold1 { background: $primary 15%; }
    HeatTable > .matrix--cold2 { background: $primary 30%; }
    HeatTable > .matrix--cold3 { background: $primary 45%; }
    HeatTable > .matrix--cold4 { background: $primary 60%; text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"matrix--{name}" for name in _SHADES}

    def __init__(self, row: Callable[[int], Cells], cell_width: tuple[int, int] = (11, 18)) -> None:
        super().__init__(row)
        self.cell_width = cell_width
        self._was = (0, 0)  # the current cell, kept while there are no rows

    def put(
        self, count: int, heads: Sequence[tuple[str, str]], *, title: tuple[str, str], longest: int, most: int
    ) -> None:
        """`count` rows under these heads, in no more than `most` lines; one stays at the same cell."""
        if self.here >= 0:
            self._was = self.here, self.column
        self.styles.height = max(HEAD + 1, min(count + HEAD, most))
        self._column = self._was[1]
        self.set_heads(heads, title=title, longest=longest)
        self.show(count, self._was[0])

    def _look(self, kind: str, base: Style) -> Style:
        if kind not in _SHADES:
            return super()._look(kind, base)
        made = self._looks.get((kind, base))
        if made is None:
            style = self.get_component_rich_style(f"matrix--{kind}")
            here = base == self._under("here")
            shade = Style(bold=style.bold or None) if here else Style(bgcolor=style.bgcolor, bold=style.bold or None)
            made = self._looks[kind, base] = base + shade
        return made
