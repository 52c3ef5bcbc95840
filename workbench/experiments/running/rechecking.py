"""Checks applied again to the stored trials of a run: nothing is generated but what a judge says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec

from workbench.experiments.cases import Case
from workbench.experiments.checks.model import Check
from workbench.experiments.experiment import TrialPlan, TrialRecord, Variant
from workbench.experiments.files import Experiment
from workbench.experiments.running.addresses import rules_of
from workbench.experiments.running.judges import Judges
from workbench.experiments.running.judging import Judging
from workbench.experiments.running.preparing import Job
from workbench.experiments.running.rooms import Rooms
from workbench.history import experiments as history
from workbench.inference.engine import Message
from workbench.inference.sampling import Sampling

PAGE = 200  # trials read at once


async def rechecked(
    run: str, experiment: Experiment, rooms: Rooms, checks: Sequence[Check] | None = None
) -> AsyncIterator[tuple[int, TrialRecord]]:
    """Each ended trial of the run with its new verdicts, which are kept; and its case's place among the cases.

    The experiment's checks and its cases' own, or `checks` instead of all of them. Raises StorageError.
    """
    judging, judges = Judging(rooms, experiment.threshold), Judges(rooms)
    cases = {case.name: case for case in experiment.cases()} if checks is None else {}
    try:
        place = -1
        while page := await asyncio.to_thread(history.page, rooms.store, run, place, PAGE):
            for row in page:
                place = row["place"]
                job, record = _job(row, checks, experiment, cases)
                named = sorted(job.values.items()) if job.checks else ()
                job.rules = rules_of(job.checks, experiment.threshold, named, judges.of(job.checks))
                judged = await judging.judged(job, msgspec.structs.replace(record, checks=(), passed=None, score=None))
                await asyncio.wrap_future(history.judge_again(rooms.store, msgspec.to_builtins(judged), job.rules))
                yield job.case_index, judged
    finally:
        await judging.close()


def _job(
    row: Mapping[str, Any], checks: Sequence[Check] | None, experiment: Experiment, cases: Mapping[str, Case]
) -> tuple[Job, TrialRecord]:
    """A stored trial as a job to be judged, and its record."""
    plan = row["plan"]
    known = {key: value for key, value in row["record"].items() if key in TrialRecord.__struct_fields__}
    record = msgspec.convert({**known, "text": row["text"]}, TrialRecord)
    if checks is None:
        own = cases[record.case].checks if record.case in cases else ()
        checks = (*experiment.checks, *own)
    variant = Variant(
        label=record.variant,
        prompt=record.prompt,
        version=record.version,
        lead=msgspec.convert(plan.get("lead", []), tuple[Message, ...]),
        model=record.model,
        path=str(plan.get("path", "")),
        sampling=Sampling(seed=record.seed),
    )
    messages = msgspec.convert(plan.get("messages", []), tuple[Message, ...])
    made = TrialPlan(id=record.id, run=record.run, variant=variant, messages=messages, case=record.case)
    place = int(plan.get("case_index", 0))
    return Job(made, row["place"], place, place, "", tuple(checks), plan.get("values", {}), ""), record
