"""Fabric patterns: a folder with system.md, and sometimes user.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.library.exchange.parts import Draft, Exported, Incoming, Messages, Source, left_out, outgoing
from workbench.library.exchange.slots import RefusedError, convert, from_double, to_double

if TYPE_CHECKING:
    from workbench.library.prompt import Prompt


def read(source: Source) -> list[Draft]:
    """One prompt, called as the folder is; user.md of the same folder goes with it."""
    folder = source.path.absolute().parent
    making = Incoming(source, folder.name, from_double)
    messages: Messages = []
    for role in ("system", "user"):
        path = folder / f"{role}.md"
        if path.is_symlink() and path.resolve().parent != folder.resolve():
            making.dropped.append(f"{path.name}: a link that leads out of the folder is not followed")
            continue
        if path.is_file():
            try:
                text = path.read_text(encoding="utf-8-sig")
            except (OSError, UnicodeDecodeError) as error:
                raise source.error(f"cannot read {path.name} ({str(error)[:80]})") from None
            if text.strip():
                messages.append({"role": role, "content": text.strip("\n") + "\n"})
    if not messages:
        raise source.error("the pattern is empty")
    return [making.draft(messages)]


def write(prompt: Prompt) -> Exported:
    """`NAME/system.md`, and `NAME/user.md` for a chat of a system and a user message."""
    messages, dropped = outgoing(prompt)
    if prompt.examples:
        messages = messages[: -2 * len(prompt.examples)]
        dropped[0] = "examples: no place for them"
    roles = [message["role"] for message in messages]
    if roles not in (["system"], ["system", "user"]):
        raise RefusedError(
            f"a conversation of {', '.join(roles)}", "", "a pattern has one system text, and one user text at most"
        )
    name = prompt.id.rsplit("/", 1)[-1]
    files = {
        f"{name}/{message['role']}.md": convert(message["content"].strip("\n") + "\n", to_double)
        for message in messages
    }
    return Exported(files, [*dropped, *left_out(prompt)])
