"""Points with labels in terminal cells, for either door: no two labels overlap."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

Part = tuple[str, str]  # text, kind ("" = plain)
_FAR = 6  # rows that a label may stand away from its point
_LONGEST = 18  # cells of a label


@dataclass(frozen=True)
class Spot:
    """A point: where, its label (safe to print), the character that stands there, the kind of both."""

    x: float
    y: float
    label: str
    mark: str
    kind: str = ""


@dataclass(frozen=True)
class Drawn:
    """Lines of parts, and the labels that found no room."""

    lines: list[list[Part]]
    left_out: tuple[str, ...]

    @property
    def plain(self) -> list[str]:
        """The lines as text."""
        return ["".join(text for text, _ in line) for line in self.lines]


def scatter(spots: Sequence[Spot], columns: int, rows: int, cells: Callable[[str], int]) -> Drawn:
    """The spots on `columns` × `rows` cells, each axis stretched to fill them; faint lines cross at the origin.

    Labels of the first spots are placed first, beside their points or as near as there is room. `cells` tells how wide
    a text is.
    """
    columns, rows = max(8, columns), max(3, rows)
    grid = _Grid(columns, rows, cells)
    across = _scale([spot.x for spot in spots], columns)
    down = _scale([-spot.y for spot in spots], rows)
    grid.cross(across(0.0), down(0.0))
    places = [grid.mark(across(spot.x), down(-spot.y), spot.mark, spot.kind) for spot in spots]
    left_out = [
        spot.label for spot, place in zip(spots, places, strict=True) if not grid.label(*place, spot.label, spot.kind)
    ]
    return Drawn(grid.lines(), tuple(left_out))


def _scale(values: Sequence[float], size: int) -> Callable[[float], int]:
    """From values (and 0) to cells 0…size-1."""
    low, high = min([*values, 0.0]), max([*values, 0.0])
    wide = high - low
    if wide < 1e-9:
        return lambda value: size // 2
    return lambda value: max(0, min(size - 1, round((value - low) / wide * (size - 1))))


class _Grid:
    """Cells with a character each, "" behind a wide one."""

    def __init__(self, columns: int, rows: int, cells: Callable[[str], int]) -> None:
        self._columns, self._rows, self._cells = columns, rows, cells
        self._text = [[" "] * columns for _ in range(rows)]
        self._kind = [[""] * columns for _ in range(rows)]
        self._taken = [[False] * columns for _ in range(rows)]

    def cross(self, x: int, y: int) -> None:
        """Lines through the origin, below everything else."""
        for column in range(self._columns):
            self._text[y][column], self._kind[y][column] = "─", "dim"
        for row in range(self._rows):
            self._text[row][x], self._kind[row][x] = "│", "dim"
        self._text[y][x] = "┼"

    def mark(self, x: int, y: int, mark: str, kind: str) -> tuple[int, int]:
        """A point's character there, or in the nearest free cell; returns where."""
        free = (at for at in self._around(x, y) if not self._taken[at[1]][at[0]])
        x, y = next(free, (x, y))
        self._text[y][x], self._kind[y][x], self._taken[y][x] = mark, kind, True
        return x, y

    def _around(self, x: int, y: int) -> Iterator[tuple[int, int]]:
        for far in range(max(self._rows, self._columns)):
            ring = [(x + dx, y + dy) for dx in range(-far, far + 1) for dy in range(-far, far + 1)]
            yield from (
                (column, row)
                for column, row in ring
                if max(abs(column - x), abs(row - y)) == far and 0 <= column < self._columns and 0 <= row < self._rows
            )

    def label(self, x: int, y: int, label: str, kind: str) -> bool:
        """A label near its point; False where there is no room."""
        label = self._cut(label)
        wide = self._cells(label)
        for far in range(_FAR + 1):
            for row in dict.fromkeys((y - far, y + far)):
                beside = (x + 2, x - 1 - wide)
                over = (x - wide // 2, x, x - wide + 1, x + 3, x - 3 - wide)
                for start in beside if not far else over:
                    if self._is_free(start, row, wide):
                        self._put(start, row, label, kind)
                        return True
        return False

    def _cut(self, label: str) -> str:
        if self._cells(label) <= _LONGEST:
            return label
        while label and self._cells(label) > _LONGEST - 1:
            label = label[:-1]
        return label + "…"

    def _is_free(self, start: int, row: int, wide: int) -> bool:
        """Whether a label has room there, and a cell to the labels at its sides."""
        if not 0 <= row < self._rows or start < 0 or start + wide > self._columns:
            return False
        return not any(self._taken[row][max(0, start - 1) : start + wide + 1])

    def _put(self, start: int, row: int, label: str, kind: str) -> None:
        at = start
        for character in label:
            wide = self._cells(character)
            if not wide:  # a combining one stands with the letter before it
                self._text[row][max(start, at - 1)] += character
                continue
            self._text[row][at] = character
            for cell in range(at, at + wide):
                self._taken[row][cell], self._kind[row][cell] = True, kind
                if cell > at:
                    self._text[row][cell] = ""
            at += wide

    def lines(self) -> list[list[Part]]:
        """Each row in parts of one kind."""
        made = []
        for texts, kinds in zip(self._text, self._kind, strict=True):
            line: list[Part] = []
            for text, kind in zip(texts, kinds, strict=True):
                if line and line[-1][1] == kind:
                    line[-1] = (line[-1][0] + text, kind)
                else:
                    line.append((text, kind))
            made.append(line)
        return made
