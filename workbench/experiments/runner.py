"""Plan → trials: runs generations on their models, writes each to the history, and tells what happens as it happens.

Trials of one model go to its engine together; models run beside each other where memory holds them, else in turn.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path

import msgspec

from workbench.errors import EngineError, WorkbenchError
from workbench.experiments.experiment import (
    HistoryFailed,
    ModelLoading,
    ModelWaited,
    RunEvent,
    TrialAdvanced,
    TrialFinished,
    TrialFitted,
    TrialFitting,
    TrialPlan,
    TrialRecord,
    TrialStarted,
    sampling_dict,
)
from workbench.history.store import Store
from workbench.inference.engine import Engine, Finish, Finished, Generate, ModelInfo, Piece, Started
from workbench.inference.fitting import fit
from workbench.inference.loading import changed
from workbench.inference.pool import EnginePool
from workbench.inference.remote.address import is_remote


class Runner:
    """Runs plans on the pool's engines. One event loop; several runs may go on at once."""

    def __init__(self, pool: EnginePool, store: Store) -> None:
        self._pool = pool
        self._store = store
        self._batches: set[_Batch] = set()
        self._closing = False
        self.tokens = 0  # generated so far, by all runs

    async def run(self, plans: Sequence[TrialPlan], *, kind: str = "compare") -> AsyncIterator[RunEvent]:
        """Generate all of `plans` (one run); yields events, one TrialFinished for each plan, whatever happens.

        Closing the iterator cancels what is left. Nothing is raised for a failing model or history: the trial's record
        and HistoryFailed say so.
        """
        events: asyncio.Queue[RunEvent | None] = asyncio.Queue()
        groups: dict[str, list[TrialPlan]] = {}
        for plan in plans:
            groups.setdefault(plan.variant.path, []).append(plan)
        problem = await self._begin(plans, kind)
        if problem:
            yield HistoryFailed(problem)
        batches = [_Batch(self, Path(path), group, events) for path, group in groups.items()]
        self._batches.update(batches)
        tasks = [asyncio.create_task(batch.run()) for batch in batches]
        left = len(tasks)
        try:
            while left:
                event = await events.get()
                if event is None:
                    left -= 1
                else:
                    yield event
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._batches.difference_update(batches)

    async def cancel(self, trials: Iterable[str] | None = None) -> None:
        """End these trials (all when None) as "cancelled": running, loading or still waiting for memory."""
        wanted = None if trials is None else set(trials)
        for batch in list(self._batches):
            await batch.cancel(wanted)

    async def close(self) -> None:
        """End everything that runs as "interrupted", its text kept."""
        self._closing = True
        tasks = [task for batch in list(self._batches) if (task := batch.abandon())]
        if tasks:
            await asyncio.wait(tasks)

    async def _begin(self, plans: Sequence[TrialPlan], kind: str) -> str:
        """Write the run and its trials before anything is generated; returns what went wrong, "" for nothing."""
        if not plans:
            return ""
        rows = [plan_row(plan) for plan in plans]
        try:
            for version, source in _sources(plans).items():
                if version and source:
                    await asyncio.wrap_future(self._store.remember_version(version, source))
            await asyncio.to_thread(self._store.begin_run, plans[0].run, kind, {})
            await asyncio.to_thread(self._store.begin_trials, plans[0].run, rows)
        except WorkbenchError as error:
            return str(error)
        return ""

    async def record(
        self, plan: TrialPlan, text: str, end: Finished, info: ModelInfo | None
    ) -> tuple[TrialRecord, str]:
        """The trial's record, after the history has it; with what went wrong there, "" for nothing."""
        finish: Finish = "interrupted" if self._closing and end.finish == "cancelled" else end.finish
        record = TrialRecord(
            variant=plan.variant.label,
            case=plan.case,
            repeat=plan.repeat,
            prompt=plan.variant.prompt,
            version=plan.variant.version,
            model=plan.variant.model,
            sampling=sampling_dict(plan.variant.sampling),
            seed=plan.variant.sampling.seed,
            mode=end.mode,  # what made it, which a server does not let one choose
            text=text,
            finish=finish,
            error=end.error or None,
            prompt_tokens=end.prompt_tokens,
            completion_tokens=end.completion_tokens,
            first_token_s=end.first_token_s,
            tokens_per_s=end.tokens_per_s,
            id=plan.id,
            run=plan.run,
            profile=str(plan.variant.profile) if plan.variant.profile else None,
            load={**changed(info.options), "context_length": info.context_length} if info else {},
            window=plan.window,
        )
        try:
            await asyncio.wrap_future(self._store.finish(plan.id, msgspec.to_builtins(record)))
        except WorkbenchError as error:
            return record, str(error)
        return record, ""

    async def refit(self, plan: TrialPlan) -> str:
        """Note in the history what a trial is fed, before it is; returns what went wrong there, "" for nothing."""
        try:
            await asyncio.wrap_future(self._store.replan(plan.id, plan_row(plan)))
        except WorkbenchError as error:
            return str(error)
        return ""

    @property
    def pool(self) -> EnginePool:
        """The engines."""
        return self._pool

    @property
    def store(self) -> Store:
        """The history."""
        return self._store


