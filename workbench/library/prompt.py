"""The schema of a prompt file: bytes in, a checked `Prompt` out, or one line that says file, line and key."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from workbench.errors import SamplingError
from workbench.inference.sampling import SPECS
from workbench.inference.sampling import check as check_setting
from workbench.library.lines import line_of
from workbench.library.reader import MAX_BYTES, Problem, Reader, clipped, load, noun

SCHEMA = 1
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
    warnings: tuple[Problem, ...] = ()
    source: bytes = field(default=b"", repr=False, compare=False)  # the file's bytes

    @property
    def read_only(self) -> bool:
        """Written by a newer workbench: it runs, but must not be edited here."""
        return self.schema > SCHEMA


def short(version: str) -> str:
    """A version as it is shown: four hex digits."""
    return version[:4]


def place(prompt: Prompt, path: tuple[str | int, ...], needle: str = "", nth: int = 0) -> int | None:
    """The line of `path` in the text that the prompt was made of, or below it of the `nth` `needle` (from 0)."""
    if not prompt.source:
        return None
    source = prompt.source[:MAX_BYTES].decode("utf-8-sig", "replace")
    line = line_of(source, path)
    if not needle:
        return line
    at = -1
    for _ in range(line - 1):
        at = source.find("\n", at + 1)
    for _ in range(nth + 1):
        at = source.find(needle, at + 1)
        if at < 0:
            return line
    return source.count("\n", 0, at) + 1


def parse(data: bytes, *, id: str, library: str = "", path: Path | None = None) -> Prompt:
    """A prompt from a file's bytes. Raises PromptError: `FILE:LINE key: what is wrong — what to do`."""
    where = str(path or id)
    table, source = load(data, where)
    reader = Reader(table, source, where)
    schema = reader.take("schema", int, SCHEMA, "a number")
    if schema < 1:
        raise reader.error("schema", f"schema = {clipped(schema)} is unknown", f"schema = {SCHEMA}")
    kind = reader.text("kind", None)
    if kind not in KINDS:
        raise reader.error("kind", f"kind = {clipped(kind)} is unknown", f"one of {', '.join(KINDS)}")
    template = reader.text("template", "plain")
    if template not in ("plain", "jinja"):
        raise reader.error("template", f"template = {clipped(template)} is unknown", "plain or jinja")
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
        "sampling": sampling_of(reader.child("sampling")),
        "cases": tuple(_case(item, index) for index, item in enumerate(reader.tables("cases"), 1)),
        "words": reader.texts("words"),
        "contexts": tuple(
            Context(item.text("name", None), item.text("text", None)) for item in reader.tables("contexts")
        ),
    }
    if kind == "chat" and not values["messages"]:
        raise reader.error("messages", "a chat prompt needs [[messages]]", "add role and content")
    return Prompt(
        id=id,
        library=library,
        path=path,
        version=content_hash(_meaning(kind, template, values)),
        kind=kind,  # type: ignore[arg-type]  # checked against KINDS above
        template=template,  # type: ignore[arg-type]  # checked above
        schema=schema,
        extra=reader.left,
        warnings=reader.misspelled(),
        source=data,
        **values,
    )


def content_hash(meaning: Mapping[str, Any]) -> str:
    """SHA-256 (hex) over the canonical form: JSON in UTF-8, keys sorted, no blanks, non-ASCII as it is."""
    text = json.dumps(meaning, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _meaning(kind: str, template: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that change what a model is given, empty ones left out; a change here renames every version.

    kind, template, text, messages, examples, words, contexts; of a variable type, default and choices; sampling as
    checked. Title, description, tags, cases and keys that are not ours are not among them. tomllib reads line ends
    as LF.
    """
    slots = {
        name: {"type": slot.type, "default": slot.default, "choices": slot.choices}
        for name, slot in values["variables"].items()
    }
    made = {
        "kind": kind,
        "template": template,
        "text": values["text"],
        "messages": [[turn.role, turn.content] for turn in values["messages"]],
        "variables": slots,
        "examples": [[pair.user, pair.assistant] for pair in values["examples"]],
        "sampling": values["sampling"],
        "words": values["words"],
        "contexts": [[context.name, context.text] for context in values["contexts"]],
    }
    return {key: value for key, value in made.items() if value}


def _turn(reader: Reader) -> Turn:
    role = reader.text("role", None)
    if role not in ("system", "user", "assistant"):
        raise reader.error("role", f"role = {clipped(role)} is unknown", "system, user or assistant")
    return Turn(role, reader.text("content", None))  # type: ignore[arg-type]  # checked in the line above


def _variables(reader: Reader) -> dict[str, Variable]:
    found = {}
    for name in list(reader.table):
        item = reader.child(name)
        if not re.fullmatch(r"[^\W\d]\w{0,99}", name):
            raise reader.error(name, f"{clipped(name)} is no variable name", "letters, digits and _, up to 100")
        choices = item.texts("choices")
        kind = item.text("type", "choice" if choices else "string")
        if kind not in TYPES:
            raise item.error("type", f"type = {clipped(kind)} is unknown", f"one of {', '.join(TYPES)}")
        if kind == "choice" and not choices:
            raise item.error("type", "a choice needs choices", 'choices = ["…", "…"]')
        found[name] = Variable(name, kind, item.text("description"), _default(item, kind, choices), choices)
    return found


def _default(item: Reader, kind: str, choices: tuple[str, ...]) -> Any:
    item.asked.append("default")
    value = item.left.pop("default", None)
    if value is None:
        return None
    if not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "bool"):
        raise item.error("default", f"the default must be of type {kind}, not {noun(value)}")
    if choices and value not in choices:
        raise item.error(
            "default", f"the default {clipped(value)} is none of the choices", clipped(", ".join(choices), 200)
        )
    return value


def sampling_of(reader: Reader) -> dict[str, Any]:
    """The settings of a table [sampling], each checked. Raises FileError with its range or the nearest name."""
    made = {}
    for name, value in reader.table.items():
        spec = SPECS.get(name)
        # A form and a shell give numbers as text; in a file that is a wrong type.
        if spec and spec.kind in ("int", "float") and isinstance(value, str):
            raise reader.error(name, f"{name} must be a number, not text", spec.help)
        try:
            made[name] = check_setting(name, value)
        except SamplingError as error:
            raise reader.error(name, error.what[:200], error.hint) from None
    return made


def _case(reader: Reader, number: int) -> Case:
    checks = [item.table for item in reader.tables("checks")]
    values = reader.child("variables").table
    return Case(reader.text("name", f"case {number}"), values, reader.text("message"), tuple(checks))
