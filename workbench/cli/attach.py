"""`workbench attach`: follow an experiment that runs in a process of its own, and end it."""

from __future__ import annotations

import argparse
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from workbench.cli import output, run_output
from workbench.errors import Exit, StorageError

if TYPE_CHECKING:
    from workbench.history.store import Store

EVERY = 0.5  # seconds between looks
_TOLD = ("run", "trials", "total", "reused", "errors", "tokens", "prompt_tokens", "tokens_per_s", "left", "paused")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The verb and its options."""
    parser = subparsers.add_parser(
        "attach",
        help="follow an experiment that runs in a process of its own",
        description="Follow a run that `run --detach` began, to its end. Ctrl+C leaves it running.",
    )
    parser.add_argument("run", nargs="?", default="", metavar="RUN", help="the run's id, or its beginning (the last)")
    parser.add_argument("--stop", action="store_true", help="end it; what is done is kept, and it can go on later")
    parser.add_argument("--json", action="store_true", help="JSON lines: how it stands, then the summary")
    parser.set_defaults(func=run)


def run(options: argparse.Namespace) -> int:
    """Follow; the exit code is the run's own, 0 when it was left running."""
    from workbench import paths
    from workbench.experiments.running import following
    from workbench.experiments.running.starting import named
    from workbench.history.store import open_store

    store, problem = open_store(paths.data_dir() / "history.db")
    if problem:
        raise StorageError(problem)
    with closing(store):
        id = named(store, options.run) if options.run else following.newest(store)
        if options.stop:
            following.stop(store, id)
        try:
            return follow(store, id, options)
        except KeyboardInterrupt:
            output.narrate(f"left: run {id} goes on")
            return Exit.OK


def follow(store: Store, id: str, options: argparse.Namespace) -> int:
    """Show how it stands until it ends."""
    from workbench.experiments.running.following import told
    from workbench.experiments.running.words import progress

    line = run_output.Line()
    before: dict[str, Any] = {}
    try:
        while True:
            found = told(store, id)
            if found.get("stopped") or not found["alive"]:
                break
            line.draw(progress(found))
            counts = {key: found.get(key) for key in _TOLD}
            if options.json and counts != before:
                output.print_json(counts, lines=True)
                before = counts
            time.sleep(EVERY)
    finally:
        line.end()
    return ended(id, found, options)


def ended(id: str, found: dict[str, Any], options: argparse.Namespace) -> int:
    """What it came to."""
    if "summary" in found:
        if options.json:
            output.print_json({"summary": found["summary"]}, lines=True)
        else:
            for row in run_output.table(found["summary"]):
                print(row)
        return int(found.get("exit", Exit.OK))
    how = "was stopped" if found.get("stopped") else "was killed"
    output.narrate(f"run {id} {how} after {found.get('trials', 0):,} trials — go on: workbench run --resume {id}")
    return Exit.INTERRUPTED
