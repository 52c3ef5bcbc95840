"""What a run of an experiment takes: against promptfoo, the high-level class and the bare engine; its memory.

`python -m benchmarks.experiments overhead|memory|cases [--server PATH --promptfoo PATH]`. Two prompts that share a
system text of some 300 tokens, 32 tokens an answer, the starter model, all arms on as many threads, their models loaded
before the time counts. `cases`: rounds of 40 cases of their own, 200 in all. `memory`: 20,000 trials on the double.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from benchmarks.common import machine, median, models, rotated, row
from benchmarks.promptfoo import Promptfoo
from benchmarks.server import Server
from workbench.experiments.experiment import TrialFinished
from workbench.experiments.files import Experiment, parse
from workbench.experiments.plan import Plan
from workbench.experiments.running.preparing import Preparing
from workbench.experiments.running.run import ExperimentRun
from workbench.experiments.running.starting import start
from workbench.inference.double import DoubleEngine
from workbench.inference.engine import Finished, Generate, LoadOptions
from workbench.session import Session

SHARED = " ".join(
    f"Rule {n}: say what you know, name what you do not, and keep to the point of it." for n in range(1, 16)
)
PROMPTS = (f"{SHARED} Be brief.", f"{SHARED} Be kind.")
TOKENS, LANES, CONTEXT = 32, 8, 4096
TEMPERATURE = 0.8


def messages(first: int, count: int) -> list[str]:
    """What the user says in each case."""
    return [f"Tell me all about the number {n}, at length." for n in range(first, first + count)]


def experiment(first: int, count: int) -> Experiment:
    """Both wordings over these cases."""
    added = "".join(f'[[cases]]\nmessage = "{message}"\n' for message in messages(first, count))
    text = (
        f'schema = 1\nkind = "experiment"\nsampling = {{ max_tokens = {TOKENS}, temperature = {TEMPERATURE} }}\n'
        'checks = [{ type = "contains", value = "the" }]\n'
        f'[[variants]]\nprompt = "{PROMPTS[0]}"\n[[variants]]\nprompt = "{PROMPTS[1]}"\n{added}'
    )
    return parse(text.encode())


def opened(folder: str, threads: int) -> Session:
    """A session with a history of its own."""
    options = LoadOptions(context_length=CONTEXT, threads=threads, lanes=LANES, offload=0)
    return Session(history=Path(folder) / "h.db", options=options)


Took = tuple[float, int, float]  # seconds, tokens, seconds of this process's CPU


async def runner(session: Session, first: int, count: int) -> Took:
    """A fresh run, the model being loaded."""
    began, spent = time.perf_counter(), time.process_time()
    run = ExperimentRun(start(experiment(first, count), session.rooms, fresh=True), session.rooms)
    tokens = 0
    async for event in run.events():
        tokens += event.record.completion_tokens if isinstance(event, TrialFinished) else 0
    return time.perf_counter() - began, tokens, time.process_time() - spent


async def bare(session: Session, first: int, count: int) -> Took:
    """The same requests handed to the engine at once, and nothing kept."""
    planned = experiment(first, count)
    preparing = Preparing(planned, session.rooms)
    jobs = [preparing.job("bare", trial, 0) for trial in Plan(planned, planned.cases())]
    requests = [
        Generate(
            trial=job.plan.id,
            messages=(*job.plan.variant.lead, *job.plan.messages),
            sampling=job.plan.variant.sampling,
        )
        for job in jobs
    ]
    async with session.pool.use(models()["smol"]) as engine:
        began, spent, tokens = time.perf_counter(), time.process_time(), 0
        async for event in engine.generate(requests):
            tokens += event.completion_tokens if isinstance(event, Finished) else 0
        return time.perf_counter() - began, tokens, time.process_time() - spent


async def overhead(count: int, rounds: int, threads: int) -> None:
    """Rounds of both, in turn; the first is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        session = opened(folder, threads)
        found: dict[str, list[Took]] = {"bare": [], "runner": []}
        for at in range(-1, rounds):
            for name in rotated(list(found), at):
                took = await (bare if name == "bare" else runner)(session, at * count + count, count)
                if at >= 0:
                    found[name].append(took)
        await session.close()
    each = {name: [1000 * seconds / tokens for seconds, tokens, _ in values] for name, values in found.items()}
    for name, values in each.items():
        row(f"{name}: a token", median(values), "ms")
        row(f"{name}: this process's CPU a trial", median([1000 * took[2] / (2 * count) for took in found[name]]), "ms")
    ratios = [ours / theirs for ours, theirs in zip(each["runner"], each["bare"], strict=True)]
    print("  each round:", " ".join(f"{100 * (ratio - 1):+.1f} %" for ratio in ratios))
    row("overhead, median of the rounds", 100 * (median(ratios) - 1), "%", 3)
    more = [a[2] - b[2] for a, b in zip(found["runner"], found["bare"], strict=True)]
    row("more CPU, of the bare engine's time", 100 * median(more) / median([took[0] for took in found["bare"]]), "%", 3)


