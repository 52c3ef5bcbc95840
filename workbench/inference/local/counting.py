"""Tokens, counts and prompts: what is asked while lanes stream, served from a thread beside the decoding one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import numpy as np

from workbench.errors import EngineError
from workbench.inference.engine import Counted, Generate, Message, Token
from workbench.inference.local.cells import common
from workbench.inference.local.llama import Ids, Model
from workbench.inference.local.templates import Renderer
from workbench.inference.local.text import split

_KEPT = 64  # rendered and tokenised conversations remembered, and texts counted

_MADE = 200_000  # tokens remembered with their texts

V = TypeVar("V")


class Recent(OrderedDict[object, V]):
    """The latest few results by what they were made from."""

    def get_or(self, key: object, make: Callable[[], V]) -> V:
        """What `make` gave for `key` before, or gives now."""
        if key in self:
            self.move_to_end(key)
            return self[key]
        value = self[key] = make()
        if len(self) > _KEPT:
            self.popitem(last=False)
        return value


class Counter:
    """One model's tokenizer and chat template. Used by one thread."""

    def __init__(self, model: Model, renderer: Renderer) -> None:
        self._model = model
        self._renderer = renderer
        self._prompts: Recent[Ids] = Recent()
        # ChatML that the model was not trained on: its markers are no control tokens and would show
        self.stop = () if renderer.given else ("<|im_end|>", "<|im_start|>")
        self._alone: Recent[tuple[int, tuple[str, ...]]] = Recent()
        self._made: dict[tuple[int, str], Token] = {}

    def tokenize(self, text: str, *, special: bool) -> tuple[Token, ...]:
        """The tokens of `text` as it stands; their texts joined give it back."""
        found = self._model.tokenize(text, add_special=False, parse_special=special).tolist()
        pieces = [self._model.full_piece(token) for token in found]
        texts = split(text.encode("utf-8", "replace"), pieces)
        return tuple(map(self._token, found, texts, pieces))

    def _token(self, token: int, text: str, piece: bytes) -> Token:
        """The same text is nearly always the same token: made once."""
        key = (token, text)
        made = self._made.get(key)
        if made is None:
            raw = b"" if piece == text.encode("utf-8", "replace") else piece
            made = Token(token, text, self._model.kind(token), raw)
            if len(self._made) < _MADE:
                self._made[key] = made
        return made

    def render(self, messages: Sequence[Message], *, generation_prompt: bool = True) -> str:
        """The conversation as the model reads it."""
        return self._renderer.render(messages, generation_prompt=generation_prompt)

    def prompt(self, request: Generate) -> Ids:
        """The tokens that a trial feeds."""
        if request.prompt is not None:
            return self.raw(request.prompt)
        if not request.messages:
            raise EngineError("the trial has no messages and no prompt")
        return self._conversation(request.messages)

    def raw(self, text: str) -> Ids:
        """`text` with what the model wants around a text, control tokens parsed; never a BOS twice."""
        found = self._model.tokenize(text, add_special=True, parse_special=True)
        bos = self._model.bos
        if len(found) > 1 and found[0] == bos and found[1] == bos:
            found = found[1:]
        return found

    def continued(self, prompt: str, continuation: str) -> tuple[Ids, Ids]:
        """The tokens of `prompt`, and of prompt and continuation; the prompt's stay as they are alone."""
        first, whole = self.raw(prompt), self.raw(prompt + continuation)
        if common(first, whole) == len(first):
            return first, whole
        rest = self._model.tokenize(continuation, add_special=False, parse_special=True)
        return first, np.concatenate([first, rest])

    def _conversation(self, messages: Sequence[Message]) -> Ids:
        key = tuple((message.role, message.content) for message in messages)
        return self._prompts.get_or(key, lambda: self.raw(self.render(messages)))

    def count(self, messages: Sequence[Message]) -> Counted:
        """Exact counts of a conversation."""
        texts = [message.content for message in messages]
        alone = [self._alone.get_or(text, partial(self._single, text)) for text in texts]
        special = dict.fromkeys(name for _, names in alone for name in names)
        prompt = self._conversation(messages) if messages else ()
        return Counted(
            prompt_tokens=len(prompt), message_tokens=tuple(count for count, _ in alone), special=tuple(special)
        )

    def _single(self, text: str) -> tuple[int, tuple[str, ...]]:
        """Tokens of a message's own text, and the control tokens in it."""
        found = self._model.tokenize(text, add_special=False, parse_special=True)
        names = [self._model.text(token) for token in dict.fromkeys(found.tolist()) if self._model.is_control(token)]
        return len(found), tuple(names)
