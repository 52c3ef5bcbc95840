"""Votes as CSV, out and in. What goes out comes in again as the same ranking.

Columns: left, right, winner (left, right, tie, bad) must be there; case, tags (`coding; korean`), time, voter, id, and
left_length, left_lists, left_headings, left_bold, right_… (for style control) may. Others are passed over.

A row with an id is here once, whatever else is imported. A row without one is known by what it says and by how many
rows before it in the file say the same: so a file can be imported again, longer than before, and only what is new
counts. Rows of two people that may be alike need a time, an id, or the voter's name.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import get_args

from workbench.errors import StorageError, UsageError
from workbench.experiments.arena.entries import split_tags
from workbench.experiments.arena.styles import NAMES
from workbench.experiments.arena.votes import Winner
from workbench.history.votes import Ballot, Looks

NEEDED = ("left", "right", "winner")
LOOKS = tuple(f"{side}_{name}" for side in ("left", "right") for name in NAMES)
COLUMNS = (*NEEDED, "case", "tags", "time", "voter", "id", "left_trial", "right_trial", *LOOKS)
_LONGEST = 2**31 - 1  # characters in a field: the reader's own limit is 131,072
_MOST = 2**53  # for a count of characters


def written(ballots: Iterable[Ballot]) -> bytes:
    """The votes that stand, as CSV in UTF-8, in the order they were put side by side."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for told in ballots:
        if told.counts:
            looks = (*told.styles[0], *told.styles[1]) if told.styles else ("",) * len(LOOKS)
            tags, trials = "; ".join(told.tags), (told.left_trial, told.right_trial)
            named = (told.case, tags, told.voted, told.voter, told.id, *trials)
            writer.writerow((told.left, told.right, told.verdict, *named, *looks))
    return out.getvalue().encode("utf-8", "replace")


def read(path: Path, *, voter: str = "") -> list[Ballot]:
    """The votes of a CSV file; `voter` for rows that name none. Raises UsageError with file and line, StorageError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StorageError(f"cannot read it ({error.strerror})", where=str(path), hint="name a CSV file") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError("this is no UTF-8", where=f"{path}:{line}", hint="save the file as CSV in UTF-8") from error
    return list(_votes(text, str(path), voter))


def _votes(text: str, where: str, voter: str) -> Iterator[Ballot]:
    before = csv.field_size_limit(_LONGEST)
    try:
        rows = _rows(text, where)
        columns = _columns(rows, where)
        seen: Counter[str] = Counter()
        for line, cells in rows:
            if any(cell.strip() for cell in cells):
                yield _Row(columns, cells, f"{where}:{line}").ballot(voter, seen)
    finally:
        csv.field_size_limit(before)


def _rows(text: str, where: str) -> Iterator[tuple[int, list[str]]]:
    """(line that it begins on, cells) of each row."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    line = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            hint = 'a quote inside a quoted field is written twice: ""'
            raise UsageError(f"this is no CSV ({error})", where=f"{where}:{line}", hint=hint) from error
        yield line, cells
        line = reader.line_num + 1


def _columns(rows: Iterator[tuple[int, list[str]]], where: str) -> dict[str, int]:
    _, heading = next(rows, (1, []))
    found = {name.strip().lower(): place for place, name in reversed(list(enumerate(heading)))}
    missing = [name for name in NEEDED if name not in found]
    if missing:
        hint = f"the first line is {','.join(NEEDED)} (and {', '.join(COLUMNS[3:8])} where known)"
        raise UsageError(f"there is no column {' and no column '.join(missing)}", where=f"{where}:1", hint=hint)
    return found


@dataclass
class _Row:
    columns: Mapping[str, int]
    cells: list[str]
    where: str

    def cell(self, name: str) -> str:
        place = self.columns.get(name)
        return self.cells[place].strip() if place is not None and place < len(self.cells) else ""

    def ballot(self, voter: str, seen: Counter[str]) -> Ballot:
        """Raises UsageError that names the line."""
        left, right = self._item("left"), self._item("right")
        if left == right:
            raise UsageError(f"{left!r} against itself", where=self.where, hint="a vote is on two different items")
        looks = self._looks()
        told = {
            "left": left,
            "right": right,
            "winner": self._winner(),
            "case": self.cell("case"),
            "tags": list(split_tags(self.cell("tags"))),
            "time": self.cell("time"),
            "voter": self.cell("voter") or voter,
            "looks": looks,
        }
        return Ballot(
            id=self.cell("id") or _made_id(told, seen),
            left=left,
            right=right,
            left_trial=self.cell("left_trial"),
            right_trial=self.cell("right_trial"),
            case=self.cell("case"),
            styles=looks,
            voter=self.cell("voter") or voter,
            source="import",
            created=self.cell("time"),
            verdict=self._winner(),
            tags=split_tags(self.cell("tags")),
            voted=self.cell("time"),
        )

    def _item(self, name: str) -> str:
        if not (item := self.cell(name)):
            raise UsageError(f"{name} is empty", where=self.where, hint="the name of what was voted on")
        return item

    def _winner(self) -> Winner:
        told = self.cell("winner")
        winner: Winner
        for winner in get_args(Winner):
            if told.lower() == winner:
                return winner
        raise UsageError(f"winner is {told[:40]!r}", where=self.where, hint="left, right, tie or bad")

    def _looks(self) -> tuple[Looks, Looks] | None:
        if not any(self.cell(name) for name in LOOKS):
            return None
        told = [self._count(name) for name in LOOKS]
        return (told[0], told[1], told[2], told[3]), (told[4], told[5], told[6], told[7])

    def _count(self, name: str) -> int:
        told = self.cell(name) or "0"
        if not (told.isascii() and told.isdigit() and len(told) < 17 and int(told) < _MOST):
            raise UsageError(f"{name} is {told[:40]!r}", where=self.where, hint="a whole number, 0 or more")
        return int(told)


def _made_id(told: Mapping[str, object], seen: Counter[str]) -> str:
    """By content, and by how often it came before in the file."""
    said = json.dumps(told, sort_keys=True)
    seen[said] += 1
    return "i" + sha256(f"{seen[said]}\n{said}".encode()).hexdigest()[:24]
