"""Blind votes in the history: ballots written before they are shown, verdicts durable before the screen moves on.

Nothing is ever changed or deleted here: a verdict taken back is another row, and a ballot's last row counts. A ballot
without a verdict (the program died, or the person left) is open: it comes again with the same sides.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from workbench.databases import now
from workbench.errors import UsageError
from workbench.history.database import stored, to_json
from workbench.history.store import Store

COUNTED = ("left", "right", "tie", "bad")
Verdict = Literal["", "left", "right", "tie", "bad", "skip", "withdrawn", "reopened"]
Looks = tuple[int, int, int, int]  # length, list items, headings, bold spans


@dataclass(frozen=True, kw_only=True)
class Ballot:
    """Two items' answers to a case, on sides that were drawn by `seed`, and what came of them.

    Trials are "" where votes were imported; `styles` of the left and the right text, None where not known. `verdict` is
    "" until there is one; `tags` (categories) and `voted` (UTC, ISO 8601) belong to it.
    """

    id: str
    left: str
    right: str
    left_trial: str = ""
    right_trial: str = ""
    case: str = ""
    styles: tuple[Looks, Looks] | None = None
    seed: int | None = None
    voter: str = ""
    source: Literal["arena", "import"] = "arena"
    created: str = ""
    verdict: Verdict = ""
    tags: tuple[str, ...] = ()
    voted: str = ""

    @property
    def open(self) -> bool:
        """Whether it waits for a verdict."""
        return self.verdict in ("", "reopened")

    @property
    def counts(self) -> bool:
        """Whether its verdict is one of the ranking's."""
        return self.verdict in COUNTED


def issue(store: Store, ballot: Ballot) -> None:
    """Write the ballot; durable when it returns: only then may it be shown. Raises StorageError."""
    store.change(lambda db: db.execute(_INSERT, _row(ballot, now()))).result()


def cast(store: Store, ballot: Ballot, verdict: Verdict, tags: Sequence[str] = ()) -> Ballot:
    """The ballot with a verdict; durable when it returns.

    Raises UsageError when it is open no more (voted on in another window), StorageError.
    """
    if verdict not in (*COUNTED, "skip"):
        raise UsageError(f"{verdict!r} is no verdict", hint="left, right, tie, bad or skip")
    return _say(store, ballot, verdict, ("", "reopened"), tuple(tags))


def take_back(store: Store, ballot: Ballot) -> Ballot:
    """The ballot with its verdict taken back: a vote is withdrawn for good, what was skipped is open again.

    A withdrawn ballot does not come again, for its names were seen. Raises UsageError when there is nothing to take
    back, StorageError.
    """
    if ballot.verdict == "skip":
        return _say(store, ballot, "reopened", ("skip",), ballot.tags)
    return _say(store, ballot, "withdrawn", COUNTED, ballot.tags)


def _say(store: Store, ballot: Ballot, verdict: Verdict, before: Sequence[str], tags: tuple[str, ...]) -> Ballot:
    said = now()

    def work(db: sqlite3.Connection) -> None:
        db.execute("BEGIN IMMEDIATE")  # between the look and the word nobody else may speak
        sql = "SELECT verdict FROM verdicts WHERE ballot = ? ORDER BY place DESC LIMIT 1"
        found = db.execute(sql, (ballot.id,)).fetchone()
        here = found[0] if found else ""
        if here not in before:
            raise UsageError(f"this pair has a verdict already ({here})" if here else "this pair has no verdict yet")
        sql = "INSERT INTO verdicts (ballot, verdict, tags, created) VALUES (?, ?, ?, ?)"
        db.execute(sql, (ballot.id, verdict, to_json(list(tags)), said))

    store.change(work).result()
    return replace(ballot, verdict=verdict, tags=tags, voted=said)


def ballots(store: Store) -> list[Ballot]:
    """All ballots in the order they were written, each with its last verdict. Raises StorageError."""
    return [_ballot(row) for row in store.read(_ALL)]


def add(store: Store, votes: Iterable[Ballot]) -> int:
    """Write ballots that have their verdict (an import), all or none; the number of those that were not here yet.

    Raises UsageError when an id is here with another vote, StorageError.
    """
    told = list(votes)

    def work(db: sqlite3.Connection) -> int:
        db.execute("BEGIN IMMEDIATE")
        moment, added = now(), 0
        for ballot in told:
            if db.execute(f"{_INSERT} ON CONFLICT (id) DO NOTHING", _row(ballot, moment)).rowcount == 0:
                _same(db, ballot)
                continue
            added += 1
            sql = "INSERT INTO verdicts (ballot, verdict, tags, created) VALUES (?, ?, ?, ?)"
            db.execute(sql, (ballot.id, ballot.verdict, to_json(list(ballot.tags)), ballot.voted or moment))
        return added

    return store.change(work).result()


def _same(db: sqlite3.Connection, ballot: Ballot) -> None:
    """Raise when the ballot of that id is about something else."""
    sql = "SELECT left_item, right_item, case_name FROM votes WHERE id = ?"
    said = [row[0] for row in db.execute("SELECT verdict FROM verdicts WHERE ballot = ?", (ballot.id,))]
    here = tuple(db.execute(sql, (ballot.id,)).fetchone())
    told = (stored(ballot.left), stored(ballot.right), stored(ballot.case))
    if here != told or (said and ballot.verdict not in said):
        hint = "leave the id out, or give it another one"
        raise UsageError(f"the id {ballot.id} is here already with another vote", hint=hint)


_INSERT = """INSERT INTO votes (id, created, left_item, right_item, left_trial, right_trial, case_name, styles, seed,
                 voter, source)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_ALL = """SELECT votes.*, verdict, tags, verdicts.created AS voted
          FROM votes
          LEFT JOIN verdicts ON verdicts.place = (SELECT max(place) FROM verdicts WHERE ballot = votes.id)
          ORDER BY votes.place"""


def _row(ballot: Ballot, moment: str) -> tuple[object, ...]:
    return (
        stored(ballot.id),
        ballot.created or moment,
        stored(ballot.left),
        stored(ballot.right),
        ballot.left_trial or None,
        ballot.right_trial or None,
        stored(ballot.case),
        to_json(ballot.styles) if ballot.styles else None,
        ballot.seed,
        stored(ballot.voter),
        ballot.source,
    )


def _ballot(row: dict[str, object]) -> Ballot:
    looks = json.loads(str(row["styles"])) if row["styles"] else None
    return Ballot(
        id=str(row["id"]),
        left=str(row["left_item"]),
        right=str(row["right_item"]),
        left_trial=str(row["left_trial"] or ""),
        right_trial=str(row["right_trial"] or ""),
        case=str(row["case_name"]),
        styles=(tuple(looks[0]), tuple(looks[1])) if looks else None,
        seed=row["seed"] if isinstance(row["seed"], int) else None,
        voter=str(row["voter"]),
        source="import" if row["source"] == "import" else "arena",
        created=str(row["created"]),
        verdict=_verdict(row["verdict"]),
        tags=tuple(json.loads(str(row["tags"]))) if row["tags"] else (),
        voted=str(row["voted"] or ""),
    )


def _verdict(value: object) -> Verdict:
    found: Verdict
    for found in ("left", "right", "tie", "bad", "skip", "withdrawn", "reopened"):
        if value == found:
            return found
    return ""
