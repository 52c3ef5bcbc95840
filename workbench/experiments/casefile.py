"""Cases out of a file: CSV, JSONL or TOML. Each row is looked at when it is opened; a bad one is named by its line."""

from __future__ import annotations

import csv
import difflib
import io
import os
import stat
from array import array
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from workbench.errors import NotFoundError
from workbench.experiments.cases import (
    Case,
    Cases,
    Columns,
    Inline,
    Names,
    distinct,
    history_of,
    make_case,
    read_case,
)
from workbench.experiments.checks.model import CannotTellError, Check
from workbench.experiments.checks.reading import read_all
from workbench.experiments.made import Made
from workbench.library.reader import FileError, Problem, Reader, clipped, load, noun

LARGEST = 1 << 30  # bytes of a case file
TOML = 32_000_000  # of one in TOML, which is read whole and slowly
FIELD = 1 << 26  # characters of a CSV field
SUFFIXES = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".toml": "toml"}


def open_cases(path: Path, columns: Columns, *, message: str = "", delimiter: str = "") -> Cases:
    """The cases of a file; `message` is the experiment's own, for rows that have none. Reads it all once.

    Raises NotFoundError, or FileError with the line of the first bad row.
    """
    kind = SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise _bad(path, None, f"{clipped(path.suffix or path.name)} is no format of cases", ", ".join(SUFFIXES))
    data = _read(path)
    if kind == "toml":
        return _toml(path, data, message)
    found = FileCases(path, data, kind, columns, message, delimiter or ("\t" if path.suffix.lower() == ".tsv" else ","))
    if not len(found):
        raise _bad(
            path, None, "it has no cases", "a row for each case" if kind == "jsonl" else "a row below the header"
        )
    return found


