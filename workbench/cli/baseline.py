"""`--baseline RUN`: the run against an earlier one."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from workbench.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from workbench.experiments.running.starting import Start
    from workbench.history.store import Store


LAST = "last"


def check_baseline(store: Store, name: str, start: Start) -> str:
    """The run's whole id; of "last" the newest one before `start` of a file of the same name, wherever that was.

    One that was broken off is passed over, and one of a part of the cases, unless `start` is of a part too: what they
    lack could get worse unseen.

    Raises NotFoundError, UsageError when nothing was checked in it.
    """
    from workbench.experiments.running.baseline import scores_of
    from workbench.experiments.running.starting import named

    id = _last(store, start) if name == LAST else named(store, name)
    if not scores_of(store, id):
        raise UsageError(f"run {id} has no score to compare with", hint="its trials need checks")
    return id


def _last(store: Store, start: Start) -> str:
    from workbench.history.experiments import runs_like

    file = PurePath(str(start.meta["file"])).name
    for id in runs_like(store, ""):
        meta = store.meta(id)
        part = not meta.get("stopped") or (meta.get("limited") and not start.meta["limited"])
        if id != start.run and not part and PurePath(str(meta.get("file", ""))).name == file:
            if not file and meta.get("prompts") != start.meta.get("prompts"):
                continue
            return id
    raise NotFoundError(
        f"no whole run of {file or start.experiment.title} before this one", hint="run it once without --baseline"
    )


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
                "broken": list(each.broken),
                "text": each.text,
            }
            for each in found
        ],
    }
