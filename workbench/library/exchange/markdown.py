"""Plain Markdown: a heading as title, the rest as the text; `## user` and the like begin the messages of a chat."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from workbench.library.exchange.parts import Draft, Exported, Incoming, Messages, Source, left_out, name_of, outgoing
from workbench.library.exchange.slots import RefusedError, from_verbatim
from workbench.library.exchange.yamls import front

if TYPE_CHECKING:
    from workbench.library.prompt import Prompt

_TITLE = re.compile(r"\A\s*#[ \t]+(.+?)[ \t]*#*[ \t]*(?:\n|\Z)")
_ROLE = re.compile(r"^##[ \t]+(system|user|assistant)[ \t]*$", re.MULTILINE)


def read(source: Source) -> list[Draft]:
    """One prompt."""
    table, body = front(source)
    making = Incoming(source, source.path.stem, from_verbatim)
    for key in ("title", "description"):
        if isinstance(table.get(key), str):
            making.head[key] = table[key]
    if isinstance(table.get("tags"), list):
        making.head["tags"] = [str(tag) for tag in table["tags"]]
    making.leave(table, {}, ("title", "description", "tags"))
    if title := _TITLE.match(body):
        making.head.setdefault("title", title[1])
        body = body[title.end() :]
    parts = _ROLE.split(body)
    messages: Messages = [] if len(parts) > 1 and not parts[0].strip() else [{"role": "system", "content": parts[0]}]
    messages += [{"role": role, "content": text} for role, text in zip(parts[1::2], parts[2::2], strict=True)]
    for message in messages:
        message["content"] = message["content"].strip("\n") + "\n"
    draft = making.draft(messages)
    if draft.table.get("variables"):
        draft.dropped.append(f"{{{{{'}}, {{'.join(draft.table['variables'])}}}}} became variables")
    return [draft]


def write(prompt: Prompt) -> Exported:
    """`# title`, then the text, or a section for each message."""
    messages, dropped = outgoing(prompt)
    for message in messages:
        if match := _ROLE.search(message["content"]):
            raise RefusedError(f"a line that reads {match[0]}", match[0], "change that line")
    title = " ".join(prompt.title.split()).rstrip("# ")
    body = f"# {title or prompt.id}\n\n"
    if prompt.kind == "system" and len(messages) == 1:
        body += prompt.text.strip("\n") + "\n"
    else:
        body += "\n".join(f"## {message['role']}\n\n{message['content'].strip(chr(10))}\n" for message in messages)
    return Exported({name_of(prompt, ".md"): body}, [*dropped, *left_out(prompt, "title")])
