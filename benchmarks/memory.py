"""Memory of the worker with 8 lanes against 1: one model, not eight.

`python -m benchmarks.memory`. Read while the lanes run: PSS counts what is shared once, USS is the worker's alone.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import psutil

from benchmarks import ours
from benchmarks.common import machine, models, prompts, row

MB = 1_000_000


async def measure(path: Path, lanes: int) -> tuple[float, float]:
    """(PSS, USS) in MB at the end of a run of so many lanes."""
    local = ours.engine(path, lanes=lanes)
    try:
        await local.load()
        await ours.run(local, prompts(lanes, "Memory"), 64)
        assert local.pid is not None
        info = psutil.Process(local.pid).memory_full_info()
        return info.pss / MB, info.uss / MB
    finally:
        await local.close()


async def run() -> None:
    """Both models."""
    for name, path in models().items():
        size = path.stat().st_size / MB
        one, alone = await measure(path, 1)
        eight, eight_alone = await measure(path, 8)
        print(f"\n{name}: memory of the worker (the file has {size:.0f} MB)")
        row("1 lane, PSS", one, "MB")
        row("8 lanes, PSS", eight, "MB")
        row("1 lane, USS", alone, "MB")
        row("8 lanes, USS", eight_alone, "MB")
        row("8 lanes over 1 lane", eight / one, "×", 2.0)
        row("8 lanes, against 8 workers", eight / (8 * one), "×")


if __name__ == "__main__":
    print(machine())
    asyncio.run(run())
