"""Our engine, measured from outside its worker, with the events flowing."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common import sampling
from workbench.inference.engine import Finished, Generate, LoadOptions, Piece
from workbench.inference.local.client import LocalEngine
from workbench.inference.local.machine import threads

CONTEXT = 4096


@dataclass(frozen=True)
class Took:
    """`tokens` made in `seconds`; `decoding` is tokens a second after all lanes' first; `first` until all had one."""

    tokens: int
    seconds: float
    decoding: float
    first: float

    @property
    def rate(self) -> float:
        """Tokens a second over all, reading the prompts in included."""
        return self.tokens / self.seconds


def engine(path: Path, *, lanes: int = 8) -> LocalEngine:
    """The engine, at the context length and threads that all arms have."""
    return LocalEngine(path, LoadOptions(context_length=CONTEXT, threads=threads(), offload=0, lanes=lanes))


async def run(local: LocalEngine, texts: list[str], tokens: int, *, coupled: bool = True) -> Took:
    """All prompts together, as trials of a comparison."""
    requests = [
        Generate(trial=f"{seed}", prompt=text, sampling=sampling(seed, tokens), coupled=coupled)
        for seed, text in enumerate(texts)
    ]
    began = time.perf_counter()
    firsts: dict[str, float] = {}
    made = 0
    async for event in local.generate(requests):
        match event:
            case Piece():
                firsts.setdefault(event.trial, time.perf_counter())
            case Finished():
                if event.finish not in ("length", "stop"):
                    raise RuntimeError(event.error or event.finish)
                made += event.completion_tokens
    end = time.perf_counter()
    first = max(firsts.values(), default=end)
    return Took(made, end - began, (made - len(texts)) / max(end - first, 1e-9), first - began)
