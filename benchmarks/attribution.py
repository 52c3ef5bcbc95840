"""Attribution: what a quick look and keeping the prompt's beginning save, and how it agrees with real regeneration.

`python -m benchmarks.attribution speed [--model gemma|smol] [--rounds 3] [--question 0|1|2]`: a prompt of 20 sentences.
The arms: `whole` leaves each out and reads each prompt whole; `kept` keeps what prompts have in common; `quick` hides
each; `quick + 5` hides each and leaves the five heaviest out. Side by side in changing order, by the CPU time of
workers with one thread, so that a busy machine tells the same. And how quick figures agree with exact ones: Spearman's
rank correlation, and how many of the exact three heaviest are among the quick look's five.

`python -m benchmarks.attribution ranks [--model …]`: each sentence of three prompts left out and the answer generated
anew, greedy and strict; Spearman's rank correlation of the weights with how far the answer moved (edit distance of its
words over its length) and how much less likely the new answer is under the whole prompt than the old one (nats).
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import machine, median, models, rotated, row, spent
from workbench.inference.engine import Engine, Finished, Generate, LoadOptions, Message, Piece, TokenLogprob
from workbench.inference.local.client import LocalEngine
from workbench.inference.sampling import make
from workbench.insight.attribution import attribute, units_of, without

MUSEUM = (
    "You are the guide of a small museum in Quellstadt. Speak to visitors in a friendly and simple tone. "
    "The museum opens at nine in the morning and closes at five. On Mondays the museum is closed for cleaning. "
    "Entry costs four coins for adults and one coin for children. On Sundays entry is free for everybody. "
    "The harbour outside the windows is painted bright turquoise. The oldest picture shows a storm in the year 1702. "
    "It hangs in the second room, beside a model of the lighthouse. The painter Ada Wen lived in this house for years. "
    "She painted boats, gulls and the faces of the fishermen. Visitors may take photographs without flash. "
    "Dogs have to wait in the garden behind the house. The café in the garden serves soup, bread and apple cake. "
    "Large bags can be left in the lockers beside the door. Tours begin every hour at the lighthouse model. "
    "A tour takes about forty minutes and is free. Never guess what you do not know about the museum. "
    "If somebody asks about other museums, send them to the town hall. Keep your answers to one or two sentences."
)
PROMPTS = (
    (MUSEUM, "What does the oldest picture show, and where does it hang?"),
    (MUSEUM, "When is the museum open, and what does it cost on a Sunday?"),
    (MUSEUM, "Who was Ada Wen?"),
)
ANSWERS = (
    "The oldest picture shows a storm in the year 1702, and it hangs in the second room.",
    "The museum opens at nine in the morning and closes at five. On Sundays entry is free.",
    "Ada Wen was a painter who lived in this house for years. She painted boats and gulls.",
)


class Forgetful(LocalEngine):
    """Reads every prompt whole: another short prompt is scored in between, not counted in the time."""

    waste = 0.0

    async def score(self, prompt: str, continuation: str, *, top: int = 0) -> tuple[TokenLogprob, ...]:
        began = spent(self.pid)
        await super().next_token("Nothing in common.", 1)
        self.waste += spent(self.pid) - began
        return await super().score(prompt, continuation, top=top)


def talk(system: str, message: str) -> tuple[Message, ...]:
    """The conversation of a prompt."""
    return Message("system", system), Message("user", message)


async def speed(path: Path, rounds: int, question: int) -> dict[str, list[float]]:
    """Seconds of CPU by arm, one a round; round -1 warms up where there are several."""
    options = LoadOptions(context_length=2048, threads=1)
    kept, whole = LocalEngine(path, options), Forgetful(path, options)
    arms: dict[str, tuple[LocalEngine, dict[str, Any]]] = {
        "whole": (whole, {}),
        "kept": (kept, {}),
        "quick": (kept, {"quick": True, "exact": 0}),
        "quick + 5": (kept, {"quick": True, "exact": 5}),
    }
    found: dict[str, list[float]] = {arm: [] for arm in (*arms, "tokens", "answer", "spearman", "first")}
    said, answer = talk(*PROMPTS[question]), ANSWERS[question]
    units = units_of(said)
    try:
        for engine in (kept, whole):
            await engine.load()
        for number in range(-1 if rounds > 1 else 0, rounds):
            told: dict[str, list[float]] = {}
            for arm in rotated(list(arms), number + 1):
                engine, how = arms[arm]
                await engine.next_token("Nothing in common.", 1)
                before, began = getattr(engine, "waste", 0.0), spent(engine.pid)
                weights = await attribute(engine, said, answer, units, **how)
                took = spent(engine.pid) - began - (getattr(engine, "waste", 0.0) - before)
                told[arm] = [weight.nats if weight else 0.0 for weight in weights.weights]
                if number >= 0:
                    found[arm].append(took)
                    found["tokens"].append(weights.prompt_tokens)
                    found["answer"].append(len(weights.answer))
            found["spearman"].append(spearman(told["quick"], told["kept"]))
            first, heavy = _heaviest(told["quick"], 5), _heaviest(told["kept"], 3)
            found["first"].append(len(first & heavy))
    finally:
        for engine in (kept, whole):
            await engine.close()
    print(f"  {len(units)} sentences")
    return found


def _heaviest(nats: Sequence[float], count: int) -> set[int]:
    return set(sorted(range(len(nats)), key=lambda at: -abs(nats[at]))[:count])


async def generated(engine: Engine, messages: Sequence[Message], tokens: int) -> str:
    """The greedy answer, strict."""
    sampling = make({"temperature": 0, "max_tokens": tokens})
    request = Generate(trial="one", messages=tuple(messages), sampling=sampling, mode="strict")
    text = ""
    async for event in engine.generate([request]):
        if isinstance(event, Piece):
            text += event.text
        elif isinstance(event, Finished) and event.finish == "error":
            raise RuntimeError(event.error)
    return text


async def ranks(path: Path, prompts: int, tokens: int) -> None:
    """Print for each prompt the correlation with the edit distance, with the likelihood, and how many answers moved."""
    engine = LocalEngine(path, LoadOptions(context_length=2048))
    try:
        await engine.load()
        for system, message in PROMPTS[:prompts]:
            said = talk(system, message)
            answer = await generated(engine, said, tokens)
            if not answer.strip():
                print(f"  ‘{message}’ has no answer")
                continue
            weights = await attribute(engine, said, answer, units_of(said))
            prompt = await engine.render(said)
            moved, unlikely = [], []
            for unit in weights.units:
                other = await generated(engine, without(said, unit), tokens)
                moved.append(distance(answer.split(), other.split()))
                scored = await engine.score(prompt, other) if other else ()
                per_token = sum(token.logprob for token in scored) / max(1, len(scored))
                unlikely.append(weights.logp / max(1, len(weights.answer)) - per_token)
            nats = [weight.nats if weight else 0.0 for weight in weights.weights]
            print(f"  ‘{message}’ → ‘{' '.join(answer.split())[:70]}…’, {sum(far > 0 for far in moved)} answers moved")
            row("Spearman, weight and edit distance", spearman(nats, moved), "")
            row("Spearman, weight and likelihood lost", spearman(nats, unlikely), "")
    finally:
        await engine.close()


def distance(left: Sequence[str], right: Sequence[str]) -> float:
    """Levenshtein's distance of two lists of words over the longer one's length, 0…1."""
    row_before = list(range(len(right) + 1))
    for at, word in enumerate(left, 1):
        row_now = [at]
        for place, other in enumerate(right, 1):
            change = row_before[place - 1] + (word != other)
            row_now.append(min(row_before[place] + 1, row_now[-1] + 1, change))
        row_before = row_now
    return row_before[-1] / max(1, len(left), len(right))


def spearman(left: Sequence[float], right: Sequence[float]) -> float:
    """Spearman's rank correlation, ties by their mean rank; 0 where one of both is constant."""
    a, b = _ranks(left), _ranks(right)
    mean = (len(a) - 1) / 2
    above = sum((x - mean) * (y - mean) for x, y in zip(a, b, strict=True))
    below = (sum((x - mean) ** 2 for x in a) * sum((y - mean) ** 2 for y in b)) ** 0.5
    return above / below if below else 0.0


