"""The line of a key in a TOML text: tomllib gives data without places, and an error must name one.

A scanner, not a parser: it is run on texts that tomllib took, or up to the place where tomllib gave up.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence

Path = tuple[str | int, ...]
MOST_PARTS = 64  # of a dotted key; tomllib takes quadratic time over them, and 8,000 take it seconds

# Possessive (`*+`), so that no text, however long or odd, is scanned twice; but no group is: Python before 3.11.5 gets
# possessive groups wrong (single characters it gets right).
_TOKEN = re.compile(
    r'''
    (?P<newline>\n)
  | (?P<blank>[ \t\r]++|\#[^\n]*+)
  | (?P<multi>"""[^"\\]*+(?:(?:\\.|"(?!""))[^"\\]*+)*"{3,5}+ | \'\'\'[^']*+(?:'(?!'')[^']*+)*'{3,5}+)
  | (?P<quoted>"[^"\\\n]*+(?:\\.[^"\\\n]*+)*" | '[^'\n]*+')
  | (?P<mark>[\[\]{}=,.])
  | (?P<word>[^\s\#"'\[\]{}=,.]++)
  | (?P<other>.)
    ''',
    re.VERBOSE | re.DOTALL,
)


class LongKeyError(ValueError):
    """A dotted key of more than MOST_PARTS parts."""

    def __init__(self, line: int) -> None:
        super().__init__(f"a key of more than {MOST_PARTS} parts in line {line}")
        self.line = line


def line_of(source: str, path: Sequence[str | int]) -> int:
    """The line (from 1) where `path` is set: names, and the index of an element in a list of values or tables.

    For a key that is not there, the line of the nearest table around it; 1 when there is none.
    """
    found = places(source)
    for end in range(len(path), 0, -1):
        if tuple(path[:end]) in found:
            return found[tuple(path[:end])]
    return 1


def places(source: str) -> dict[Path, int]:
    """The line of every key, table and list element of a TOML text. Raises LongKeyError."""
    scan = _Scan()
    for match in _TOKEN.finditer(source):
        scan.take(str(match.lastgroup), match[0])
    return scan.found


class _Scan:
    """Where the scanner stands."""

    def __init__(self) -> None:
        self.found: dict[Path, int] = {}
        self.line = 1
        self._counts: dict[Path, int] = {}  # tables in each array of tables
        self._table: Path = ()
        self._mode = "key"  # key | header | value
        self._key: list[str] = []
        self._path: Path = ()  # of the value that is being read
        self._open: list[tuple[Path, int | None]] = []  # brackets: path, and the index in a list (None: inline table)
        self._double = False

    def take(self, kind: str, text: str) -> None:
        """The next token."""
        if kind == "newline":
            self.line += 1
            if not self._open:
                self._mode, self._key = "key", []
        elif kind == "mark":
            self._mark(text)
        elif kind != "blank":
            if self._mode == "value":
                self.found.setdefault(self._path, self.line)
            else:
                self._part(text)
            self.line += text.count("\n")

    def _part(self, text: str) -> None:
        self._key.append(_unquoted(text))
        if len(self._key) > MOST_PARTS:
            raise LongKeyError(self.line)

    def _mark(self, mark: str) -> None:
        if self._mode == "value":
            self._in_value(mark)
        elif self._mode == "header":
            if mark == "[":
                self._double = True
            elif mark == "]" and self._key:
                self._header()
        elif mark == "[" and not self._open and not self._key:
            self._mode, self._double = "header", False
        elif mark == "=":
            base = self._open[-1][0] if self._open else self._table
            for name in self._key:
                base = (*base, name)
                self.found.setdefault(base, self.line)
            self._path, self._mode, self._key = base, "value", []
        elif mark == "}" and self._open:
            self._close()

    def _in_value(self, mark: str) -> None:
        if mark == "[":
            self.found.setdefault(self._path, self.line)
            self._open.append((self._path, 0))
            self._path = (*self._path, 0)
        elif mark == "{":
            self.found.setdefault(self._path, self.line)
            self._open.append((self._path, None))
            self._mode, self._key = "key", []
        elif mark in "]}" and self._open:
            self._close()
        elif mark == "," and self._open:
            path, index = self._open[-1]
            if index is None:
                self._mode, self._key = "key", []
            else:
                self._open[-1] = (path, index + 1)
                self._path = (*path, index + 1)

    def _close(self) -> None:
        self._path, _ = self._open.pop()
        self._mode, self._key = "value", []

    def _header(self) -> None:
        table: Path = ()
        for name in self._key[:-1]:
            table = (*table, name)
            self.found.setdefault(table, self.line)
            if table in self._counts:
                table = (*table, self._counts[table] - 1)
        table = (*table, self._key[-1])
        self.found.setdefault(table, self.line)
        if self._double:
            index = self._counts.get(table, 0)
            self._counts[table] = index + 1
            table = (*table, index)
            self.found.setdefault(table, self.line)
        elif table in self._counts:
            table = (*table, self._counts[table] - 1)
        self._table, self._mode, self._key = table, "value", []
        self._path = table


def _unquoted(text: str) -> str:
    if text[0] not in "\"'":
        return text
    if "\\" not in text or text[0] == "'":
        return text[1:-1]
    try:
        return str(tomllib.loads(f"key = {text}")["key"])
    except tomllib.TOMLDecodeError:
        return text[1:-1]
