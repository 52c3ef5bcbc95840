"""The JSON Schema of prompt files, made from the parser's own tables, so that an editor says what the loader would say.

Draft 7, and of it only what draft 4 knows too: Taplo takes both. What it cannot say is left to `prompts check`: a
default that is none of the choices, slots that no variable fills, the texts of `logit_bias`.
"""

from __future__ import annotations

from typing import Any

from workbench.inference.sampling import SPECS
from workbench.inference.specs import Spec
from workbench.library.prompt import KINDS, SCHEMA, TYPES

Part = dict[str, Any]

_JSON = {str: "string", int: "integer", float: "number", bool: "boolean"}
# A letter of any alphabet or _, then letters, digits and _; as ranges, for \w is ASCII in some readers of schemas.
_NAME = "^[^\\u0000-@\\[-\\^`{-\\u00a9][^\\u0000-/:-@\\[-\\^`{-\\u00a9]{0,99}$"


def schema() -> Part:
    """The schema, as JSON data. Keys that are not ours are allowed everywhere but in [sampling] and [variables]."""
    properties: Part = {
        "schema": {"type": "integer", "minimum": 1, "default": SCHEMA, "description": "the format's version"},
        "kind": {"enum": list(KINDS), "description": "a system prompt, a chat, or an association template"},
        "title": _text("one line; the id's last part when left out"),
        "description": _text("what it is for, and what to look for in the answers"),
        "tags": _texts("words to find it by: tag:WORD"),
        "template": {"enum": ["plain", "jinja"], "default": "plain", "description": "how {{slots}} are filled"},
        "text": _text("the system text, or the template of an association; {{name}} is a slot, \\{{ two braces"),
        "messages": _tables("the messages of a chat", _turn(), "role", "content"),
        "variables": {
            "type": "object",
            "description": "the slots of the texts, by name",
            "patternProperties": {_NAME: _variable()},
            "additionalProperties": False,
        },
        "examples": _tables("few-shot pairs", _named("user", "assistant"), "user", "assistant"),
        "sampling": {
            "type": "object",
            "description": "sampler settings, with llama.cpp's names",
            "properties": {name: _setting(spec) for name, spec in SPECS.items()},
            "additionalProperties": False,
        },
        "cases": _tables("what to try it with", _case()),
        "words": _texts("the words whose likelihood an association measures"),
        "contexts": _tables("the contexts that an association compares", _named("name", "text"), "name", "text"),
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A prompt of the workbench",
        "type": "object",
        "properties": properties,
        "required": ["kind"],
        "allOf": [
            _if({"kind": {"enum": ["chat"]}}, {"required": ["messages"], "properties": {"messages": {"minItems": 1}}}),
            _if({"kind": {"enum": [kind for kind in KINDS if kind != "chat"]}}, {"required": ["text"]}),
        ],
    }


def _text(description: str) -> Part:
    return {"type": "string", "description": description}


def _texts(description: str) -> Part:
    return {"type": "array", "items": {"type": "string"}, "description": description}


def _named(*names: str) -> Part:
    return {name: {"type": "string"} for name in names}


def _tables(description: str, properties: Part, *required: str) -> Part:
    item: Part = {"type": "object", "properties": properties}
    if required:
        item["required"] = list(required)
    return {"type": "array", "items": item, "description": description}


def _if(properties: Part, then: Part) -> Part:
    """Where these keys are there and hold this, `then` must hold (draft 4 has no if)."""
    return {"anyOf": [{"not": {"properties": properties, "required": list(properties)}}, then]}


def _turn() -> Part:
    return {"role": {"enum": ["system", "user", "assistant"]}, "content": {"type": "string"}}


def _variable() -> Part:
    """A variable; its default must be of its type, text where none is said."""
    typed = [_if({"type": {"enum": [name]}}, {"properties": {"default": _type(name)}}) for name in TYPES]
    untyped: Part = {"anyOf": [{"required": ["type"]}, {"properties": {"default": _type("string")}}]}
    chosen = _if({"type": {"enum": ["choice"]}}, {"required": ["choices"], "properties": {"choices": {"minItems": 1}}})
    return {
        "type": "object",
        "properties": {
            "type": {"enum": list(TYPES), "description": "string when left out; choice when there are choices"},
            "description": _text("what the variable stands for"),
            "default": {"description": "the value when none is given; without one it is needed"},
            "choices": _texts("the values it may have"),
        },
        "allOf": [*typed, untyped, chosen],
    }


def _type(name: str) -> Part:
    kinds = [_JSON[each] for each in TYPES[name]]
    return {"type": "number" if "number" in kinds else kinds[0]}


def _setting(spec: Spec) -> Part:
    """A sampler setting, with its range and its line of help."""
    made: Part = {"description": spec.help, "default": _plain(spec.default)}
    if spec.kind in ("int", "float"):
        kind = "integer" if spec.kind == "int" else "number"
        return {"type": kind, "minimum": spec.low, "maximum": spec.high, **made}
    one: Part = {"type": "string", "minLength": 1}
    if spec.kind == "strings":
        return {"anyOf": [one, {"type": "array", "items": one, "maxItems": spec.high}], **made}
    if spec.kind == "bias":
        number = {"type": "number", "minimum": spec.low, "maximum": spec.high}
        table = {"type": "object", "patternProperties": {"^[0-9]+$": number}, "additionalProperties": False}
        return {"anyOf": [table, {"type": "string"}], **made}
    return {"type": "string", **made}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _case() -> Part:
    check = {"type": "object"}
    return {
        "name": _text("shown in results"),
        "variables": {"type": "object", "description": "values for the variables"},
        "message": _text("what the user says"),
        "checks": {"type": "array", "items": check, "description": "automatic verdicts: type, and what it needs"},
    }