def _ranks(values: Sequence[float]) -> list[float]:
    ordered = sorted(values)
    return [ordered.index(value) + (ordered.count(value) - 1) / 2 for value in values]


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("speed", "ranks"))
    parser.add_argument("--model", choices=("gemma", "smol"), action="append")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--question", type=int, choices=(0, 1, 2), default=0, help="speed: which of the three prompts")
    parser.add_argument("--prompts", type=int, default=3, help="ranks: how many of the three prompts")
    parser.add_argument("--tokens", type=int, default=48, help="ranks: longest answer")
    options = parser.parse_args()
    print(machine())
    for name, path in models().items():
        if name not in (options.model or ("gemma", "smol")):
            continue
        print(f"\n{name}")
        if options.what == "speed":
            found = asyncio.run(speed(path, options.rounds, options.question))
            row("prompt", median(found["tokens"]), "tokens")
            row("answer", median(found["answer"]), "tokens")
            row("each prompt read whole", median(found["whole"]), "s of CPU")
            for arm in ("kept", "quick", "quick + 5"):
                ratios = [one / whole for one, whole in zip(found[arm], found["whole"], strict=True)]
                row(f"{arm} over whole", median(ratios), "×", 0.35)
            row("Spearman, quick and exact", median(found["spearman"]), "")
            row("of the three heaviest in quick's first five", median(found["first"]), "")
        else:
            asyncio.run(ranks(path, options.prompts, options.tokens))


if __name__ == "__main__":
    main()
