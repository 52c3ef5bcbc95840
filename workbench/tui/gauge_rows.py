"""The gauges page as rows: what each is called, what it is now, its minute, and how bad it is. No textual here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.hardware.fullness import HOT, Level, level, size
from workbench.hardware.sampling import KEPT

if TYPE_CHECKING:
    from workbench.hardware.gpu import Gpu
    from workbench.hardware.snapshot import Snapshot
    from workbench.tui.metering import Figures

_BARS = "▁▂▃▄▅▆▇█"
_WORDS: dict[Level, str] = {"": "", "warn": "high", "bad": "FULL"}
Values = tuple[float | None, ...]


@dataclass(frozen=True)
class Row:
    """A heading has no `values`. `top` is what a column's full height stands for, 0: the most there was.

    `old`: it was read before the driver stopped answering.
    """

    label: str
    now: str = ""
    values: Values = ()
    top: float = 0.0
    about: str = ""
    level: Level = ""
    old: bool = False


def spark(values: Sequence[float | None], slot: int, each: int, top: float = 0.0) -> str:
    """A minute in `KEPT // each` columns, each the most of `each` seconds; a blank where nothing is known.

    Columns keep to multiples of `each`, so that a minute that goes on moves them and does not reshape them.
    """
    if each > 1:
        first = (slot // each - KEPT // each + 1) * each - (slot + 1 - len(values))  # where the first column begins
        parts = [values[max(0, at) : max(0, at + each)] for at in range(first, len(values), each)]
        values = [max((value for value in part if value is not None), default=None) for part in parts]
    most = top or max((value for value in values if value is not None), default=0.0)
    scale = 8 / most if most > 0 else 0.0
    return "".join([" " if value is None else _BARS[min(7, int(value * scale))] for value in values])


def rows(
    latest: Snapshot | None,
    readings: Sequence[Snapshot | None],
    figures: Sequence[Figures | None],
    *,
    old: bool = False,
) -> list[Row]:
    """All rows, of the newest reading and the last minute's; `old`: the newest reading is not of now."""
    found: list[Row] = []
    if latest is not None:
        for index, gpu in enumerate(latest.gpus):
            found += _gpu(index, gpu, [_card(each, index) for each in readings], old)
        if not latest.gpus:
            found.append(Row("no GPU", about="models run on the CPU", old=old))
        found += _machine(latest, readings, old)
    return found + _engines(figures)


def _card(reading: Snapshot | None, index: int) -> Gpu | None:
    return reading.gpus[index] if reading is not None and index < len(reading.gpus) else None


def _gpu(index: int, gpu: Gpu, minute: Sequence[Gpu | None], old: bool) -> list[Row]:
    def series(of: Callable[[Gpu], float | None]) -> Values:
        return tuple(None if each is None else of(each) for each in minute)

    found = [Row(f"GPU{index} {gpu.name}", old=old)]
    if gpu.use is not None:
        found.append(_percent("use", gpu.use, series(lambda each: each.use), old))
    total = gpu.memory_total or 0
    if gpu.memory_used is not None and total:
        name = "memory" if gpu.shared else "VRAM"
        used = series(lambda each: each.memory_used)
        found.append(_memory(name, gpu.memory_used, used, total, old))
        if gpu.memory_ours is not None and not gpu.shared:
            others = max(0, gpu.memory_used - gpu.memory_ours)
            found.append(
                Row("  ours", size(gpu.memory_ours), series(lambda each: each.memory_ours), total, "", "", old)
            )
            found.append(Row("  others", size(others), series(_others), total, "", "", old))
    if gpu.power is not None:
        limit = gpu.power_limit or 0.0
        about = f"of {limit:.0f} W" if limit else _between(series(lambda each: each.power), " W")
        found.append(Row("power", f"{gpu.power:.0f} W", series(lambda each: each.power), limit, about, "", old))
    if gpu.temperature is not None:
        heat = series(lambda each: each.temperature)
        hot: Level = "warn" if gpu.temperature >= HOT else ""
        about = "HOT " * bool(hot) + _between(heat, " °C")
        found.append(Row("temperature", f"{gpu.temperature:.0f} °C", heat, 100.0, about, hot, old))
    return found


def _others(gpu: Gpu) -> float | None:
    if gpu.memory_used is None or gpu.memory_ours is None:
        return None
    return max(0, gpu.memory_used - gpu.memory_ours)


def _machine(latest: Snapshot, readings: Sequence[Snapshot | None], old: bool) -> list[Row]:
    def series(of: Callable[[Snapshot], float]) -> Values:
        return tuple(None if each is None else of(each) for each in readings)

    return [
        Row("machine", old=old),
        _memory("RAM", latest.ram_used, series(lambda each: each.ram_used), latest.ram_limit, old),
        Row("  ours", size(latest.ram_ours), series(lambda each: each.ram_ours), latest.ram_limit, "", "", old),
        _percent("CPU", latest.cpu, series(lambda each: each.cpu), old),
    ]


def _engines(figures: Sequence[Figures | None]) -> list[Row]:
    """The lanes' speed, and each loaded model's batch and cache."""
    now = figures[-1]
    if now is None:
        return []
    speeds = tuple(None if each is None else each.speed for each in figures)
    most = max(speed for speed in speeds if speed is not None)
    found = [Row("lanes"), Row("tokens", f"{now.speed:.0f} /s", speeds, 0.0, f"{most:.0f} /s at most")]
    for name, usage in now.usages.items():
        past = [each.usages.get(name) if each else None for each in figures]
        live = tuple(None if each is None else float(each.live) for each in past)
        cells = tuple(None if each is None else float(each.cells_used) for each in past)
        share = f"{usage.cells_used / usage.cells:.0%}" if usage.cells else ""
        about = f"{usage.waiting:,} waiting" if usage.waiting else ""
        found += [
            Row(name),
            Row("batch", f"{usage.live} of {usage.lanes}", live, usage.lanes, about or "lanes"),
            Row("KV cells", f"{usage.cells_used:,}", cells, usage.cells, f"{share} of {usage.cells:,}"),
        ]
    return found


def _percent(label: str, now: float, values: Values, old: bool) -> Row:
    return Row(label, f"{now:.0f}%", values, 100.0, _between(values, "%"), "", old)


def _memory(label: str, used: int, values: Values, total: int, old: bool) -> Row:
    share = used / total if total else 0.0
    how = level(share)
    about = " ".join(part for part in (_WORDS[how], f"{share:.0%} of {size(total)}") if part)
    return Row(label, size(used), values, total, about, how, old)


def _between(values: Values, unit: str) -> str:
    """The least and the most of the minute."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    low, high = f"{min(known):.0f}", f"{max(known):.0f}"
    return f"{low}{unit}" if low == high else f"{low}–{high}{unit}"
