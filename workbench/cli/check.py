"""`workbench check`: checks applied again to the trials of a run, without generating."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.cli import output, run_output
from workbench.errors import Exit, UsageError

if TYPE_CHECKING:
    from workbench.experiments.checks.model import Check
    from workbench.session import Session


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The verb and its options."""
    parser = subparsers.add_parser(
        "check",
        help="apply checks again to a run's trials",
        description="Apply checks again to the stored trials of a run. Nothing is generated, but by a judge.",
    )
    parser.add_argument("run", metavar="RUN", help="the run's id, or its beginning")
    parser.add_argument("--checks", default="", metavar="FILE", help="a TOML file with [[checks]] instead of its own")
    parser.add_argument("--library", metavar="DIR", action="append", default=[], help="a prompt library for judges")
    parser.add_argument("--json", action="store_true", help="JSON lines: a trial each, then the summary")
    parser.set_defaults(func=run)


def run(options: argparse.Namespace) -> int:
    """Check again; exit code 1 when a trial fails."""
    import asyncio

    from workbench.cli.interrupt import interruptible
    from workbench.session import Session

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
    import dataclasses

    from workbench.cli.compare import shape
    from workbench.experiments.running.rechecking import rechecked
    from workbench.experiments.running.standing import Standing
    from workbench.experiments.running.starting import named, reopened
    from workbench.experiments.running.summary import rechecked_summary

    try:
        id = named(session.store, options.run)
        experiment, _ = reopened(session.store, id)
        checks = None
        if given is not None:
            checks, threshold = given
            experiment = dataclasses.replace(experiment, threshold=threshold)
        labels = [variant.label for variant in experiment.variants]
        standing = Standing(labels, experiment.repeats, experiment.delta, experiment.baseline)
        line, count = run_output.Line(), 0
        async for place, record in rechecked(id, experiment, session.rooms, checks):
            count += 1
            standing.add(place, record.variant, record)
            line.draw(f"{count:,} trials checked")
            if options.json:
                output.print_json(shape(record), lines=True)
        line.end()
        summary = rechecked_summary(id, experiment, standing, count)
        if options.json:
            output.print_json({"summary": summary}, lines=True)
        else:
            for row in run_output.table(summary, output.width()):
                print(row)
        return Exit.CHECKS_FAILED if summary["failed"] else Exit.OK
    finally:
        await session.close()
