"""What a run of an experiment asks of the history: trials by address, by place, and a run that goes on later."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from workbench.databases import now
from workbench.history.database import stored, this_process, to_json
from workbench.history.store import NullStore, Store, made_with, model_file

KIND = "experiment"
WHOLE = ("stop", "length")  # how a trial ended that may stand for another of its address
_MANY = 500  # values in one question

_BEGIN = """INSERT INTO trials (id, run, place, plan, owner, owner_started, updated) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET plan = excluded.plan, text = '', finish = 'running', record = NULL,
        owner = excluded.owner, owner_started = excluded.owner_started, updated = excluded.updated"""
_END = "UPDATE trials SET text = ?, finish = ?, record = ?, updated = ? WHERE id = ?"
_ADDRESS = "INSERT OR REPLACE INTO addresses (trial, address) VALUES (?, ?)"


def begin_run(store: Store, run: str, meta: Mapping[str, object]) -> Future[None]:
    """A run of this id, unless it is there. `meta` holds what it takes to go on with it."""

    def work(db: sqlite3.Connection) -> None:
        row = (run, KIND, now(), to_json({**made_with(), **meta}))
        db.execute("INSERT OR IGNORE INTO runs (id, kind, created, meta) VALUES (?, ?, ?, ?)", row)

    return _change(store, work)


def note_run(store: Store, run: str, **meta: object) -> Future[None]:
    """More about the run; a key that is there is replaced."""

    def work(db: sqlite3.Connection) -> None:
        db.execute("UPDATE runs SET meta = json_patch(meta, ?) WHERE id = ?", (to_json(meta), run))

    return _change(store, work)


def begin_trials(store: Store, run: str, rows: Sequence[Mapping[str, Any]]) -> Future[None]:
    """Trials as `running`, each with its `id`, `place` and `address`; one that was broken off begins anew."""
    owner, started = this_process()
    plans = [to_json({**row, **model_file(row)}) for row in rows]

    def work(db: sqlite3.Connection) -> None:
        time = now()
        db.executemany(
            _BEGIN,
            [(row["id"], run, row["place"], plan, owner, started, time) for row, plan in zip(rows, plans, strict=True)],
        )
        db.executemany(_ADDRESS, [(row["id"], row["address"]) for row in rows])

    return _change(store, work)


def add_finished(
    store: Store, run: str, rows: Sequence[Mapping[str, Any]], records: Sequence[Mapping[str, Any]]
) -> Future[None]:
    """Trials that need not be made: rows as for `begin_trials`, with their records, in one transaction.

    Those of other programs have no address: none of ours is taken for one of them.
    """
    owner, started = this_process()
    plans = [to_json(row) for row in rows]
    ends = [
        (stored(str(each["text"])), str(each["finish"]), to_json({k: v for k, v in each.items() if k != "text"}))
        for each in records
    ]

    def work(db: sqlite3.Connection) -> None:
        time = now()
        db.executemany(
            _BEGIN,
            [(row["id"], run, row["place"], plan, owner, started, time) for row, plan in zip(rows, plans, strict=True)],
        )
        db.executemany(_ADDRESS, [(row["id"], row["address"]) for row in rows if "address" in row])
        db.executemany(_END, [(*end, time, row["id"]) for end, row in zip(ends, rows, strict=True)])

    return _change(store, work)


def judge_again(store: Store, record: Mapping[str, Any], rules: str) -> Future[None]:
    """Other verdicts on an ended trial, and what they were made by: later runs take verdicts of the same rules."""
    sql = "UPDATE trials SET record = ?, plan = json_set(plan, '$.rules', ?), updated = ? WHERE id = ?"
    row = (to_json({key: value for key, value in record.items() if key != "text"}), rules, now(), record["id"])

    def work(db: sqlite3.Connection) -> None:
        db.execute(sql, row)

    return _change(store, work)


def break_off(store: Store, run: str) -> Future[None]:
    """What this process began of the run and did not end: `interrupted`, its text kept."""
    owner, started = this_process()
    sql = """UPDATE trials SET finish = 'interrupted', updated = ?
        WHERE run = ? AND finish = 'running' AND owner = ? AND owner_started = ?"""

    def work(db: sqlite3.Connection) -> None:
        db.execute(sql, (now(), run, owner, started))

    return _change(store, work)


def of_addresses(store: Store, addresses: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The whole trial of each address that has one, its newest: its record with `text`, `id`, `rules`."""
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, len(addresses), _MANY):
        part = addresses[start : start + _MANY]
        marks = ",".join("?" * len(part))
        sql = f"""SELECT addresses.address, trials.id, text, record, json_extract(plan, '$.rules') AS rules
            FROM addresses JOIN trials ON trials.id = addresses.trial
            WHERE addresses.address IN ({marks}) AND finish IN ('stop', 'length') ORDER BY trials.updated, trials.id"""
        for row in store.read(sql, part):
            found[row["address"]] = _record(row)
    return found


