"""A new prompt file, written as a person would: keys in the guide's order, texts of several lines as blocks."""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workbench.errors import PromptError
from workbench.library.edit import quoted

_ORDER = ("schema", "kind", "title", "description", "tags", "template", "text", "words")
_TABLES = ("messages", "variables", "examples", "contexts", "sampling", "cases")
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def compose(table: Mapping[str, Any]) -> str:
    """The TOML text of `table`, a prompt in our schema (texts, numbers, true/false, lists, tables).

    Raises PromptError for a value that TOML does not have.
    """
    made = _text(table)
    if tomllib.loads(made) != table:
        raise PromptError("the prompt cannot be written as TOML", hint="texts, numbers, true/false, lists and tables")
    return made


def _text(table: Mapping[str, Any]) -> str:
    values = [key for key in _ORDER if key in table]
    values += [key for key in table if key not in _ORDER and key not in _TABLES and not _is_tables(table[key])]
    lines = [f"{_key(key)} = {_value(table[key], block=True)}" for key in values]
    rest = [key for key in _TABLES if key in table]
    rest += [key for key in table if key not in _ORDER and key not in _TABLES and _is_tables(table[key])]
    for key in rest:
        lines += _section(key, table[key])
    return "\n".join(lines).lstrip("\n") + "\n"


def _is_tables(value: Any) -> bool:
    """Whether it is written below a heading of its own."""
    return isinstance(value, Mapping) or (
        isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)
    )


def _section(key: str, value: Any) -> Iterator[str]:
    """`[sampling]`, `[variables.topic]`, `[[messages]]`, with what stands below."""
    if key == "variables" and isinstance(value, Mapping) and value and all(_is_tables(each) for each in value.values()):
        for name, slot in value.items():
            yield from ("", f"[{_key(key)}.{_key(name)}]", *_below(slot))
    elif isinstance(value, Mapping):
        yield from ("", f"[{_key(key)}]", *_below(value))
    elif _is_tables(value):
        for item in value:
            yield from ("", f"[[{_key(key)}]]", *_below(item))
    else:  # an empty list, or a mixed one
        raise PromptError(f"{key} must be a table or tables")


def _below(table: Mapping[str, Any]) -> list[str]:
    return [f"{_key(key)} = {_value(value, block=True)}" for key, value in table.items()]


def _value(value: Any, *, block: bool = False) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quoted(value) if block or "\n" not in value else _line(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(value) if math.isfinite(value) else {"nan": "nan", "inf": "inf", "-inf": "-inf"}[str(value)]
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_key(key)} = {_value(each)}" for key, each in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, Sequence):
        return f"[{', '.join(_value(each) for each in value)}]"
    raise PromptError(f"TOML has no {type(value).__name__}", hint="texts, numbers, true/false, lists and tables")


def _line(value: str) -> str:
    """A text of several lines on one: JSON's escapes are TOML's too."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _line(key)
