"""What log-probabilities and the 20 likeliest alternatives of every token cost a generation.

`python -m benchmarks.logprobs [--model gemma|smol] [--rounds 5] [--tokens 24] [--threads 1]`: the same prompts with and
without, on 1 lane and 4, in short rounds in changing order, by the CPU time of the worker, which a busy machine hardly
moves; reading in is taken out by a run of one token. What is added runs on one core, decoding on all its threads: with
n threads its share of the clock is up to n times that of one, which is told for 2. Numbers that travel to this process
are in it, on the worker's side.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from benchmarks.common import machine, median, models, prompts, rotated, row, sampling, spent
from workbench.inference.engine import Finished, Generate, LoadOptions
from workbench.inference.local.client import LocalEngine

LANES = (1, 4)
TOP = {"without": 0, "with": 20}


async def taken(engine: LocalEngine, lanes: int, tag: object, tokens: int, top: int) -> tuple[float, int]:
    """Seconds of CPU, and tokens made, over all lanes."""
    requests = [
        Generate(trial=f"{tag}{at}", prompt=text, sampling=sampling(at, tokens), logprobs=top)
        for at, text in enumerate(prompts(lanes, tag))
    ]
    began, made = spent(engine.pid), 0
    async for event in engine.generate(requests):
        if isinstance(event, Finished):
            made += event.completion_tokens
    return spent(engine.pid) - began, made


async def measure(path: Path, rounds: int, tokens: int, threads: int) -> dict[int, dict[str, list[float]]]:
    """Milliseconds of CPU a token by lanes and arm, one a round; round -1 warms up."""
    engine = LocalEngine(path, LoadOptions(context_length=512, threads=threads, lanes=max(LANES), shape=max(LANES)))
    found: dict[int, dict[str, list[float]]] = {lanes: {arm: [] for arm in TOP} for lanes in LANES}
    try:
        await engine.load()
        for number in range(-1, rounds):
            for lanes in LANES:
                for arm in rotated(list(TOP), number + lanes):
                    tag = f"Page {number} {arm} "
                    first, few = await taken(engine, lanes, f"{tag}x", 1, TOP[arm])
                    whole, made = await taken(engine, lanes, tag, tokens, TOP[arm])
                    if number >= 0:
                        found[lanes][arm].append(1000 * (whole - first) / (made - few))
    finally:
        await engine.close()
    return found


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=("gemma", "smol"), action="append")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=24)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    print(machine())
    for name, path in models().items():
        if name not in (options.model or ("gemma", "smol")):
            continue
        print(f"\n{name}")
        for lanes, arms in asyncio.run(measure(path, options.rounds, options.tokens, options.threads)).items():
            bare, there = median(arms["without"]), median(arms["with"])
            row(f"{lanes} lanes, without", bare, "ms CPU/tok")
            row(f"{lanes} lanes, the 20 likeliest add", there - bare, "ms CPU/tok")
            share = max(0.0, there - bare) / bare if bare else 0.0
            row(f"{lanes} lanes, cost on one thread", 100 * share / (1 + share), "%", 5)
            row(f"{lanes} lanes, cost on two threads at most", 100 * 2 * share / (1 + 2 * share), "%", 5)


if __name__ == "__main__":
    main()
