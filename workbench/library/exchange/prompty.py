"""Prompty: front matter, then sections `system:`, `user:`, `assistant:` in jinja."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from workbench.library.exchange import jinjas, parts
from workbench.library.exchange.slots import RefusedError, convert, from_jinja, to_jinja
from workbench.library.exchange.yamls import dump, front

if TYPE_CHECKING:
    from workbench.library.prompt import Prompt

_ROLE = re.compile(r"^[ \t]*#?[ \t]*(system|user|assistant|developer|function|tool)[ \t]*:[ \t]*$", re.M | re.I)
_TYPES = {"string": "string", "integer": "int", "number": "float", "boolean": "bool"}
_THEIRS = {mine: theirs for theirs, mine in _TYPES.items()} | {"choice": "string"}
_WHY = {
    "authors": "it is the library's git log that says who",
    "version": "versions are content hashes here",
    "tools": "tools are not ours",
    "outputs": "the form of the answer is not ours",
    "template": "it is jinja",
}


def read(source: parts.Source) -> list[parts.Draft]:
    """One prompt; with jinja blocks it becomes `template = "jinja"`."""
    table, body = front(source)
    making = parts.Incoming(source, str(table.get("name") or source.path.stem), from_jinja)
    making.head["title"] = str(table["name"]) if isinstance(table.get("name"), str) else ""
    if isinstance(table.get("description"), str):
        making.head["description"] = table["description"]
    if isinstance(table.get("tags"), list):
        making.head["tags"] = [str(tag) for tag in table["tags"]]
    model = table.get("model")
    if isinstance(model, dict):
        parameters = model.get("parameters", model.get("options"))
        for name, value in parameters.items() if isinstance(parameters, dict) else ():
            making.setting(str(name), value)
        making.leave(model, {"configuration": "a model is chosen when it runs"}, ("parameters", "options"))
    _inputs(table, making)
    making.leave(table, _WHY, ("name", "description", "tags", "model", "inputs", "sample"))
    pieces = _ROLE.split(body)
    messages: parts.Messages = (
        [{"role": "system", "content": pieces[0]}] if pieces[0].strip() or len(pieces) == 1 else []
    )
    for role, text in zip(pieces[1::2], pieces[2::2], strict=True):
        if role.lower() in parts.ROLES:
            messages.append({"role": parts.ROLES[role.lower()], "content": text.strip("\n") + "\n"})
        else:
            making.dropped.append(f"the section {role}: no role of ours")
    return [_jinja(making, source, messages)]


def _jinja(making: parts.Incoming, source: parts.Source, messages: parts.Messages) -> parts.Draft:
    """As plain substitution where that does, else as jinja, with every name it uses declared."""
    before = list(making.dropped)
    draft = making.draft(messages)
    if draft.refused is None:
        return draft
    texts = [message["content"] for message in messages]
    try:
        for name in jinjas.names(texts):
            making.variables.setdefault(name, {})
    except RefusedError as error:
        hint = error.hint or "write it with plain variables"
        draft.refused = source.error(f"{error.what}: {making.id} is refused", error.needle, hint)
        return draft
    making.template, making.dropped = "jinja", before
    return making.draft(messages)


def _inputs(table: dict[Any, Any], making: parts.Incoming) -> None:
    """Variables of `inputs` (old and new) and `sample`."""
    inputs = table.get("inputs")
    for name, value in inputs.items() if isinstance(inputs, dict) else ():
        slot = making.variables.setdefault(str(name), {})
        if not isinstance(value, dict):
            making.default(str(name), value)
            continue
        kind = _TYPES.get(str(value.get("type", "string")))
        if kind is None:
            making.dropped.append(f"inputs.{name}: its type; it is text now")
        elif kind != "string":
            slot["type"] = kind
        if isinstance(value.get("description"), str):
            slot["description"] = value["description"]
        if isinstance(value.get("enum"), list) and all(isinstance(each, str) for each in value["enum"]):
            slot["choices"] = value["enum"]
        for key in ("sample", "default"):
            if value.get(key) is not None:
                kept = slot.get("type")
                making.default(str(name), float(value[key]) if kept == "float" else value[key])
                if kept:
                    slot["type"] = kept
    sample = table.get("sample")
    if isinstance(sample, str):
        making.dropped.append("sample: files are not followed")
    for name, value in sample.items() if isinstance(sample, dict) else ():
        making.default(str(name), value)


def write(prompt: Prompt) -> parts.Exported:
    """`NAME.prompty`."""
    messages, dropped = parts.outgoing(prompt)
    head: dict[str, Any] = {"name": prompt.title or prompt.id}
    if prompt.description:
        head["description"] = prompt.description
    if prompt.tags:
        head["tags"] = list(prompt.tags)
    if prompt.sampling:
        values = {k: list(v) if isinstance(v, tuple) else v for k, v in prompt.sampling.items()}
        head["model"] = {"api": "chat", "parameters": values}
    inputs: dict[str, dict[str, Any]] = {}
    for name, slot in parts.used(prompt).items():
        inputs[name] = {"type": _THEIRS[slot.type]}
        inputs[name] |= {"description": slot.description} if slot.description else {}
        inputs[name] |= {"enum": list(slot.choices)} if slot.choices else {}
        inputs[name] |= {"default": slot.default} if slot.default is not None else {}
    if inputs:
        head["inputs"] = inputs
    body = "\n".join(f"{message['role']}:\n{_body(prompt, message['content'])}" for message in messages)
    dropped += parts.left_out(prompt, "title", "description", "tags", "variables", "sampling")
    return parts.Exported({parts.name_of(prompt, ".prompty"): f"---\n{dump(head)}---\n{body}"}, dropped)


def _body(prompt: Prompt, text: str) -> str:
    text = text.strip("\n") + "\n"
    made = text if prompt.template == "jinja" else convert(text, to_jinja)
    # A line that would begin a section is written as a constant.
    return _ROLE.sub(lambda match: f"{{{{ '{match[0]}' }}}}", made)
