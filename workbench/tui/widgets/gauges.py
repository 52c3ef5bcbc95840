"""The bottom row: GPU, RAM, CPU and speed, always in sight; only what changed is painted."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from workbench import safe
from workbench.bars import bar

if TYPE_CHECKING:
    from workbench.hardware.gpu import Gpu
    from workbench.hardware.snapshot import Snapshot

Part = tuple[str, str]  # text, style class ("" = plain)


class Gauges(Widget):
    """One row. `show` gives it a reading, `speed` the tokens a second over all lanes, `hints` the keys at its end."""

    DEFAULT_CSS = """
    Gauges { height: 1; dock: bottom; background: $panel; color: $foreground; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"gauges--high", "gauges--key"}

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._reading: Snapshot | None = None
        self._speed = 0.0
        self._hints: tuple[tuple[str, str], ...] = ()
        self._painted = ""

    def show(self, reading: Snapshot) -> None:
        """A new reading."""
        self._reading = reading
        self._repaint()

    @property
    def speed(self) -> float:
        """Tokens a second over all lanes."""
        return self._speed

    @speed.setter
    def speed(self, value: float) -> None:
        self._speed = value
        self._repaint()

    @property
    def hints(self) -> tuple[tuple[str, str], ...]:
        """(key, word) of the commonest actions here."""
        return self._hints

    @hints.setter
    def hints(self, value: tuple[tuple[str, str], ...]) -> None:
        self._hints = value
        self._repaint()

    def _repaint(self) -> None:
        """Paint from the first column that changed to the last."""
        if not self.is_attached or not self.size.width:
            return
        text = "".join(text for text, _ in self._parts())
        before, self._painted = self._painted, text
        if text == before:
            return
        if len(text) != len(before) or not (text.isascii() or cell_len(text) == len(text)):
            self.refresh()
            return
        changed = [index for index, pair in enumerate(zip(text, before, strict=True)) if pair[0] != pair[1]]
        self.refresh(Region(changed[0], 0, changed[-1] - changed[0] + 1, 1))

    def _parts(self) -> list[Part]:
        """The row as wide as the widget: gauges left, speed, hints right; narrow rows lose hints, then bars."""
        width = self.size.width
        for bars, gpus in ((8, 9), (5, 9), (0, 9), (0, 1)):
            left = self._left(bars, gpus)
            if sum(cell_len(text) for text, _ in left) <= width:
                break
        used = sum(cell_len(text) for text, _ in left)
        right: list[Part] = []
        room = width - used - 1
        for key, word in self._hints:
            wide = cell_len(key) + cell_len(word) + 3
            if wide > room:
                break
            right += [(f" {key}", "gauges--key"), (f" {word} ", "")]
            room -= wide
        gap = width - used - sum(cell_len(text) for text, _ in right)
        return [*left, (" " * max(0, gap), ""), *right]

    def _left(self, bars: int, most: int) -> list[Part]:
        parts: list[Part] = []
        reading = self._reading
        if reading is not None:
            shown = sorted(enumerate(reading.gpus), key=lambda pair: -_load(pair[1]))[:most]
            for index, gpu in sorted(shown):
                parts += self._gpu(index, gpu, bars)
            if len(reading.gpus) > len(shown):
                parts.append((f" +{len(reading.gpus) - len(shown)}", ""))
            share = reading.ram_used / reading.ram_limit if reading.ram_limit else 0.0
            meter = f"▕{bar(share, bars)}▏" if bars else ""
            parts.append((f" RAM {meter}{_size(reading.ram_used)}/{_size(reading.ram_limit)}G ", _high(share)))
            parts.append((f" CPU {reading.cpu:3.0f}% ", ""))
        parts.append((f" {self._speed:4.0f} tok/s ", ""))
        return parts

    def _gpu(self, index: int, gpu: Gpu, bars: int) -> list[Part]:
        name = f" {safe.line(gpu.name)}" if bars == 8 else ""
        use = "n/a" if gpu.use is None else f"{gpu.use:.0f}%"
        meter = f" ▕{bar((gpu.use or 0) / 100, bars)}▏" if bars else " "
        heat = "" if gpu.temperature is None else f" {gpu.temperature:.0f}°"
        memory = "" if not gpu.memory_total else f" {_size(gpu.memory_used or 0)}/{_size(gpu.memory_total)}G"
        return [(f" GPU{index}{name}{meter}{use}{memory}{heat} ", _high(_load(gpu)))]

    def render_line(self, y: int) -> Strip:
        """The row."""
        base = self.rich_style
        segments = [
            Segment(text, base + self.get_component_rich_style(name, partial=True) if name else base)
            for text, name in self._parts()
        ]
        return Strip(segments).adjust_cell_length(self.size.width, base or Style())


def _load(gpu: Gpu) -> float:
    return (gpu.memory_used or 0) / gpu.memory_total if gpu.memory_total else (gpu.use or 0) / 100


def _high(share: float) -> str:
    return "gauges--high" if share > 0.9 else ""


def _size(size: int) -> str:
    return f"{size / 2**30:.1f}"
