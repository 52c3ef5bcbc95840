"""Messages as OpenAI and Hugging Face write them: JSON (one conversation or a list), JSONL (one a line)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workbench.errors import PromptError
from workbench.inference.sampling import SPECS
from workbench.library.exchange import parts
from workbench.library.exchange.slots import from_verbatim
from workbench.library.reader import clipped

if TYPE_CHECKING:
    from workbench.library.prompt import Prompt

_WHY = dict.fromkeys(("tool_calls", "function_call"), "tools are not ours")
_BODY = (
    "temperature",
    "top_p",
    "seed",
    "max_tokens",
    "stop",
    "frequency_penalty",
    "presence_penalty",
    "top_k",
    "min_p",
)


def read(source: parts.Source) -> list[parts.Draft]:
    """A prompt for each conversation."""
    found = _conversations(source)
    stem = source.path.stem
    several = len(found) > 1
    return [
        _draft(source, f"{stem}-{number}" if several else stem, data, where)
        for number, (data, where) in enumerate(found, 1)
    ]


def _conversations(source: parts.Source) -> list[tuple[Any, str]]:
    """Each with where it stands. Raises PromptError."""
    if source.path.suffix.lower() == ".jsonl":
        return _lines(source)
    try:
        data = json.loads(source.text)
    except (ValueError, RecursionError) as error:
        lines = _lines(source) if "\n" in source.text.strip() else []
        if lines and not any(isinstance(line, PromptError) for line, _ in lines):
            return lines  # a line each, under another name
        raise _broken(error, f"{source.path}:{getattr(error, 'lineno', 1)}") from None
    if isinstance(data, list) and data and not (isinstance(data[0], dict) and "role" in data[0]):
        return [(each, str(source.path)) for each in data]
    return [(data, str(source.path))]


def _lines(source: parts.Source) -> list[tuple[Any, str]]:
    """A conversation a line; a broken line is its PromptError."""
    made: list[tuple[Any, str]] = []
    for number, line in enumerate(source.text.split("\n"), 1):
        where = f"{source.path}:{number}"
        if line.strip():
            try:
                made.append((json.loads(line), where))
            except (ValueError, RecursionError) as error:
                made.append((_broken(error, where), where))
    return made


def _broken(error: Exception, where: str) -> PromptError:
    return PromptError(f"broken JSON: {str(getattr(error, 'msg', error))[:80]}", where=where)


def _draft(source: parts.Source, id: str, data: Any, where: str) -> parts.Draft:
    if isinstance(data, PromptError):
        return parts.Draft(id, {}, [], data)
    making = parts.Incoming(source, id, from_verbatim)
    body: Mapping[str, Any] = data if isinstance(data, dict) else {"messages": data}
    turns = body.get("messages", body.get("conversations"))
    if not isinstance(turns, list) or not turns:
        hint = '{"messages": [{"role", "content"}]}'
        return parts.Draft(id, {}, [], PromptError(f"{id} has no messages", where=where, hint=hint))
    settings = [name for name in body if parts.SETTINGS.get(name, name) in SPECS]
    for name in settings:
        making.setting(name, body[name])
    known = ["messages", "conversations", *settings]
    making.leave(body, {"model": "a model is chosen when it runs", "tools": "tools are not ours"}, known)
    draft = making.draft(plain(turns, making))
    if draft.table.get("variables"):
        draft.dropped.append(f"{{{{{'}}, {{'.join(draft.table['variables'])}}}}} became variables")
    return draft


def plain(turns: list[Any], making: parts.Incoming) -> parts.Messages:
    """Turns as role and content; parts that are no text, and roles that are not ours, are said and left out."""
    made: parts.Messages = []
    for number, turn in enumerate(turns, 1):
        if not isinstance(turn, dict):
            making.dropped.append(f"message {number}: it has no role")
            continue
        role = parts.ROLES.get(str(turn.get("role", turn.get("from", ""))).lower())
        content = turn.get("content", turn.get("value"))
        if role is None:
            making.dropped.append(f"message {number}: role {clipped(str(turn.get('role', turn.get('from'))))}")
            continue
        if isinstance(content, list):
            texts = [part.get("text") for part in content if isinstance(part, dict)]
            if len([text for text in texts if isinstance(text, str)]) < len(content):
                making.dropped.append(f"message {number}: parts that are no text")
            content = "\n".join(text for text in texts if isinstance(text, str))
        for name in turn:
            if name not in ("role", "from", "content", "value") and turn[name]:
                making.dropped.append(
                    f"message {number}: {clipped(str(name)).strip(chr(34))}: {_WHY.get(name, 'nothing like it here')}"
                )
        if isinstance(content, str):
            made.append({"role": role, "content": content})
        else:
            making.dropped.append(f"message {number}: no content")
    return made


def write(prompt: Prompt) -> parts.Exported:
    """`{"messages": [...]}` with the settings that OpenAI's body has."""
    messages, dropped = parts.outgoing(prompt)
    body: dict[str, Any] = {"messages": messages}
    for name, value in prompt.sampling.items():
        if name in _BODY:
            body[name] = list(value) if isinstance(value, tuple) else value
        else:
            dropped.append(f"sampling.{name}: no place for it")
    dropped += parts.left_out(prompt, "sampling")
    if parts.used(prompt):
        dropped.append("variables stay in the texts as {{name}}: fill them before you send it")
    return parts.Exported(
        {parts.name_of(prompt, ".json"): json.dumps(body, ensure_ascii=False, indent=2) + "\n"}, dropped
    )
