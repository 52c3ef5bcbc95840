"""llama-server: /tokenize, /apply-template and /completion, which the OpenAI API has not.

It gives no log-probabilities of a prompt. But `n_probs` reports those of the model before any sampler, so each token of
a given text is drawn by force, with a bias on it, and its probability read: one request a token, all but the last of
its tokens in the server's cache.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from workbench.errors import EngineError
from workbench.inference.engine import Message, Token, TokenLogprob
from workbench.inference.remote import wire
from workbench.inference.remote.dialect import Plain, continued, texts
from workbench.inference.remote.link import Link
from workbench.inference.sampling import Sampling

FORCE = 10_000.0  # on a logit: above any other
BESIDE = (200, 5_000, 1_000_000)  # likeliest tokens that are asked for, until the one that is looked for is among them


class LlamaServer(Plain):
    """llama.cpp's own server."""

    warning = ""

    def __init__(self, link: Link, model: str, context: int) -> None:
        super().__init__(link, model)
        self._context = context
        self._bos: list[int] | None = None  # what the model wants before a text, once it was asked

    def fields(self, sampling: Sampling) -> dict[str, Any]:
        """All settings; the prompt's length before its first token; thoughts left in the text, as they were written."""
        return {**wire.llama_fields(sampling, self._context), "return_progress": True, "reasoning_format": "none"}

    async def tokenize(self, text: str, *, special: bool) -> tuple[Token, ...]:
        """The tokens of `text` as it stands."""
        found = await self._pieces(text, special=special)
        control = await self._control(text, found) if special else {}
        made = []
        for (id, piece), shown in zip(found, texts(text, [piece for _, piece in found]), strict=True):
            raw = b"" if piece == shown.encode() else piece
            made.append(Token(id, shown, "control" if id in control else "normal", raw))
        return tuple(made)

    async def render(self, messages: Sequence[Message], *, generation_prompt: bool = True) -> str:
        """The conversation as the model's chat template writes it."""
        listed = [{"role": each.role, "content": each.content} for each in messages]
        body = {"model": self._model, "messages": listed, "add_generation_prompt": generation_prompt}
        answer = await self._link.ask("/apply-template", body, api=False)
        if not isinstance(answer, dict) or not isinstance(answer.get("prompt"), str):
            raise self._odd("/apply-template")
        return str(answer["prompt"])

    async def prompt_tokens(self, messages: Sequence[Message]) -> int:
        """Two requests: rendered, then counted."""
        return len(await self._ids(await self.render(messages)))

    async def alone(self, text: str) -> tuple[int, tuple[str, ...]]:
        """Its tokens, and the control tokens that it holds."""
        parsed = await self._pieces(text)
        return len(parsed), tuple(name for name in (await self._control(text, parsed)).values() if name in text)

    async def _control(self, text: str, parsed: list[tuple[int, bytes]]) -> dict[int, str]:
        """Which of `parsed` are control tokens: only found when they are parsed, and never by their letters alone."""
        known = {id for id, _ in await self._pieces(text, special=False)}
        unsure = {id: piece.decode("utf-8", "replace") for id, piece in parsed if id not in known}
        again = await asyncio.gather(*(self._pieces(name, special=False) for name in unsure.values()))
        return {
            id: name
            for (id, name), pieces in zip(unsure.items(), again, strict=True)
            if [each for each, _ in pieces] != [id]
        }

    async def score(self, prompt: str, continuation: str, top: int) -> tuple[TokenLogprob, ...]:
        """A request for each token of `continuation`."""
        first, whole, rest = await asyncio.gather(
            self._pieces(prompt, around=True),
            self._pieces(prompt + continuation, around=True),
            self._pieces(continuation),
        )
        if not continuation:
            return ()
        known = dict([*whole, *rest])
        ids = await self._once(first)
        text = continued(ids, await self._once(whole), [id for id, _ in rest])
        self._need(ids)
        found = []
        for at, (id, shown) in enumerate(zip(text, texts(continuation, [known[id] for id in text]), strict=True)):
            before = [*ids, *text[:at]]
            given = await self._of(before, id, top) if _whole(known[id]) else await self._of_part(before, id, top)
            found.append(TokenLogprob(id, shown, given.logprob, given.top[:top]))
        return tuple(found)

    async def _of(self, before: list[int], id: int, top: int) -> TokenLogprob:
        """The token drawn by force."""
        given = await self._probabilities(before, top, {"logit_bias": [[id, FORCE]], "temperature": 0})
        if given.id != id:
            raise self._odd("/completion")
        return given

    async def _of_part(self, before: list[int], id: int, top: int) -> TokenLogprob:
        """A token that ends inside a character: the server tells nothing of one, so it is looked for beside another."""
        other = (await self._pieces("a"))[-1][0]
        for most in BESIDE:
            given = await self._of(before, other, max(most, top))
            if (found := next((each for each in given.top if each[0] == id), None)) is not None:
                return TokenLogprob(id, found[1], found[2], given.top)
            if len(given.top) < most:
                break
        raise self._odd("/completion")

    async def next_token(self, prompt: str, top: int) -> tuple[TokenLogprob, ...]:
        """One token drawn, the likeliest ones beside it."""
        ids = await self._ids(prompt)
        self._need(ids)
        return tuple(TokenLogprob(*each) for each in (await self._probabilities(ids, top, {})).top[:top])

    async def _probabilities(self, ids: list[int], top: int, body: dict[str, Any]) -> TokenLogprob:
        asked = {
            "model": self._model,
            "prompt": ids,
            "n_predict": 1,
            "n_probs": max(1, top),
            "cache_prompt": True,
            **body,
        }
        answer = await self._link.ask("/completion", asked, api=False)
        given = answer.get("completion_probabilities") if isinstance(answer, dict) else None
        if not isinstance(given, list) or not given or not isinstance(given[0], dict):
            raise self._odd("/completion")
        return wire.token_of(given[0])

    def _need(self, ids: list[int]) -> None:
        if not ids:
            raise EngineError("there is nothing before the text to score", hint="give a prompt of at least one token")

    async def _ids(self, text: str) -> list[int]:
        """The tokens that `text` is fed as: with what the model wants around it."""
        return await self._once(await self._pieces(text, around=True))

    async def _once(self, pieces: list[tuple[int, bytes]]) -> list[int]:
        """The ids, never a BOS twice: a template that writes one, on a model that adds one."""
        ids = [id for id, _ in pieces]
        if len(ids) > 1 and ids[0] == ids[1]:
            if self._bos is None:
                self._bos = [id for id, _ in await self._pieces("", around=True)]
            return ids[1:] if ids[:1] == self._bos else ids
        return ids

    async def _pieces(self, text: str, *, special: bool = True, around: bool = False) -> list[tuple[int, bytes]]:
        """Id and bytes of each token; control tokens parsed with `special`, BOS added with `around`."""
        body = {
            "model": self._model,
            "content": text,
            "add_special": around,
            "parse_special": special,
            "with_pieces": True,
        }
        answer = await self._link.ask("/tokenize", body, api=False)
        try:
            return [(int(each["id"]), _bytes(each["piece"])) for each in answer["tokens"]]
        except (KeyError, TypeError, ValueError):
            raise self._odd("/tokenize") from None


def _whole(piece: bytes) -> bool:
    """Whether it ends and begins with characters."""
    try:
        piece.decode()
    except UnicodeDecodeError:
        return False
    return True


def _bytes(piece: object) -> bytes:
    """A token's text, or its bytes where they are no whole characters."""
    if isinstance(piece, str):
        return piece.encode("utf-8", "replace")
    if isinstance(piece, list):
        return bytes(piece)
    raise TypeError(piece)
