"""The schema of a prompt file: bytes in, a checked `Prompt` out, or one line that says file, line and key."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from workbench.errors import PromptError, SamplingError
from workbench.inference.sampling import check as check_setting
from workbench.library.lines import line_of

SCHEMA = 1
MAX_BYTES = 10_000_000
Kind = Literal["system", "chat", "association"]
KINDS = ("system", "chat", "association")
TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "choice": (str,),
}


@dataclass(frozen=True)
class Variable:
    """A slot `{{name}}`. Without a default it is required; `choices` limits its values."""

    name: str
    type: str = "string"
    description: str = ""
    default: str | int | float | bool | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Example:
    """A few-shot pair."""

    user: str
    assistant: str


@dataclass(frozen=True)
class Turn:
    """A message of a chat prompt."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class Context:
    """A context of an association template."""

    name: str
    text: str


@dataclass(frozen=True)
class Case:
    """Values, a message and checks to try the prompt with."""

    name: str
    variables: Mapping[str, Any]
    message: str
    checks: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """One prompt file. `version` is the content hash (64 hex digits); `extra` holds the keys we do not know."""

    id: str
    library: str
    path: Path | None
    version: str
    kind: Kind
    title: str
    description: str = ""
    tags: tuple[str, ...] = ()
    text: str = ""
    messages: tuple[Turn, ...] = ()
    variables: Mapping[str, Variable] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()
    sampling: Mapping[str, Any] = field(default_factory=dict)
    cases: tuple[Case, ...] = ()
    words: tuple[str, ...] = ()
    contexts: tuple[Context, ...] = ()
    template: Literal["plain", "jinja"] = "plain"
    schema: int = SCHEMA
    extra: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def read_only(self) -> bool:
        """Written by a newer workbench: it runs, but must not be edited here."""
        return self.schema > SCHEMA

    def where(self, needle: str = "") -> str:
        """`FILE:LINE` of the first line that holds `needle` in the file as it is on disk now."""
        if self.path is None:
            return self.id
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return str(self.path)
        found = text.find(needle) if needle else -1
        return f"{self.path}:{text.count(chr(10), 0, found) + 1}" if found >= 0 else str(self.path)


def short(version: str) -> str:
    """A version as it is shown: four hex digits."""
    return version[:4]


class _Reader:
    """Takes keys out of a TOML table, checking each; what is left over is not ours."""

    def __init__(self, table: dict[str, Any], source: str, where: str, path: tuple[str | int, ...] = ()) -> None:
        self.table, self.source, self.where, self.path = table, source, where, path
        self.left = dict(table)

    def error(self, key: str, problem: str, hint: str = "") -> PromptError:
        full = (*self.path, key) if key else self.path
        name = ".".join(str(part) for part in full if not isinstance(part, int))
        return PromptError(problem, where=f"{self.where}:{line_of(self.source, full)} {name}".rstrip(), hint=hint)

    def take(self, key: str, kind: type, default: Any, noun: str) -> Any:
        value = self.left.pop(key, default)
        if value is not default and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
            raise self.error(key, f"{key} must be {noun}, not {_noun(value)}")
        return value

    def text(self, key: str, default: str | None = "") -> str:
        value = self.take(key, str, default, "text")
        if value is None:
            raise self.error(key, f"{key} is missing", f'add {key} = "…"')
        return str(value)

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.take(key, list, [], "a list of texts")
        if not all(isinstance(item, str) for item in value):
            raise self.error(key, f"{key} must be a list of texts")
        return tuple(value)

    def tables(self, key: str) -> list[_Reader]:
        value = self.take(key, list, [], f"tables: [[{key}]]")
        if not all(isinstance(item, dict) for item in value):
            raise self.error(key, f"{key} must be tables: [[{key}]]")
        return [_Reader(item, self.source, self.where, (*self.path, key, index)) for index, item in enumerate(value)]

    def child(self, key: str) -> _Reader:
        value = self.take(key, dict, {}, f"a table: [{key}]")
        return _Reader(value, self.source, self.where, (*self.path, key))


def _noun(value: object) -> str:
    names: dict[type, str] = {bool: "true/false", int: "a number", float: "a number", str: "text", list: "a list"}
    return names.get(type(value), "a table" if isinstance(value, dict) else "a date")


