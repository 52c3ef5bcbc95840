"""`workbench run`: an experiment, headless, here or in a process of its own."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.cli import output, run_output
from workbench.cli.given import whole
from workbench.errors import Exit, StorageError, UsageError

if TYPE_CHECKING:
    from workbench.experiments.files import Experiment
    from workbench.experiments.running.run import ExperimentRun
    from workbench.experiments.running.starting import Start
    from workbench.session import Session

TOLD = 1.0  # seconds between writes of the progress file


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The verb and its options."""
    parser = subparsers.add_parser(
        "run",
        help="run an experiment: trials, checks, verdicts",
        description="Run an experiment file, or prompts' own cases. Trials that are in the history are taken from it; "
        "a run that was broken off goes on.",
        epilog="exit codes: 0 all checks passed, 1 checks failed (with --baseline: something got worse), 2 bad file, "
        "3 engine failed, 130 interrupted",
    )
    parser.add_argument("file", nargs="?", metavar="FILE", help="the experiment's TOML file, or an example: wording")
    parser.add_argument("--prompt", action="append", default=[], metavar="ID", help="a prompt's own cases; repeat")
    parser.add_argument("--model", default="", metavar="NAME", help="with --prompt: the model")
    parser.add_argument("--resume", default="", metavar="RUN", help="go on with a run")
    parser.add_argument("--fresh", action="store_true", help="take nothing from the history")
    parser.add_argument("--limit", type=whole, default=0, metavar="N", help="only the first N cases of the plan")
    parser.add_argument(
        "--baseline", default="", metavar="RUN", help="an earlier run, or `last`: exit 1 when something got worse"
    )
    parser.add_argument(
        "--report",
        action="append",
        default=[],
        metavar="FILE",
        help="write a report at the end: .html, .md, .csv, .jsonl, .xml (JUnit); repeat",
    )
    parser.add_argument("--detach", action="store_true", help="run on in a process of its own; `attach` follows it")
    parser.add_argument("--as", dest="id", default="", help=argparse.SUPPRESS)
    parser.add_argument(
        "--library",
        metavar="DIR",
        action="append",
        default=[],
        help="a prompt library before all others; several: nearest first",
    )
    parser.add_argument("--json", action="store_true", help="JSON lines: a trial each, then the summary")
    parser.set_defaults(func=run)


def run(options: argparse.Namespace) -> int:
    """Run it; the exit code says what came of it."""
    import asyncio

    from workbench.cli.interrupt import interruptible
    from workbench.session import Session

    given = [bool(options.file), bool(options.prompt), bool(options.resume)]
    if sum(given) != 1:
        raise UsageError("name one of FILE, --prompt ID and --resume RUN", hint="workbench run experiment.toml")
    if options.limit < 0:
        raise UsageError(f"--limit {options.limit} is too small", hint="take 1 or more")
    if options.report:
        from workbench.cli.report import check_files

        check_files(options.report)
    session = Session(library=[Path(folder) for folder in options.library])
    return asyncio.run(interruptible(execute(session, options)))


async def execute(session: Session, options: argparse.Namespace) -> int:
    """Begin the run and see it to its end."""
    import asyncio

    try:
        start = await asyncio.to_thread(begin, session, options)
        if options.baseline:
            from workbench.cli.baseline import check_baseline

            options.baseline = await asyncio.to_thread(check_baseline, session.store, options.baseline, start)
        if options.detach:
            from workbench.cli.detaching import detach

            start.claim.release()
            return await asyncio.to_thread(detach, session.store, start.run, options)
        return await _follow(session, start, options)
    finally:
        await session.close()


def begin(session: Session, options: argparse.Namespace) -> Start:
    """The run that the command line asks for. In a thread: it reads files."""
    from workbench.experiments.running.starting import named, start

    _ = session.libraries
    origin: dict[str, Any] = {"prompts": options.prompt, "model": options.model} if options.prompt else {}
    run, limit = options.id, options.limit
    if options.resume:
        run = named(session.store, options.resume)
        limit = int(session.store.meta(run).get("limit", 0))
        experiment, origin = experiment_of(session, run)
    elif options.prompt:
        experiment = _of_prompts(session, options.prompt, options.model)
    else:
        from workbench.experiments.files import open_experiment

        experiment = open_experiment(file_of(options.file))
    for warning in experiment.warnings:
        output.narrate(str(warning))
    started = start(experiment, session.rooms, fresh=options.fresh, limit=limit, run=run, origin=origin)
    if session.problem:
        if options.detach or options.resume:
            raise StorageError(session.problem)
        output.narrate(f"no history: {session.problem}")
    return started


