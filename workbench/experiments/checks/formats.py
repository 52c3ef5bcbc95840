"""Whether an answer is JSON, TOML, YAML, XML or Python. These run apart: parsers of strangers' text need bounds."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NoReturn

from workbench.errors import PromptError
from workbench.experiments.checks.model import CannotTellError, Context, Options, Outcome
from workbench.experiments.checks.words import plain, quoted

_FENCE = re.compile(r"\A```[^\n`]*\n(.*?)\n?```\Z", re.DOTALL)
_STARTS = re.compile(r"[{\[]")
_TRIES = 200  # places where JSON may begin in a text


class _EntityError(Exception):
    """An XML document that declares entities."""


def is_json(options: Options, answer: str, context: Context) -> Outcome:
    """The whole answer is JSON (RFC 8259: no NaN), and of the schema where one is given."""
    try:
        data = _json(_body(options, answer))
    except (ValueError, RecursionError) as error:
        return Outcome(0, f"no JSON: {_said(error)}")
    return _of_schema(options, data) or Outcome(1, "JSON")


def json_schema(options: Options, answer: str, context: Context) -> Outcome:
    """JSON of the schema."""
    return is_json(options, answer, context)


def contains_json(options: Options, answer: str, context: Context) -> Outcome:
    """An object or a list in JSON stands somewhere in it, and one of them is of the schema where one is given."""
    decoder = json.JSONDecoder(parse_constant=_constant)
    failed: Outcome | None = None
    at = tries = 0
    while (match := _STARTS.search(answer, at)) and tries < _TRIES:
        tries += 1
        try:
            data, at = decoder.raw_decode(answer, match.start())
        except (ValueError, RecursionError):
            at = match.start() + 1
            continue
        found = _of_schema(options, data)
        if found is None:
            return Outcome(1, f"has JSON: {quoted(json.dumps(data, ensure_ascii=False))}")
        failed = found
    return failed or Outcome(0, "has no JSON object or list")


def is_toml(options: Options, answer: str, context: Context) -> Outcome:
    """TOML with one key at least."""
    import tomllib

    try:
        found = tomllib.loads(_body(options, answer))
    except (ValueError, RecursionError) as error:
        return Outcome(0, f"no TOML: {_said(error)}")
    return Outcome(1, "TOML") if found else Outcome(0, "no TOML: it has no keys")


def is_yaml(options: Options, answer: str, context: Context) -> Outcome:
    """YAML that is a mapping or a list: any sentence is a text in YAML."""
    from workbench.library.exchange.parts import Source
    from workbench.library.exchange.yamls import load

    body = _body(options, answer)
    try:
        found = load(body, Source(Path("answer"), body))
    except PromptError as error:
        line = error.where.partition(":")[2]
        return Outcome(
            0, f"no YAML: {plain(error.what.removeprefix('broken YAML: '))}" + (f" (line {line})" if line else "")
        )
    if isinstance(found, dict | list):
        return Outcome(1, "YAML")
    return Outcome(0, "no YAML: neither keys nor a list")


def is_xml(options: Options, answer: str, context: Context) -> Outcome:
    """Well-formed XML. A document that declares entities is refused: they are how a small text grows without end."""
    from xml.parsers import expat

    parser = expat.ParserCreate()

    def refuse(*_: Any) -> NoReturn:
        raise _EntityError

    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    try:
        parser.Parse(_body(options, answer).encode("utf-8", "surrogatepass"), True)
    except _EntityError:
        return Outcome(0, "its entities are not read")
    except expat.ExpatError as error:
        return Outcome(0, f"no XML: {_said(error)}")
    return Outcome(1, "XML")


def is_python(options: Options, answer: str, context: Context) -> Outcome:
    """Python that parses; nothing of it is run."""
    import ast
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            body = ast.parse(_body(options, answer)).body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line = getattr(error, "lineno", None)
            return Outcome(0, f"no Python: {_said(error)}" + (f" (line {line})" if line else ""))
    return Outcome(1, "Python") if body else Outcome(0, "no Python: it has no statement")


def _body(options: Options, answer: str) -> str:
    """The text to parse: with `fence`, what one code fence around all of it holds."""
    text = answer.strip()
    match = _FENCE.match(text) if options.get("fence") else None
    return match[1] if match else text


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _json(text: str) -> Any:
    return json.loads(text, parse_constant=_constant)


def _said(error: BaseException) -> str:
    if isinstance(error, RecursionError | MemoryError):
        return "nested too deep"
    if isinstance(error, SyntaxError):
        return plain(error.msg)
    return plain(error)


def _of_schema(options: Options, data: Any) -> Outcome | None:
    """None when `data` is of the schema, or there is none; else where it is not."""
    schema = options.get("value")
    if schema is None:
        return None
    import jsonschema
    import referencing
    from jsonschema.validators import validator_for

    try:
        # An empty registry: a $ref to elsewhere is an error, and nothing is fetched.
        validator = validator_for(schema, jsonschema.Draft202012Validator)(schema, registry=referencing.Registry())
        error = next(iter(validator.iter_errors(data)), None)
    except RecursionError:
        return Outcome(0, "nested too deep for the schema")
    except referencing.exceptions.Unresolvable as unresolved:
        raise CannotTellError(f"the schema's $ref {quoted(unresolved.ref)} is not in it") from None
    if error is None:
        return None
    at = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
    return Outcome(0, f"not of the schema{f' at {plain(at, 60)}' if at else ''}: {plain(error.message)}")
