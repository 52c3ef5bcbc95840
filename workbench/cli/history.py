"""`workbench history`: past runs listed, searched and shown; the verbs that change or run something are beside it."""

from __future__ import annotations

import argparse
from contextlib import closing
from typing import TYPE_CHECKING, Any

from workbench import safe
from workbench.cli import history_change, history_import, history_replay, output
from workbench.cli.given import whole
from workbench.cli.history_ids import one_run, open_history, trials_of
from workbench.errors import Exit, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.history.store import Store

PAGE = 200  # rows read at once


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The verb and its own verbs."""
    parser = subparsers.add_parser("history", help="past runs and trials: find, show, replay, export, tag, delete")
    verbs = parser.add_subparsers(dest="verb", required=True)

    def verb(name: str, help: str, func: Any) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=help)
        made.add_argument("--json", action="store_true", help="JSON on stdout")
        made.set_defaults(func=func)
        return made

    listing = verb("list", "runs, newest first", list_runs)
    one = verb("show", "a run's trials, or one trial, whole", show)
    one.add_argument("id", help="a run's or a trial's id, or its beginning")
    found = verb("search", "runs whose messages, answers, prompts, models, tags, notes or title have WORDS", search)
    found.add_argument("words", nargs="+", metavar="WORD", help="or kind: model: prompt: finish: tag: since:7d")
    found.add_argument("--trials", action="store_true", help="the trials that match, each whole")
    for each in (listing, found):
        each.add_argument("--limit", type=whole, default=30, metavar="N", help="how many runs (30)")
    history_replay.add_verb(verb)
    history_change.add_verbs(verb)
    history_import.add_verb(verb)


def list_runs(options: argparse.Namespace) -> int:
    """Print runs."""
    return _print_runs(options, [])


def search(options: argparse.Namespace) -> int:
    """Print the runs, or the trials, that match; exit code 0 even when none does."""
    return _print_runs(options, options.words)


def _print_runs(options: argparse.Namespace, words: Sequence[str]) -> int:
    if options.limit < 1:
        raise UsageError(f"--limit {options.limit} is too small", hint="take 1 or more")
    from workbench.history.search import Searcher, parse

    query = parse(" ".join(words))
    with closing(open_history()) as store:
        found = Searcher(store).runs(query, _told)[: options.limit]
        if words and options.trials:
            return _print_trials(store, [id for id, _ in found], query, as_json=options.json)
        rows = _rows(store, found)
    if options.json:
        output.print_json(rows)
        return Exit.OK
    if not rows:
        nothing = "nothing matches" if words else "no runs yet — `workbench compare` or F5 in the app makes one"
        output.narrate(nothing)
    for run in rows:
        print(output.clip(safe.line(_line(run)), output.width()))
    return Exit.OK


def _told(done: int, of: int) -> None:
    """The index is made: the first time, or after many trials, that takes a while."""
    if of > PAGE * 10 and (done == of or done % (PAGE * 50) == 0):
        output.narrate(f"indexing {done:,} of {of:,} trials")


def _rows(store: Store, found: Sequence[tuple[str, int]]) -> list[dict[str, Any]]:
    """The runs as they are listed; `matches` where trials were looked for."""
    from workbench.history.search import run_rows

    matches = dict(found)
    rows: list[dict[str, Any]] = []
    for at in range(0, len(found), PAGE):
        rows += run_rows(store, [id for id, _ in found[at : at + PAGE]])
    return [{**row, "matches": matches[row["id"]]} if matches[row["id"]] else row for row in rows]


def _line(run: dict[str, Any]) -> str:
    trials = "1 trial " if run["trials"] == 1 else f"{run['trials']} trials"
    tags = "".join(f"#{tag} " for tag in run["tags"])
    said = run["meta"].get("title") or run["message"]
    return f"{run['id']}  {_when(run)}  {run['kind']:<8} {trials:>9}  {tags}{said}"


def _print_trials(store: Store, runs: Sequence[str], query: Any, *, as_json: bool) -> int:
    from workbench.history.search import Searcher, trial_rows

    searcher = Searcher(store)
    made: list[dict[str, Any]] = []
    for run in runs:
        ids = searcher.trials(run, query)
        for at in range(0, len(ids), PAGE):
            made += trial_rows(store, ids[at : at + PAGE])
    if as_json:
        output.print_json(made)
        return Exit.OK
    for trial in made:
        _print(trial)
    return Exit.OK


def show(options: argparse.Namespace) -> int:
    """Print a run's trials, or one trial."""
    with closing(open_history()) as store:
        trials = trials_of(store, options.id)
        said = _rows(store, [(one_run(store, trials[0]["run"]), 0)]) if trials else []
    if options.json:
        output.print_json(trials)
        return Exit.OK
    for run in said:
        if run["tags"] or run["note"]:
            tags = "".join(f"#{tag} " for tag in run["tags"])
            print(safe.line(f"{tags}{run['note']}"))
    for trial in trials:
        _print(trial)
    return Exit.OK


def _when(row: dict[str, Any]) -> str:
    """A row's time where the person is, to the minute."""
    from datetime import datetime

    return datetime.fromisoformat(row["created"]).astimezone().strftime("%Y-%m-%d %H:%M")


def _print(trial: dict[str, Any]) -> None:
    prompt = f"{trial['prompt']}@{(trial['version'] or '')[:8]}" if trial["prompt"] else "(typed)"
    prompt += f" + {trial['profile']}" if trial["profile"] else ""
    repeats = f"  repeats {trial['replays']}" if trial["replays"] else ""
    branch = trial["branch"]
    repeats += f"  branched at token {branch['token'] + 1} of {branch['trial']}" if branch else ""
    print(
        safe.line(
            f"── {trial['id']}  {_when(trial)}  {trial['variant']}  {prompt}  {trial['model']}  "
            f"seed {trial['seed']}  {trial['mode']}{repeats}"
        )
    )
    for message in trial["lead"]:
        _message(message)
    if trial["window"]:
        _forgotten(trial["window"])
    for message in trial["messages"]:
        _message(message)
    print(f"[answer: {trial['finish']}, {trial['prompt_tokens']} → {trial['completion_tokens']} tok]")
    print(safe.text(trial["text"]))
    if trial["error"]:
        print(safe.line(f"error: {trial['error']}"))


def _message(message: dict[str, Any]) -> None:
    print(f"[{safe.line(message['role'])}]")
    print(safe.text(message["content"]))


def _forgotten(made: dict[str, Any]) -> None:
    """What the context had no room for, before what was left."""
    import msgspec

    from workbench.inference.window import Window

    window = msgspec.convert(made, Window)
    print(safe.line(f"[{window.says()}]"))
    for lost in window.lost:
        print(f"[forgotten {lost.role}]")
        print(safe.text(f"‹{lost.text}›"))