async def memory(trials: int) -> None:
    """RSS while so many trials go through, and the rate on the double."""
    process = psutil.Process()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        (path / "cases.jsonl").write_text("".join(f'{{"message": "Case {n}?"}}\n' for n in range(trials // 2)))
        text = (
            'schema = 1\nkind = "experiment"\ncases = "cases.jsonl"\nsampling = { max_tokens = 8 }\n'
            'checks = [{ type = "contains", value = "the" }]\n[[variants]]\n[[variants]]\nprompt = "Be brief."\n'
        )
        session = Session(history=path / "h.db", engine=DoubleEngine)
        spent, seen = time.process_time(), 0
        run = ExperimentRun(start(parse(text.encode(), path / "e.toml"), session.rooms), session.rooms)
        async for event in run.events():
            if isinstance(event, TrialFinished):
                seen += 1
                if seen in (trials // 20, trials // 4, trials):
                    row(f"resident after {seen:,} trials", process.memory_info().rss / 2**20, "MiB")
        row("CPU a trial, the double's own counted in", 1000 * (time.process_time() - spent) / trials, "ms")
        await session.close()


class High:
    """The high-level class, case by case, with its own reuse of the last prompt's beginning."""

    def __init__(self, threads: int) -> None:
        from llama_cpp import Llama

        path = str(models()["smol"])
        self._llama = Llama(path, n_ctx=CONTEXT, n_threads=threads, n_threads_batch=threads, verbose=False)

    def run(self, first: int, count: int) -> Took:
        """One after the other."""
        began, tokens = time.perf_counter(), 0
        for trial in Plan(planned := experiment(first, count), planned.cases()):
            told: Any = [
                {"role": "system", "content": trial.variant.prompt},
                {"role": "user", "content": trial.case.message},
            ]
            made: Any = self._llama.create_chat_completion(
                told, max_tokens=TOKENS, seed=trial.seed, temperature=TEMPERATURE, repeat_penalty=1.0
            )
            tokens += made["usage"]["completion_tokens"]
        return time.perf_counter() - began, tokens, 0.0


async def cases(count: int, rounds: int, threads: int, program: Path | None, promptfoo: Path | None) -> None:
    """Every arm on the same cases, in another order each round."""
    high = await asyncio.to_thread(High, threads)
    server = Server(program, models()["smol"], LANES, threads=threads, context=1024) if program else None
    arms: dict[str, Callable[[int], Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        session = opened(folder, threads)
        arms["runner"] = lambda first: runner(session, first, count)
        arms["high-level Llama"] = lambda first: asyncio.to_thread(high.run, first, count)
        try:
            await runner(session, 9000, 4)
            if server and promptfoo:
                them = Promptfoo(promptfoo, server.port, PROMPTS, TOKENS, TEMPERATURE)
                tried = {
                    jobs: (await asyncio.to_thread(them.run, messages(9100 + jobs * 20, 12), jobs))[0]
                    for jobs in (4, 8, 16)
                }
                best = min(tried, key=lambda jobs: tried[jobs])
                print("  promptfoo by concurrency:", ", ".join(f"{jobs}: {took:.1f} s" for jobs, took in tried.items()))
                arms[f"promptfoo -j {best}"] = lambda first: asyncio.to_thread(them.run, messages(first, count), best)
            found: dict[str, list[Took]] = {name: [] for name in arms}
            for at in range(rounds):
                for name in rotated(list(arms), at):
                    found[name].append(await arms[name](at * count))
                print(
                    "  round:", ", ".join(f"{n} {t[-1][0]:.1f} s ({t[-1][1]:,})" for n, t in found.items()), flush=True
                )
        finally:
            await session.close()
            if server:
                server.close()
    for name, values in found.items():
        row(f"{name}: {2 * count * rounds} trials", sum(took[0] for took in values), "s")
        row(f"{name}: tokens", sum(took[1] for took in values), "")
        if name != "runner":
            ratios = [ours[0] / theirs[0] for ours, theirs in zip(found["runner"], values, strict=True)]
            row(f"wall time over {name}'s", median(ratios), "×", 0.4 if name.startswith("high") else 0.6)


def main() -> None:
    """Measure what is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("overhead", "memory", "cases"))
    parser.add_argument("--cases", type=int, default=40, help="in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=20_000)
    parser.add_argument("--threads", type=int, default=psutil.cpu_count(logical=False) or 2)
    parser.add_argument("--server", type=Path, metavar="PATH", help="the program llama-server")
    parser.add_argument("--promptfoo", type=Path, metavar="PATH", help="the program promptfoo")
    options = parser.parse_args()
    os.environ.pop("WORKBENCH_DOUBLE", None)
    print(f"{machine()}, {options.threads} threads")
    if options.what == "memory":
        asyncio.run(memory(options.trials))
    elif options.what == "overhead":
        asyncio.run(overhead(options.cases, options.rounds, options.threads))
    else:
        asyncio.run(cases(options.cases, options.rounds, options.threads, options.server, options.promptfoo))


if __name__ == "__main__":
    main()
