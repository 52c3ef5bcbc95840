"""The end of a run in numbers: the `summary` of `run --json`, and of the run in the history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.experiments.experiment import TrialRecord
from workbench.experiments.files import Experiment
from workbench.experiments.grid import PlannedVariant
from workbench.experiments.running.preparing import Preparing
from workbench.experiments.running.standing import Column, Standing
from workbench.experiments.statistics.estimates import Estimate, grouped, mean_score, pass_rate
from workbench.experiments.statistics.verdicts import judge
from workbench.experiments.variants import looks_like_id
from workbench.inference.sampling import changed


def summary(preparing: Preparing, standing: Standing) -> dict[str, Any]:
    """`variants` and `pairs`; shares 0…1, times in seconds. A pair's difference is b - a."""
    made = []
    for label, column in standing.columns.items():
        base = preparing.ready[label].base
        named = {
            "prompt": base.prompt,
            "version": base.version,
            "model": base.model,
            "sampling": changed(base.sampling),
        }
        made.append(variant(label, named, preparing.ready[label].planned, column))
    return {"variants": made, "pairs": pairs(standing)}


def rechecked_summary(
    run: str, experiment: Experiment, standing: Standing, trials: int, seen: Mapping[str, TrialRecord]
) -> dict[str, Any]:
    """The summary of a run that was checked again; `seen` is a trial of each variant that has one."""
    made = []
    for planned in experiment.variants:
        prompt = planned.prompt if looks_like_id(planned.prompt) else ""
        named = {"prompt": prompt, "version": "", "model": planned.model, "sampling": dict(planned.sampling)}
        if trial := seen.get(planned.label):
            settings = {name: value for name, value in trial.sampling.items() if name != "seed"}
            named = {"prompt": trial.prompt, "version": trial.version, "model": trial.model, "sampling": settings}
        made.append(variant(planned.label, named, planned, standing.columns[planned.label]))
    errors = sum(column.errors for column in standing.columns.values())
    return {
        "run": run,
        "variants": made,
        "pairs": pairs(standing),
        "stopped": "done",
        "trials": trials,
        "errors": errors,
        "failed": standing.failed,
    }


def pairs(standing: Standing) -> list[dict[str, Any]]:
    """The verdict on each pair; none where nothing was checked."""
    if not any(column.scores for column in standing.columns.values()):
        return []
    return [dict(vars(judge(standing.evidence[pair], *pair))) for pair in standing.pairs]


def variant(label: str, named: Mapping[str, Any], planned: PlannedVariant, column: Column) -> dict[str, Any]:
    """One variant's line; `passed` and `score` are None where nothing was checked."""
    passes: dict[str, list[bool]] = {}
    for place, passed in zip(column.cases, column.passes, strict=True):
        if passed >= 0:
            passes.setdefault(str(place), []).append(bool(passed))
    scores = grouped((str(place), score) for place, score in zip(column.cases, column.scores, strict=True))
    timed = column.timed or 1
    return {
        "label": label,
        **named,
        "point": dict(planned.point),
        "trials": column.trials,
        "errors": column.errors,
        "passed": _estimate(pass_rate(passes)) if passes else None,
        "score": _estimate(mean_score(scores)) if scores else None,
        "tokens": column.tokens,
        "tokens_per_s": column.speed / timed if column.timed else None,
        "first_token_s": column.first / timed if column.timed else None,
    }


def _estimate(found: Estimate) -> dict[str, Any]:
    return {"value": found.value, "low": found.low, "high": found.high, "cases": found.cases}
