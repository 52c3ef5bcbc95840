"""One model's engine kept full: jobs handed over in plan order within a window, again after a crash.

What is to be compared (all variants on a case) goes in together, so that its common beginning is read once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from workbench.errors import EngineError
from workbench.experiments.running.preparing import Job
from workbench.inference.engine import Engine, Finished, Generate, Piece, Started

WINDOW = 4  # trials at the engine, for each of its lanes
NARROW = 2  # the same where a verdict may end the run: what is at the engine then is made for nothing
AGAIN = 3  # times that a trial is made again after crashes
ALONE = 2  # crashes after which a trial runs by itself: a bad one must not take its neighbours along
LOADS = 3  # tries to start a worker again


class Sink(Protocol):
    """Who takes what comes. `over`: nothing more is to be generated, not even what was begun."""

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        ...

    def piece(self, job: Job, text: str, tokens: int) -> None:
        """More text of a trial."""
        ...

    async def end(self, job: Job, end: Finished, engine: Engine) -> None:
        """A trial has ended; when it returns it is kept."""
        ...

    async def again(self, jobs: Sequence[Job], reason: str) -> None:
        """The worker died and was started again; these will be made again."""
        ...


class Feeder:
    """Generates jobs on one loaded engine. `lanes` is how many it takes at once, `ahead` times as many are there."""

    def __init__(self, engine: Engine, sink: Sink, lanes: int, ahead: int = WINDOW) -> None:
        self._engine = engine
        self._sink = sink
        self._window = max(2, ahead * lanes)
        self._live: dict[asyncio.Task[None], int] = {}
        self._killed: list[tuple[Job, Finished]] = []
        self._alone: list[Job] = []

    async def run(self, groups: AsyncIterator[list[Job]]) -> None:
        """All of them. Raises EngineError when the worker cannot be started again, and what the sink raises."""
        try:
            async for group in groups:
                for start in range(0, len(group), self._window):
                    part = group[start : start + self._window]
                    while self._killed or self._alone or sum(self._live.values()) + len(part) > self._window:
                        await self._wait()
                    self._start(part)
            while self._live or self._killed or self._alone:
                await self._wait()
        finally:
            for task in self._live:
                task.cancel()
            await asyncio.gather(*self._live, return_exceptions=True)

    def _start(self, jobs: Sequence[Job]) -> None:
        self._live[asyncio.create_task(self._generate(jobs))] = len(jobs)

    async def _wait(self) -> None:
        """Until something ended. After a crash all ends first, then the killed ones begin again."""
        if self._live:
            done, _ = await asyncio.wait(self._live, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                del self._live[task]
                task.result()
        if self._live:
            return
        if self._killed:
            await self._recover()
        elif self._alone:
            self._start([self._alone.pop(0)])

    async def _recover(self) -> None:
        killed, self._killed = self._killed, []
        again: list[Job] = []
        unknown = not any(job.began for job, _ in killed)  # else it is one of those that were being made
        for job, end in sorted(killed, key=lambda each: each[0].index):
            job.tries += job.began or unknown
            if job.tries > AGAIN:
                await self._sink.end(job, end, self._engine)
            else:
                again.append(job)
        await _load(self._engine)
        if not again:
            return
        await self._sink.again(again, killed[0][1].error)
        for job in again:
            job.text, job.began = [], False
        self._alone += [job for job in again if job.tries >= ALONE]
        if together := [job for job in again if job.tries < ALONE]:
            self._start(together)

    async def _generate(self, jobs: Sequence[Job]) -> None:
        if self._sink.over:
            for job in jobs:
                await self._sink.end(job, Finished(trial=job.plan.id, finish="cancelled"), self._engine)
            return
        byid = {job.plan.id: job for job in jobs}
        requests = [
            Generate(
                trial=job.plan.id,
                messages=(*job.plan.variant.lead, *job.plan.messages),
                sampling=job.plan.variant.sampling,
                mode=job.plan.mode,
                coupled=job.plan.coupled,
            )
            for job in jobs
        ]
        async for event in self._engine.generate(requests):
            job = byid[event.trial]
            match event:
                case Started():
                    job.began = True
                case Piece():
                    job.text.append(event.text)
                    self._sink.piece(job, event.text, event.tokens)
                case Finished():
                    if event.finish == "error" and self._engine.state not in ("ready", "closed"):
                        self._killed.append((job, event))
                    else:
                        await self._sink.end(job, event, self._engine)


async def _load(engine: Engine) -> None:
    for attempt in range(LOADS):
        try:
            await engine.load()
            return
        except EngineError:
            if attempt == LOADS - 1:
                raise
