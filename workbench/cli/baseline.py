"""`--baseline RUN`: the run against an earlier one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.errors import UsageError

if TYPE_CHECKING:
    from workbench.experiments.running.starting import Start
    from workbench.history.store import Store


def check_baseline(store: Store, name: str) -> str:
    """The run's whole id. Raises NotFoundError, UsageError when nothing was checked in it."""
    from workbench.experiments.running.baseline import scores_of
    from workbench.experiments.running.starting import named

    id = named(store, name)
    if not scores_of(store, id):
        raise UsageError(f"run {id} has no score to compare with", hint="its trials need checks")
    return id


def compared(store: Store, before: str, start: Start) -> dict[str, Any]:
    """What got worse, as the summary's `baseline`."""
    from workbench.experiments.running.baseline import against

    found = against(store, before, start.run, start.experiment.delta)
    return {
        "run": before,
        "variants": [
            {
                "label": each.variant,
                "worse": each.worse,
                "difference": each.paired.difference,
                "low": each.paired.low,
                "high": each.paired.high,
                "p": each.p,
                "cases": each.paired.cases,
                "lost": list(each.lost),
                "text": each.text,
            }
            for each in found
        ],
    }
