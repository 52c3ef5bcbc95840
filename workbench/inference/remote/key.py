"""A server's key: read when it is used, kept nowhere, and cut out of whatever the server says."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from workbench import safe
from workbench.errors import EngineError
from workbench.settings import Server

LONGEST = 300  # characters of a server's own words that are kept
MASK = "•••"


def key_of(server: Server) -> str:
    """The key from its environment variable or its file, "" when the server has none. Raises EngineError.

    Only visible ASCII: anything else could not stand in a header, and the HTTP library's error would quote it.
    """
    if server.key_env:
        found = os.environ.get(server.key_env, "").strip()
        if not found:
            raise EngineError(f"${server.key_env} is not set", where=f"server {server.name}", hint="export it first")
    elif server.key_file:
        found = _read(server)
    else:
        return ""
    if not found.isascii() or not found.isprintable() or " " in found:
        raise EngineError("its key is no key", where=f"server {server.name}", hint="one line of visible characters")
    return found


def _read(server: Server) -> str:
    where = f"server {server.name}"
    file = Path(server.key_file).expanduser()
    try:
        with file.open("rb") as opened:
            if os.fstat(opened.fileno()).st_mode & 0o077:
                raise EngineError(f"others may read its key_file {file}", where=where, hint=f"chmod 600 {file}")
            data = opened.read(65_536)
    except OSError as error:
        hint = "write the key into it, then chmod 600"
        raise EngineError(f"cannot read its key_file {file} ({error.strerror})", where=where, hint=hint) from None
    found = data.decode("utf-8", "replace").strip()
    if not found:
        raise EngineError(f"its key_file {file} is empty", where=where, hint="write the key into it")
    return found


def said(text: str, key: str) -> str:
    """What a server said, as one safe line of at most LONGEST characters without the key."""
    line = safe.line(" ".join(hidden(text, key).split()))
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def hidden(text: str, key: str) -> str:
    """`text` without the key in it."""
    return text.replace(key, MASK) if key else text


def hidden_in(value: Any, key: str) -> Any:
    """A JSON value without the key in any of its texts."""
    if isinstance(value, str):
        return value.replace(key, MASK)
    if isinstance(value, list):
        return [hidden_in(each, key) for each in value]
    if isinstance(value, dict):
        return {name.replace(key, MASK): hidden_in(each, key) for name, each in value.items()}
    return value


class Veil:
    """Takes the key out of text that comes in pieces (a server that echoes its request into the answer)."""

    def __init__(self, key: str) -> None:
        self._key, self._held = key, ""

    def feed(self, text: str) -> str:
        """What may be shown now: an end that could begin the key waits for the next piece."""
        if not self._key:
            return text
        text = hidden(self._held + text, self._key)
        size = next((n for n in range(min(len(self._key) - 1, len(text)), 0, -1) if self._key.startswith(text[-n:])), 0)
        self._held = text[len(text) - size :]
        return text[: len(text) - size]

    def rest(self) -> str:
        """What still waited, at the end."""
        held, self._held = self._held, ""
        return held