def file_of(name: str) -> Path:
    """The file that is named: a path, or the name of one on the shelf, also of an example that ships (`wording`)."""
    from workbench.experiments.places import folders, named

    return named(name, folders())


def experiment_of(session: Session, run: str) -> tuple[Experiment, dict[str, Any]]:
    """The experiment of a run in the history, and how to come to it again where that is not its file."""
    from workbench.experiments.running.starting import reopened

    meta = session.store.meta(run)
    if not meta.get("prompts"):
        return reopened(session.store, run)[0], {}
    origin = {"prompts": meta["prompts"], "model": meta.get("model", "")}
    return _of_prompts(session, origin["prompts"], origin["model"]), origin


def _of_prompts(session: Session, ids: list[str], model: str) -> Experiment:
    from workbench.experiments.files import of_prompts

    return of_prompts([session.libraries.get(id) for id in ids], model)


async def _follow(session: Session, start: Start, options: argparse.Namespace) -> int:
    from workbench.experiments.running.following import Told
    from workbench.experiments.running.run import ExperimentRun

    run = ExperimentRun(start, session.rooms)
    told, line = Told(session.store, start.run), run_output.Line()
    summary: dict[str, Any] | None = None
    try:
        summary = await _events(run, told, line, options)
    finally:
        line.end()
        if summary is None:
            told.write({**_counts(run), "stopped": "interrupted", "exit": int(Exit.INTERRUPTED)})
            output.narrate(
                f"broken off after {run.progress.done:,} of {start.total:,} trials, which are kept — "
                f"go on: workbench run --resume {start.run}"
            )
    code = run_output.exit_of(summary)
    if options.baseline:
        from workbench.cli.baseline import compared

        against = compared(session.store, options.baseline, start)
        summary["baseline"] = against
        if code != Exit.ENGINE:
            code = Exit.CHECKS_FAILED if any(each["worse"] for each in against["variants"]) else Exit.OK
            if not any(each["cases"] or each["broken"] for each in against["variants"]):  # no proof of "no worse"
                output.narrate(f"nothing to compare: no variant and case of run {options.baseline} is in this one")
                code = Exit.CHECKS_FAILED
    if options.report:
        from workbench.cli.report import write_all

        code = max(code, write_all(session.store, start.run, options.report, options.baseline))
    told.write({**_counts(run), "stopped": summary["stopped"], "summary": summary, "exit": int(code)})
    if options.json:
        output.print_json({"summary": summary}, lines=True)
    else:
        for row in run_output.table(summary):
            print(row)
        for each in summary.get("baseline", {}).get("variants", []):
            print(output.clip(each["text"], 400))
    if summary["stopped"] == "failed":
        output.narrate(f"{summary['reason']}; what is done is kept — go on: workbench run --resume {start.run}")
    return code


async def _events(run: ExperimentRun, told: Any, line: run_output.Line, options: argparse.Namespace) -> dict[str, Any]:
    """Print what happens; the summary at the end."""
    from contextlib import aclosing

    from workbench.cli.compare import shape
    from workbench.experiments.experiment import ModelLoading, TrialFinished
    from workbench.experiments.running import events, words

    due = 0.0
    async with aclosing(run.events()) as stream:
        async for event in stream:
            if said := words.narrated(event):
                line.say(said)
            match event:
                case events.TrialTaken() | TrialFinished():
                    if options.json:
                        output.print_json(shape(event.record), lines=True)
                    line.draw(words.progress(_counts(run)))
                case ModelLoading():
                    line.draw(f"loading {event.model} {event.fraction:.0%}")
                case events.RunEnded():
                    return dict(event.summary)
            if time.monotonic() >= due or isinstance(event, events.RunPaused | events.RunContinued):
                due = time.monotonic() + TOLD
                told.write(_counts(run))
    raise AssertionError("a run tells its end")


def _counts(run: ExperimentRun) -> dict[str, Any]:
    return {"run": run.start.run, **run.progress.counts(), "left": run.progress.left, "paused": run.paused}
