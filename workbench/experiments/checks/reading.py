"""Checks from TOML tables: `{ type = "contains", value = "42" }`. A wrong one names file, line, key and the way out."""

from __future__ import annotations

import difflib
import json
import math
import re
import warnings
from collections.abc import Iterable
from typing import Any

from workbench.experiments.checks import own
from workbench.experiments.checks.kinds import COMMON, FOLDED, KINDS, NAMES
from workbench.experiments.checks.model import Check, Kind, Param
from workbench.library.prompt import Prompt
from workbench.library.reader import FileError, Problem, Reader, clipped, noun
from workbench.library.template import names

PATTERN = 10_000  # characters of a pattern
MOST = 200  # checks on one trial


def read_all(readers: Iterable[Reader]) -> tuple[Check, ...]:
    """Every table as a check. Raises FileError."""
    made: list[Check] = []
    for reader in readers:
        if len(made) == MOST:
            raise reader.error("", f"more than {MOST} checks", "put some of them together")
        made.append(read(reader))
    return tuple(made)


def read(reader: Reader) -> Check:
    """One check. Raises FileError; keys that are not ours are kept, and `reader.misspelled` tells of near ones."""
    written = reader.text("type", None)
    name = written.removeprefix("not-") if written not in NAMES else written
    negated = reader.take("not", bool, False, "true or false") != (name != written)
    weight = _number(reader, COMMON[1])
    kind = KINDS.get(NAMES.get(name, ""))
    if kind and kind.name == "levenshtein" and "threshold" in reader.left and "max" not in reader.left:
        reader.left["max"] = reader.left.pop("threshold")  # promptfoo's name for it
    threshold = _number(reader, COMMON[2])
    if kind is None:
        return _own(reader, written, name, negated, weight or 0.0, threshold)
    options = {param.name: _option(reader, param) for param in kind.params}
    if name in FOLDED:
        options["ignore_case"] = True
    if kind.one_of and all(options[key] is None for key in kind.one_of):
        raise reader.error("type", f"{written} needs {' or '.join(kind.one_of)}", f"such as {kind.example}")
    _fits(reader, kind, options)
    return Check(written, kind.name, options, negated, weight or 0.0, _threshold(reader, kind, threshold))


def problems_of(prompt: Prompt) -> list[Problem]:
    """What is wrong with the checks of a prompt's cases, with their lines."""
    source = prompt.source.decode("utf-8-sig", "replace")
    file = str(prompt.path or prompt.id)
    found: list[Problem] = []
    for at, case in enumerate(prompt.cases):
        for number, table in enumerate(case.checks):
            reader = Reader(dict(table), source, file, ("cases", at, "checks", number))
            try:
                read(reader)
            except FileError as error:
                found.append(error.problem)
            else:
                found += reader.misspelled()
    return found


def of_case(prompt: Prompt, index: int) -> tuple[Check, ...]:
    """The checks of a prompt's case. Raises FileError."""
    source = prompt.source.decode("utf-8-sig", "replace")
    file = str(prompt.path or prompt.id)
    tables = prompt.cases[index].checks
    return read_all(
        Reader(dict(table), source, file, ("cases", index, "checks", at)) for at, table in enumerate(tables)
    )


def _own(reader: Reader, written: str, name: str, negated: bool, weight: float, threshold: float | None) -> Check:
    """A check of an installed package; it is not loaded before it is applied."""
    offered = own.names()
    if name not in offered:
        near = difflib.get_close_matches(name[:60], [*NAMES, *offered], 1, 0.6)
        hint = f"did you mean {near[0]}?" if near else f"one of {', '.join(KINDS)}"
        raise reader.error("type", f"{clipped(written)} is no type of check", hint)
    options = {key: value for key, value in reader.table.items() if key not in ("type", "not", "weight", "threshold")}
    reader.left.clear()
    return Check(written, "", {"name": name, **options}, negated, weight, 1.0 if threshold is None else threshold)


def _option(reader: Reader, param: Param) -> Any:
    """The value of one option, or its default."""
    key = param.name
    if param.needed and key not in reader.left:
        near = difflib.get_close_matches(key, list(reader.left)[:50], 1, 0.7)
        hint = f"did you mean {key} where it says {clipped(near[0])}?" if near else param.help
        raise reader.error(near[0] if near else key, f"{key} is missing", hint)
    if param.kind == "number":
        return _number(reader, param)
    reader.asked.append(key)
    value = reader.left.pop(key, None)
    if value is None:
        return param.default
    if param.kind == "text" and isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value)
    if param.kind == "choice" and value in param.choices:
        return value
    if param.kind == "bool" and isinstance(value, bool):
        return value
    if param.kind == "texts" and (found := _texts(value)):
        return found
    if param.kind == "schema":
        return _schema(reader, key, value)
    wanted = {
        "text": "text",
        "texts": "a list of texts with one at least",
        "bool": "true or false",
        "choice": f"one of {', '.join(param.choices)}",
    }[param.kind]
    said = clipped(value) if param.kind == "choice" else noun(value)
    raise reader.error(key, f"{key} must be {wanted}, not {said}", param.help)