def parse(data: bytes, *, id: str, library: str = "", path: Path | None = None) -> Prompt:
    """A prompt from a file's bytes. Raises PromptError: `FILE:LINE key: what is wrong — what to do`."""
    where = str(path or id)
    table, source = _toml(data, where)
    reader = _Reader(table, source, where)
    schema = reader.take("schema", int, SCHEMA, "a number")
    if schema < 1:
        raise reader.error("schema", f"schema = {schema} is unknown", f"schema = {SCHEMA}")
    kind = reader.text("kind", None)
    if kind not in KINDS:
        raise reader.error("kind", f'kind = "{kind}" is unknown', f"one of {', '.join(KINDS)}")
    template = reader.text("template", "plain")
    if template not in ("plain", "jinja"):
        raise reader.error("template", f'template = "{template}" is unknown', "plain or jinja")
    values: dict[str, Any] = {
        "title": reader.text("title", id.rsplit("/", 1)[-1]),
        "description": reader.text("description").strip(),
        "tags": reader.texts("tags"),
        "text": reader.text("text", None if kind != "chat" else ""),
        "messages": tuple(_turn(item) for item in reader.tables("messages")),
        "variables": _variables(reader.child("variables")),
        "examples": tuple(
            Example(item.text("user", None), item.text("assistant", None)) for item in reader.tables("examples")
        ),
        "sampling": _sampling(reader.child("sampling")),
        "cases": tuple(_case(item, index) for index, item in enumerate(reader.tables("cases"), 1)),
        "words": reader.texts("words"),
        "contexts": tuple(
            Context(item.text("name", None), item.text("text", None)) for item in reader.tables("contexts")
        ),
    }
    if kind == "chat" and not values["messages"]:
        raise reader.error("messages", "a chat prompt needs [[messages]]", "add role and content")
    meaning = {"kind": kind, "template": template, **{key: table.get(key) for key in _MEANING if table.get(key)}}
    return Prompt(
        id=id,
        library=library,
        path=path,
        version=content_hash(meaning),
        kind=kind,  # type: ignore[arg-type]  # checked against KINDS above
        template=template,  # type: ignore[arg-type]  # checked above
        schema=schema,
        extra=reader.left,
        warnings=tuple(_misspelled(reader)),
        **values,
    )


_MEANING = ("text", "messages", "variables", "examples", "sampling", "words", "contexts")
_KNOWN = (*_MEANING, "schema", "kind", "template", "title", "description", "tags", "cases")


def content_hash(meaning: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of the fields that change what a model is given: sorted, compact JSON of them in UTF-8.

    Title, description, tags, cases and keys we do not know are not among them. Line ends are LF, as tomllib reads them.
    """
    text = json.dumps(meaning, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(text.replace("\r\n", "\n").encode()).hexdigest()


def _toml(data: bytes, where: str) -> tuple[dict[str, Any], str]:
    if len(data) > MAX_BYTES:
        raise PromptError(f"{len(data)} bytes are too many", where=where, hint=f"a prompt has at most {MAX_BYTES}")
    try:
        source = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PromptError("not UTF-8 text", where=f"{where}:{line}", hint="save it as UTF-8") from None
    try:
        return tomllib.loads(source), source
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        line_number = found[1] if found else str(source.count("\n") + 1)
        what = re.sub(r" \(at .*\)$", "", str(error))
        raise PromptError(f"broken TOML: {what}", where=f"{where}:{line_number}", hint="mend that line") from None
    except (RecursionError, ValueError, OverflowError) as error:
        raise PromptError(f"broken TOML: {type(error).__name__}", where=where, hint="mend the file") from None


def _turn(reader: _Reader) -> Turn:
    role = reader.text("role", None)
    if role not in ("system", "user", "assistant"):
        raise reader.error("role", f'role = "{role}" is unknown', "system, user or assistant")
    return Turn(role, reader.text("content", None))  # type: ignore[arg-type]  # checked in the line above


def _variables(reader: _Reader) -> dict[str, Variable]:
    found = {}
    for name in list(reader.table):
        item = reader.child(name)
        if not re.fullmatch(r"[^\W\d]\w*", name):
            raise reader.error(name, f"{name!r} is no variable name", "letters, digits and _")
        choices = item.texts("choices")
        kind = item.text("type", "choice" if choices else "string")
        if kind not in TYPES:
            raise item.error("type", f'type = "{kind}" is unknown', f"one of {', '.join(TYPES)}")
        if kind == "choice" and not choices:
            raise item.error("type", "a choice needs choices", 'choices = ["…", "…"]')
        found[name] = Variable(name, kind, item.text("description"), _default(item, kind, choices), choices)
    return found


def _default(item: _Reader, kind: str, choices: tuple[str, ...]) -> Any:
    value = item.left.pop("default", None)
    if value is None:
        return None
    if not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "bool"):
        raise item.error("default", f"the default must be of type {kind}, not {_noun(value)}")
    if choices and value not in choices:
        raise item.error("default", f"the default {value!r} is none of the choices", ", ".join(choices))
    return value


def _sampling(reader: _Reader) -> dict[str, Any]:
    for name, value in reader.table.items():
        try:
            check_setting(name, value)
        except SamplingError as error:
            raise reader.error(name, error.what, error.hint) from None
    return dict(reader.table)


def _case(reader: _Reader, number: int) -> Case:
    checks = [item.table for item in reader.tables("checks")]
    values = reader.child("variables").table
    return Case(reader.text("name", f"case {number}"), values, reader.text("message"), tuple(checks))


def _misspelled(reader: _Reader) -> list[str]:
    import difflib

    said = []
    for key in reader.left:
        near = difflib.get_close_matches(key, _KNOWN, 1, 0.75)
        if near:
            line = line_of(reader.source, (key,))
            said.append(f"{reader.where}:{line} {key}: no key of ours, kept as it is — did you mean {near[0]}?")
    return said
