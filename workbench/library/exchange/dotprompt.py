"""dotprompt: front matter (model, config, input), then a body in Handlebars with `{{role "system"}}` marks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workbench.library.exchange import parts
from workbench.library.exchange.slots import RefusedError, convert, from_handlebars, to_handlebars
from workbench.library.exchange.yamls import dump, front

if TYPE_CHECKING:
    from workbench.library.prompt import Prompt, Variable

_ROLE = re.compile(r"""(?<!\\)\{\{\s*role\s+["'](\w+)["']\s*\}\}[ \t]*\n?""")
_ESCAPED_ROLE = re.compile(r"""\{\{\s*role\s""")
_FIELD = re.compile(r"(?P<name>[^\W\d]\w*)(?P<optional>\?)?(?:\((?P<kind>\w+)(?:\s*,\s*(?P<about>.*))?\))?", re.DOTALL)
_TYPES = {"string": "string", "integer": "int", "number": "float", "boolean": "bool"}
_THEIRS = {mine: theirs for theirs, mine in _TYPES.items()} | {"choice": "string"}
_CONFIG = {"top_k": "topK", "top_p": "topP", "max_tokens": "maxOutputTokens", "stop": "stopSequences"}
_WHY = {
    "model": "a model is chosen when it runs",
    "output": "the form of the answer is not ours",
    "tools": "tools are not ours",
}


def read(source: parts.Source) -> list[parts.Draft]:
    """One prompt."""
    table, body = front(source)
    making = parts.Incoming(source, str(table.get("name") or source.path.name.removesuffix(".prompt")), from_handlebars)
    for key in ("title", "description"):
        if isinstance(table.get(key), str):
            making.head[key] = table[key]
    config = table.get("config")
    for name, value in config.items() if isinstance(config, dict) else ():
        making.setting(str(name), value)
    _inputs(table.get("input"), making)
    making.leave(table, _WHY, ("name", "title", "description", "config", "input"))
    pieces = _ROLE.split(body)
    messages: parts.Messages = [{"role": "user", "content": pieces[0]}] if pieces[0].strip() or len(pieces) == 1 else []
    for role, text in zip(pieces[1::2], pieces[2::2], strict=True):
        if role in parts.ROLES:
            messages.append({"role": parts.ROLES[role], "content": text.strip("\n") + "\n"})
        else:
            making.dropped.append(f'{{{{role "{role}"}}}}: no role of ours')
    return [making.draft(messages)]


def _inputs(data: Any, making: parts.Incoming) -> None:
    """Variables of `input.schema` (Picoschema) and `input.default`."""
    if not isinstance(data, dict):
        return
    schema = data.get("schema")
    for key, value in schema.items() if isinstance(schema, dict) else ():
        _field(str(key), value, making)
    if schema is not None and not isinstance(schema, dict):
        making.dropped.append("input.schema: only a table of fields is read")
    default = data.get("default")
    for name, value in default.items() if isinstance(default, dict) else ():
        slot = making.variables.setdefault(str(name), {})
        if slot.get("type") == "float" and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        kind = slot.get("type")
        making.default(str(name), value)
        if kind:
            slot["type"] = kind


def _field(key: str, value: Any, making: parts.Incoming) -> None:
    match = _FIELD.fullmatch(key)
    if match is None:
        making.dropped.append(f"input.schema.{key}: no variable of ours")
        return
    slot = making.variables.setdefault(match["name"], {})
    if match["kind"] == "enum" and isinstance(value, list) and all(isinstance(each, str) for each in value):
        if match["about"]:
            slot["description"] = match["about"]
        slot["choices"] = value
        return
    kind, _, about = str(value).partition(",") if isinstance(value, str) else ("", "", "")
    if kind.strip() not in _TYPES:
        making.dropped.append(f"input.schema.{match['name']}: its type; it is text now")
    elif kind.strip() != "string":
        slot["type"] = _TYPES[kind.strip()]
    if about.strip() or match["about"]:
        slot["description"] = about.strip() or match["about"]


def write(prompt: Prompt) -> parts.Exported:
    """`NAME.prompt`."""
    messages, dropped = parts.outgoing(prompt)
    head: dict[str, Any] = {}
    if prompt.description:
        head["description"] = prompt.description
    if prompt.sampling:
        head["config"] = {_CONFIG.get(k, k): list(v) if isinstance(v, tuple) else v for k, v in prompt.sampling.items()}
    if slots := parts.used(prompt):
        head["input"] = {"schema": dict(_pico(slot) for slot in slots.values())}
        if default := {name: slot.default for name, slot in slots.items() if slot.default is not None}:
            head["input"]["default"] = default
    body = "\n".join(f'{{{{role "{_role(m)}"}}}}\n{_body(m)}' for m in messages)
    dropped += parts.left_out(prompt, "description", "variables", "sampling")
    return parts.Exported({parts.name_of(prompt, ".prompt"): f"---\n{dump(head) if head else ''}---\n{body}"}, dropped)


def _role(message: Mapping[str, str]) -> str:
    return {"assistant": "model"}.get(message["role"], message["role"])


def _body(message: Mapping[str, str]) -> str:
    text = convert(message["content"].strip("\n") + "\n", to_handlebars)
    if match := _ROLE.search(text):
        raise RefusedError(f"the text {match[0].strip()}", match[0], "it would begin a message")
    return text


def _pico(slot: Variable) -> tuple[str, Any]:
    about = " ".join(slot.description.split())
    optional = "?" if slot.default is not None else ""
    if slot.choices:
        return f"{slot.name}{optional}(enum{f', {about}' if about else ''})", list(slot.choices)
    return f"{slot.name}{optional}", f"{_THEIRS[slot.type]}{f', {about}' if about else ''}"
