"""What it costs to see what is forgotten: a conversation of some 8,000 tokens made to fit 4,096, in counts of it.

`python -m benchmarks.context [--model smol|gemma] [--rounds 5]`: each round asks another last message, so that no count
is remembered from the one before; all arms in changing order. Nothing is generated.
"""

from __future__ import annotations

import argparse
import asyncio
import time

from benchmarks.common import OPENINGS, machine, median, models, rotated, row
from workbench.inference.engine import LoadOptions, Message
from workbench.inference.fitting import fit
from workbench.inference.local.client import LocalEngine
from workbench.inference.window import Policy

LEAD = (Message("system", "You are brief."),)
ROOM = 512
ARMS: tuple[Policy, ...] = ("drop-oldest", "first-and-last", "roll")


def talk(turns: int) -> list[Message]:
    """Turns of some 60 tokens."""
    said = []
    for turn in range(turns):
        said.append(Message("user", f"Question {turn}: {OPENINGS[turn % len(OPENINGS)]}?"))
        said.append(Message("assistant", f"Answer {turn}: {OPENINGS[(turn * 3 + 1) % len(OPENINGS)]}. So it is."))
    return said


async def measure(model: str, rounds: int) -> None:
    """Print the medians."""
    engine = LocalEngine(models()[model], LoadOptions(context_length=4096))
    await engine.load()
    try:
        turns = talk(130)
        times: dict[str, list[float]] = {name: [] for name in ("count", *ARMS)}
        whole = kept = 0
        for number in range(rounds):
            for place, name in enumerate(rotated(list(times), number)):
                said = (*turns, Message("user", f"And what of {number}.{place}?"))
                began = time.perf_counter()
                if name == "count":
                    whole = (await engine.count((*LEAD, *said))).prompt_tokens
                else:
                    policy = next(arm for arm in ARMS if arm == name)
                    window = (await fit(engine, LEAD, said, policy, ROOM)).window
                    kept = window.prompt_tokens if window else 0
                times[name].append(time.perf_counter() - began)
        print(f"{model}: {len(turns) + 1} messages, {whole:,} tokens; {kept:,} kept by the last arm")
        bare = median(times["count"])
        row("one count of all of it", bare * 1000, "ms")
        for arm in ARMS:
            row(arm, median(times[arm]) * 1000, "ms")
            row(f"{arm}, in counts of all of it", median(times[arm]) / bare, "×")
    finally:
        await engine.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="smol", choices=("smol", "gemma"))
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(machine())
    asyncio.run(measure(options.model, options.rounds))


if __name__ == "__main__":
    main()
