"""The estimate against what a worker really takes: models × contexts × KV types × lanes.

`python -m benchmarks.fit [--most TOKENS] [--models smol …] [--contexts N …] [--lanes N …] [--kv f16 …]`. Taken is what
a worker holds whose lanes are full (hardware.memory.taken): the cache grows with what is in it. Combinations of more
than TOKENS tokens in all (12,000) are left out: reading them in takes minutes on a CPU. Each is then estimated again
with the base that the model's first combination measured, as the app does after a model was used once
(models/measured.py).
"""

from __future__ import annotations

import argparse
import asyncio
from itertools import product
from pathlib import Path
from typing import Literal, get_args

from benchmarks.common import machine, median, models, percentile, row
from workbench.hardware import memory
from workbench.inference.engine import Generate, LoadOptions
from workbench.inference.local.client import LocalEngine
from workbench.inference.sampling import Sampling
from workbench.models.fit import estimate

Kv = Literal["f16", "q8_0"]
MB = 1_000_000


async def taken(path: Path, context: int, kv_type: Kv, lanes: int) -> int:
    """Bytes that the worker holds when it has read a prompt and answered."""
    engine = LocalEngine(path, LoadOptions(context_length=context, lanes=lanes, kv_type=kv_type, shape=lanes))
    try:
        await engine.load()
        requests = [
            Generate(trial=str(lane), prompt=f"{lane}" + " word" * (context - 24), sampling=Sampling(max_tokens=4))
            for lane in range(lanes)
        ]
        async for _ in engine.generate(requests):
            pass
        assert engine.pid is not None
        return memory.taken(engine.pid)
    finally:
        await engine.close()


async def run(options: argparse.Namespace) -> None:
    """Each combination, then the errors."""
    errors, corrected = [], []
    bases: dict[str, int] = {}
    for (name, path), context, kv_type, count in product(models().items(), options.contexts, options.kv, options.lanes):
        if context * count > options.most or name not in options.models:
            continue
        real = await taken(path, context, kv_type, count)
        load = LoadOptions(context_length=context, lanes=count, kv_type=kv_type, offload=0)
        fit = estimate(path, load)
        said = (fit.low + fit.high) / 2
        bases.setdefault(name, real - fit.kv - fit.compute)
        again = estimate(path, load, base=bases[name])
        corrected.append(abs((again.low + again.high) / 2 - real) / real)
        errors.append(abs(said - real) / real)
        print(
            f"  {name:<6}{context:>6} × {count} {kv_type:<5} said {said / MB:>7.0f} MB, took {real / MB:>7.0f} MB"
            f"  {100 * (said - real) / real:>+6.1f} %  {'in' if fit.low <= real <= fit.high else 'OUT OF'} range",
            flush=True,
        )
    row("error, median", 100 * median(errors), "%", 5)
    row("error, worst", 100 * percentile(errors, 100), "%", 10)
    row("error once the model was used, median", 100 * median(corrected), "%", 5)
    row("error once the model was used, worst", 100 * percentile(corrected, 100), "%", 10)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=12_000)
    parser.add_argument("--models", nargs="+", default=["smol", "gemma"])
    parser.add_argument("--contexts", nargs="+", type=int, default=[512, 2048, 8192])
    parser.add_argument("--lanes", nargs="+", type=int, default=[1, 2, 4, 8])
    parser.add_argument("--kv", nargs="+", choices=get_args(Kv), default=get_args(Kv))
    print(machine())
    asyncio.run(run(parser.parse_args()))
