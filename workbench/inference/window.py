"""What stays in a context window that a conversation is too long for: the policies by name, and what came of one.

The lead (system text, examples) and the last message always stay; only the turns between them can be forgotten.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal

import msgspec

from workbench.inference.engine import Message, Role

Policy = Literal["refuse", "drop-oldest", "roll", "first-and-last", "summarise"]
POLICIES: dict[Policy, str] = {
    "refuse": "forget nothing: a prompt that does not fit does not run",
    "drop-oldest": "forget whole turns, the oldest first",
    "roll": "keep the system prompt, forget the oldest tokens of the turns",
    "first-and-last": "keep the first turn and the last ones, forget those between",
    "summarise": "the model sums the oldest turns up; its summary takes their place",
}
REQUEST = "Summarise our conversation so far in a few sentences. Keep names, numbers and what was decided."


class Lost(msgspec.Struct, frozen=True):
    """Characters of a message that the model is not given; `message` is its place in the conversation after the lead.

    `start` and `end` count in its content, `text` are they.
    """

    message: int
    role: Role
    start: int
    end: int
    text: str


class Summary(msgspec.Struct, frozen=True):
    """What the model made of the first `messages` messages after the lead; `digest` names them, and the model."""

    text: str
    messages: int
    digest: str


class Window(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a policy did to a conversation that was over `budget` (tokens: the context without the answer's room).

    `whole_tokens` is the prompt with nothing forgotten, `prompt_tokens` what is fed. With "summarise" and no `summary`
    the model has not made it yet: `prompt_tokens` then has its longest. `problem` says why nothing could be done.
    """

    policy: Policy
    context: int = 0
    budget: int = 0
    whole_tokens: int = 0
    prompt_tokens: int = 0
    lost: tuple[Lost, ...] = ()
    summary: Summary | None = None
    problem: str = ""

    @property
    def messages(self) -> int:
        """How many messages it touches."""
        return len(self.lost)

    @property
    def tokens(self) -> int:
        """How many tokens fewer are fed, a summary's own counted against them."""
        return max(0, self.whole_tokens - self.prompt_tokens)

    def says(self) -> str:
        """One line of it."""
        if self.problem:
            return f"{self.policy} could not act: {self.problem}"
        if not self.lost:
            return f"{self.policy}: nothing left to forget"
        touched = "1 message" if self.messages == 1 else f"{self.messages} messages"
        return f"{self.policy}: {self.tokens:,} tok of {touched} forgotten"


def budget(context: int, room: int) -> int:
    """Tokens that a prompt may have beside an answer of `room`; an answer claims half of the context at most.

    A longest answer of the whole context would else leave no prompt at all.
    """
    return context - min(room, context // 2)


def digest(messages: Sequence[Message], model: str) -> str:
    """Names these messages, read by this model (16 hex digits)."""
    made = hashlib.sha256(model.encode("utf-8", "replace"))
    for message in messages:
        made.update(f"\0{message.role}\0{message.content}".encode("utf-8", "replace"))
    return made.hexdigest()[:16]


def exchange(summary: str) -> tuple[Message, Message]:
    """A summary as the conversation has it: asked for, and given. Well formed in every chat template."""
    return Message("user", REQUEST), Message("assistant", summary)
