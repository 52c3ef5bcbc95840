"""The JSON Schema of experiment files, made from the parser's own tables (see library/jsonschema.py).

What it cannot say is left to the loader: labels that are there twice, a baseline that is none of them, patterns, min
over max, and types of checks that installed packages offer (any name is taken).
"""

from __future__ import annotations

from typing import Any

from workbench.experiments.casefile import SUFFIXES
from workbench.experiments.checks.kinds import COMMON, KINDS, NAMES
from workbench.experiments.checks.model import Kind, Param
from workbench.experiments.files import KIND, MODES, REPEATS, SCHEMA, SEEDS, STOPS
from workbench.experiments.grid import MOST, SEED
from workbench.library import jsonschema as prompts

Part = dict[str, Any]


def schema() -> Part:
    """The schema, as JSON data. Keys that are not ours are allowed everywhere but in sampling and [grid]."""
    settings = prompts.schema()["properties"]["sampling"]["properties"]
    own = {name: setting for name, setting in settings.items() if name != SEED}
    sampling: Part = {
        "type": "object",
        "description": "sampler settings, with llama.cpp's names; the seed is the experiment's",
        "properties": own,
        "additionalProperties": False,
    }
    variables = _values("values for the prompt's variables")
    variant: Part = {
        "prompt": _text("the prompt's id (ID, ID@REF), or a system text"),
        "model": _text("the model's name; the one at hand when left out"),
        "sampling": {"$ref": "#/definitions/sampling"},
        "variables": variables,
        "profile": _text("custom instructions"),
    }
    label: Part = {"type": "string", "maxLength": 40, "description": "A, B, … when left out"}
    properties: Part = {
        "schema": {"type": "integer", "minimum": 1, "default": SCHEMA, "description": "the format's version"},
        "kind": {"enum": [KIND]},
        "title": _text("one line; the file's name when left out"),
        "description": _text("what it is to show"),
        "tags": _texts("words to find it by"),
        **variant,
        "variants": _tables("what is compared; the keys above the tables go for all", {"label": label, **variant}),
        "grid": _grid(own),
        "message": _text("what the user says where a case has no message; {{name}} is the case's variable"),
        "cases": {
            "description": "[[cases]], or a CSV, JSONL or TOML file beside this one",
            "anyOf": [
                {"type": "string", "pattern": _suffixes()},
                _tables("", _case()),
            ],
        },
        "columns": _columns(),
        "delimiter": {"type": "string", "maxLength": 1, "description": "between a CSV file's fields: , when left out"},
        "repeats": _whole("trials of each case, each with its own seed", 1, 1, REPEATS),
        SEED: _whole("where the trials' seeds come from", 1, 0, SEEDS - 1),
        "checks": _checks("on every answer"),
        "threshold": _share("the least score of a trial that passes; without, each of its checks must"),
        "mode": {"enum": list(MODES), "default": MODES[0], "description": "fast: in batches; strict: bit-identical"},
        "coupled": {"type": "boolean", "default": True, "description": "the same dice for all variants"},
        "shuffle": {"type": "boolean", "description": 'cases in an order drawn by the seed; with stop = "decided"'},
        "budget": {
            "type": "object",
            "description": "where it ends by itself",
            "properties": {
                "time": {"type": "number", "minimum": 0, "description": "seconds"},
                "tokens": {"type": "integer", "minimum": 1, "description": "generated"},
                "trials": {"type": "integer", "minimum": 1},
            },
        },
        "stop": {"enum": list(STOPS), "default": STOPS[0], "description": "decided: when the verdict stands"},
        "delta": _share("the least difference that matters"),
        "baseline": _text("the label of the variant that the others are compared with"),
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "An experiment of the workbench",
        "type": "object",
        "properties": properties,
        "required": ["kind"],
        "anyOf": [{"required": ["cases"]}, {"required": ["message"]}],
        "definitions": {"check": _check(), "sampling": sampling},
    }


def _suffixes() -> str:
    """A pattern of the case files' names, capitals or not."""
    each = "|".join("".join(f"[{letter}{letter.upper()}]" for letter in suffix[1:]) for suffix in SUFFIXES)
    return rf"\.({each})$"