class _Batch:
    """The trials of one run that share a model."""

    def __init__(
        self, runner: Runner, path: Path, plans: Sequence[TrialPlan], events: asyncio.Queue[RunEvent | None]
    ) -> None:
        self._runner = runner
        self._path = path
        self._events = events
        self._open = {plan.id: plan for plan in plans}
        self._texts: dict[str, list[str]] = {plan.id: [] for plan in plans}
        self._counts = {plan.id: [0, 0] for plan in plans}  # prompt tokens, completion tokens so far
        self._cancelled: set[str] = set()
        self._engine: Engine | None = None
        self._info: ModelInfo | None = None
        self._task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Wait for the model, generate, and end every trial exactly once."""
        self._task = asyncio.current_task()
        name = next(iter(self._open.values())).variant.model
        try:
            async with self._runner.pool.use(
                self._path,
                on_wait=lambda reason: self._events.put_nowait(ModelWaited(name, reason)),
                on_progress=lambda fraction: self._events.put_nowait(ModelLoading(name, fraction)),
            ) as engine:
                self._engine, self._info = engine, engine.info
                await self._generate(engine)
        except EngineError as error:
            await self._end_all("error", str(error))
        except asyncio.CancelledError:
            await asyncio.shield(self._end_all("cancelled"))
        finally:
            self._events.put_nowait(None)

    async def _generate(self, engine: Engine) -> None:
        requests = []
        await asyncio.gather(*(self._fit(engine, plan) for plan in list(self._open.values())))
        for plan in list(self._open.values()):
            try:
                requests.append(await request_of(engine, plan))
            except EngineError as error:  # a branch on a server that shows no template
                await self._end(plan.id, Finished(trial=plan.id, finish="error", error=str(error), mode=plan.mode))
        for trial in self._cancelled & self._open.keys():
            await self._end(trial, Finished(trial=trial, finish="cancelled", mode=self._open[trial].mode))
        requests = [request for request in requests if request.trial in self._open]
        if not requests:
            return
        async for event in engine.generate(requests):
            match event:
                case Started():
                    self._counts[event.trial][0] = event.prompt_tokens
                    self._events.put_nowait(TrialStarted(event.trial, event.prompt_tokens, event.cached_tokens))
                    if branch := self._open[event.trial].branch:
                        self._advance(event.trial, branch.prefix, 0)
                case Piece():
                    self._advance(event.trial, event.text, event.tokens)
                case Finished():
                    await self._end(event.trial, event)

    async def _fit(self, engine: Engine, plan: TrialPlan) -> None:
        """Make the trial's conversation fit, by its policy; what is left of it is what the history has then."""
        if plan.over_full == "refuse" or plan.window is not None or plan.id in self._cancelled:
            return
        self._events.put_nowait(TrialFitting(plan.id))
        try:
            fitted = await fit(
                engine,
                plan.variant.lead,
                plan.messages,
                plan.over_full,
                plan.variant.sampling.max_tokens,
                known=plan.summary,
                trial=summary_trial(plan.id),
            )
        except EngineError as error:
            if plan.id not in self._cancelled:
                await self._end(plan.id, Finished(trial=plan.id, finish="error", error=str(error), mode=plan.mode))
            return
        if fitted.window is None:
            return
        made = msgspec.structs.replace(plan, messages=fitted.messages, window=fitted.window)
        self._open[plan.id] = made
        if problem := await self._runner.refit(made):
            self._events.put_nowait(HistoryFailed(problem))
        self._events.put_nowait(TrialFitted(plan.id, fitted.window))

    def _advance(self, trial: str, text: str, tokens: int) -> None:
        self._texts[trial].append(text)
        self._counts[trial][1] += tokens
        self._runner.tokens += tokens
        self._runner.store.append(trial, text)
        self._events.put_nowait(TrialAdvanced(trial, text, tokens))

    async def cancel(self, wanted: set[str] | None) -> None:
        """Cancel those of `wanted` that are here; before the engine has them, they never reach it."""
        mine = self._open.keys() if wanted is None else wanted & self._open.keys()
        if not mine:
            return
        self._cancelled |= mine
        if self._engine is not None:
            await self._engine.cancel([*sorted(mine), *map(summary_trial, sorted(mine))])
        elif self._open.keys() <= self._cancelled:
            self.abandon()

    def abandon(self) -> asyncio.Task[None] | None:
        """Stop at once; returns the task that will have ended every trial, None when it never began."""
        if self._task is not None:
            self._task.cancel()
        return self._task

    async def _end_all(self, finish: Finish, error: str = "") -> None:
        for trial in list(self._open):
            prompt, completion = self._counts[trial]
            await self._end(
                trial,
                Finished(
                    trial=trial,
                    finish="cancelled" if trial in self._cancelled else finish,
                    error="" if trial in self._cancelled else error,
                    prompt_tokens=prompt,
                    completion_tokens=completion,
                    mode=self._open[trial].mode,
                ),
            )

    async def _end(self, trial: str, end: Finished) -> None:
        plan = self._open.pop(trial, None)
        if plan is None:
            return
        record, problem = await self._runner.record(plan, "".join(self._texts.pop(trial)), end, self._info)
        if problem:
            self._events.put_nowait(HistoryFailed(problem))
        self._events.put_nowait(TrialFinished(trial, record))


