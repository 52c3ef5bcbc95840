"""Time until every lane shows its first token, 1,000 shared prompt tokens: N lanes against one.

`python -m benchmarks.prefix [--model gemma|smol] [--rounds 5]`. The shared text is another one each time, so that no
lane finds it in the cache; each lane adds a few tokens of its own.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from benchmarks import ours
from benchmarks.common import machine, median, models, rotated, row

SHARED = 1000  # tokens
LANES = (1, 4, 8)


async def measure(path: Path, rounds: int) -> dict[int, list[float]]:
    """Seconds until all lanes had a token, by lanes, one a round."""
    local = ours.engine(path)
    found: dict[int, list[float]] = {lanes: [] for lanes in LANES}
    try:
        await local.load()
        for number in range(-1, rounds):
            for lanes in rotated([str(n) for n in LANES], number + 1):
                shared = f"Log {number} of {lanes}. " + "The ship moved on over the calm grey sea. " * 400
                tokens = (await local.tokenize(shared))[:SHARED]
                text = "".join(token.text for token in tokens)
                took = await ours.run(local, [f"{text} Part {n}:" for n in range(int(lanes))], 2)
                if number >= 0:
                    found[int(lanes)].append(took.first)
    finally:
        await local.close()
    return found


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=("gemma", "smol"), action="append")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(machine())
    for name, path in models().items():
        if name not in (options.model or ("gemma", "smol")):
            continue
        found = asyncio.run(measure(path, options.rounds))
        print(f"\n{name}: first token of all lanes, {SHARED} shared prompt tokens")
        for lanes in LANES:
            row(f"{lanes} lanes", median(found[lanes]), "s")
        for lanes in LANES[1:]:
            ratio = median([many / one for many, one in zip(found[lanes], found[1], strict=True)])
            row(f"{lanes} lanes over 1", ratio, "×", 1.15 if lanes == 4 else None)


if __name__ == "__main__":
    main()
