"""Tokens a second over all lanes, against the high-level class lane after lane and against the bare loop.

`python -m benchmarks.engine [--model gemma|smol] [--rounds 5] [--tokens 64]`. Every round runs every arm at 1, 2, 4
and 8 lanes, in another order; figures are medians over rounds, ratios medians of each round's ratio. Whole answers are
timed, reading in the prompt included. The bare loop is taken in its better shape (one batch, or lanes alternating).
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from benchmarks import ours
from benchmarks.common import Peer, machine, median, models, prompts, rotated, verdict
from workbench.inference.local.machine import threads

LANES = (1, 2, 4, 8)
AIM = {1: 0.98, 2: 0.98, 4: 1.3, 8: 1.9}
ARMS = ("high", "batch", "alternating", "ours")


async def measure(path: Path, rounds: int, tokens: int, coupled: bool) -> dict[int, dict[str, list[float]]]:
    """Tokens a second by lanes and arm, one a round."""
    count = str(threads())
    high = Peer([sys.executable, "-m", "benchmarks.arms", "high", str(path), count])
    bare = Peer([sys.executable, "-m", "benchmarks.arms", "bare", str(path), count])
    local = ours.engine(path)
    found: dict[int, dict[str, list[float]]] = {n: {arm: [] for arm in ARMS} for n in LANES}
    try:
        await local.load()
        for number in range(-1, rounds):  # round -1 warms up
            for lanes in LANES:
                texts = prompts(lanes, f"Page {number}")
                for arm in rotated(ARMS, number + lanes):
                    if arm == "alternating" and lanes == 1:
                        continue
                    if arm == "ours":
                        took = await ours.run(local, texts, tokens, coupled=coupled)
                        made, seconds = took.tokens, took.seconds
                    else:
                        peer = high if arm == "high" else bare
                        reply = peer.ask({"arm": arm, "prompts": texts, "tokens": tokens})
                        made, seconds = reply["tokens"], reply["seconds"]
                    if made != lanes * tokens:
                        print(f"  note: {arm} at {lanes} made {made} tokens, not {lanes * tokens}", file=sys.stderr)
                    if number >= 0:
                        found[lanes][arm].append(made / seconds)
    finally:
        await local.close()
        high.close()
        bare.close()
    return found


def show(name: str, found: dict[int, dict[str, list[float]]]) -> None:
    """The table of one model."""
    print(f"\n{name}: tokens a second over all lanes")
    print(f"  {'lanes':>5} {'high':>8} {'batch':>8} {'altern.':>8} {'ours':>8}   ours/high            ours/bare")
    for lanes, arms in found.items():
        figures = " ".join(f"{median(arms[arm]):>8.1f}" if arms[arm] else f"{'–':>8}" for arm in ARMS)
        other = arms["alternating"] or arms["batch"]
        best = [max(pair) for pair in zip(arms["batch"], other, strict=True)]
        over = median([a / b for a, b in zip(arms["ours"], arms["high"], strict=True)])
        bare = median([a / b for a, b in zip(arms["ours"], best, strict=True)])
        told = verdict(over, AIM[lanes], least=True) if name == "gemma" or lanes < 4 else ""
        print(f"  {lanes:>5} {figures}   {over:5.2f} {told:<14} {bare:5.2f} {verdict(bare, 0.95, least=True)}")


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=("gemma", "smol"), action="append")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--independent", action="store_true", help="own dice for each lane (llama.cpp's draw)")
    options = parser.parse_args()
    print(machine())
    for name, path in models().items():
        if name in (options.model or ("gemma", "smol")):
            found = asyncio.run(measure(path, options.rounds, options.tokens, not options.independent))
            show(name, found)


if __name__ == "__main__":
    main()