def _grid(settings: Part) -> Part:
    axes: Part = {
        name: {"type": "array", "minItems": 1, "maxItems": MOST, "uniqueItems": True, "items": setting}
        for name, setting in settings.items()
    }
    for name in ("prompts", "models"):
        axes[name] = {
            "type": "array",
            "minItems": 1,
            "maxItems": MOST,
            "uniqueItems": True,
            "items": {"type": "string"},
        }
    return {
        "type": "object",
        "description": "lists that multiply the variants",
        "properties": axes,
        "additionalProperties": False,
    }


def _case() -> Part:
    turn: Part = {"role": {"enum": ["system", "user", "assistant"]}, "content": {"type": "string"}}
    return {
        "name": _text("shown in results; what its seeds are made of"),
        "variables": _values("values for the variables"),
        "message": _text("what the user says"),
        "messages": _tables("the turns before the message", turn, "role", "content"),
        "checks": _checks("on the answers to this case"),
        "tags": _texts("categories"),
    }


def _columns() -> Part:
    names = ("name", "message", "tags", "checks", "messages")
    return {
        "type": "object",
        "description": "which column of the case file holds what; by their own names when left out",
        "properties": {
            **{name: {"type": "string"} for name in names},
            "variables": {
                "type": "object",
                "description": "a column for each variable; all the other columns when left out",
                "additionalProperties": {"type": "string"},
            },
        },
    }


def _checks(description: str) -> Part:
    return {"type": "array", "items": {"$ref": "#/definitions/check"}, "description": description}


def _check() -> Part:
    """A check: of each type its own options."""
    properties: Part = {
        "type": {
            "description": "\n".join(f"{kind.name}: {kind.help}" for kind in KINDS.values()),
            "anyOf": [{"enum": sorted(NAMES)}, {"type": "string"}],
        },
        **{param.name: _option(param) for param in COMMON},
    }
    cases = [_of_kind(kind) for kind in KINDS.values()]
    return {"type": "object", "properties": properties, "required": ["type"], "allOf": cases}


def _of_kind(kind: Kind) -> Part:
    """What holds where the type is this one, under any of its names."""
    names = [name for name, own in NAMES.items() if own == kind.name]
    names += [f"not-{name}" for name in names]
    then: Part = {"properties": {param.name: _option(param) for param in kind.params}}
    if needed := [param.name for param in kind.params if param.needed]:
        then["required"] = needed
    if kind.one_of:
        then["anyOf"] = [{"required": [name]} for name in kind.one_of]
    if kind.threshold is None and kind.name != "levenshtein":
        then["not"] = {"required": ["threshold"]}
    return {"anyOf": [{"not": {"properties": {"type": {"enum": names}}, "required": ["type"]}}, then]}


def _option(param: Param) -> Part:
    made: Part = {"description": param.help}
    if param.default is not None:
        made["default"] = param.default
    text: Part = {"type": "string"}
    if param.kind == "number":
        bounds = {"minimum": param.low, "maximum": param.high}
        return {"type": "number", **{k: v for k, v in bounds.items() if abs(v) != float("inf")}, **made}
    if param.kind == "texts":
        several = {"type": "array", "minItems": 1, "items": {"type": ["string", "number"]}}
        return {"anyOf": [{**text, "pattern": "[^, \\t\\n\\r]"}, several], **made}
    if param.kind == "schema":
        return {"type": ["object", "boolean", "string"], **made}
    if param.kind == "choice":
        return {"enum": list(param.choices), **made}
    return {"type": "boolean" if param.kind == "bool" else ["string", "number"], **made}


def _text(description: str) -> Part:
    return {"type": "string", "description": description}


def _texts(description: str) -> Part:
    return {"type": "array", "items": {"type": "string"}, "description": description}


def _values(description: str) -> Part:
    return {
        "type": "object",
        "description": description,
        "additionalProperties": {"type": ["string", "number", "boolean"]},
    }


def _tables(description: str, properties: Part, *required: str) -> Part:
    item: Part = {"type": "object", "properties": properties}
    if required:
        item["required"] = list(required)
    return {"type": "array", "items": item, **({"description": description} if description else {})}


def _whole(description: str, default: int, low: int, high: int) -> Part:
    return {"type": "integer", "minimum": low, "maximum": high, "default": default, "description": description}


def _share(description: str) -> Part:
    return {"type": "number", "minimum": 0, "maximum": 1, "description": description}
