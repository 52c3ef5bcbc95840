"""`workbench history list|show`: what ran before."""

from __future__ import annotations

import argparse
from contextlib import closing
from typing import TYPE_CHECKING, Any

from workbench import safe
from workbench.cli import output
from workbench.errors import Exit, NotFoundError, StorageError, UsageError

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
    if options.limit < 1:
        raise UsageError(f"--limit {options.limit} is too small", hint="take 1 or more")
    with closing(_store()) as store:
        runs = store.runs(options.limit)
    if options.json:
        output.print_json(runs)
        return Exit.OK
    if not runs:
        output.narrate("no runs yet — `workbench compare` or F5 in the app makes one")
    for run in runs:
        trials = "1 trial " if run["trials"] == 1 else f"{run['trials']} trials"
        line = f"{run['id']}  {_when(run)}  {run['kind']:<8} {trials:>9}  {run['message']}"
        print(output.clip(safe.line(line), output.width()))
    return Exit.OK


def show(options: argparse.Namespace) -> int:
    """Print a run's trials, or one trial."""
    with closing(_store()) as store:
        trials = _find(store, options.id)
    if options.json:
        output.print_json(trials)
        return Exit.OK
    for trial in trials:
        _print(trial)
    return Exit.OK


def _find(store: Store, id: str) -> list[dict[str, Any]]:
    """The trials of the run, or the one trial, whose id is or begins so."""
    if id and (trials := store.trials(id, limit=-1)):
        return trials
    if id and (trial := store.trial(id)):
        return [trial]
    runs = [run["id"] for run in store.runs(-1) if run["id"].startswith(id)]
    if len(runs) == 1:
        return store.trials(runs[0], limit=-1)
    what = f"{id} is the beginning of {len(runs)} runs" if runs else f"there is no run or trial {id}"
    raise NotFoundError(what, hint="`workbench history list` shows them")


def _when(row: dict[str, Any]) -> str:
    """A row's time where the person is, to the minute."""
    from datetime import datetime

    return datetime.fromisoformat(row["created"]).astimezone().strftime("%Y-%m-%d %H:%M")


def _print(trial: dict[str, Any]) -> None:
    prompt = f"{trial['prompt']}@{(trial['version'] or '')[:8]}" if trial["prompt"] else "(typed)"
    prompt += f" + {trial['profile']}" if trial["profile"] else ""
    print(
        safe.line(
            f"── {trial['id']}  {_when(trial)}  {trial['variant']}  {prompt}  {trial['model']}  "
            f"seed {trial['seed']}  {trial['mode']}"
        )
    )
    for message in [*trial["lead"], *trial["messages"]]:
        print(f"[{safe.line(message['role'])}]")
        print(safe.text(message["content"]))
    print(f"[answer: {trial['finish']}, {trial['prompt_tokens']} → {trial['completion_tokens']} tok]")
    print(safe.text(trial["text"]))
    if trial["error"]:
        print(safe.line(f"error: {trial['error']}"))
