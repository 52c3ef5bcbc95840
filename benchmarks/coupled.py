"""What coupled dice do to a paired comparison: the variance of the difference between two prompts, against own dice.

`python -m benchmarks.coupled [--model gemma|smol] [--draws 20000]`: pairs of prompts that differ by a word or sentence.
At their next token both draw, with the same noise and with noise of their own. Compared is a figure of the token drawn:
its length in characters, and whether it is the first prompt's likeliest one. Counted: no clock matters.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

import numpy as np

from benchmarks.common import machine, models, row
from workbench.inference.engine import LoadOptions
from workbench.inference.local.client import LocalEngine
from workbench.inference.local.coupled import choose

PAIRS = (
    ("The old town was famous for its", "The old town was well known for its"),
    ("Be brief. What I like about the sea is", "What I like about the sea is"),
    ("She opened the door and saw a", "He opened the door and saw a"),
    ("The best way to learn a language is to", "In my opinion, the best way to learn a language is to"),
)
SEEN = 2000  # likeliest tokens that are drawn from


async def measure(path: Path, draws: int) -> list[tuple[float, float, float]]:
    """For each pair: the ratio of variances (coupled over own dice) of both figures, and how often both draw alike."""
    engine = LocalEngine(path, LoadOptions(context_length=512))
    found = []
    try:
        await engine.load()
        for pair in PAIRS:
            sides = [await engine.next_token(prompt, SEEN) for prompt in pair]
            ids = [np.array([token.id for token in side]) for side in sides]
            logits = [np.array([token.logprob for token in side]) for side in sides]
            lengths = [np.array([len(token.text) for token in side], float) for side in sides]
            likely = [(each == ids[0][0]).astype(float) for each in ids]

            left, right, other = (
                np.array([choose(seed, step, ids[side], logits[side]) for step in range(draws)])
                for side, seed in ((0, 1), (1, 1), (1, 2))
            )
            ratios = [
                float((figure[0][left] - figure[1][right]).var() / (figure[0][left] - figure[1][other]).var())
                for figure in (lengths, likely)
            ]
            found.append((*ratios, float((ids[0][left] == ids[1][right]).mean())))
    finally:
        await engine.close()
    return [(a, b, c) for a, b, c in found]


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=("gemma", "smol"), action="append")
    parser.add_argument("--draws", type=int, default=20_000)
    options = parser.parse_args()
    print(machine())
    for name, path in models().items():
        if name not in (options.model or ("gemma", "smol")):
            continue
        print(f"\n{name}")
        for pair, (length, likely, alike) in zip(PAIRS, asyncio.run(measure(path, options.draws)), strict=True):
            print(f"  ‘{pair[0]}’ and ‘{pair[1]}’: alike {alike:.0%}")
            row("variance over own dice, length", length, "×")
            row("… the likeliest token", likely, "×")


if __name__ == "__main__":
    main()
