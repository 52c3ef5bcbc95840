"""vLLM, and servers that took over its /tokenize and /detokenize; `echo` gives log-probabilities of a prompt."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from workbench.errors import EngineError
from workbench.inference.engine import Message, Token, TokenLogprob
from workbench.inference.remote import wire
from workbench.inference.remote.dialect import Plain, continued
from workbench.inference.sampling import Sampling

# as the common families write them; the server does not say which of its tokens are control tokens
_CONTROL = re.compile(r"<\|[^|<>\s]+\|>|<｜[^｜<>\s]+｜>|</?s>|<(?:bos|eos|pad|unk|(?:start|end)_of_turn)>|\[/?INST\]")
_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")


class Vllm(Plain):
    """vLLM's own paths beside the OpenAI API."""

    warning = ""

    def fields(self, sampling: Sampling) -> dict[str, Any]:
        """The settings that vLLM knows; the prompt's length with the first event."""
        made = wire.vllm_fields(sampling, self._host)
        return {**made, "stream_options": {"include_usage": True, "continuous_usage_stats": True}}

    async def tokenize(self, text: str, *, special: bool) -> tuple[Token, ...]:
        """The tokens; control tokens are always parsed."""
        if not text:
            return ()
        ids, names = await self._tokens({"prompt": text, "add_special_tokens": False, "return_token_strs": True})
        found = _texts(text, names) if names else None
        if found is None or len(found) != len(ids):
            raise self._without("texts of its tokens")
        made = []
        for id, shown, name in zip(ids, found, names, strict=True):
            made.append(Token(id, shown, "control" if _CONTROL.fullmatch(name) else "normal"))
        return tuple(made)

    async def render(self, messages: Sequence[Message], *, generation_prompt: bool = True) -> str:
        """The conversation's tokens, turned back to text."""
        ids, _ = await self._tokens(_chat(messages, generation_prompt))
        body = {"model": self._model, "tokens": ids}
        answer = await self._link.ask("/detokenize", body, api=False)
        if not isinstance(answer, dict) or not isinstance(answer.get("prompt"), str):
            raise self._odd("/detokenize")
        return str(answer["prompt"])

    async def prompt_tokens(self, messages: Sequence[Message]) -> int:
        """One request."""
        return len((await self._tokens(_chat(messages, True)))[0])

    async def alone(self, text: str) -> tuple[int, tuple[str, ...]]:
        """Control tokens are told by how they are written."""
        if not text:
            return 0, ()
        ids, names = await self._tokens({"prompt": text, "add_special_tokens": False, "return_token_strs": True})
        return len(ids), tuple(dict.fromkeys(name for name in names if _CONTROL.fullmatch(name) and name in text))

    async def score(self, prompt: str, continuation: str, top: int) -> tuple[TokenLogprob, ...]:
        """One request: the text is read in as a prompt, and the probabilities of its tokens given back."""
        if not continuation:
            return ()
        first, _ = await self._tokens({"prompt": prompt, "add_special_tokens": True})
        whole, _ = await self._tokens({"prompt": prompt + continuation, "add_special_tokens": True})
        rest, names = await self._tokens(
            {"prompt": continuation, "add_special_tokens": False, "return_token_strs": True}
        )
        if not first:
            raise EngineError("there is nothing before the text to score", hint="give a prompt of at least one token")
        text = continued(first, whole, rest)
        body = {"model": self._model, "prompt": [*first, *text], "max_tokens": 1, "echo": True, "logprobs": max(1, top)}
        answer = await self._link.ask("/completions", body)
        choices = answer.get("choices") if isinstance(answer, dict) else None
        given = choices[0].get("logprobs") if isinstance(choices, list) and choices else None
        found = wire.logprobs(given) if isinstance(given, dict) else ()
        if len(found) < len(first) + len(text):
            raise self._without("log-probabilities of given text")
        scored = found[len(first) : len(first) + len(text)]
        if (shown := _texts(continuation, names) if text == rest else None) is None:
            shown = [each.text for each in scored]
        return tuple(
            TokenLogprob(id, own, each.logprob, each.top[:top])
            for id, own, each in zip(text, shown, scored, strict=True)
        )

    async def _tokens(self, body: dict[str, Any]) -> tuple[list[int], list[str]]:
        """Ids, and the vocabulary's own names of the tokens where they were asked for and are given."""
        answer = await self._link.ask("/tokenize", {"model": self._model, **body}, api=False)
        ids = answer.get("tokens") if isinstance(answer, dict) else None
        if not isinstance(ids, list) or not all(isinstance(id, int) for id in ids):
            raise self._odd("/tokenize")
        names = answer.get("token_strs")
        return ids, [str(name) for name in names] if isinstance(names, list) and len(names) == len(ids) else []


def _chat(messages: Sequence[Message], generation_prompt: bool) -> dict[str, Any]:
    listed = [{"role": each.role, "content": each.content} for each in messages]
    return {"messages": listed, "add_generation_prompt": generation_prompt}


@cache
def _letters() -> dict[str, int]:
    """GPT-2's alphabet for bytes: visible Latin-1 stands for itself, the others for letters from U+0100 on.

    Source: `bytes_to_unicode` of the GPT-2 encoder (openai/gpt-2, src/encoder.py).
    """
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {chr(byte): byte for byte in shown} | {chr(256 + at): byte for at, byte in enumerate(hidden)}


def _texts(text: str, names: Sequence[str]) -> list[str] | None:
    """Texts for tokens with these names in the vocabulary; None when they do not join to `text` either way.

    Byte-level vocabularies write bytes as letters, SentencePiece a blank as ▁ and a lone byte as <0x0A>.
    """
    data = text.encode("utf-8", "replace")
    for spell in (_byte_level, _sentence_piece):
        pieces = [spell(name) for name in names]
        joined = b"".join(pieces)
        if joined == data or joined == b" " + data:  # SentencePiece puts a blank in front
            from workbench.inference.local.text import split

            return split(data, pieces)
    return None


def _byte_level(name: str) -> bytes:
    letters = _letters()
    if _CONTROL.fullmatch(name) or not all(letter in letters for letter in name):
        return name.encode("utf-8", "replace")
    return bytes(letters[letter] for letter in name)


def _sentence_piece(name: str) -> bytes:
    if lone := _BYTE.fullmatch(name):
        return bytes([int(lone[1], 16)])
    return name.replace("▁", " ").encode("utf-8", "replace")
