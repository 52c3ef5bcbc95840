"""What points at a run: labels of prompt versions, pins of reports, a person's "kept", votes and tables of later parts.

Votes are another part's table. Whatever table that is none of ours names a trial or a run in any of its columns counts,
so that a part that is added later is safe from the day it lands.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from workbench.history.database import to_json
from workbench.history.notes import is_kept

_OURS = frozenset(
    {"migrations", "runs", "trials", "versions", "notes", "tags", "pins", "folders", "upkeep", "sqlite_sequence"}
)


@dataclass(frozen=True)
class Pointers:
    """What points at a run, a line each in `says`.

    `running` trials have not ended; `held` are the ids of trials that votes (or other tables) name; `whole` when one of
    them names the run itself.
    """

    says: tuple[str, ...] = ()
    running: int = 0
    held: frozenset[str] = frozenset()
    whole: bool = False


def foreign(db: sqlite3.Connection) -> list[tuple[str, str]]:
    """The columns (table, name) of tables of other parts, which may hold ids of trials or runs."""
    tables = [
        row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'") if row[0] not in _OURS
    ]
    return [
        (table, column[1])
        for table in tables
        for column in db.execute(f"PRAGMA table_info({_quoted(table)})")
        if not column[2] or any(word in column[2].upper() for word in ("TEXT", "CHAR", "CLOB"))
    ]


def pointing(
    db: sqlite3.Connection, run: str, labelled: Mapping[str, str], columns: list[tuple[str, str]] | None = None
) -> Pointers:
    """What points at `run`; `labelled` is version → what points at it, `columns` those of `foreign` when known."""
    says = [why for (why,) in db.execute("SELECT why FROM pins WHERE run = ? ORDER BY made", (run,))]
    tags = [tag for (tag,) in db.execute("SELECT tag FROM tags WHERE run = ?", (run,))]
    note = db.execute("SELECT note FROM notes WHERE run = ?", (run,)).fetchone()
    if is_kept(tags, note[0] if note else ""):
        says.append("it is to be kept")
    if labelled:
        sql = "SELECT DISTINCT json_extract(plan, '$.version') FROM trials WHERE run = ?"
        found = sorted({labelled[version] for (version,) in db.execute(sql, (run,)) if version in labelled})
        says += [f"label {name}" for name in found]
    held, whole = _held(db, run, foreign(db) if columns is None else columns, says)
    sql = "SELECT count(*) FROM trials WHERE run = ? AND finish = 'running'"
    return Pointers(tuple(says), db.execute(sql, (run,)).fetchone()[0], frozenset(held), whole)


def _held(db: sqlite3.Connection, run: str, columns: list[tuple[str, str]], says: list[str]) -> tuple[set[str], bool]:
    """The trials that other tables name, and whether one names the run; says so, by table."""
    counts: dict[str, int] = {}
    held: set[str] = set()
    whole = False
    for table, column in columns:
        place = f"{_quoted(table)}.{_quoted(column)}"
        sql = f"SELECT trials.id FROM {_quoted(table)} JOIN trials ON trials.id = {place} WHERE trials.run = ?"
        rows = [row[0] for row in db.execute(sql, (run,))]
        # Trials' ids begin with their run's: a column of JSON, or of a path, that holds it points at the run.
        exact = f"{place} NOT IN (SELECT value FROM json_each(?))"
        sql = f"SELECT count(*) FROM {_quoted(table)} WHERE instr({place}, ?) AND {exact}"
        named = db.execute(sql, (run, to_json(rows))).fetchone()[0]
        held.update(rows)
        whole = whole or named > 0
        if count := len(rows) + named:
            counts[table] = max(counts.get(table, 0), count)
    says += [f"{count} {table if count > 1 else table.removesuffix('s')}" for table, count in sorted(counts.items())]
    return held, whole


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
