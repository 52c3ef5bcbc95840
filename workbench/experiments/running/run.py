"""A run of an experiment: every trial of its plan made or taken from the history, checked, kept, and told of.

Nothing grows with the number of trials but a few bytes each. A kill at any moment loses what was being generated and
nothing else: the row of a trial is there before it begins, its end is durable before it is told.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from workbench.errors import EngineError, StorageError
from workbench.experiments.checks.applying import needs_engine
from workbench.experiments.experiment import ModelLoading, ModelWaited, TrialAdvanced, TrialFinished, TrialRecord
from workbench.experiments.running import records
from workbench.experiments.running.events import ExperimentEvent, RunBegan, RunEnded, TrialTaken, WorkerRestarted
from workbench.experiments.running.feeding import NARROW, WINDOW, Feeder
from workbench.experiments.running.judging import Judging
from workbench.experiments.running.keeping import Keeping
from workbench.experiments.running.pacing import Pace
from workbench.experiments.running.preparing import Job
from workbench.experiments.running.progress import Progress
from workbench.experiments.running.rooms import Rooms
from workbench.experiments.running.standing import Standing
from workbench.experiments.running.starting import Start
from workbench.experiments.running.summary import summary
from workbench.history import experiments as history
from workbench.inference.engine import Engine, Finished
from workbench.inference.remote.address import is_remote

CHUNK = 16  # trials that are looked up and begun together, at least
FEW = 4  # the same where a verdict may end the run
AHEAD = 16  # cases that a model may be ahead of another then
TURN = 128  # trials of a model before the next one has its turn, where memory does not hold both
JUDGES = 8  # trials that are judged at once


class ExperimentRun:
    """Goes through a `Start`. One event loop; `events` is iterated once. `watch` tells of every piece of text.

    `clock` (seconds) is for rates, `sleep` for waiting until the disk has room.
    """

    def __init__(
        self,
        start: Start,
        rooms: Rooms,
        *,
        watch: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.start, self._rooms, self._watch = start, rooms, watch
        experiment = start.experiment
        labels = [variant.label for variant in experiment.variants]
        self.standing = Standing(labels, experiment.repeats, experiment.delta, experiment.baseline)
        self.progress = Progress(start.run, start.total, clock)
        self._events: asyncio.Queue[ExperimentEvent | None] = asyncio.Queue()
        self._keeping = Keeping(self._events.put_nowait, sleep)
        self._judging = Judging(rooms, experiment.threshold)
        self._early = experiment.stop == "decided"
        self._pace = Pace(AHEAD)
        self._engines: set[Engine] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._handed = 0
        self._stop = ""
        self._reason = ""
        self.over = False  # the time is up
        self._failures: list[str] = []
        some = itertools.islice(start.plan.cases, 200)  # of a long case file: its rows have the same columns
        self._asks = needs_engine((*experiment.checks, *(check for case in some for check in case.checks)))

    async def events(self) -> AsyncGenerator[ExperimentEvent, None]:
        """What happens, to a last RunEnded. Closing the iterator breaks the run off: it can be gone on with."""
        work = asyncio.create_task(self._work())
        work.add_done_callback(lambda _: self._events.put_nowait(None))
        try:
            while (event := await self._events.get()) is not None:
                yield event
            work.result()
        finally:
            work.cancel()
            await asyncio.gather(work, *self._tasks, return_exceptions=True)
            await self._judging.close()
            with suppress(StorageError):
                await asyncio.wrap_future(history.break_off(self._rooms.store, self.start.run))
            self.start.claim.release()

    async def _work(self) -> None:
        start, store = self.start, self._rooms.store
        self._events.put_nowait(RunBegan(start.run, start.total, start.resumed))
        await self._keeping.do(lambda: history.begin_run(store, start.run, start.meta))
        for version, source in records.sources(start.preparing).items():
            await self._keeping.do(lambda v=version, s=source: store.remember_version(v, s))  # type: ignore[misc]  # bound
        if limit := start.experiment.budget.time:
            timer = asyncio.get_running_loop().call_later(limit, self._out_of_time)
        else:
            timer = None
        try:
            streams = await self._streams()
            # Not where a model checks: it may need the memory of one that waits here.
            for path in [paths[0] for paths in streams if len(paths) == 1 and self._early and not self._asks]:
                self._pace.join(path)
            await asyncio.gather(*map(self._stream, streams))
        finally:
            if timer:
                timer.cancel()
        await self._end()

    async def _end(self) -> None:
        if not self._stop:
            self._stop, self._reason = ("failed", self._failures[0]) if self._failures else ("done", "")
        # In a thread: intervals of many pairs take seconds, and nothing is added to the standing any more.
        found = await asyncio.to_thread(summary, self.start.preparing, self.standing)
        told = {
            "run": self.start.run,
            **found,
            "stopped": self._stop,
            "reason": self._reason,
            **self.progress.counts(),
            "failed": self.standing.failed,
        }
        ended = {"summary": told, **({"stopped": self._stop} if self._stop != "failed" else {})}
        await self._keeping.do(lambda: history.note_run(self._rooms.store, self.start.run, **ended))
        self._events.put_nowait(RunEnded(self._stop, self._reason, told))

    # ---- models, beside each other or by turns

    async def _streams(self) -> list[list[str]]:
        """The models, those together that memory does not hold beside each other."""
        local = [path for path in self.start.preparing.paths if not is_remote(path)]
        remote = [[path] for path in self.start.preparing.paths if is_remote(path)]
        if len(local) > 1 and not await self._rooms.pool.together([Path(path) for path in local]):
            return [local, *remote]
        return [*([path] for path in local), *remote]

    async def _stream(self, paths: Sequence[str]) -> None:
        """All cases on these models: in one go on a single one, a turn each on several."""
        whole = range(self.start.limit)
        turn = len(whole)
        if len(paths) > 1 or self._asks:
            turn = max(1, TURN * len(paths) // self.start.plan.per_case)
        failed: set[str] = set()
        try:
            for first in range(0, len(whole), max(1, turn)):
                for path in paths:
                    if path not in failed and not self._stop:
                        try:
                            await self._turn(path, whole[first : first + turn])
                        except EngineError as error:  # the other models go on
                            failed.add(path)
                            self._failures.append(str(error))
        finally:
            self._pace.leave(paths[0])  # whatever ends it: nobody waits for it any more

    async def _turn(self, path: str, places: range) -> None:
        later: list[tuple[Job, TrialRecord, bool]] = []
        groups = self._groups(path, places, later)
        begun = await anext(groups, None)
        if begun is not None:
            name = begun[0].plan.variant.model
            async with self._rooms.pool.use(
                Path(path),
                on_wait=lambda reason: self._events.put_nowait(ModelWaited(name, reason)),
                on_progress=lambda fraction: self._events.put_nowait(ModelLoading(name, fraction)),
            ) as engine:
                self._engines.add(engine)
                self.progress.begin()
                try:
                    sink = _Sink(self, later)
                    ahead = NARROW if self._early else WINDOW
                    await Feeder(engine, sink, self._rooms.lanes(path), ahead).run(_chained(begun, groups))
                finally:
                    self._engines.discard(engine)
        gate = asyncio.Semaphore(JUDGES)
        await asyncio.gather(*[self._judge(gate, *each) for each in later])

    # ---- what is to be made

    async def _groups(
        self, path: str, places: range, later: list[tuple[Job, TrialRecord, bool]]
    ) -> AsyncIterator[list[Job]]:
        """Jobs in plan order, those that are compared together; what is in the history is taken on the way."""
        step = max(1, (FEW if self._early else CHUNK) // self.start.plan.per_case)
        for first in range(0, len(places), step):
            await self._pace.reach(path, places[first])
            if self._stop:
                return
            jobs, found = await asyncio.to_thread(self._look, path, places[first : first + step])
            for job in [job for job in jobs if job.index in found]:
                await self._take(job, found[job.index], later)
            left = self._within_budget([job for job in jobs if job.index not in found])
            if left:
                rows = [records.row(job) for job in left]
                await self._keeping.do(lambda rows=rows: history.begin_trials(self._rooms.store, self.start.run, rows))  # type: ignore[misc]  # bound
            for _, group in itertools.groupby(left, key=lambda job: (job.place, job.plan.repeat)):
                made = []
                for job in group:
                    if job.problem:
                        await self.ended(job, records.refused(job), later)
                    else:
                        made.append(job)
                if made:
                    yield made

    def _look(self, path: str, places: range) -> tuple[list[Job], dict[int, dict[str, Any]]]:
        """The jobs on these cases, and what the history has of them by index. In a thread."""
        start, store = self.start, self._rooms.store
        jobs = [
            start.preparing.job(start.run, trial, place)
            for place in places
            for trial in start.plan.of_case(place)
            if start.preparing.ready[trial.variant.label].model.path == path
        ]
        found: dict[int, dict[str, Any]] = {}
        with suppress(StorageError):  # a history that cannot be read makes nothing wrong: it is generated
            if start.resumed:
                mine = history.of_places(store, start.run, [job.index for job in jobs])
                found = {job.index: mine[job.index] for job in jobs if job.index in mine}
            if not start.fresh:
                missing = [job for job in jobs if job.index not in found]
                known = history.of_addresses(store, [job.address for job in missing])
                found |= {job.index: known[job.address] for job in missing if job.address in known}
        return jobs, found

    def _within_budget(self, jobs: list[Job]) -> list[Job]:
        budget = self.start.experiment.budget
        if budget.trials is not None and self._handed + len(jobs) > budget.trials:
            jobs = jobs[: max(0, budget.trials - self._handed)]
            self.stop("budget", f"{budget.trials:,} trials were made")
        self._handed += len(jobs)
        return jobs

    async def _take(self, job: Job, stored: Mapping[str, Any], later: list[tuple[Job, TrialRecord, bool]]) -> None:
        """A trial out of the history: this run's own, or another's, of which it gets a copy."""
        own = stored["id"] == job.plan.id
        record = records.taken(job, stored)
        judged = self._judging.kept(job, record, dict(stored))
        if judged is None and needs_engine(job.checks):
            later.append((job, record, True))
            judged = msgspec.structs.replace(record, checks=())
        fresh = judged is None
        done = await self._judging.judged(job, record) if judged is None else judged
        if not own or fresh:
            rows, ends = [records.row(job)], [msgspec.to_builtins(done)]
            await self._keeping.do(lambda: history.add_finished(self._rooms.store, self.start.run, rows, ends))
        if not later or later[-1][0] is not job:
            self._tell(job, done, taken=True)

    # ---- what was made

    def piece(self, job: Job, text: str, tokens: int) -> None:
        """More text of a trial."""
        self.progress.tokens += tokens
        self._rooms.store.append(job.plan.id, text)
        if self._watch:
            self._events.put_nowait(TrialAdvanced(job.plan.id, text, tokens))
        budget = self.start.experiment.budget.tokens
        if budget is not None and self.progress.tokens >= budget:
            self.stop("budget", f"{budget:,} tokens were generated")

    async def ended(self, job: Job, record: TrialRecord, later: list[tuple[Job, TrialRecord, bool]]) -> None:
        """A trial has ended: checked, or kept unchecked where a model checks it when this one is let go."""
        wait = needs_engine(job.checks) and record.finish in history.WHOLE
        if not wait and record.finish != "cancelled":
            record = await self._judging.judged(job, record)
        await self._keep(job, record)
        if wait:
            later.append((job, record, False))
        else:
            self._tell(job, record, taken=False)

    async def _keep(self, job: Job, record: TrialRecord) -> None:
        made = msgspec.to_builtins(record)
        await self._keeping.do(lambda: self._rooms.store.finish(job.plan.id, made))

    async def _judge(self, gate: asyncio.Semaphore, job: Job, record: TrialRecord, taken: bool) -> None:
        async with gate:
            record = await self._judging.judged(job, record)
        await self._keep(job, record)
        self._tell(job, record, taken=taken)

    def _tell(self, job: Job, record: TrialRecord, *, taken: bool) -> None:
        self.progress.add(record, taken=taken)
        if record.finish != "cancelled":
            self.standing.add(job.place, job.plan.variant.label, record)
        self._events.put_nowait((TrialTaken if taken else TrialFinished)(job.plan.id, record))
        if self._early and not self._stop and self.standing.decided:
            self.stop("decided", "every pair has its verdict")

    async def again(self, jobs: Sequence[Job], reason: str) -> None:
        """The worker died; these begin again."""
        rows = [records.row(job) for job in jobs]
        await self._keeping.do(lambda: history.begin_trials(self._rooms.store, self.start.run, rows))
        self._events.put_nowait(WorkerRestarted(jobs[0].plan.variant.model, reason, len(jobs)))

    # ---- ends

    @property
    def paused(self) -> str:
        """Why it waits, "" while it goes on."""
        return self._keeping.paused

    def stop(self, stopped: str, reason: str) -> None:
        """Begin no more trials; those at work come to their end."""
        if not self._stop:
            self._stop, self._reason = stopped, reason
            self._pace.end()

    def _out_of_time(self) -> None:
        """The time is up: what is at work is cancelled too, for it may take long."""
        self.stop("budget", f"{self.start.experiment.budget.time:g} s are over")
        self.over = True
        for engine in self._engines:
            task = asyncio.get_running_loop().create_task(engine.cancel())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


class _Sink:
    """Where a feeder's trials go: to the run, and those that a model will judge to its turn's list."""

    def __init__(self, run: ExperimentRun, later: list[tuple[Job, TrialRecord, bool]]) -> None:
        self._run = run
        self._later = later
        self.piece = run.piece
        self.again = run.again

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return self._run.over

    async def end(self, job: Job, end: Finished, engine: Engine) -> None:
        """A trial has ended."""
        await self._run.ended(job, records.made(job, end, engine.info), self._later)


async def _chained(first: list[Job], rest: AsyncIterator[list[Job]]) -> AsyncIterator[list[Job]]:
    yield first
    async for group in rest:
        yield group
