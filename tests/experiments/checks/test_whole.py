"""From a prompt's own cases to verdicts, on the starter model: plan, generate, check, and check again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from workbench import paths
from workbench.experiments.checks.applying import apply, context_of, result
from workbench.experiments.checks.bounded import Bounded
from workbench.experiments.experiment import TrialFinished, TrialPlan, TrialRecord
from workbench.experiments.files import Experiment, parse
from workbench.experiments.plan import Plan, values_for
from workbench.experiments.runner import Runner
from workbench.experiments.variants import from_prompt
from workbench.history.store import open_store
from workbench.inference.engine import Engine, LoadOptions, Message
from workbench.inference.local.client import LocalEngine
from workbench.inference.pool import EnginePool
from workbench.library.library import Libraries
from workbench.library.prompt import Prompt
from workbench.models.catalog import find

EXPERIMENT = """
kind = "experiment"
repeats = 2
mode = "strict"
[sampling]
max_tokens = 12
temperature = 0
[[variants]]
prompt = "shipped:system/plain"
[[variants]]
prompt = "shipped:system/concise"
[[checks]]
type = "not-is-refusal"
[[checks]]
type = "length"
unit = "tokens"
max = 12
[[checks]]
type = "perplexity"
weight = 0
[[checks]]
type = "regex"
value = "{{pattern}}"
not = true
[[cases]]
message = "What is the capital of France?"
variables = { pattern = "^(a+)+$" }
"""


class Access:
    """The one engine, and the libraries."""

    def __init__(self, pool: EnginePool, path: Path) -> None:
        self._pool, self._path = pool, path

    @asynccontextmanager
    async def engine(self, model: str) -> AsyncIterator[Engine]:
        async with self._pool.use(self._path) as engine:
            yield engine

    def prompt(self, reference: str) -> Prompt:
        raise AssertionError("no judge here")


async def test_an_experiment_is_planned_run_and_checked(starter: Path, tmp_path: Path) -> None:
    experiment: Experiment = parse(EXPERIMENT.encode())
    libraries = Libraries.default(paths.shipped("prompts"))
    plan = Plan(experiment, experiment.cases())
    store, problem = open_store(tmp_path / "history.db")
    assert not problem
    pool = EnginePool(
        lambda path: LocalEngine(path, LoadOptions(context_length=512, threads=1)), lambda path, loaded: (True, "")
    )
    runner = Runner(pool, store)
    plans: list[TrialPlan] = []
    known: dict[str, dict[str, object]] = {}
    model = find(str(starter))
    for trial in plan:
        prompt = libraries.get(trial.variant.prompt)
        own, variables = values_for(prompt, trial)
        settings = {**trial.variant.sampling, "seed": trial.seed}
        variant = from_prompt(
            trial.variant.label,
            prompt,
            model,
            values={name: str(value) for name, value in own.items()},
            settings=settings,
        )
        name = f"t{trial.index}"
        known[name] = variables
        plans.append(
            TrialPlan(
                id=name,
                run="r",
                variant=variant,
                messages=trial.case.messages,
                mode=experiment.mode,
                case=trial.case.name,
                repeat=trial.repeat,
            )
        )
    records: dict[str, TrialRecord] = {}
    async for event in runner.run(plans, kind="experiment"):
        if isinstance(event, TrialFinished):
            records[event.trial] = event.record
    assert len(records) == 4
    access = Access(pool, starter)
    async with Bounded() as bounded:
        for made in plans:
            record = records[made.id]
            assert record.finish in ("stop", "length"), record.error
            messages: tuple[Message, ...] = (*made.variant.lead, *made.messages)
            context = context_of(record, messages, known[made.id], access=access, bounded=bounded)
            checks = (*experiment.checks, *plan.cases[0].checks)
            verdicts = await apply(checks, record.text, context)
            assert [each.type for each in verdicts] == ["not-is-refusal", "length", "perplexity", "regex"]
            assert result(verdicts).passed, verdicts
            assert result(verdicts).score == 1
            assert (verdicts[2].measured or 0) > 1
            again = await apply(checks, record.text, context)
            assert [each.passed for each in again] == [each.passed for each in verdicts]
    assert len({record.seed for record in records.values()}) == 2
    await runner.close()
    await pool.close()
    store.close()