class FileCases(Made[Case]):
    """The rows of a CSV or JSONL file. `digest` is the SHA-256 of its bytes."""

    def __init__(self, path: Path, data: bytes, kind: str, columns: Columns, message: str, delimiter: str) -> None:
        self.path, self.digest = path, sha256(data).hexdigest()
        self._data, self._columns, self._message, self._delimiter = data, columns, message, delimiter
        self._taken = columns.taken
        self._csv = kind == "csv"
        self._header: list[str] = []
        self._starts, self._ends = array("Q"), array("Q")
        self._names, self._keys = Names(), Names()
        start = 3 if data.startswith(b"\xef\xbb\xbf") else 0
        for case in self._look_csv(start) if self._csv else self._look_jsonl(start):
            self._names.add(case.name)
            self._keys.add(case.key)
        self._names.close()
        self._keys.close()

    def __len__(self) -> int:
        """How many there are."""
        return len(self._starts)

    def at(self, index: int) -> Case:
        """One of them, made anew."""
        raw = self._data[self._starts[index] : self._ends[index]]
        if self._csv:
            row = next(csv.reader(io.StringIO(raw.decode(), newline=""), delimiter=self._delimiter, strict=True))
            case = self._of_row(row, index, 0)
        else:
            case = self._of_json(raw, index, 0)
        return distinct(case, self._names.times(index), self._keys.times(index))

    # ---- CSV

    def _look_csv(self, start: int) -> Iterator[Case]:
        csv.field_size_limit(max(csv.field_size_limit(), FIELD))
        scan = _Lines(self.path, self._data, start)
        rows = csv.reader(scan.texts(), delimiter=self._delimiter, strict=True)
        first, begun = 1, start
        while True:
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                raise _bad(self.path, first, f"broken CSV: {error}", _csv_hint(str(error))) from None
            if row and not self._header:
                self._begin(row, first)
            elif row:
                self._starts.append(begun)
                self._ends.append(scan.at)
                yield self._of_row(row, len(self._starts) - 1, first)
            first, begun = scan.line + 1, scan.at

    def _begin(self, row: list[str], line: int) -> None:
        """The header: names, each once; those that the experiment asks for are there."""
        self._header = [name.strip() for name in row]
        named: dict[str, None] = {}
        for name in filter(None, self._header):
            if name in named:
                raise _bad(self.path, line, f"two columns are called {clipped(name)}", "give each its own name")
            named[name] = None
        columns = self._columns
        for name in (*(getattr(columns, each) for each in columns.given), *(columns.variables or {}).values()):
            if name not in named:
                raise _missing(self.path, line, name, list(named))

    def _of_row(self, row: list[str], index: int, line: int) -> Case:
        if len(row) != len(self._header):
            said = f"{len(row)} fields, and the header has {len(self._header)}"
            raise _bad(self.path, line, said, "a comma or a line end inside a field needs double quotes around it")
        return self._case(dict(zip(self._header, row, strict=True)), index, line, json=False)

    # ---- JSONL

    def _look_jsonl(self, start: int) -> Iterator[Case]:
        scan = _Lines(self.path, self._data, start)
        for begun, end in scan.places():
            raw = self._data[begun:end]
            if raw.strip():
                self._starts.append(begun)
                self._ends.append(end)
                yield self._of_json(raw, len(self._starts) - 1, scan.line)

    def _of_json(self, raw: bytes, index: int, line: int) -> Case:
        try:
            row = msgspec.json.decode(raw)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            what = "nested too deep" if isinstance(error, RecursionError) else str(error)
            raise _bad(self.path, line, f"broken JSON: {what[:120]}", "one JSON object a line") from None
        if not isinstance(row, dict):
            raise _bad(self.path, line, f"a line must be a JSON object, not {noun(row)}", "one JSON object a line")
        columns = self._columns
        for name in (*(getattr(columns, each) for each in columns.given), *(columns.variables or {}).values()):
            if name not in row:
                raise _missing(self.path, line, name, list(row))
        return self._case(row, index, line, json=True)

    # ---- both

    def _case(self, row: dict[str, Any], index: int, line: int, *, json: bool) -> Case:
        columns = self._columns
        try:
            return make_case(
                index + 1,
                self._text(row, columns.name, line).strip(),
                self._variables(row, line, json),
                self._text(row, columns.message, line),
                self._message,
                history_of(self._tables(row, columns.history, "messages", line)) if row.get(columns.history) else (),
                self._checks(row, line) if row.get(columns.checks) else (),
                self._tags(row, line) if row.get(columns.tags) else (),
            )
        except CannotTellError as error:
            raise _bad(self.path, line, error.what, error.hint or "the experiment's message asks for it") from None
        except FileError as error:
            raise FileError(replace(error.problem, line=line)) from None

    def _checks(self, row: dict[str, Any], line: int) -> tuple[Check, ...]:
        return read_all(self._tables(row, self._columns.checks, "checks", line).tables("checks"))

    def _text(self, row: dict[str, Any], name: str, line: int) -> str:
        value = row.get(name)
        if value is None:
            return ""
        if isinstance(value, str):
            if "\x00" in value:
                raise _bad(self.path, line, f"{clipped(name)} has a NUL character", "take it out")
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        raise _bad(self.path, line, f"{clipped(name)} must be text, not {noun(value)}")

    def _variables(self, row: dict[str, Any], line: int, json: bool) -> dict[str, Any]:
        chosen = self._columns.variables
        if chosen is not None:
            return {name: self._value(row.get(column), column, line) for name, column in chosen.items()}
        if not json:
            return {name: value for name, value in row.items() if name and name not in self._taken}
        inner = row.get("variables", {})
        if not isinstance(inner, dict):
            raise _bad(self.path, line, f"variables must be an object, not {noun(inner)}")
        found = {name: self._value(value, name, line) for name, value in inner.items()}
        for name, value in row.items():
            # What is nested is data of others; what is meant as a variable is a text, a number, or true or false.
            if name not in self._taken and name != "variables" and isinstance(value, str | int | float):
                found[name] = self._value(value, name, line)
        return found

    def _value(self, value: Any, name: str, line: int) -> Any:
        if isinstance(value, str):
            return self._text({name: value}, name, line)
        if isinstance(value, int | float):
            return value
        if value is None:
            return ""
        raise _bad(self.path, line, f"{clipped(name)} must be text, a number or true/false, not {noun(value)}")

    def _tables(self, row: dict[str, Any], name: str, key: str, line: int) -> Reader:
        """A reader of the tables in a column (of a CSV file: JSON in a text)."""
        value = row.get(name)
        if isinstance(value, str) and value.strip():
            try:
                value = msgspec.json.decode(value)
            except (msgspec.DecodeError, RecursionError) as error:
                raise _bad(
                    self.path, line, f"{clipped(name)} is no JSON: {str(error)[:100]}", "a list of objects"
                ) from None
        return Reader({key: value}, "", str(self.path))

    def _tags(self, row: dict[str, Any], line: int) -> tuple[str, ...]:
        value = row.get(self._columns.tags)
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return tuple(value)
        return tuple(part.strip() for part in self._text(row, self._columns.tags, line).split(",") if part.strip())


