"""What log-probabilities and the 20 likeliest alternatives of every token cost a generation.

`python -m benchmarks.logprobs [--model gemma|smol] [--rounds 5] [--tokens 64]`: the same prompts with and without, on 1
lane and 4, side by side in changing order; events travel to this process in both. The cost: 1 − speed with / without.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path

from benchmarks import ours
from benchmarks.common import machine, median, models, prompts, rotated, row, sampling
from workbench.inference.engine import Engine, Finished, Generate

LANES = (1, 4)
TOP = {"without": 0, "with": 20}


async def speed(engine: Engine, lanes: int, tag: object, tokens: int, top: int) -> float:
    """Tokens a second over all lanes, reading in included."""
    requests = [
        Generate(trial=f"{tag}{at}", prompt=text, sampling=sampling(at, tokens), logprobs=top)
        for at, text in enumerate(prompts(lanes, tag))
    ]
    began, made = time.perf_counter(), 0
    async for event in engine.generate(requests):
        if isinstance(event, Finished):
            made += event.completion_tokens
    return made / (time.perf_counter() - began)


async def measure(path: Path, rounds: int, tokens: int) -> dict[int, dict[str, list[float]]]:
    """Tokens a second by lanes and arm, one a round; round -1 warms up."""
    engine = ours.engine(path)
    found: dict[int, dict[str, list[float]]] = {lanes: {arm: [] for arm in TOP} for lanes in LANES}
    try:
        await engine.load()
        for number in range(-1, rounds):
            for lanes in LANES:
                for arm in rotated(list(TOP), number + lanes):
                    made = await speed(engine, lanes, f"Page {number} {arm} ", tokens, TOP[arm])
                    if number >= 0:
                        found[lanes][arm].append(made)
    finally:
        await engine.close()
    return found


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=("gemma", "smol"), action="append")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=64)
    options = parser.parse_args()
    print(machine())
    for name, path in models().items():
        if name not in (options.model or ("gemma", "smol")):
            continue
        print(f"\n{name}")
        for lanes, arms in asyncio.run(measure(path, options.rounds, options.tokens)).items():
            row(f"{lanes} lanes, without", median(arms["without"]), "tok/s")
            lost = [1 - there / bare for there, bare in zip(arms["with"], arms["without"], strict=True)]
            row(f"{lanes} lanes, cost of the 20 likeliest", 100 * median(lost), "%", 5)


if __name__ == "__main__":
    main()
