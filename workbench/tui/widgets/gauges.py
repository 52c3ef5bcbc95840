"""The bottom row: GPU, RAM, CPU and speed, always in sight; only what changed is painted."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from workbench import safe
from workbench.bars import bar
from workbench.hardware.fullness import level
from workbench.tui.widgets.painted import Line, Part, changed

if TYPE_CHECKING:
    from workbench.hardware.gpu import Gpu
    from workbench.hardware.snapshot import Snapshot
    from workbench.tui.metering import Meter


class Gauges(Widget):
    """One row. `show` gives it a reading, `speed` the tokens a second over all lanes, `hints` the keys at its end."""

    DEFAULT_CSS = """
    Gauges { height: 1; dock: bottom; background: $panel; color: $foreground; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"gauges--warn", "gauges--bad", "gauges--old", "gauges--key"}

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._reading: Snapshot | None = None
        self._trouble = ""
        self._speed = 0.0
        self._hints: tuple[tuple[str, str], ...] = ()
        self._painted: Line = ()

    def on_mount(self) -> None:
        """Follow the app's meter, where there is one."""
        metered = getattr(self.app, "metered", None)
        if metered is not None:
            metered.subscribe(self, self._metered)

    def _metered(self, meter: Meter) -> None:
        if self.screen.is_current:
            self._speed = meter.speed
            self.show(meter.latest, meter.trouble)

    def show(self, reading: Snapshot | None, trouble: str = "") -> None:
        """A new reading; or the last one again, and why there is no newer one."""
        self._reading, self._trouble = reading, trouble
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
        """Paint what changed."""
        if not self.is_attached or not self.size.width:
            return
        line = tuple(self._parts())
        before, self._painted = self._painted, line
        if regions := changed(before, line):
            self.refresh(*regions)

    def _parts(self) -> list[Part]:
        """The row as wide as the widget: gauges left, speed, hints right; narrow rows lose hints, then bars."""
        width = self.size.width
        last = ((0, 0),) if self._trouble else ()  # what is said of the driver is more than its old figures
        for bars, gpus in ((8, 9), (5, 9), (0, 9), (0, 1), *last):
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
        if self._trouble:
            parts.append((f" {safe.line(self._trouble)} ", "gauges--warn"))
        if reading is not None:
            shown = sorted(enumerate(reading.gpus), key=lambda pair: -_load(pair[1]))[:most]
            for index, gpu in sorted(shown):
                parts += self._gpu(index, gpu, bars)
            if len(reading.gpus) > len(shown):
                parts.append((f" +{len(reading.gpus) - len(shown)}", self._style(0)))
            share = reading.ram_used / reading.ram_limit if reading.ram_limit else 0.0
            meter = f"▕{bar(share, bars)}▏" if bars else ""
            ram = f"{_size(reading.ram_used)}/{_size(reading.ram_limit)}G{_mark(share)}"
            parts.append((f" RAM {meter}{ram} ", self._style(share)))
            parts.append((f" CPU {reading.cpu:3.0f}% ", self._style(0)))
        parts.append((f" {self._speed:4.0f} tok/s ", ""))
        return parts

    def _gpu(self, index: int, gpu: Gpu, bars: int) -> list[Part]:
        name = f" {safe.line(gpu.name)}" if bars == 8 else ""
        use = "n/a" if gpu.use is None else f"{gpu.use:.0f}%"
        meter = f" ▕{bar((gpu.use or 0) / 100, bars)}▏" if bars else " "
        heat = "" if gpu.temperature is None else f" {gpu.temperature:.0f}°"
        memory = "" if not gpu.memory_total else f" {_size(gpu.memory_used or 0)}/{_size(gpu.memory_total)}G"
        share = gpu.memory_share
        return [(f" GPU{index}{name}{meter}{use}{memory}{_mark(share)}{heat} ", self._style(share))]

    def _style(self, share: float) -> str:
        """How a gauge is coloured whose memory is so full."""
        how = level(share)
        return "gauges--old" if self._trouble else f"gauges--{how}" if how else ""

    def render_line(self, y: int) -> Strip:
        """The row."""
        base = self.rich_style
        segments = [
            Segment(text, self.get_component_rich_style(name) if name else base) for text, name in self._parts()
        ]
        return Strip(segments).adjust_cell_length(self.size.width, base or Style())


def _load(gpu: Gpu) -> float:
    return gpu.memory_share if gpu.memory_total else (gpu.use or 0) / 100


def _mark(share: float) -> str:
    """Colour alone tells not everybody."""
    return "!" if level(share) else ""


def _size(size: int) -> str:
    return f"{size / 2**30:.1f}"
