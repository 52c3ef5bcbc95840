"""A stored trial as the model read it: its messages, and the answer that is weighed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from workbench.errors import UsageError
from workbench.inference.engine import Message


def messages_of(trial: Mapping[str, Any]) -> tuple[Message, ...]:
    """What the prompt put first, and the conversation. Raises UsageError where the trial has none."""
    try:
        found = msgspec.convert([*trial["lead"], *trial["messages"]], tuple[Message, ...])
    except (KeyError, TypeError, msgspec.ValidationError) as error:
        raise UsageError(f"trial {trial.get('id', '')} cannot be read: {error}") from error
    if not found:
        raise UsageError(f"trial {trial['id']} has no messages", hint="only what was generated can be weighed")
    return found


def answer_of(trial: Mapping[str, Any]) -> str:
    """The answer as far as it went. Raises UsageError where there is none."""
    if not trial["text"]:
        raise UsageError(f"trial {trial['id']} has no answer", hint="run it again")
    return str(trial["text"])
