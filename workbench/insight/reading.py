"""A trial read again: its prompt exactly as the model read it, and each token of its answer with what was likely there.

Nothing is generated: the answer is put in token by token (teacher forcing) and the model's own distribution, before any
sampler, is read off at each. Logs are natural; `bits` turns them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from workbench.errors import UsageError
from workbench.inference.engine import Engine, Message, TokenLogprob

TOP = 20  # likeliest tokens that are asked for beside each
_BITS = 1 / math.log(2)
_WORD = "workbench"  # an answer that stands for any, to see what a template writes after one


@dataclass(frozen=True)
class Subject:
    """What is read: a trial, or a text of one's own after a raw `prompt`. `name` is how it is shown.

    `made` is how many tokens it took to generate it (0: not known), `finish` how it ended ("" when it still goes on).
    """

    name: str
    model: str
    path: str
    text: str
    messages: tuple[Message, ...] = ()
    prompt: str | None = None
    trial: str = ""
    made: int = 0
    finish: str = ""
    mode: str = ""


@dataclass(frozen=True)
class Reading:
    """An answer's tokens; their texts joined give the answer, and then, when `ended`, comes the token that ended it.

    `retokenized`: it was generated in another number of tokens than the text has now.
    """

    subject: Subject
    prompt: str
    tokens: tuple[TokenLogprob, ...]
    ended: bool = False
    retokenized: bool = False

    @property
    def said(self) -> tuple[TokenLogprob, ...]:
        """The tokens of the text alone."""
        return self.tokens[:-1] if self.ended else self.tokens

    @property
    def logp(self) -> float:
        """The whole answer's log-probability, its end in it where it ended by itself."""
        return sum(token.logprob for token in self.tokens)

    @property
    def bits_per_token(self) -> float:
        """The mean surprise of a token."""
        return bits(-self.logp) / max(1, len(self.tokens))

    @property
    def perplexity(self) -> float:
        """2 to that: among how many equally likely tokens each was chosen, in the mean."""
        return math.exp(min(700.0, -self.logp / max(1, len(self.tokens))))


def bits(nats: float) -> float:
    """A natural log in bits."""
    return nats * _BITS


def of_trial(trial: Mapping[str, Any], name: str = "") -> Subject:
    """A stored TRIAL. Raises UsageError where there is nothing to read."""
    shown = name or str(trial.get("id") or "")
    if not trial.get("text"):
        raise UsageError(f"trial {shown} has no answer", hint="choose one that says something")
    if not trial.get("messages") and not trial.get("lead"):
        raise UsageError(f"trial {shown} has no messages", hint="only what was generated can be read again")
    try:
        messages = msgspec.convert([*(trial.get("lead") or ()), *(trial.get("messages") or ())], tuple[Message, ...])
    except msgspec.ValidationError as error:
        raise UsageError(f"trial {shown} cannot be read ({error})", hint="its messages are not known") from error
    return Subject(
        name=shown,
        model=str(trial.get("model") or ""),
        path=str(trial.get("path") or ""),
        text=str(trial["text"]),
        messages=messages,
        trial=str(trial.get("id") or ""),
        made=0 if trial.get("branch") else int(trial.get("completion_tokens") or 0),  # a branch's prefix was not made
        finish=str(trial.get("finish") or ""),
        mode=str(trial.get("mode") or ""),
    )


async def prompt_of(engine: Engine, subject: Subject) -> str:
    """The raw text that the model read before the answer. Raises EngineError where a server does not show it."""
    if subject.prompt is not None:
        return subject.prompt
    return await engine.render(subject.messages)


async def ending(engine: Engine, messages: Sequence[Message]) -> str:
    """The control token that the chat template writes after an answer (`<|im_end|>`); "" when it is none."""
    rendered = await engine.render([*messages, Message("assistant", _WORD)], generation_prompt=False)
    rest = rendered.rpartition(_WORD)[2]
    if not rest:
        return ""
    parsed, plain = await engine.tokenize(rest, special=True), await engine.tokenize(rest)
    if not parsed or not plain or parsed[0].id == plain[0].id:
        return ""
    return parsed[0].text


async def read(
    engine: Engine, subject: Subject, *, prompt: str | None = None, end: str | None = None, top: int = TOP
) -> Reading:
    """The answer read by `engine` after its own prompt, or another raw `prompt`. Raises EngineError.

    `end` is the control token that ended it, when known ("" for none); else it is looked for.
    """
    asked = await prompt_of(engine, subject) if prompt is None else prompt
    if end is None:
        end = await ending(engine, subject.messages) if subject.finish == "stop" and subject.messages else ""
    scored = await engine.score(asked, subject.text + end, top=top)
    ended = bool(end) and scored[-1].text == end
    if end and not ended:  # it melted into the text: without it, then
        scored = await engine.score(asked, subject.text, top=top)
    made = len(scored) - ended
    return Reading(subject, asked, scored, ended, bool(subject.made) and made != subject.made)