def _sources(plans: Sequence[TrialPlan]) -> dict[str, bytes]:
    """The bytes behind each version that takes part: of prompts, and of profiles of custom instructions."""
    found = {plan.variant.version: plan.variant.source for plan in plans}
    return found | {used.version: used.source for plan in plans if (used := plan.variant.profile)}


def plan_row(plan: TrialPlan) -> dict[str, object]:
    """What the history keeps from before the start: enough to replay the trial."""
    variant = plan.variant
    return {
        "id": plan.id,
        "run": plan.run,
        "variant": variant.label,
        "case": plan.case,
        "repeat": plan.repeat,
        "prompt": variant.prompt,
        "version": variant.version,
        "profile": str(variant.profile) if variant.profile else None,
        "profile_version": variant.profile.version if variant.profile else None,
        "model": variant.model,
        "path": variant.path,
        "sampling": msgspec.to_builtins(msgspec.structs.asdict(variant.sampling), str_keys=True),
        "seed": variant.sampling.seed,
        "mode": plan.mode,
        "coupled": plan.coupled and not is_remote(variant.path),
        "lead": [msgspec.to_builtins(message) for message in variant.lead],
        "messages": [msgspec.to_builtins(message) for message in plan.messages],
        **({"replays": plan.replays} if plan.replays else {}),
        **({"branch": msgspec.to_builtins(plan.branch)} if plan.branch else {}),
        **({"over_full": plan.over_full} if plan.over_full != "refuse" else {}),
        **({"window": msgspec.to_builtins(plan.window)} if plan.window else {}),
    }


async def request_of(engine: Engine, plan: TrialPlan) -> Generate:
    """What the engine is asked for a plan. A branch is the rendered prompt with the text that the answer begins with.

    Raises EngineError where a server does not show its template.
    """
    messages, prompt, sampling = (*plan.variant.lead, *plan.messages), None, plan.variant.sampling
    if plan.branch is not None:
        prompt = await engine.render(messages) + plan.branch.prefix
        messages = ()
        if engine.info is not None and not engine.info.template:  # ChatML's marks are no control tokens there
            sampling = msgspec.structs.replace(sampling, stop=(*sampling.stop, "<|im_end|>", "<|im_start|>"))
    return Generate(
        trial=plan.id,
        messages=messages,
        prompt=prompt,
        sampling=sampling,
        mode=plan.mode,
        coupled=plan.coupled,
        logprobs=plan.logprobs,
    )


def summary_trial(trial: str) -> str:
    """The id under which the engine makes a trial's summary."""
    return f"{trial}-summary"


def new_id() -> str:
    """A fresh id for a run: sortable by time, unique; 12 hex digits of milliseconds and 8 of chance."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(4)}"
