"""What waiting at llama.cpp's barriers costs when the CPU is not ours alone: libgomp's own spinning against ours.

`python -m benchmarks.contention [--rounds 3] [--tokens 32] [--model smol]`. Each arm generates alone, then two workers
of it at once, as two models side by side do. The figure is tokens a second over both workers.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from pathlib import Path

from benchmarks import ours
from benchmarks.common import machine, median, models, prompts, rotated, row

ARMS = {"libgomp": "300000", "ours": ""}


async def rate(path: Path, spins: str, workers: int, tokens: int) -> float:
    """Tokens a second over `workers` processes that generate at once, one lane each."""
    if spins:
        os.environ["GOMP_SPINCOUNT"] = spins
    else:
        os.environ.pop("GOMP_SPINCOUNT", None)
    engines = [ours.engine(path, lanes=1) for _ in range(workers)]
    try:
        for local in engines:  # one after the other: loading measures the shape of a step
            await local.load()
            await ours.run(local, prompts(1, "warm"), 2)
        took = await asyncio.gather(*(ours.run(local, prompts(1, at), tokens) for at, local in enumerate(engines)))
        return sum(each.tokens for each in took) / max(each.seconds for each in took)
    finally:
        for local in engines:
            await local.close()


async def main() -> None:
    """Take the arms in turn and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--model", choices=sorted(models()), default="smol")
    options = parser.parse_args()
    print(machine())
    path = models()[options.model]
    for workers in (1, 2):
        found: dict[str, list[float]] = {name: [] for name in ARMS}
        for turn in range(options.rounds):
            for name in rotated(list(ARMS), turn):
                found[name].append(await rate(path, ARMS[name], workers, options.tokens))
        for name, values in found.items():
            row(f"{options.model}, {workers} worker(s), {name}", median(values), "tokens/s")
        ratio = median(found["ours"]) / median(found["libgomp"])
        row(f"{options.model}, {workers} worker(s), ours / libgomp", ratio, "×")


if __name__ == "__main__":
    asyncio.run(main())
