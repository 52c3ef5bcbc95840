"""`workbench history list|show`: what ran before."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from workbench import safe
from workbench.cli import output
from workbench.errors import Exit, NotFoundError, StorageError

if TYPE_CHECKING:
    from workbench.history.store import Store


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The verb and its own verbs."""
    parser = subparsers.add_parser("history", help="list and show past runs and trials")
    verbs = parser.add_subparsers(dest="verb", required=True)
    listing = verbs.add_parser("list", help="runs, newest first")
    listing.add_argument("--limit", type=int, default=30, metavar="N", help="how many (30)")
    listing.set_defaults(func=list_runs)
    one = verbs.add_parser("show", help="a run's trials, or one trial, whole")
    one.add_argument("id", help="a run's or a trial's id, or its beginning")
    one.set_defaults(func=show)
    for verb in (listing, one):
        verb.add_argument("--json", action="store_true", help="one JSON document on stdout")


def _store() -> Store:
    from workbench import paths
    from workbench.history.store import open_store

    store, problem = open_store(paths.data_dir() / "history.db")
    if problem:
        raise StorageError(problem)
    return store


def list_runs(options: argparse.Namespace) -> int:
    """Print runs."""
    store = _store()
    runs = store.runs(options.limit)
    if options.json:
        output.print_json(runs)
    else:
        for run in runs:
            when = run["created"][:16].replace("T", " ")
            line = f"{run['id']}  {when}  {run['kind']:<8} {run['trials']} trials  {safe.line(run['message'])}"
            print(output.clip(line, output.width()))
        if not runs:
            output.narrate("no runs yet — `workbench compare` or F5 in the app makes one")
    store.close()
    return Exit.OK


def show(options: argparse.Namespace) -> int:
    """Print a run's trials, or one trial."""
    store = _store()
    found = store.trial(options.id)
    trials = [found] if found else store.trials(options.id)
    if not trials:
        runs = [run["id"] for run in store.runs(1000) if run["id"].startswith(options.id)]
        if len(runs) != 1:
            what = (
                f"{options.id} is the beginning of {len(runs)} runs"
                if runs
                else f"there is no run or trial {options.id}"
            )
            raise NotFoundError(what, hint="`workbench history list` shows them")
        trials = store.trials(runs[0])
    store.close()
    if options.json:
        output.print_json(trials)
        return Exit.OK
    for trial in trials:
        _print(trial)
    return Exit.OK


def _print(trial: dict[str, Any]) -> None:
    prompt = f"{trial['prompt']}@{(trial['version'] or '')[:8]}" if trial["prompt"] else "(typed)"
    print(
        safe.line(
            f"── {trial['id']}  {trial['variant']}  {prompt}  {trial['model']}  seed {trial['seed']}  {trial['mode']}"
        )
    )
    for message in [*trial["lead"], *trial["messages"]]:
        print(f"[{safe.line(message['role'])}]")
        print(safe.text(message["content"]))
    print(f"[answer: {trial['finish']}, {trial['prompt_tokens']} → {trial['completion_tokens']} tok]")
    print(safe.text(trial["text"]))
    if trial["error"]:
        print(safe.line(f"error: {trial['error']}"))
