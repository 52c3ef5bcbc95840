"""A trial as results need it: no texts, so that 100,000 of them are read in a second."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec

from workbench.errors import StorageError

if TYPE_CHECKING:
    from workbench.history.store import Store

ENDED = frozenset(("error", "cancelled", "interrupted"))  # without an answer of their own: such trials have no score
PAGE = 5000  # rows read at once

# One text a page, parsed in one go: a Python object for each row would cost more than the parsing, and each would take
# the lock of the interpreter. Bytes, for they are parsed as such.
_SQL = """SELECT max(place) AS last, CAST('[' ||
        group_concat('[' || place || ',"' || finish || '",' || COALESCE(record, '{}') || ']') || ']' AS BLOB) AS page
    FROM (SELECT place, record, finish FROM trials WHERE run = ? AND place > ? ORDER BY place LIMIT ?)"""


class Checked(msgspec.Struct, frozen=True, gc=False):
    """A check's verdict in numbers. Weight 0: measured, and counted for nothing."""

    type: str
    passed: bool
    score: float = 0.0
    weight: float = 1.0


class Lean(msgspec.Struct, gc=False):
    """A trial in numbers, by TRIAL's names; `finish` "running" for one that has not ended.

    `passed` and `score` (0…1) are None where no check counts, or nothing was answered.
    """

    variant: str | None = None
    case: str | None = None
    finish: str = ""
    passed: bool | None = None
    score: float | None = None
    completion_tokens: int | None = 0
    first_token_s: float | None = None
    tokens_per_s: float | None = None


class Row(Lean, gc=False):
    """With its checks. `settle` makes of what was stored what counts."""

    checks: tuple[Checked, ...] = ()

    def settle(self) -> Row:
        """What counts, in place."""
        if self.finish in ENDED or self.finish == "running":
            self.passed = self.score = None
        elif self.score is None:
            if self.passed is None:
                self.passed, self.score = counted(self.checks)
            else:
                self.score = float(self.passed)
        if self.score is not None and not 0 <= self.score <= 1:
            self.score = min(1.0, max(0.0, self.score))
        return self


def counted(checks: Sequence[Checked]) -> tuple[bool | None, float | None]:
    """Whether the trial passed, and its score: what `checks.applying.result` says of the same verdicts."""
    if len(checks) == 1 and checks[0].weight > 0:
        return checks[0].passed, checks[0].score
    counts = [check for check in checks if check.weight > 0]
    if not counts:
        return None, None
    most = max(check.weight for check in counts)  # shares of it: the least of floats must not vanish
    total = sum(check.weight / most for check in counts)
    return all(check.passed for check in counts), sum(check.score * (check.weight / most) for check in counts) / total


def row_of(trial: Mapping[str, Any]) -> Row:
    """The row of a TRIAL. Raises StorageError for one that is none."""
    known = {name: trial[name] for name in Row.__struct_fields__ if trial.get(name) is not None}
    try:
        return msgspec.convert(known, Row).settle()
    except msgspec.ValidationError as error:
        raise StorageError(f"trial {trial.get('id', '')} is none ({error})", hint="was it changed by hand?") from None


def stored(store: Store, run: str, *, checks: bool = True) -> Iterator[tuple[int, Lean]]:
    """The rows of a run with their places, in its order; `Row`s, or without `checks` such as need not have any.

    A page is read while the one before is parsed. Raises StorageError.
    """
    with ThreadPoolExecutor(1, "results") as reader:
        coming = reader.submit(_page, store, run, -1)
        while True:
            last, text = coming.result()
            if last is None:
                return
            coming = reader.submit(_page, store, run, last)
            rows = _decoded(store, run, text, checks=checks)
            rows.sort(key=_first)
            for place, finish, row in rows:
                row.finish = finish
                if row.variant is None or row.case is None:  # it runs, or its process died: only its plan is there
                    told = next(whole(store, run, place))
                    row.variant, row.case = told["variant"], told["case"]
                if isinstance(row, Row):
                    row.settle()
                yield place, row


def _page(store: Store, run: str, after: int) -> tuple[int | None, bytes]:
    found = store.read(_SQL, (run, after, PAGE))
    return (found[0]["last"], found[0]["page"]) if found else (None, b"")


def _first(row: tuple[int, str, Lean]) -> int:
    return row[0]


def _decoded(store: Store, run: str, text: bytes, *, checks: bool) -> list[tuple[int, str, Any]]:
    """The page, without checks where each of its trials says its score itself."""
    try:
        if not checks:
            rows = _LEAN(text)
            if all(map(_said, rows)):
                return rows
        return _WHOLE(text)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise StorageError(f"trials of run {run} cannot be read ({error})", where=str(store.path)) from None


def _said(found: tuple[int, str, Lean]) -> bool:
    """Whether the row counts as it was stored."""
    _, finish, row = found
    score = row.score
    if finish in ENDED or finish == "running":
        return score is None and row.passed is None
    return score is not None and 0 <= score <= 1


_LEAN = msgspec.json.Decoder(list[tuple[int, str, Lean]]).decode
_WHOLE = msgspec.json.Decoder(list[tuple[int, str, Row]]).decode


def whole(store: Store, run: str, place: int = -1) -> Iterator[dict[str, Any]]:
    """The run's TRIALs in order, texts and all, a page at a time; with a `place` that one. Raises StorageError."""
    from workbench.history.store import TRIALS, trial_of

    after, size = (place - 1, 1) if place >= 0 else (-1, 200)
    sql = f"{TRIALS} WHERE run = ? AND place > ? ORDER BY place LIMIT ?".replace("SELECT ", "SELECT place, ", 1)
    while True:
        page = store.read(sql, (run, after, size))
        yield from (trial_of(each) for each in page)
        if len(page) < size or place >= 0:
            return
        after = page[-1]["place"]


def from_json(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """TRIALs out of JSON lines (`history export`, a JSONL report); objects that are none (a summary) are left out."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
        except (ValueError, RecursionError):
            data = None
        if not isinstance(data, dict):
            raise StorageError(f"line {number} is no JSON object", hint="a TRIAL a line, as `history export` writes")
        if "variant" in data and "finish" in data:
            yield data
