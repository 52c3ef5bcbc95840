"""Checks on trials as they end: apart from the generating, with the models that a judge needs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from workbench.experiments.checks.applying import apply, context_of, result, rows, verdicts_of
from workbench.experiments.checks.bounded import Bounded
from workbench.experiments.checks.model import Verdict
from workbench.experiments.experiment import TrialRecord
from workbench.experiments.running.preparing import Job
from workbench.experiments.running.rooms import Rooms
from workbench.inference.engine import Engine
from workbench.library.prompt import Prompt


class HouseAccess:
    """What checks that ask a model get of the house: `Access`. Each model's name is looked up once."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._paths: dict[str, Path] = {}

    @asynccontextmanager
    async def engine(self, model: str) -> AsyncIterator[Engine]:
        """A loaded engine, held while the context is open."""
        if model not in self._paths:
            self._paths[model] = Path(self._rooms.find(model).path)
        async with self._rooms.pool.use(self._paths[model]) as engine:
            yield engine

    def prompt(self, reference: str) -> Prompt:
        """The library's prompt."""
        return self._rooms.libraries.get(reference)


class Judging:
    """Applies checks to records. `close` ends the process that risky ones run in."""

    def __init__(self, rooms: Rooms, threshold: float | None) -> None:
        self._access = HouseAccess(rooms)
        self._bounded = Bounded()
        self._threshold = threshold

    async def judged(self, job: Job, record: TrialRecord) -> TrialRecord:
        """The record with its verdicts, whether it passed and its score."""
        if not job.checks:
            return record
        messages = (*job.plan.variant.lead, *job.plan.messages)
        context = context_of(record, messages, job.values, access=self._access, bounded=self._bounded)
        verdicts = await apply(job.checks, record.text, context)
        return self.with_verdicts(record, verdicts)

    def with_verdicts(self, record: TrialRecord, verdicts: tuple[Verdict, ...]) -> TrialRecord:
        """The record with these verdicts."""
        found = result(verdicts, self._threshold)
        return msgspec.structs.replace(record, checks=rows(verdicts), passed=found.passed, score=found.score)

    def kept(self, job: Job, record: TrialRecord, stored: dict[str, Any]) -> TrialRecord | None:
        """The record with the verdicts that it came with, None when other rules made them, or an entry point's."""
        same = stored.get("rules") == job.rules and len(record.checks) == len(job.checks)
        if not same or any(not check.kind for check in job.checks):
            return None
        return self.with_verdicts(record, verdicts_of(record.checks))

    async def close(self) -> None:
        """End what was started."""
        await self._bounded.close()
