"""Which of a repository's files suit this machine: judged by their size, for nothing of them is here yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from workbench.models.quantization import LINES

SHARE = 0.8  # of the free memory that a model may take: the rest is for its context
EASY = 0.6  # up to which there is room for much context
ORDER = ("Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0")  # what is recommended, each next one where there is much room
FALL = (
    *("Q4_K_M", "Q4_K_XL", "Q4_K_L", "IQ4_XS", "Q4_K_S", "IQ4_NL", "MXFP4", "Q4_0", "Q4_1", "Q3_K_XL", "Q3_K_L"),
    *("Q3_K_M", "IQ3_M", "Q3_K_S", "Q2_K"),
)  # fmt: skip


class Sized(Protocol):
    """A file that can be fetched."""

    @property
    def quantization(self) -> str:
        """`Q4_K_M`, "" when unknown."""

    @property
    def size(self) -> int:
        """Bytes."""


@dataclass(frozen=True)
class Room:
    """Bytes that are free: of RAM, and of VRAM where layers can go there (0: they cannot)."""

    ram: int
    vram: int = 0

    @property
    def said(self) -> str:
        """`20.1 GB of RAM free`."""
        there = f"{self.vram / 1e9:.1f} GB of VRAM and " if self.vram else ""
        return f"{there}{self.ram / 1e9:.1f} GB of RAM free"


def room() -> Room:
    """What is free now. Asks the driver: call it in a thread."""
    from workbench.hardware import gpu, memory
    from workbench.models.fit import free_vram

    return Room(memory.available(), free_vram() if gpu.offload_built() else 0)


def verdict(file: Sized, room: Room) -> str:
    """`fits`, `tight`, `too big`; with VRAM it is tight where layers must stay in RAM, which is slower."""
    if room.vram:
        if file.size <= room.vram * SHARE:
            return "fits"
        return "tight" if file.size <= (room.vram + room.ram) * SHARE else "too big"
    return "fits" if file.size <= room.ram * EASY else "tight" if file.size <= room.ram * SHARE else "too big"


def recommended(files: Sequence[Sized], room: Room) -> tuple[int, str]:
    """Which of `files`, and why; -1 when none goes in. What goes into VRAM whole is preferred."""
    if room.vram:
        at, why = _chosen(files, room.vram, "VRAM")
        if at >= 0:
            return at, why
        at, why = _chosen(files, room.vram + room.ram, "memory")
        return at, f"{why}; a part of its layers stays in RAM, which is slower" if at >= 0 else why
    return _chosen(files, room.ram, "memory")


def _chosen(files: Sequence[Sized], room: int, place: str) -> tuple[int, str]:
    """The largest of ORDER that takes at most half of the room, else the best that takes at most SHARE of it."""
    places: dict[str, int] = {}
    for at, each in enumerate(files):
        places.setdefault(each.quantization, at)
    for name in reversed(ORDER):
        if name in places and files[places[name]].size <= room * 0.5:
            return places[name], f"{name} leaves more than half of the free {place}: {LINES[name][1]}"
    for name in (*reversed(ORDER), *FALL):
        if name in places and files[places[name]].size <= room * SHARE:
            return places[name], f"{name} is the largest that leaves room for the context"
    small = [at for at, each in enumerate(files) if each.size <= room * SHARE]
    if small:
        at = max(small, key=lambda at: files[at].size)
        return at, "the largest that leaves room for the context"
    return -1, f"none goes into the free {place}: choose a smaller model"
