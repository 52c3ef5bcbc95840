"""Fabric patterns: a folder with system.md, and sometimes user.md."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from workbench.library.exchange.parts import Draft, Exported, Incoming, Messages, Source, left_out, outgoing, text_of
from workbench.library.exchange.slots import RefusedError, convert, from_double, to_double

if TYPE_CHECKING:
    from workbench.library.prompt import Prompt

_PARTS = {"system.md": "system", "user.md": "user"}


def read(source: Source) -> list[Draft]:
    """One prompt, called as the folder is; user.md of the same folder goes with it."""
    folder = source.path.absolute().parent
    if source.path.name not in _PARTS:  # a pattern's text under another name stands alone
        alone = Incoming(source, source.path.stem, from_double)
        return [alone.draft([{"role": "system", "content": source.text.strip("\n") + "\n"}])]
    making = Incoming(source, folder.name, from_double)
    messages: Messages = []
    for name, role in _PARTS.items():
        text = source.text if name == source.path.name else _beside(folder / name, making)
        if text.strip():
            messages.append({"role": role, "content": text.strip("\n") + "\n"})
    return [making.draft(messages)]


def _beside(path: Path, making: Incoming) -> str:
    """The text of the pattern's other file, "" when there is none."""
    if path.is_symlink() and path.resolve().parent != path.parent.resolve():
        making.dropped.append(f"{path.name}: a link that leads out of the folder is not followed")
        return ""
    return text_of(path) if path.is_file() else ""


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
