"""From planned trials to jobs: prompts, models and profiles looked up once, leads rendered, addresses made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from workbench.errors import WorkbenchError
from workbench.experiments.checks.model import Check
from workbench.experiments.experiment import TrialPlan, Variant
from workbench.experiments.files import Experiment
from workbench.experiments.grid import PlannedVariant
from workbench.experiments.plan import PlannedTrial, values_for
from workbench.experiments.running.addresses import address_of, identity, maker, rules_of
from workbench.experiments.running.judges import Judges
from workbench.experiments.running.rooms import Rooms
from workbench.experiments.variants import find_prompt, from_prompt, from_text
from workbench.library.profiles import Profile
from workbench.library.prompt import Prompt
from workbench.models.catalog import Model


@dataclass
class Job:
    """A trial to make. `place` is the case's in the plan; `values` what checks may name; `tries` ended by a crash."""

    plan: TrialPlan
    index: int
    place: int
    case_index: int
    address: str
    checks: tuple[Check, ...]
    values: Mapping[str, object]
    rules: str
    tags: tuple[str, ...] = ()
    problem: str = ""  # why it cannot be made at all
    tries: int = 0
    began: bool = False
    text: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Ready:
    """A variant, looked up. `base` has the lead of a prompt without values of the case, None where those are needed."""

    planned: PlannedVariant
    prompt: Prompt | None
    model: Model
    profile: Profile | None
    base: Variant
    fixed: bool
    made_by: tuple[Any, ...]


class Preparing:
    """Makes jobs. Looking up happens when it is made: raises what the libraries and models raise."""

    def __init__(self, experiment: Experiment, rooms: Rooms) -> None:
        self.experiment = experiment
        self._judges = Judges(rooms)
        own = (check for case in experiment.inline for check in case.checks)
        self.judges = self._judges.prompts((*experiment.checks, *own))  # those of a case file are its own to keep
        models: dict[str, Model] = {}
        prompts: dict[str, Prompt | None] = {}
        profiles: dict[str, Profile | None] = {"": None}
        seen: dict[str, int] = {}
        self.ready: dict[str, Ready] = {}
        for planned in experiment.variants:
            if planned.model not in models:
                models[planned.model] = rooms.find(planned.model)
            if planned.prompt not in prompts:
                prompts[planned.prompt] = find_prompt(rooms.libraries, planned.prompt) if planned.prompt else None
            if planned.profile not in profiles:
                profiles[planned.profile] = _profile(planned.profile)
            prompt, model = prompts[planned.prompt], models[planned.model]
            base, fixed = _base(planned, prompt, model, profiles[planned.profile])
            twin_key = repr((base.version, base.lead, base.sampling, model.path, sorted(planned.variables.items())))
            twin = seen[twin_key] = seen.get(twin_key, -1) + 1
            made_by = maker(base, identity(model), rooms.options(model.path), twin)
            self.ready[planned.label] = Ready(planned, prompt, model, profiles[planned.profile], base, fixed, made_by)

    @property
    def paths(self) -> list[str]:
        """The models that take part, in the variants' order."""
        return list(dict.fromkeys(ready.model.path for ready in self.ready.values()))

    @property
    def makers(self) -> list[tuple[Any, ...]]:
        """What the variants are made of, for the run's fingerprint."""
        return [
            (
                label,
                ready.made_by,
                [(m.role, m.content) for m in ready.base.lead],
                sorted(ready.planned.variables.items()),
            )
            for label, ready in self.ready.items()
        ]

    def rules(self, checks: Sequence[Check], values: Mapping[str, object]) -> str:
        """What a trial with these checks and values is judged by."""
        named = sorted(values.items()) if checks else ()
        return rules_of(checks, self.experiment.threshold, named, self._judges.of(checks))

    def job(self, run: str, trial: PlannedTrial, place: int) -> Job:
        """The job of a planned trial. What is wrong with its values is its `problem`."""
        ready = self.ready[trial.variant.label]
        own, values = values_for(ready.prompt, trial)
        problem = ""
        variant = ready.base
        if not ready.fixed or own:
            try:
                variant = _variant(ready, own)
            except WorkbenchError as error:
                problem = f"case {trial.case.name}: {error}"
        sampling = msgspec.structs.replace(variant.sampling, seed=trial.seed)
        plan = TrialPlan(
            id=f"{run}-{trial.index:06d}",
            run=run,
            variant=msgspec.structs.replace(variant, sampling=sampling),
            messages=trial.case.messages,
            mode=self.experiment.mode,
            coupled=self.experiment.coupled,
            case=trial.case.name,
            repeat=trial.repeat,
        )
        checks = (*self.experiment.checks, *trial.case.checks)
        return Job(
            plan=plan,
            index=trial.index,
            place=place,
            case_index=trial.case_index,
            address=address_of(plan, ready.made_by),
            checks=checks,
            values=values,
            rules=self.rules(checks, values),
            tags=trial.case.tags,
            problem=problem,
        )


def _profile(name: str) -> Profile:
    from workbench.library.profiles import find

    return find(name)


def _base(
    planned: PlannedVariant, prompt: Prompt | None, model: Model, profile: Profile | None
) -> tuple[Variant, bool]:
    """The variant without a case, and whether every case without values of its own has exactly this one."""
    if prompt is None:
        return from_text(planned.label, planned.prompt, model, settings=planned.sampling, profile=profile), True
    given = {name: value for name, value in planned.variables.items() if name in prompt.variables}
    try:
        base = from_prompt(
            planned.label, prompt, model, values=_texts(given), settings=planned.sampling, profile=profile
        )
    except WorkbenchError:
        if not prompt.variables:
            raise
        bare = from_text(planned.label, "", model, settings={**prompt.sampling, **planned.sampling}, profile=profile)
        return msgspec.structs.replace(bare, prompt=prompt.id, version=prompt.version, source=prompt.source), False
    return base, not given


def _variant(ready: Ready, own: Mapping[str, object]) -> Variant:
    assert ready.prompt is not None
    return from_prompt(
        ready.planned.label,
        ready.prompt,
        ready.model,
        values=_texts(own),
        settings=ready.planned.sampling,
        profile=ready.profile,
    )


def _texts(values: Mapping[str, object]) -> dict[str, Any]:
    return dict(values)
