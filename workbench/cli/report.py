"""`workbench report`: a run as a file for others, or on stdout."""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.cli import output
from workbench.cli.history_ids import one_run, open_history
from workbench.errors import Exit, NotFoundError, UsageError, WorkbenchError

if TYPE_CHECKING:
    from workbench.history.store import Store


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The verb and its options."""
    parser = subparsers.add_parser(
        "report",
        help="a run's results as HTML, Markdown, CSV, JSON lines or JUnit XML",
        description="A run's results with what runs it again. The run is kept from pruning from then on.",
    )
    parser.add_argument(
        "run", metavar="RUN", help="a run's id, or its beginning; or an experiment's file: its last run"
    )
    parser.add_argument(
        "--format", default="", metavar="F", help="html, markdown, csv, jsonl, junit (by the file's name)"
    )
    parser.add_argument("--out", default="-", metavar="FILE", help="a file, its format by its end (stdout)")
    parser.add_argument("--force", action="store_true", help="write over a file that is there")
    parser.add_argument("--baseline", default="", metavar="RUN", help="an earlier run to compare with")
    parser.add_argument("--json", action="store_true", help="print the results as JSON (with --out: beside the file)")
    parser.set_defaults(func=run)


def run(options: argparse.Namespace) -> int:
    """Write or print it."""
    from workbench.experiments.reports import formats, opening, report

    if options.format and options.format not in formats.NAMES:
        raise UsageError(f"{options.format} is no format", hint=", ".join(formats.NAMES))
    path = None if options.out == "-" else Path(options.out).expanduser()
    if path is not None and not options.format:
        formats.of_file(path)
    with closing(open_history()) as store:
        id = run_named(store, options.run)
        before = run_named(store, options.baseline) if options.baseline else ""
        if path is not None:
            report.write(store, id, path, options.format, baseline=before, over=options.force)
            output.narrate(f"report of run {id}: {path}")
        if options.json:
            output.print_json(_json(id, options, opening.of_run(store, id, baseline=before)))
        elif path is None:
            format = options.format or "markdown"
            for each in (id, before):
                if each:
                    report.pin(store, each, f"report on stdout ({format})")
            for line in formats.lines(opening.of_run(store, id, baseline=before), format):
                print(line)
    return Exit.OK


def run_named(store: Store, name: str) -> str:
    """The run of that id, or the last one of that experiment's file. Raises NotFoundError."""
    from workbench.cli.run import file_of
    from workbench.history.experiments import runs_of_file

    path = file_of(name)
    if not path.is_file():
        return one_run(store, name)
    found = runs_of_file(store, path.resolve())
    if not found:
        raise NotFoundError("it has not been run yet", where=str(path), hint=f"workbench run {name}")
    return found[0]


def check_files(names: list[str]) -> None:
    """Raise what would only be found out after an overnight run: no format, no folder."""
    from workbench.experiments.reports import formats

    for name in names:
        path = Path(name).expanduser()
        formats.of_file(path)
        if not path.parent.is_dir():
            raise NotFoundError("there is no such folder", where=str(path.parent), hint="make it first")


def write_all(store: Store, run: str, names: list[str], baseline: str = "") -> int:
    """The reports at the end of a run, written over what was there. One that fails is told; the run's results stand."""
    from workbench.experiments.reports import report

    code = 0
    for name in names:
        try:
            report.write(store, run, Path(name).expanduser(), baseline=baseline)
            output.narrate(f"report: {name}")
        except WorkbenchError as error:
            output.narrate(f"workbench: {error}")
            code = int(error.exit)
    return code


def _json(id: str, options: argparse.Namespace, made: Any) -> dict[str, Any]:
    from workbench.experiments.results.against import to_json

    told = {"run": id, "file": None if options.out == "-" else options.out, **made.results.summary()}
    if made.against is not None:
        told["against"] = {"run": made.baseline, **to_json(made.against)}
    return told
