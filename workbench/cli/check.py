"""`workbench check`: prompts' own cases run; or checks applied again to the trials of a run, without generating."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.cli import given, output, run_output
from workbench.errors import Exit, UsageError

RUN = re.compile("[0-9a-f]{1,20}")

if TYPE_CHECKING:
    from workbench.experiments.checks.model import Check
    from workbench.experiments.experiment import TrialRecord
    from workbench.session import Session


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The verb and its options."""
    parser = subparsers.add_parser(
        "check",
        help="run prompts' own cases, or apply checks again to a run's trials",
        description="Run the cases that prompts bring along (as `run --prompt`), with their checks; several prompts "
        "are compared on the cases of the first. Or, named a run, apply checks again to its stored trials: nothing is "
        "generated, but by a judge.",
        epilog="exit codes: 0 all checks passed, 1 checks failed, 2 no cases, a bad file, 3 engine failed, 4 not found",
    )
    parser.add_argument(
        "what", nargs="+", metavar="PROMPT|RUN", help="prompts; or a run's id (hex digits), its beginning"
    )
    parser.add_argument("--model", default="", metavar="NAME", help="of a prompt: the model")
    parser.add_argument("--limit", type=given.whole, default=0, metavar="N", help="of a prompt: only its first N cases")
    parser.add_argument("--fresh", action="store_true", help="of a prompt: take nothing from the history")
    parser.add_argument("--baseline", default="", metavar="RUN", help="of a prompt: exit 1 when it got worse since")
    parser.add_argument("--checks", default="", metavar="FILE", help="of a run: a TOML file with [[checks]] instead")
    given.add_library(parser)
    parser.add_argument("--json", action="store_true", help="JSON lines: a trial each, then the summary")
    parser.set_defaults(func=run, file="", resume="", detach=False, id="", report=[])


def run(options: argparse.Namespace) -> int:
    """Check; exit code 1 when a trial fails."""
    import asyncio

    from workbench.cli import run as running
    from workbench.cli.interrupt import interruptible
    from workbench.session import Session

    runs = [name for name in options.what if RUN.fullmatch(name)]
    if not runs:
        if options.checks:
            raise UsageError("--checks is for a run's trials", hint="a prompt's checks stand in its [[cases]]")
        options.prompt = options.what
        return running.run(options)
    if len(options.what) > 1:
        raise UsageError(f"{runs[0]} is a run's id: name it alone", hint="a prompt called so is LIBRARY:ID")
    for name in ("model", "limit", "fresh", "baseline"):
        if getattr(options, name):
            raise UsageError(f"--{name} is for prompts, and {runs[0]} is a run's id")
    session = Session(library=[Path(folder) for folder in options.library])
    checks = read_checks(Path(options.checks)) if options.checks else None
    return asyncio.run(interruptible(again(session, options, checks)))


def read_checks(path: Path) -> tuple[tuple[Check, ...], float | None]:
    """The checks and the threshold of a TOML file. Raises FileError, UsageError."""
    from workbench.experiments.checks.reading import read_all
    from workbench.library.reader import MAX_BYTES, Reader, load

    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise UsageError(f"it cannot be read ({error})", where=str(path)) from None
    table, source = load(data, str(path))
    reader = Reader(table, source, str(path))
    found = read_all(reader.tables("checks"))
    if not found:
        raise UsageError("there are no [[checks]]", where=str(path), hint='such as type = "contains", value = "42"')
    threshold = reader.take("threshold", float, None, "a number")
    return found, threshold


async def again(
    session: Session, options: argparse.Namespace, given: tuple[tuple[Check, ...], float | None] | None
) -> int:
    """Each trial's new verdicts, then how the variants stand."""
    import asyncio
    import dataclasses

    from workbench.cli.compare import shape
    from workbench.cli.run import experiment_of
    from workbench.experiments.running.rechecking import rechecked
    from workbench.experiments.running.standing import Standing
    from workbench.experiments.running.starting import named
    from workbench.experiments.running.summary import rechecked_summary
    from workbench.history.experiments import note_run

    try:
        id = named(session.store, options.what[0])
        experiment, _ = experiment_of(session, id)
        checks = None
        if given is not None:
            checks, threshold = given
            experiment = dataclasses.replace(experiment, threshold=threshold)
        labels = [variant.label for variant in experiment.variants]
        standing = Standing(labels, experiment.repeats, experiment.delta, experiment.baseline)
        line, count = run_output.Line(), 0
        seen: dict[str, TrialRecord] = {}
        async for place, record in rechecked(id, experiment, session.rooms, checks):
            count += 1
            seen.setdefault(record.variant, record)
            standing.add(place, record.variant, record)
            line.draw(f"{count:,} trials checked")
            if options.json:
                output.print_json(shape(record), lines=True)
        line.end()
        summary = rechecked_summary(id, experiment, standing, count, seen)
        told = {key: summary[key] for key in ("variants", "pairs", "errors", "failed")}
        if session.store.meta(id).get("summary"):  # where a run's verdict is shown, it is the new one
            await asyncio.wrap_future(note_run(session.store, id, summary=told))
        if options.json:
            output.print_json({"summary": summary}, lines=True)
        else:
            for row in run_output.table(summary):
                print(row)
        return Exit.CHECKS_FAILED if summary["failed"] else Exit.OK
    finally:
        await session.close()