class _Lines:
    """The lines of a file's bytes; `line` counts from 1 and `at` is where the next one begins."""

    def __init__(self, path: Path, data: bytes, start: int) -> None:
        self._path, self._data, self.at, self.line = path, data, start, 0

    def places(self) -> Iterator[tuple[int, int]]:
        """Begin and end of each, with its line end."""
        while self.at < len(self._data):
            begun = self.at
            self.at = (self._data.find(b"\n", begun) + 1) or len(self._data)
            self.line += 1
            yield begun, self.at

    def texts(self) -> Iterator[str]:
        """Each as text. Raises FileError."""
        for begun, end in self.places():
            try:
                yield self._data[begun:end].decode()
            except UnicodeDecodeError:
                raise _bad(self._path, self.line, "not UTF-8 text", "save it as UTF-8") from None


def _read(path: Path) -> bytes:
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            raise _bad(path, None, "it is no file", "name a CSV, JSONL or TOML file")
        if found.st_size > LARGEST:
            raise _bad(path, None, f"it has {found.st_size:,} bytes", f"at most {LARGEST:,}: split it")
        data = path.read_bytes()
    except FileNotFoundError:
        raise NotFoundError("there is no such file", where=str(path), hint="cases are looked for beside it") from None
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise _bad(path, None, f"it cannot be read ({said})") from None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _bad(path, 1, "UTF-16 text", "save it as UTF-8")
    if (at := data.find(b"\x00")) >= 0:
        raise _bad(path, data.count(b"\n", 0, at) + 1, "a NUL byte", "take it out, or save the file as UTF-8 text")
    return data


def _toml(path: Path, data: bytes, message: str) -> Cases:
    table, source = load(data, str(path), most=TOML)
    reader = Reader(table, source, str(path))
    cases = [read_case(each, number, message) for number, each in enumerate(reader.tables("cases"), 1)]
    if not cases:
        raise reader.error("cases", "it has no cases", "add [[cases]]")
    return Inline(cases)


def _bad(path: Path, line: int | None, problem: str, hint: str = "") -> FileError:
    return FileError(Problem(str(path), line, "", problem, hint))


def _missing(path: Path, line: int, name: str, known: list[str]) -> FileError:
    near = difflib.get_close_matches(name[:100], [each for each in known if len(each) < 100][:200], 1)
    hint = f"did you mean {clipped(near[0])}?" if near else f"it has {clipped(', '.join(known), 200)[1:]}".rstrip('"')
    return _bad(path, line, f"there is no column {clipped(name)}", hint)


def _csv_hint(said: str) -> str:
    if "end of data" in said:
        return "a double quote is opened there and not closed"
    if "new-line" in said:
        return "save it with line ends LF or CRLF"
    return "put double quotes around such a field, and two for one inside it"
