"""`workbench history replay TRIAL`: run a trial again as it was made, and say where, if anywhere, it departs."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from workbench import safe
from workbench.cli import output
from workbench.cli.history_ids import one_trial
from workbench.errors import Exit, StorageError

if TYPE_CHECKING:
    from workbench.cli.verbs import Verb
    from workbench.experiments.replay import Replay
    from workbench.session import Session


def add_verb(verb: Verb) -> None:
    """The verb and its options."""
    again = verb("replay", "run a trial again as it was made; exit code 1 when it departs", replay)
    again.add_argument("trial", help="a trial's id, or its beginning")


def replay(options: argparse.Namespace) -> int:
    """Run it again; 0 the same, 1 it departs, 3 the engine failed."""
    import asyncio

    from workbench.cli.interrupt import interruptible
    from workbench.experiments.replay import prepare
    from workbench.session import Session

    session = Session()
    store = session.store
    if session.problem:
        raise StorageError(session.problem)
    trial = one_trial(store, options.trial)
    made = prepare(trial, store.meta(trial["run"]))
    for warning in made.warnings:
        output.narrate(f"note: {warning}")
    return asyncio.run(interruptible(_run(session, trial, made, as_json=options.json)))


async def _run(session: Session, trial: dict[str, Any], made: Replay, *, as_json: bool) -> int:
    from workbench.cli.progress import Progress
    from workbench.experiments.experiment import TrialAdvanced, TrialFinished, TrialRecord
    from workbench.experiments.replay import KIND, Meter, outcome

    progress, meter = Progress([made.plan]), Meter()
    record: TrialRecord | None = None
    try:
        async with session.replaying(made) as runner:
            async for event in runner.run([made.plan], kind=KIND):
                if as_json or not isinstance(event, TrialAdvanced):
                    progress.see(event)
                if isinstance(event, TrialAdvanced):
                    meter.see(event)
                    if not as_json:
                        progress.end()
                        print(safe.text(event.text), end="", flush=True)
                elif isinstance(event, TrialFinished):
                    record = event.record
    finally:
        progress.end()
        await session.close()
    if record is None or record.finish == "interrupted":
        return Exit.INTERRUPTED
    if not as_json and record.text:
        print()
    found = outcome(trial, record, meter)
    if as_json:
        departs = {"token": found.token, "character": found.character, "was": found.was, "now": found.now}
        output.print_json(
            {
                "trial": made.plan.id,
                "replays": trial["id"],
                "mode": record.mode,
                "same": found.same,
                "partial": found.partial,
                "tokens": found.tokens,
                "departs": None if found.same else departs,
                "warnings": list(made.warnings),
                "text": record.text,
            }
        )
    else:
        sys.stdout.flush()
        print(safe.line(f"── {found}"))
    return Exit.OK if found.same else Exit.CHECKS_FAILED
