"""What a server offers beyond the OpenAI API, and what one that offers no more says when it is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.errors import EngineError
from workbench.inference.engine import Message, Token, TokenLogprob
from workbench.inference.local.text import split
from workbench.inference.remote import wire
from workbench.inference.remote.address import host
from workbench.inference.remote.link import Link
from workbench.inference.sampling import Sampling

_MOST = 20  # alternatives that such servers give at most, as vLLM comes (max_logprobs)


class Plain:
    """A server with the OpenAI API alone: no tokenizer, no templates, no log-probabilities of given text."""

    warning = "top_k and min_p are the server's own unless you change them"

    def __init__(self, link: Link, model: str) -> None:
        self._link, self._model = link, model
        self._host = host(link.server)

    def fields(self, sampling: Sampling) -> dict[str, Any]:
        """What a trial's body has for these settings, and for what the dialect streams besides."""
        return wire.openai_fields(sampling, self._host)

    async def tokenize(self, text: str, *, special: bool) -> tuple[Token, ...]:
        """As Engine.tokenize."""
        raise self._without("tokenizer")

    async def render(self, messages: Sequence[Message], *, generation_prompt: bool) -> str:
        """As Engine.render."""
        raise self._without("chat template to look at")

    async def prompt_tokens(self, messages: Sequence[Message]) -> int:
        """How many tokens the conversation is, as it will be fed."""
        raise self._without("tokenizer")

    async def alone(self, text: str) -> tuple[int, tuple[str, ...]]:
        """Tokens of a message's own text, and the control tokens in it."""
        raise self._without("tokenizer")

    async def score(self, prompt: str, continuation: str, top: int) -> tuple[TokenLogprob, ...]:
        """As Engine.score."""
        raise self._without("log-probabilities of given text")

    async def next_token(self, prompt: str, top: int) -> tuple[TokenLogprob, ...]:
        """As Engine.next_token: one token asked for, with the likeliest ones beside it."""
        given = min(top, _MOST)
        body = {"model": self._model, "prompt": prompt, "max_tokens": 1, "logprobs": given, "temperature": 1}
        answer = await self._link.ask("/completions", body)
        choices = answer.get("choices") if isinstance(answer, dict) else None
        told = choices[0].get("logprobs") if isinstance(choices, list) and choices else None
        found = wire.logprobs(told) if isinstance(told, dict) else ()
        if not found or not found[0].top:
            raise self._without("token probabilities")
        return tuple(TokenLogprob(*each) for each in found[0].top[:top])

    def _without(self, what: str) -> EngineError:
        return EngineError(f"the server offers no {what}", where=self._host, hint="llama-server and vLLM do")

    def _odd(self, path: str) -> EngineError:
        return EngineError(f"{path} answers in a way that is not known", where=self._host, hint="a newer version?")


def continued(first: list[int], whole: list[int], rest: list[int]) -> list[int]:
    """The continuation's tokens: what `whole` has after `first`, or `rest` where the two do not begin alike."""
    return whole[len(first) :] if whole[: len(first)] == first else rest


def texts(text: str, pieces: Sequence[bytes]) -> list[str]:
    """A text for each token, that joined give `text`."""
    return split(text.encode("utf-8", "replace"), pieces)
