"""A conversation in a file, as OpenAI and Hugging Face write messages: what `compare` and `context` take as history."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.cli import output
from workbench.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from workbench.inference.engine import Message

_HINT = '[{"role": "user", "content": "…"}, …]'


def add_over_full(parser: argparse.ArgumentParser) -> None:
    """The option that says what is forgotten."""
    from workbench.inference.window import POLICIES

    parser.add_argument(
        "--over-full",
        choices=tuple(POLICIES),
        default="refuse",
        help="what happens to earlier turns when the context is too small: "
        + "; ".join(f"{name}: {says}" for name, says in POLICIES.items()),
    )


def read(name: str, system: bool) -> tuple[str, tuple[Message, ...]]:
    """The messages in the JSON file `name` (`-`: stdin): a list, or {"messages": list}.

    Returns its system text and the turns; with `system` another one is given, and its own is left out, which is said.
    A content in parts is their text; a part or a role that is none of ours is an error, for it would be forgotten.
    Raises UsageError, NotFoundError.
    """
    try:
        data = json.loads(sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFoundError("no such file", where=name) from None
    except OSError as error:
        raise UsageError(f"cannot read it ({error.strerror})", where=name) from error
    except (ValueError, RecursionError) as error:
        said = str(getattr(error, "msg", "") or error)[:80]
        raise UsageError(f"no JSON: {said}", where=f"{name}:{getattr(error, 'lineno', 1)}", hint=_HINT) from error
    listed = data.get("messages") if isinstance(data, dict) else data
    if not isinstance(listed, list) or not listed:
        raise UsageError("it has no messages", where=name, hint=_HINT)
    found = tuple(_message(name, number, each) for number, each in enumerate(listed, 1))
    if found[0].role != "system":
        return "", found
    if system:
        output.narrate(f"{name}: its system message is left out, for --system is given")
    return "" if system else found[0].content, found[1:]


def _message(name: str, number: int, data: Any) -> Message:
    import msgspec

    from workbench.inference.engine import Message
    from workbench.library.exchange.parts import ROLES

    said = data if isinstance(data, dict) else {}
    role, content = ROLES.get(str(said.get("role", "")).lower()), said.get("content")
    if isinstance(content, list):
        texts = [part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str)]
        content = "\n".join(texts) if len(texts) == len(content) else None
    if role is None or not isinstance(content, str):
        what = "no role of ours" if role is None else "no text as its content"
        raise UsageError(f"message {number} has {what}", where=name, hint="system, user or assistant, and a text")
    return msgspec.convert({"role": role, "content": content}, Message)
