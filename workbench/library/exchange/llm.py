"""Templates of the llm command: YAML with `system`, `prompt`, `defaults`, `options`; variables as $name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.library.exchange import parts
from workbench.library.exchange.slots import RefusedError, convert, from_dollar, to_dollar
from workbench.library.exchange.yamls import dump, load

if TYPE_CHECKING:
    from workbench.library.prompt import Prompt

_WHY = {
    "functions": "Python code is not carried, and was not run",
    "tools": "tools are not ours",
    "schema_object": "the form of the answer is not ours",
    "fragments": "files and addresses are not followed",
    "system_fragments": "files and addresses are not followed",
    "attachments": "files and addresses are not followed",
    "attachment_types": "files and addresses are not followed",
    "model": "a model is chosen when it runs",
    "extract": "what is taken out of the answer is not ours",
    "extract_last": "what is taken out of the answer is not ours",
}


def read(source: parts.Source) -> list[parts.Draft]:
    """One prompt."""
    data = load(source.text, source)
    table: dict[Any, Any] = {"prompt": data} if isinstance(data, str) else data
    if not isinstance(table, dict) or not any(isinstance(table.get(key), str) for key in ("prompt", "system")):
        raise source.error("an llm template has a prompt or a system text")
    making = parts.Incoming(source, str(table.get("name") or source.path.stem), from_dollar)
    for key in ("title", "description"):
        if isinstance(table.get(key), str):
            making.head[key] = table[key]
    messages: parts.Messages = [
        {"role": role, "content": table[key]}
        for role, key in (("system", "system"), ("user", "prompt"))
        if isinstance(table.get(key), str)
    ]
    for name, value in _items(table, "options", making):
        making.setting(name, value)
    for name, value in _items(table, "defaults", making):
        making.default(name, value)
    making.leave(table, _WHY, ("prompt", "system", "name", "title", "description", "options", "defaults"))
    return [making.draft(messages)]


def _items(table: dict[Any, Any], key: str, making: parts.Incoming) -> list[tuple[str, Any]]:
    value = table.get(key)
    if value is None:
        return []
    if not isinstance(value, dict):
        making.dropped.append(f"{key}: it has no keys")
        return []
    return [(str(name), each) for name, each in value.items()]


def write(prompt: Prompt) -> parts.Exported:
    """`system` and `prompt`; raises RefusedError for a longer conversation."""
    messages, dropped = parts.outgoing(prompt)
    if prompt.examples:
        messages = messages[: -2 * len(prompt.examples)]
        dropped[0] = "examples: no place for them"
    roles = [message["role"] for message in messages]
    if roles not in (["system"], ["user"], ["system", "user"]):
        raise RefusedError(f"a conversation of {', '.join(roles)}", "", "llm has one system text and one prompt")
    made: dict[str, Any] = {}
    for message in messages:
        made["system" if message["role"] == "system" else "prompt"] = convert(message["content"], to_dollar)
    if prompt.sampling:
        made["options"] = {k: list(v) if isinstance(v, tuple) else v for k, v in prompt.sampling.items()}
    if defaults := {name: slot.default for name, slot in parts.used(prompt).items() if slot.default is not None}:
        made["defaults"] = defaults
    dropped += parts.left_out(prompt, "sampling", "variables")
    dropped += [f"variables.{name}: choices" for name, slot in prompt.variables.items() if slot.choices]
    return parts.Exported({parts.name_of(prompt, ".yaml"): dump(made)}, dropped)
