"""The needle probe: what it saves that neighbours share their beginnings, in the worker's CPU time.

`python -m benchmarks.needle [--model gemma|smol] [--fills 256,512]`: five depths and one without in each fill, by an
engine that keeps what prompts have in common and by one that reads each prompt whole. CPU time and not the clock's, for
other programs' load moves it little; counting tokens is in it.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

import psutil

from benchmarks.common import machine, models, row
from workbench.inference.engine import LoadOptions
from workbench.inference.local.client import LocalEngine
from workbench.insight.needle import NEEDLES, Cell, Probe, scored, settled, spots


def cpu(engine: LocalEngine) -> float:
    """Seconds of CPU that its worker has taken."""
    assert engine.pid is not None
    times = psutil.Process(engine.pid).cpu_times()
    return times.user + times.system


async def arm(path: Path, fills: tuple[int, ...], *, whole: bool) -> tuple[float, list[Cell]]:
    """The worker's CPU seconds, and the cells; with `whole` another prompt is read between two, not counted."""
    engine = LocalEngine(path, LoadOptions(context_length=max(fills) + 64))
    try:
        await engine.load()
        probe = await settled(engine, Probe(NEEDLES["en"], fills=fills))
        await engine.next_token("Nothing in common.", 1)
        began, waste, cells = cpu(engine), 0.0, []
        async for spot in spots(engine, probe):
            if whole:
                before = cpu(engine)
                await engine.next_token("Nothing in common.", 1)
                waste += cpu(engine) - before
            cells.append(await scored(engine, probe.needle, spot))
        return cpu(engine) - began - waste, cells
    finally:
        await engine.close()


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=("gemma", "smol"), action="append")
    parser.add_argument("--fills", default="256,512")
    options = parser.parse_args()
    fills = tuple(int(part) for part in options.fills.split(","))
    print(machine())
    for name, path in models().items():
        if name not in (options.model or ("gemma", "smol")):
            continue
        print(f"\n{name}")
        kept, ours = asyncio.run(arm(path, fills, whole=False))
        whole, theirs = asyncio.run(arm(path, fills, whole=True))
        row("tokens of all prompts", sum(cell.spot.tokens for cell in ours), "tokens")
        row("each prompt read whole", whole, "s CPU")
        row("what they have in common kept", kept, "s CPU")
        row("kept over whole", kept / whole, "×")
        same = all(a.scored == b.scored for a, b in zip(ours, theirs, strict=True))
        print(f"  the scores are {'the same, bit for bit' if same else 'not the same'}")


if __name__ == "__main__":
    main()
