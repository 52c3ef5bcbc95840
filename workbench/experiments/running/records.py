"""Rows and records of an experiment's trials, as the history and TRIAL hold them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec

from workbench.experiments.experiment import TrialRecord, sampling_dict
from workbench.experiments.runner import plan_row
from workbench.experiments.running.preparing import Job, Preparing
from workbench.inference.engine import Finished, ModelInfo
from workbench.inference.loading import changed

CASE_FILE = 1_000_000  # bytes of a case file that is kept in the history, so that a report can carry it
_FIELDS = set(TrialRecord.__struct_fields__)


def row(job: Job) -> dict[str, Any]:
    """What the history keeps of a trial from before it starts."""
    return {
        **plan_row(job.plan),
        "place": job.index,
        "address": job.address,
        "rules": job.rules,
        "case_index": job.case_index,
        "tags": list(job.tags),
        "values": dict(job.values),
    }


def made(job: Job, end: Finished, info: ModelInfo | None) -> TrialRecord:
    """The record of a trial that was generated, without its checks."""
    return _record(
        job,
        mode=end.mode,
        text="".join(job.text),
        finish=end.finish,
        error=end.error or None,
        prompt_tokens=end.prompt_tokens,
        completion_tokens=end.completion_tokens,
        first_token_s=end.first_token_s,
        tokens_per_s=end.tokens_per_s,
        load={**changed(info.options), "context_length": info.context_length} if info else {},
    )


def refused(job: Job) -> TrialRecord:
    """The record of a trial that cannot be made: its case does not fit its prompt."""
    return _record(
        job,
        mode=job.plan.mode,
        text="",
        finish="error",
        error=job.problem,
        prompt_tokens=0,
        completion_tokens=0,
        first_token_s=None,
        tokens_per_s=None,
        load={},
    )


def taken(job: Job, stored: Mapping[str, Any]) -> TrialRecord:
    """The record of a trial of the history, under this run's names."""
    known = {key: value for key, value in stored.items() if key in _FIELDS}
    kept = msgspec.convert(known, TrialRecord)
    origin = kept.reused if stored["id"] == job.plan.id else kept.reused or str(stored["id"])
    named = _record(
        job,
        mode=kept.mode,
        text=kept.text,
        finish=kept.finish,
        error=kept.error,
        prompt_tokens=kept.prompt_tokens,
        completion_tokens=kept.completion_tokens,
        first_token_s=kept.first_token_s,
        tokens_per_s=kept.tokens_per_s,
        load=kept.load,
    )
    return msgspec.structs.replace(named, checks=kept.checks, passed=kept.passed, score=kept.score, reused=origin)


def sources(preparing: Preparing) -> dict[str, bytes]:
    """The bytes behind each version that takes part: prompts, profiles, judges, and the case file where it is small."""
    found: dict[str, bytes] = {}
    for ready in preparing.ready.values():
        if ready.base.version and ready.base.source:
            found[ready.base.version] = ready.base.source
        if profile := ready.base.profile:
            found[profile.version] = profile.source
    for prompt in preparing.judges.values():
        found[prompt.version] = prompt.source
    experiment = preparing.experiment
    if experiment.case_file and experiment.path:
        data = b""
        with suppress(OSError), open(experiment.path.parent / experiment.case_file, "rb") as file:
            data = file.read(CASE_FILE + 1)
        if 0 < len(data) <= CASE_FILE:
            found[hashlib.sha256(data).hexdigest()] = data
    return found


def _record(job: Job, **end: Any) -> TrialRecord:
    variant = job.plan.variant
    return TrialRecord(
        variant=variant.label,
        case=job.plan.case,
        repeat=job.plan.repeat,
        prompt=variant.prompt,
        version=variant.version,
        model=variant.model,
        sampling=sampling_dict(variant.sampling),
        seed=variant.sampling.seed,
        id=job.plan.id,
        run=job.plan.run,
        profile=str(variant.profile) if variant.profile else None,
        **end,
    )
