"""How a run stands, in a small dictionary: cheap at 100,000 trials, for a screen and for other processes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workbench.experiments.running.standing import Column, Standing
from workbench.experiments.statistics.verdicts import sentence

if TYPE_CHECKING:
    from workbench.experiments.running.run import ExperimentRun

PAIRS = 12  # verdicts that are told; of more, those that stand come first


def brief(run: ExperimentRun) -> dict[str, Any]:
    """Counts, time left in seconds, variants and verdicts so far. Shares 0…1, without intervals: those cost more."""
    experiment = run.start.experiment
    return {
        "run": run.start.run,
        "title": experiment.title,
        "file": run.start.meta.get("file", ""),
        **run.progress.counts(),
        "left": run.progress.left,
        "paused": run.paused,
        "variants": [_variant(label, column) for label, column in run.standing.columns.items()],
        "pairs": pairs(run.standing),
    }


def pairs(standing: Standing) -> list[str]:
    """The verdicts in words, those that stand first; none before anything was checked."""
    if not any(len(column.scores) for column in standing.columns.values()):
        return []
    ordered = sorted(standing.pairs, key=lambda pair: not standing.evidence[pair].verdict)
    return [sentence(standing.evidence[pair], *pair) for pair in ordered[:PAIRS]]


def _variant(label: str, column: Column) -> Mapping[str, Any]:
    judged = len(column.passes) - column.passes.count(-1)
    return {
        "label": label,
        "trials": column.trials,
        "errors": column.errors,
        "passed": column.passes.count(1) / judged if judged else None,
        "score": sum(column.scores) / len(column.scores) if len(column.scores) else None,
        "tokens": column.tokens,
        "tokens_per_s": column.speed / column.timed if column.timed else None,
    }
