"""A run before its first trial: what it is made of, and whether it goes on with one that was broken off."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import NotFoundError, UsageError
from workbench.experiments.casefile import FileCases
from workbench.experiments.files import Experiment, parse
from workbench.experiments.plan import Plan
from workbench.experiments.runner import new_id
from workbench.experiments.running.claim import Claim, claim
from workbench.experiments.running.preparing import Preparing
from workbench.experiments.running.rooms import Rooms
from workbench.history import experiments as history
from workbench.history.store import Store


@dataclass(frozen=True)
class Start:
    """A run that can begin. `limit` is the number of cases it takes; `resumed` that it was broken off before."""

    run: str
    experiment: Experiment
    plan: Plan
    preparing: Preparing
    limit: int
    fresh: bool
    resumed: bool
    meta: Mapping[str, Any]
    claim: Claim

    @property
    def total(self) -> int:
        """Trials."""
        return self.limit * self.plan.per_case


def start(
    experiment: Experiment,
    rooms: Rooms,
    *,
    fresh: bool = False,
    limit: int = 0,
    run: str = "",
    origin: Mapping[str, Any] | None = None,
) -> Start:
    """The run of an experiment: a new one, or the one of exactly the same that did not come to its end.

    `fresh` always makes a new one, which takes nothing from the history. `run` names one to go on with, or the id
    that a new one shall have. `origin` is kept with it, to open it again. Reads files: call it off the loop. Raises
    what the libraries, the models and the case file raise; UsageError when `run` is not what it was.
    """
    plan = Plan(experiment, experiment.cases())
    if not len(plan):
        raise UsageError("there are no cases", where=str(experiment.path or ""), hint="add [[cases]]")
    cases = min(limit, len(plan.cases)) if limit > 0 else len(plan.cases)
    preparing = Preparing(experiment, rooms)
    for job in (preparing.job("", trial, 0) for trial in plan.of_case(0)):
        if job.problem:
            raise UsageError(job.problem, where=str(experiment.path or ""))
    known = rooms.store.meta(run) if run else {}
    fresh = fresh or bool(known.get("fresh"))
    print_of = fingerprint(plan, preparing, cases)
    if known and known.get("fingerprint") != print_of:
        hint = "run the file again: what is still the same is taken from the history"
        raise UsageError(f"run {run}: its prompts, models or cases have changed", hint=hint)
    found, held = _which(rooms.store, print_of, run, bool(known), fresh)
    meta = {
        **(origin or {}),
        **_case_file(experiment),
        "title": experiment.title,
        "file": str(experiment.path.resolve()) if experiment.path else "",
        "source": experiment.source.decode("utf-8", "replace"),
        "sha256": hashlib.sha256(experiment.source).hexdigest(),
        "fingerprint": print_of,
        "judges": {name: prompt.version for name, prompt in preparing.judges.items()},
        "limit": cases,
        "limited": cases < len(plan.cases),
        "fresh": fresh,
        "total": cases * plan.per_case,
    }
    resumed = bool(known) or found in history.runs_like(rooms.store, found)
    return Start(found, experiment, plan, preparing, cases, fresh, resumed, meta, held)


def _which(store: Store, print_of: str, run: str, known: bool, fresh: bool) -> tuple[str, Claim]:
    """The id of the run, and the claim on it."""
    broken_off = [run] if known or run else [] if fresh else history.unfinished(store, print_of)
    for each in broken_off:
        if held := claim(store, each):
            return each, held
    if run:
        hint = f"`workbench attach {run}` follows it"
        raise UsageError(f"run {run} goes on in another process", hint=hint)
    made = new_id()
    held = claim(store, made)
    assert held is not None
    return made, held


def _case_file(experiment: Experiment) -> dict[str, Any]:
    """What a report says of the file that the cases are in."""
    if not experiment.case_file or not experiment.path:
        return {}
    with open(experiment.path.parent / experiment.case_file, "rb") as file:
        return {"case_file": {"name": experiment.case_file, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}}


def fingerprint(plan: Plan, preparing: Preparing, cases: int) -> str:
    """What the run is made of, as a hash: the file, all cases, prompts' versions, models, settings."""
    made = hashlib.sha256(preparing.experiment.source)
    made.update(repr((preparing.makers, cases)).encode("utf-8", "replace"))
    if isinstance(plan.cases, FileCases):
        made.update(bytes.fromhex(plan.cases.digest))  # as it was when it was opened
    elif preparing.experiment.case_file and preparing.experiment.path:
        data = (preparing.experiment.path.parent / preparing.experiment.case_file).read_bytes()
        made.update(hashlib.sha256(data).digest())
    for case in preparing.experiment.inline:
        made.update(repr((case.name, case.key, case.messages, case.variables, case.checks)).encode("utf-8", "replace"))
    return made.hexdigest()


def reopened(store: Store, run: str) -> tuple[Experiment, dict[str, Any]]:
    """The experiment of a run in the history, from the bytes that were kept, and the run's meta.

    Raises NotFoundError, FileError, UsageError for a run that is no experiment of a file.
    """
    meta = store.meta(run)
    if not meta:
        raise NotFoundError(f"there is no run {run}", hint="`workbench history list` shows them")
    if not meta.get("source"):
        raise UsageError(f"run {run} is of no experiment file", hint="`workbench history list` shows what it is")
    return parse(str(meta["source"]).encode(), Path(meta["file"]) if meta.get("file") else None), meta


def named(store: Store, start: str) -> str:
    """The id of the one experiment's run that begins so. Raises NotFoundError, UsageError for several."""
    found = history.runs_like(store, start) if start else []
    if start in found:
        return start
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{start} is the beginning of {len(found)} runs", hint="give more of its id")
    raise NotFoundError(f"there is no run {start} of an experiment", hint="`workbench history list` shows them")
