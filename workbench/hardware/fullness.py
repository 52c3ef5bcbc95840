"""Memory that runs full: how bad it is, and what is said once before it fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from workbench.hardware.snapshot import Snapshot

Level = Literal["", "warn", "bad"]
HIGH, FULL = 0.90, 0.97  # shares of memory from which it is coloured
SAY, FORGET = 0.95, 0.90  # said when it reaches the one; again only after it fell under the other
HOT = 85.0  # °C
WHAT_TO_DO = "fewer lanes, a smaller context, or one model for all lanes"


def level(share: float) -> Level:
    """How a share (0…1) of memory in use is shown."""
    return "bad" if share >= FULL else "warn" if share >= HIGH else ""


class Fullness:
    """Says each memory's news once: it is nearly full. `news` is asked with every reading."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def news(self, reading: Snapshot) -> list[str]:
        """A line for each memory that has become nearly full: which, and what takes it; WHAT_TO_DO holds for all."""
        found = []
        for at, gpu in enumerate(reading.gpus):
            if not gpu.shared and self._new(f"GPU{at}", gpu.memory_share):
                of, who = size(gpu.memory_total), _who(gpu.memory_used or 0, gpu.memory_ours)
                found.append(f"VRAM nearly full: GPU{at} {gpu.name}, {gpu.memory_share:.0%} of {of}, {who}")
        share = reading.ram_used / reading.ram_limit if reading.ram_limit else 0.0
        if self._new("RAM", share):
            who = _who(reading.ram_used, reading.ram_ours)
            found.append(f"RAM nearly full: {share:.0%} of {size(reading.ram_limit)}, {who}")
        return found

    def _new(self, key: str, share: float) -> bool:
        if share < FORGET:
            self._said.discard(key)
        if share < SAY or key in self._said:
            return False
        self._said.add(key)
        return True


def _who(used: int, ours: int | None) -> str:
    if ours is None:
        return "who has it is not known"
    return f"{size(min(ours, used))} ours, {size(max(0, used - ours))} others"


def size(number: int | None) -> str:
    """Bytes as the gauges write them: GiB with a decimal, `48.2 G`."""
    return f"{(number or 0) / 2**30:.1f} G"