def _number(reader: Reader, param: Param) -> float | None:
    reader.asked.append(param.name)
    value = reader.left.pop(param.name, None)
    if value is None:
        return None if param.default is None else float(param.default)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise reader.error(param.name, f"{param.name} must be a number, not {noun(value)}", param.help)
    if not param.low <= value <= param.high or math.isinf(value):
        low, high = f"{param.low:g}", f"{param.high:g}"
        hint = f"from {low} to {high}" if math.isfinite(param.high) else f"from {low}"
        raise reader.error(param.name, f"{param.name} = {value} is out of range", hint)
    return value


def _texts(value: Any) -> tuple[str, ...] | None:
    """A list of texts and numbers, or one text with commas (promptfoo's way); None for anything else."""
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, list) or not value:
        return None
    if not all(isinstance(each, str | int | float) and not isinstance(each, bool) for each in value):
        return None
    return tuple(str(each) for each in value)


def _schema(reader: Reader, key: str, value: Any) -> Any:
    """A JSON Schema, looked through by its own meta-schema."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise reader.error(key, f"{key} is no JSON: {str(error)[:100]}", "a table is easier to write") from None
    if not isinstance(value, dict | bool):
        raise reader.error(key, f"{key} must be a JSON Schema, not {noun(value)}", "a table, or JSON in a text")
    import jsonschema
    from jsonschema.validators import validator_for

    try:
        validator_for(value, jsonschema.Draft202012Validator).check_schema(value)  # type: ignore[arg-type]  # a bool is a schema too; the stub forgets it
    except jsonschema.SchemaError as error:
        at = ".".join(str(part) for part in error.absolute_path)
        said = f"{key}{f'.{at}' if at else ''} is no JSON Schema: {error.message[:120]}"
        raise reader.error(key, said, "see json-schema.org") from None
    except (RecursionError, TypeError) as error:
        raise reader.error(key, f"{key} is no JSON Schema: {str(error)[:100]}") from None
    return value


def _threshold(reader: Reader, kind: Kind, given: float | None) -> float:
    if given is None:
        return 1.0 if kind.threshold is None else kind.threshold
    if kind.threshold is None:
        raise reader.error("threshold", f"{kind.name} passes or fails: it has no threshold", f"such as {kind.example}")
    return given


def _fits(reader: Reader, kind: Kind, options: dict[str, Any]) -> None:
    """What one option's kind does not tell."""
    least, most = options.get("min"), options.get("max")
    if least is not None and most is not None and least > most:
        raise reader.error("min", f"min = {least:g} is over max = {most:g}", "swap them")
    if kind.name == "regex":
        _pattern(reader, options["value"])
    elif kind.name == "language" and "{{" not in options["value"]:
        _language(reader, options["value"])
    elif kind.name == "label-probability" and options["labels"] and options["value"] not in options["labels"]:
        raise reader.error("labels", f"{clipped(options['value'])} is none of the labels", "add it")


def _pattern(reader: Reader, pattern: str) -> None:
    if len(pattern) > PATTERN:
        raise reader.error("value", "the pattern is too long", f"at most {PATTERN:,} characters")
    for name in names(pattern):
        pattern = re.sub(r"\{\{\s*" + re.escape(name) + r"\s*\}\}", "x", pattern)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        hint = "single quotes ('…') keep backslashes as they are"
        raise reader.error("value", f"no pattern: {str(error)[:120]}", hint) from None


def _language(reader: Reader, value: str) -> None:
    from workbench.experiments.checks.scripts import names as languages

    if value.lower() in languages():
        return
    if value.lower() in ("en", "english", "de", "german", "fr", "french", "es", "spanish", "it", "pt", "ru", "russian"):
        script = "Cyrillic" if value.lower().startswith("ru") else "Latin"
        hint = f'value = "{script}" asks for the script'
        raise reader.error("value", f"{clipped(value)} shares its script with other languages", hint)
    near = difflib.get_close_matches(value.lower()[:60], languages(), 1)
    hint = f"did you mean {languages()[near[0]]}?" if near else f"one of {', '.join(sorted(set(languages().values())))}"
    raise reader.error("value", f"{clipped(value)} is no language that its script tells", hint)
