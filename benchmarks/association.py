"""An association of 12 words × 6 contexts against its bare forward passes.

`python -m benchmarks.association [--model gemma|smol] [--rounds 5]`: ours is `insight.association.measure` through the
engine's process: log-probabilities, the 2,000 likeliest next tokens, distances. Bare is a loop over llama.cpp in a
process of its own that computes the same tokens and looks at no logits: each context's prompt in one decode, then all
that its words have besides their first tokens, each word a sequence, in one decode. Side by side in changing order, by
CPU time with one thread each, so that a busy machine tells the same: ours is the worker's and this process's together.
Two lists of words: as people write them, and all of two tokens (the worst case: ours decodes at most three of them
together, so that each has the bits it has alone).
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.common import Peer, machine, median, models, rotated, row, serve, spent
from workbench.inference.engine import LoadOptions
from workbench.inference.local.client import LocalEngine
from workbench.insight.association import continuation, measure

TEXT = "When people hear the words '{}', the first thing they think of is the"
CONTEXTS = {
    "alone": "star",
    "galaxy": "star of a galaxy",
    "film": "star of a film",
    "review": "five star review",
    "sea": "sea star",
    "sheriff": "the sheriff's star",
}
WORDS = {
    "as written": (
        *("sun", "sky", "galaxy", "planet", "Hollywood", "film", "actor", "rating", "ocean", "telescope"),
        *("Milky Way", "red carpet"),
    ),
    "two tokens each": (
        *("Milky Way", "red carpet", "night sky", "movie theater", "deep sea", "gold badge", "five points"),
        *("bright light", "black hole", "old man", "rock band", "hotel room"),
    ),
}


def bare(path: str) -> None:
    """The other process: `{"prompts": [ids], "words": [[ids]]}` → seconds and rows."""
    from workbench.inference.local.llama import Context, Log, Model

    options = LoadOptions()
    model = Model(path, log := Log(), options=options)
    context = Context(model, cells=1024, sequences=16, unified=True, threads=1, options=options, log=log)

    def put(at: int, token: int, position: int, sequence: int, wanted: int) -> None:
        context.token[at], context.position[at] = token, position
        context.sequence[at], context.wanted[at] = sequence, wanted

    def answer(question: dict[str, Any]) -> dict[str, Any]:
        rows = 0
        began = time.process_time()
        for prompt, words in zip(question["prompts"], question["words"], strict=True):
            for sequence in range(16):
                context.drop(sequence)
            for at, token in enumerate(prompt):
                put(at, token, at, 0, at == len(prompt) - 1)
            context.decode(len(prompt))
            at = 0
            for sequence, word in enumerate(words, 1):
                context.copy(0, sequence, len(prompt))
                for place, token in enumerate(word[:-1]):
                    put(at, token, len(prompt) + place, sequence, 1)
                    at += 1
            if at:
                context.decode(at)
            rows += len(prompt) + at
        return {"seconds": time.process_time() - began, "rows": rows}

    serve(answer)


def ids(path: Path, words: tuple[str, ...]) -> dict[str, Any]:
    """What the bare loop decodes: the same tokens."""
    from workbench.inference.local.llama import Log, Model

    model = Model(str(path), Log(), options=LoadOptions())
    prompts, texts = [], []
    for context in CONTEXTS.values():
        prompt = TEXT.format(context)
        first = model.tokenize(prompt, add_special=True, parse_special=True).tolist()
        whole = [
            model.tokenize(prompt + continuation(prompt, word), add_special=True, parse_special=True).tolist()
            for word in words
        ]
        prompts.append(first)
        texts.append([each[len(first) :] for each in whole])
    model.free()
    return {"prompts": prompts, "words": texts}


async def compare(path: Path, words: tuple[str, ...], rounds: int) -> dict[str, list[float]]:
    """Seconds of each arm, one a round; round -1 warms up."""
    prompts = {name: TEXT.format(text) for name, text in CONTEXTS.items()}
    engine = LocalEngine(path, LoadOptions(context_length=1024, threads=1))
    peer = Peer([sys.executable, "-m", "benchmarks.association", "--bare", str(path)])
    found: dict[str, list[float]] = {"ours": [], "bare": [], "rows": []}
    try:
        await engine.load()
        question = ids(path, words)
        for number in range(-1, rounds):
            for arm in rotated(["ours", "bare"], number + 1):
                if arm == "ours":
                    began = time.process_time() + spent(engine.pid)
                    await measure(engine, prompts, words)
                    took, rows = time.process_time() + spent(engine.pid) - began, 0
                else:
                    told = await asyncio.to_thread(peer.ask, question)
                    took, rows = told["seconds"], told["rows"]
                if number >= 0:
                    found[arm].append(took)
                    if rows:
                        found["rows"].append(rows)
    finally:
        peer.close()
        await engine.close()
    return found


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=("gemma", "smol"), action="append")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--bare", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        bare(options.bare)
        return
    print(machine())
    for name, path in models().items():
        if name not in (options.model or ("gemma", "smol")):
            continue
        for kind, words in WORDS.items():
            print(f"\n{name}, {len(words)} words × {len(CONTEXTS)} contexts, {kind}")
            found = asyncio.run(compare(path, words, options.rounds))
            row("tokens decoded", median(found["rows"]), "rows")
            row("bare forward passes", median(found["bare"]), "s")
            row("the association", median(found["ours"]), "s")
            ratios = [ours / other for ours, other in zip(found["ours"], found["bare"], strict=True)]
            row("association over bare", median(ratios), "×", 1.3)


if __name__ == "__main__":
    main()
