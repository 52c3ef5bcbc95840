"""Changes single values in the TOML text of a person's file: comments, order, quoting and every other line stay.

tomlkit knows where things stand; how a text is quoted is decided here, so that one edited line of a block changes that
line alone. The result is parsed again and must hold the data that was meant.
"""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Mapping
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Any

from workbench.errors import PromptError
from workbench.library.lineends import matches

KeyPath = tuple[str | int, ...]
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\b": "\\b", "\f": "\\f", "\r": "\\r", "\n": "\\n"}
_NEEDED = re.compile('[\\\\"\x00-\x08\x0a-\x1f\x7f]')
_NEEDED_IN_BLOCK = re.compile('\\\\|"(?="")|[\x00-\x08\x0b-\x1f\x7f]')


def edited(text: str, changes: Mapping[KeyPath, Any]) -> str:
    """`text` (LF line ends) with the value of each path set, made where it is not there, or taken out for None.

    A value is text, a number, true/false, a list of texts, or a table (a dict). A path that ends with the index one
    past the last of an array of tables adds one. Raises PromptError when the text cannot be changed so.
    """
    import tomlkit
    import tomlkit.exceptions

    try:
        wanted = tomllib.loads(text)
        document = tomlkit.parse(text)
        for path, value in changes.items():
            if _lookup(wanted, path) != (True, value) and (value is not None or _lookup(wanted, path)[0]):
                _put(wanted, path, copy.deepcopy(value))
                _change(document, path, value)
        made = document.as_string()
        same = tomllib.loads(made) == wanted
    except (tomllib.TOMLDecodeError, tomlkit.exceptions.TOMLKitError, LookupError, TypeError, ValueError) as error:
        raise PromptError(f"the form cannot change this file ({str(error)[:120]})", hint="edit its TOML") from error
    if not same:
        raise PromptError("the form cannot change this file without touching other keys", hint="edit its TOML")
    return made


def _lookup(data: Any, path: KeyPath) -> tuple[bool, Any]:
    for part in path:
        try:
            data = data[part]
        except (LookupError, TypeError):
            return False, None
    return True, data


def _put(data: Any, path: KeyPath, value: Any) -> None:
    """Set a value in plain data, with the tables on its way; None takes it out."""
    for part, after in pairwise(path):
        if isinstance(part, int) and part == len(data):
            data.append({})
        elif isinstance(part, str) and part not in data:
            data[part] = [] if isinstance(after, int) else {}
        data = data[part]
    last = path[-1]
    if value is None:
        del data[last]
    elif isinstance(last, int) and last == len(data):
        data.append(value)
    else:
        data[last] = value


def _change(document: Any, path: KeyPath, value: Any) -> None:
    """The same in a tomlkit document."""
    import tomlkit

    for at, part in enumerate(path[:-1]):
        if isinstance(part, int) and part == len(document):
            document.append(tomlkit.table())
        elif isinstance(part, str) and part not in document:
            nested = isinstance(path[at + 1], str) and at + 2 < len(path)
            document.append(part, tomlkit.aot() if isinstance(path[at + 1], int) else tomlkit.table(nested))
        document = document[part]
    last = path[-1]
    if value is None:
        del document[last]
    elif isinstance(last, int) and last == len(document):
        _apart(document)
        document.append(_item(value))
    elif isinstance(last, int):
        document[last] = _item(value)
    elif isinstance(value, list) and last in document and isinstance(document[last], list):
        _relist(document[last], value)
    else:
        old = document[last].as_string() if last in document and isinstance(value, str) else ""
        document[last] = _item(value, old)


def _apart(tables: Any) -> None:
    """An empty line behind the last table of an array, for another one to follow."""
    import tomlkit
    from tomlkit.items import Table

    last = tables[-1] if len(tables) else None
    if isinstance(last, Table) and not last.as_string().endswith("\n\n"):
        last.add(tomlkit.nl())


def _relist(array: Any, value: list[Any]) -> None:
    """Make a list hold `value`; items that stay keep their lines and comments."""
    moves = SequenceMatcher(None, [str(item) for item in array], [str(item) for item in value], autojunk=False)
    for what, a, b, c, d in reversed(moves.get_opcodes()):
        if what in ("delete", "replace"):
            for _ in range(a, b):
                del array[a]
        if what in ("insert", "replace"):
            for offset, item in enumerate(value[c:d]):
                array.insert(a + offset, item)


def _item(value: Any, old: str = "") -> Any:
    """A tomlkit item; a text is quoted as `old`, its raw form before, was."""
    import tomlkit

    if isinstance(value, str):
        return tomlkit.value(quoted(value, old))
    if isinstance(value, dict):
        table = tomlkit.table()
        for key, item in value.items():
            table.append(key, _item(item))
        return table
    return tomlkit.item(value)


def quoted(value: str, old: str = "") -> str:
    """`value` as TOML: a block when it has several lines, quoted as `old` (the raw text it replaces) where it can be.

    Lines of a block that stay are taken over as they were written.
    """
    block = old[:3] in ('"""', "'''")
    if not block and "\n" not in value:
        plain = value.isprintable() and "'" not in value
        if plain and (old[:1] == "'" or (not old and "\\" in value and '"' in value)):
            return f"'{value}'"
        return '"' + _NEEDED.sub(_escape, value) + '"'
    literal = old[:3] == "'''" and "'''" not in value and not value.endswith("'") and _is_plain(value)
    mark = "'''" if literal else '"""'
    first = "\n" if not block or old[3:4] == "\n" or value.startswith("\n") else ""
    lines = value.split("\n")
    made = list(lines) if literal else [_NEEDED_IN_BLOCK.sub(_escape, line) for line in lines]
    if not literal and old[:3] == '"""':
        _keep(old, lines, made)
    if not literal and made[-1].endswith('"') and not made[-1].endswith('\\"'):
        made[-1] = made[-1][:-1] + '\\"'
    return mark + first + "\n".join(made) + mark


def _keep(old: str, lines: list[str], made: list[str]) -> None:
    """Put the raw lines of the block `old` in the places of `made` where `lines` say the same."""
    body = old[3:-3]
    raw = body.removeprefix("\n").split("\n")
    try:
        values = [str(tomllib.loads(f'x = """\n{line}"""')["x"]) for line in raw]
    except tomllib.TOMLDecodeError:
        return  # a line that only makes sense with the next one: the block is written anew
    if any(line.endswith("\\") and not line.endswith("\\\\") for line in raw):
        return
    for here, there, size in matches(values, lines):
        made[there : there + size] = raw[here : here + size]


def _is_plain(value: str) -> bool:
    return not re.search("[\x00-\x08\x0b-\x1f\x7f]", value)


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    return _ESCAPES.get(character) or f"\\u{ord(character):04X}"
