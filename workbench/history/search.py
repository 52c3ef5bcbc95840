"""Runs and trials found by words and filters (`kind: model: prompt: finish: tag: since:`), newest first.

A word is found by its beginning, in messages, answers, prompt ids, models, tags, notes and titles; all must be there.
`kind:`, `tag:` and `finish:` are beginnings, `model:` and `prompt:` any part; `since:` is a date or a span (7d, 24h).
"""

from __future__ import annotations

import json
import re
import sqlite3
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from workbench.errors import UsageError
from workbench.history import index
from workbench.history.database import stored
from workbench.history.notes import notes_of, tags_of
from workbench.history.store import TRIALS, Store, trial_of

FILTERS = ("kind", "model", "prompt", "finish", "tag", "since")
LOOKED = 26  # trials of a run whose models and prompts stand for the run's
_SPAN = re.compile(r"(\d{1,5})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True)
class Query:
    """A search line, taken apart."""

    words: tuple[str, ...] = ()
    filters: tuple[tuple[str, str], ...] = ()

    @property
    def on_trials(self) -> bool:
        """Whether it asks for something of a trial, and not of its run alone."""
        return bool(self.words) or any(name in ("model", "prompt", "finish") for name, _ in self.filters)


def parse(line: str, now: datetime | None = None) -> Query:
    """The search line as a query; a `since:` becomes a moment. Raises UsageError for one that is none."""
    words, filters = [], []
    for word in unicodedata.normalize("NFC", stored(line)).lower().split():
        name, colon, value = word.partition(":")
        if colon and name in FILTERS:
            if value:
                filters.append((name, _moment(value, now) if name == "since" else value))
        elif any(letter.isalnum() for letter in word):
            words.append(word)
    return Query(tuple(dict.fromkeys(words)), tuple(filters))


def _moment(value: str, now: datetime | None) -> str:
    """`2026-11-01`, `today`, `yesterday` or `7d` (before now) as the history writes times."""
    now = now or datetime.now(UTC)
    here = now.astimezone()
    try:
        if match := _SPAN.fullmatch(value):
            found = now - timedelta(**{_UNITS[match[2]]: int(match[1])})
        else:
            days = {"today": 0, "yesterday": 1}
            day = here.date() - timedelta(days[value]) if value in days else date.fromisoformat(value)
            found = datetime.combine(day, time()).astimezone(here.tzinfo)
        return found.astimezone(UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError):
        hint = "a date such as 2026-11-01, today, yesterday, or a span such as 7d, 24h, 2w"
        raise UsageError(f"since:{value[:40]} is no time", hint=hint) from None


class Searcher:
    """Searches a store's history; each call opens the index anew, so that any thread may ask."""

    def __init__(self, store: Store, *, fts: bool = True) -> None:
        self._store = store
        self._fts = fts

    def runs(self, query: Query, tell: Callable[[int, int], object] | None = None) -> list[tuple[str, int]]:
        """Ids of the runs that match, newest first, with how many of their trials do (0: the run as a whole).

        `tell(done, of)` hears how far the index is when it has to be made. Raises StorageError.
        """
        where, values = _of_runs(query)
        if not query.on_trials:
            sql = _whole("id, 0", f"SELECT id FROM runs WHERE {where} ORDER BY created DESC, id DESC")
            rows = self._store.read(sql, values)
            return [(id, count) for id, count in json.loads(rows[0]["made"] if rows else "[]")]
        found, matches = self._matching(query, tell)
        sql = f"""WITH found AS MATERIALIZED (SELECT docs.run AS run, count(*) AS trials FROM docs
                                              WHERE {found} GROUP BY docs.run)
                  SELECT runs.id AS id, found.trials AS trials
                  FROM found JOIN history.runs AS runs ON runs.id = found.run
                  WHERE {where} ORDER BY runs.created DESC, runs.id DESC"""
        with index.opened(self._store, fts=self._fts) as db:
            made = db.execute(_whole("id, trials", sql), (*matches, *values)).fetchone()[0]
        return [(id, count) for id, count in json.loads(made)]

    def trials(self, run: str, query: Query) -> list[str]:
        """Ids of the run's trials that match, in their order; all when the query asks for nothing of a trial."""
        if not query.on_trials:
            rows = self._store.read(_whole("id", "SELECT id FROM trials WHERE run = ? ORDER BY place"), (run,))
            return [id for (id,) in json.loads(rows[0]["made"] if rows else "[]")]
        found, matches = self._matching(query, None)
        sql = f"""SELECT trials.id AS id FROM docs JOIN history.trials AS trials ON trials.id = docs.trial
                  WHERE docs.run = ? AND {found} ORDER BY trials.place"""
        with index.opened(self._store, fts=self._fts) as db:
            made = db.execute(_whole("id", sql), (run, *matches)).fetchone()[0]
        return [id for (id,) in json.loads(made)]

    def _matching(self, query: Query, tell: Callable[[int, int], object] | None) -> tuple[str, list[object]]:
        """The index brought up to date, and the condition on its `docs`."""
        with index.opened(self._store, fts=self._fts) as db:
            index.sync(db, tell)
            return _of_docs(query, db)


def _whole(columns: str, sql: str) -> str:
    """All rows as one JSON text: a row each would take Python's lock each, and whoever types would wait for it."""
    return f"SELECT json_group_array(json_array({columns})) AS made FROM ({sql})"


def _of_runs(query: Query) -> tuple[str, list[object]]:
    """The filters on runs as a condition."""
    parts, values = ["1"], list[object]()
    for name, value in query.filters:
        if name == "kind":
            parts.append("kind LIKE ? ESCAPE '\\'")
            values.append(_like(value) + "%")
        elif name == "since":
            parts.append("created >= ?")
            values.append(value)
        elif name == "tag":
            parts.append("runs.id IN (SELECT run FROM tags WHERE tag LIKE ? ESCAPE '\\')")
            values.append(_like(value) + "%")
    return " AND ".join(parts), values


def _of_docs(query: Query, db: sqlite3.Connection) -> tuple[str, list[object]]:
    """Words and filters on trials as a condition on the index's `docs`."""
    parts, values = ["1"], list[object]()
    for name, value in query.filters:
        if name in ("model", "prompt", "finish"):
            parts.append(f"docs.{name} LIKE ? ESCAPE '\\'")
            values.append(f"{'' if name == 'finish' else '%'}{_like(index.folded(value))}%")
    fts = index.has_words(db)
    noted = {word: _noted(db, word) for word in query.words}
    if fts and query.words and not any(noted.values()):  # as a rule: one question for all words
        parts.append("docs.key IN (SELECT rowid FROM words WHERE words MATCH ?)")
        values.append(" AND ".join(map(_match, query.words)))
        return " AND ".join(parts), values
    for word, runs in noted.items():
        if fts:
            found = "docs.key IN (SELECT rowid FROM words WHERE words MATCH ?)"
            values.append(_match(word))
        else:
            found = "docs.key IN (SELECT key FROM bodies WHERE body LIKE ? ESCAPE '\\')"
            values.append(f"%{_like(index.folded(word))}%")
        parts.append(f"({found} OR docs.run IN (SELECT value FROM json_each(?)))")
        values.append(json.dumps(runs))
    return " AND ".join(parts), values


def _noted(db: sqlite3.Connection, word: str) -> list[str]:
    """The runs whose tags, note or title have the word; few, and small."""
    sql = """SELECT run FROM history.tags WHERE tag LIKE ?1 ESCAPE '\\'
             UNION SELECT run FROM history.notes WHERE note LIKE ?1 ESCAPE '\\'
             UNION SELECT id FROM history.runs
                   WHERE kind = 'experiment' AND json_extract(meta, '$.title') LIKE ?1 ESCAPE '\\'"""
    return [row[0] for row in db.execute(sql, (f"%{_like(word)}%",))]


def _match(word: str) -> str:
    """A word as FTS5 takes it: whatever is in it, as a phrase whose last word is a beginning."""
    return '"' + index.folded(word).strip().replace('"', '""') + '"*'


def _like(text: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", text)


# ---- what rows show


def run_rows(store: Store, ids: Sequence[str]) -> list[dict[str, Any]]:
    """Those runs, in that order: id, kind, created, meta, trials (their number), message, models, prompts, tags, note.

    Models and prompts are those of the first trials, where every variant takes part. Raises StorageError.
    """
    marks = ", ".join("?" * len(ids))
    sql = f"""SELECT id, kind, created, meta, (SELECT count(*) FROM trials WHERE run = runs.id) AS trials
              FROM runs WHERE id IN ({marks})"""
    found = {row["id"]: row for row in store.read(sql, ids)}
    sql = f"""SELECT run, place, json_extract(plan, '$.model') AS model, json_extract(plan, '$.prompt') AS prompt,
                     json_extract(plan, '$.messages[#-1].content') AS message
              FROM trials WHERE run IN ({marks}) AND place < {LOOKED} ORDER BY run, place"""
    looked: dict[str, list[dict[str, Any]]] = {}
    for trial in store.read(sql, ids):
        looked.setdefault(trial["run"], []).append(trial)
    tags, notes = tags_of(store, ids), notes_of(store, ids)
    made = []
    for id in ids:
        if (row := found.get(id)) is None:  # deleted meanwhile
            continue
        trials = looked.get(id, [])
        made.append(
            {
                **row,
                "meta": json.loads(row["meta"]),
                "message": str((trials[0]["message"] if trials else "") or ""),
                "models": list(dict.fromkeys(trial["model"] for trial in trials if trial["model"])),
                "prompts": list(dict.fromkeys(trial["prompt"] for trial in trials if trial["prompt"])),
                "tags": tags.get(id, []),
                "note": notes.get(id, ""),
            }
        )
    return made


def trial_rows(store: Store, ids: Sequence[str]) -> list[dict[str, Any]]:
    """Those trials whole, in that order. Raises StorageError."""
    marks = ", ".join("?" * len(ids))
    found = {row["id"]: row for row in store.read(f"{TRIALS} WHERE trials.id IN ({marks})", ids)}
    return [trial_of(found[id]) for id in ids if id in found]