def of_places(store: Store, run: str, places: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The trials of the run at these places that ended whole or by an error of their own, as `of_addresses`."""
    if not places:
        return {}
    sql = """SELECT place, trials.id, text, record, json_extract(plan, '$.rules') AS rules, addresses.address
        FROM trials LEFT JOIN addresses ON addresses.trial = trials.id
        WHERE run = ? AND place BETWEEN ? AND ? AND finish IN ('stop', 'length')"""
    rows = store.read(sql, (run, min(places), max(places)))
    return {row["place"]: {**_record(row), "address": row["address"]} for row in rows}


def unfinished(store: Store, fingerprint: str) -> list[str]:
    """Runs of this fingerprint that did not come to their end, newest first."""
    sql = """SELECT id FROM runs WHERE kind = ? AND json_extract(meta, '$.fingerprint') = ?
        AND json_extract(meta, '$.stopped') IS NULL ORDER BY created DESC, id DESC"""
    return [row["id"] for row in store.read(sql, (KIND, fingerprint))]


def runs_like(store: Store, start: str) -> list[str]:
    """The ids of experiments' runs that begin so, newest first."""
    sql = "SELECT id FROM runs WHERE kind = ? AND substr(id, 1, ?) = ? ORDER BY created DESC, id DESC"
    return [row["id"] for row in store.read(sql, (KIND, len(start), start))]


def runs_of_file(store: Store, path: Path) -> list[str]:
    """The runs of the experiment in that file (its whole path), newest first."""
    sql = "SELECT id FROM runs WHERE kind = ? AND json_extract(meta, '$.file') = ? ORDER BY created DESC, id DESC"
    return [row["id"] for row in store.read(sql, (KIND, stored(str(path))))]


def files(store: Store) -> list[str]:
    """The files of all runs of experiments; not those of prompts whose own cases ran."""
    sql = """SELECT DISTINCT json_extract(meta, '$.file') AS file FROM runs
             WHERE kind = ? AND json_extract(meta, '$.prompts') IS NULL"""
    return [row["file"] for row in store.read(sql, (KIND,)) if row["file"]]


def brief(store: Store, runs: Sequence[str]) -> list[dict[str, Any]]:
    """Of each run its `id`, `created` and `meta`, in this order; one that is gone is left out."""
    sql = "SELECT id, created, meta FROM runs WHERE id = ?"
    rows = (row for run in runs for row in store.read(sql, (run,)))
    return [{**row, "meta": json.loads(row["meta"] or "{}")} for row in rows]


def _record(row: Mapping[str, Any]) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(row["record"] or "{}")
    return {**record, "text": row["text"], "id": row["id"], "rules": row["rules"] or ""}


def _change(store: Store, work: Any) -> Future[None]:
    if isinstance(store, NullStore):
        future: Future[None] = Future()
        future.set_result(None)
        return future
    return store.change(work)


def page(store: Store, run: str, after: int, count: int) -> list[dict[str, Any]]:
    """Ended trials of a run past this place, in order: `place`, `text`, and `plan` and `record` decoded."""
    sql = """SELECT place, text, plan, record FROM trials
        WHERE run = ? AND place > ? AND finish IN ('stop', 'length', 'error') AND record IS NOT NULL
        ORDER BY place LIMIT ?"""
    rows = store.read(sql, (run, after, count))
    return [{**row, "plan": json.loads(row["plan"]), "record": json.loads(row["record"])} for row in rows]
