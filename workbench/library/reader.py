"""Reads checked values out of a TOML file's tables; every problem names file, line, key and the way out."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import PromptError
from workbench.library.lines import MOST_PARTS, LongKeyError, line_of, places

MAX_BYTES = 2_000_000  # half a million tokens; beyond it a file is no prompt
MAX_DEPTH = 64
MAX_WARNINGS = 20


@dataclass(frozen=True)
class Problem:
    """What is wrong in a file. `line` counts from 1; None when it is the whole file's. Not `serious`: it runs."""

    file: str
    line: int | None
    key: str
    problem: str
    hint: str = ""
    serious: bool = True

    @property
    def where(self) -> str:
        """`FILE:LINE key`."""
        return f"{self.file}{f':{self.line}' if self.line else ''} {self.key}".rstrip()

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}" + (f" — {self.hint}" if self.hint else "")


class FileError(PromptError):
    """A PromptError that keeps its Problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.problem, where=problem.where, hint=problem.hint)
        self.problem = problem


def clipped(value: object, most: int = 60) -> str:
    """A value as an error quotes it: on one line, not longer than a person reads."""
    text = repr(value) if not isinstance(value, str) else f'"{value[: most + 1]}"'
    return text if len(text) <= most else f"{text[: most - 1]}…"


def noun(value: object) -> str:
    """What a TOML value is, in plain words."""
    names: dict[type, str] = {bool: "true/false", int: "a number", float: "a number", str: "text", list: "a list"}
    return names.get(type(value), "a table" if isinstance(value, dict) else "a date")


class Reader:
    """Takes keys out of a table, checking each; what is left over is not ours.

    `readers` collects this one and all below it, for `misspelled`.
    """

    def __init__(
        self,
        table: dict[str, Any],
        source: str,
        file: str,
        path: tuple[str | int, ...] = (),
        readers: list[Reader] | None = None,
    ) -> None:
        self.table, self.source, self.file, self.path = table, source, file, path
        self.left = dict(table)
        self.asked: list[str] = []
        self.readers = [] if readers is None else readers
        self.readers.append(self)

    def problem(self, key: str, problem: str, hint: str = "", *, serious: bool = True) -> Problem:
        """A problem at `key` of this table ("" = the table)."""
        full = (*self.path, key) if key else self.path
        name = ".".join(str(part) for part in full if not isinstance(part, int))
        return Problem(self.file, line_of(self.source, full), name[:120], problem, hint, serious)

    def error(self, key: str, problem: str, hint: str = "") -> FileError:
        """The same, to raise."""
        return FileError(self.problem(key, problem, hint))

    def take(self, key: str, kind: type, default: Any, wanted: str) -> Any:
        """The value of `key`, or `default`; an error when it is not of `kind`."""
        self.asked.append(key)
        value = self.left.pop(key, default)
        if value is not default and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
            raise self.error(key, f"{key} must be {wanted}, not {noun(value)}")
        return value

    def text(self, key: str, default: str | None = "") -> str:
        """A text; without a `default` it must be there."""
        value = self.take(key, str, default, "text")
        if value is None:
            near = _nearest(key, self.left)
            if near:
                raise self.error(near, f"{key} is missing", f"did you mean {key} where it says {clipped(near)}?")
            raise self.error(key, f"{key} is missing", f'add {key} = "…"')
        return str(value)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        value = self.take(key, list, [], "a list of texts")
        for item in value:
            if not isinstance(item, str):
                raise self.error(key, f"{key} must be a list of texts, and one is {noun(item)}")
        return tuple(value)

    def tables(self, key: str) -> list[Reader]:
        """The tables of `[[key]]`."""
        value = self.take(key, list, [], f"tables: [[{key}]]")
        if not all(isinstance(item, dict) for item in value):
            raise self.error(key, f"{key} must be tables: [[{key}]]")
        return [self._below(item, (*self.path, key, index)) for index, item in enumerate(value)]

    def child(self, key: str) -> Reader:
        """The table `[key]`."""
        return self._below(self.take(key, dict, {}, f"a table: [{key}]"), (*self.path, key))

    def _below(self, table: dict[str, Any], path: tuple[str | int, ...]) -> Reader:
        return Reader(table, self.source, self.file, path, self.readers)

    def misspelled(self) -> tuple[Problem, ...]:
        """Keys that are kept, for they are not ours, but look much like one that is: here and below."""
        found: list[Problem] = []
        for reader in self.readers:
            for key in list(reader.left)[:MAX_WARNINGS] if reader.asked else ():
                near = _nearest(key, dict.fromkeys(reader.asked))
                if near and len(found) < MAX_WARNINGS:
                    said = "no key of ours, kept as it is"
                    found.append(reader.problem(key, said, f"did you mean {near}?", serious=False))
        return tuple(found)


def _nearest(key: str, known: Mapping[str, object]) -> str:
    import difflib

    near = difflib.get_close_matches(key[:60], [name for name in list(known)[:200] if len(name) < 60], 1, 0.75)
    return near[0] if near else ""


def bytes_of(path: Path) -> bytes:
    """A file's bytes, and one more than MAX_BYTES at most. Raises FileError."""
    try:
        with open(path, "rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        said = f"cannot read it ({error.strerror})"
        raise FileError(Problem(str(path), None, "", said, "see its permissions")) from None


def load(data: bytes, file: str, *, most: int = MAX_BYTES) -> tuple[dict[str, Any], str]:
    """A TOML file's data and its text; any bytes at all give these or a FileError, in time linear in their size."""
    if len(data) > most:
        raise FileError(Problem(file, None, "", f"it has more than {most:,} bytes", "too large for a file in TOML"))
    try:
        source = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FileError(Problem(file, line, "", "not UTF-8 text", "save it as UTF-8")) from None
    try:
        if any(line.count(".") >= MOST_PARTS for line in source.split("\n")):
            places(source)
        table = tomllib.loads(source)
    except LongKeyError as error:
        raise FileError(Problem(file, error.line, "", "a key of too many parts", f"at most {MOST_PARTS}")) from None
    except tomllib.TOMLDecodeError as error:
        raise FileError(_broken(file, source, str(error))) from None
    except (RecursionError, ValueError, OverflowError) as error:
        what = "nested too deep" if isinstance(error, RecursionError) else "a value that cannot be"
        raise FileError(Problem(file, None, "", f"broken TOML: {what}", "mend the file")) from None
    if _deep(table):
        raise FileError(Problem(file, None, "", "nested too deep", f"at most {MAX_DEPTH} levels"))
    return table, source


def _broken(file: str, source: str, said: str) -> Problem:
    found = re.search(r"\(at line (\d+), column (\d+)\)$", said)
    line = int(found[1]) if found else source.count("\n") + 1
    what = re.sub(r" \(at [^()]*\)$", "", said)
    hint = "mend that line"
    if "Unescaped" in what and "\\" in what:
        hint = r"""write \\ for a backslash (\\{{ for two braces), or use '''…'''"""
    return Problem(file, line, "", f"broken TOML: {what[:120]}", hint)


def _deep(table: dict[str, Any]) -> bool:
    """Whether it is nested deeper than what walks over it later can bear (no recursion here, for that reason)."""
    level: list[Any] = [table]
    for _ in range(MAX_DEPTH):
        level = [
            item
            for value in level
            for item in (value.values() if isinstance(value, dict) else value)
            if isinstance(item, dict | list)
        ]
        if not level:
            return False
    return True
