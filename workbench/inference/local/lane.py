"""A lane: one trial on its way from prompt to end."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np

from workbench.errors import EngineError
from workbench.inference.engine import Event, Finish, Finished, Generate, Piece, Started, TokenLogprob
from workbench.inference.local.llama import Context, Floats, Ids, Model
from workbench.inference.local.samplers import Candidates, Chain
from workbench.inference.local.text import Stream

_BLOCK = 64
Emit = Callable[[Event], None]


def logprob(model: Model, logits: Floats, token: int | None, top: int) -> tuple[TokenLogprob, ...]:
    """The chosen token with its `top` alternatives; without a token the `top` likeliest ones, likeliest first."""
    spread = Spread(model, logits, top)
    if token is None:
        return tuple(TokenLogprob(*one) for one in spread.first)
    return (spread.of(token),)


class Spread:
    """A distribution by its logits, with its `top` likeliest tokens: worked out once for all that are asked for."""

    def __init__(self, model: Model, logits: Floats, top: int) -> None:
        self._model, self._logits = model, logits
        self._ids = likeliest(logits, top)
        best = float(logits[self._ids[0]] if self._ids else logits.max())
        below, weights, _ = model.scratch
        np.subtract(logits, np.float32(best), out=below)
        np.exp(below, out=weights)
        mass = float(weights.sum())  # pairwise: 1e-7 of it at most
        self._total = total = best + math.log(mass)
        self.first = tuple((at, model.text(at), float(logits[at]) - total) for at in self._ids)
        expected = float(np.dot(weights, below))
        if not math.isfinite(expected):  # a logit of -inf: it is never drawn, and adds nothing
            expected = float(np.dot(weights, np.where(weights > 0, below, 0)))
        self._entropy = max(0.0, math.log(mass) - expected / mass)

    def of(self, token: int) -> TokenLogprob:
        """A token, with the likeliest ones."""
        logits, ids = self._logits, self._ids
        if ids and logits[token] >= logits[ids[-1]]:  # those above it are among them
            above = sum(1 for at in ids if logits[at] > logits[token])
        else:
            np.greater(logits, logits[token], out=self._model.scratch[2])
            above = int(np.count_nonzero(self._model.scratch[2]))
        chance = float(logits[token]) - self._total
        return TokenLogprob(token, self._model.text(token), chance, self.first, self._entropy, 1 + above)


def likeliest(logits: Floats, top: int) -> list[int]:
    """The `top` likeliest tokens, likeliest first, of equals the one with the smaller id first.

    The lowest of the `top` highest maxima of blocks is a bound that at least so many logits reach, and few more, all of
    them in blocks that reach it: found in a tenth of the time that partitioning a large vocabulary takes.
    """
    top = min(top, len(logits))
    blocks = len(logits) // _BLOCK
    if blocks > top > 0:
        maxima = logits[: blocks * _BLOCK].reshape(_BLOCK, blocks).max(axis=0)  # a block is a column
        bound = np.partition(maxima, -top)[-top]
        columns = np.flatnonzero(maxima >= bound)
        inside = (columns + blocks * np.arange(_BLOCK)[:, None]).ravel()
        found = np.concatenate([inside, np.arange(blocks * _BLOCK, len(logits))])
        found = found[logits[found] >= bound]
    else:
        found = np.arange(len(logits) if top > 0 else 0)
    return [int(at) for at in found[np.lexsort((found, -logits[found]))][:top]]


class Fed:
    """Tokens that go into a sequence, and what is drawn after them. The scheduler owns the fields of its place.

    `past` tokens of `tokens` are in the cache. While `donor` is set the lane waits until that one has `shared` tokens
    to copy. `owed` is how many cells the lane may still take.
    """

    trial = ""

    def __init__(self, tokens: Ids, reserve: int) -> None:
        self.tokens = tokens
        self.reserve = reserve
        self.sequence = -1
        self.past = 0
        self.shared = 0
        self.owed = 0
        self.donor: Fed | None = None
        self.done = False

    @property
    def feeding(self) -> bool:
        """Whether part of the given text is still to be read in."""
        return self.past < len(self.tokens)

    @property
    def wanted(self) -> int:
        """The position of `tokens` whose logits are wanted (len(tokens) for none)."""
        return len(self.tokens) - 1

    def held(self) -> Ids:
        """What the sequence holds."""
        return self.tokens[: self.past]

    def planned(self) -> Ids:
        """What the sequence holds or will, as far as it is known."""
        return self.tokens

    def next_token(self) -> int:
        """The token to decode next, once all is read in; -1 for none."""
        return -1

    def decoded(self, count: int) -> None:
        """`count` more tokens are in the cache."""
        self.past += count
        self.owed = max(0, self.owed - count)

    def rewind(self) -> None:
        """Its sequence is gone: everything is to be read in again."""
        self.past = 0

    def begin(self, cached: int) -> None:
        """Reading in begins; `cached` tokens were there already."""

    def take(self, context: Context, row: int) -> None:
        """The logits after the wanted position are in `row`; sets `done` at the end."""
        raise NotImplementedError

    def fail(self, error: str) -> None:
        """End with an error."""
        raise NotImplementedError

    def cancel(self) -> None:
        """End because the caller wants it."""
        raise NotImplementedError

    def close(self) -> None:
        """Give back what it holds. Idempotent."""


class Lane(Fed):
    """One trial: its sampler chain, its text, its times."""

    def __init__(
        self,
        model: Model,
        request: Generate,
        prompt: Ids,
        emit: Emit,
        *,
        context: int,
        candidates: Candidates,
        taken: float,
        stop: tuple[str, ...] = (),
    ) -> None:
        if len(prompt) + 1 > context:
            raise EngineError(
                f"prompt has {len(prompt):,} tokens, the context holds {context:,}",
                hint="shorten it or load the model with a longer context",
            )
        if len(prompt) == 0:
            raise EngineError("the prompt is empty", hint="write at least one word")
        sampling = request.sampling
        self.limit = min(sampling.max_tokens, context - len(prompt))
        super().__init__(prompt, len(prompt) + self.limit)
        self.trial = request.trial
        self.mode = request.mode
        self._request = request
        self._model = model
        self._emit = emit
        self._stream = Stream((*sampling.stop, *stop))
        self._taken = taken
        self._first: float | None = None
        self._last = 0.0
        self._count = 0
        self._next = -1
        self._answer: list[int] = []
        self._unsent = 0
        self._logprobs: list[TokenLogprob] = []
        self._prompt_tokens = len(prompt)
        self._begun = False
        self._chain = Chain(model, sampling, candidates, draw=request.coupled, context=context)
        self._chain.feed(prompt)

    @property
    def wanted(self) -> int:
        """Only the last token's, and none when a token is drawn already (after a rebuilt cache)."""
        return len(self.tokens) - (1 if self._next < 0 else 0)

    def planned(self) -> Ids:
        """The prompt and what was answered so far."""
        if not self._answer:
            return self.tokens
        return np.concatenate([self.tokens, np.asarray(self._answer, np.int32)])

    def held(self) -> Ids:
        """The same as far as the cache has it: all but the last drawn token."""
        return self.planned()[: self.past]

    def rewind(self) -> None:
        """The answer so far is read in with the prompt; the draw goes on where it was."""
        if self._answer:
            self.tokens = self.planned()[: self.past]
            self._answer = [] if self._next < 0 else [self._next]
        self.past = 0

    def next_token(self) -> int:
        """The token drawn last."""
        return self._next

    def begin(self, cached: int) -> None:
        """Say once that the prompt is about to be read in."""
        if not self._begun:
            self._begun = True
            self._emit(Started(self.trial, self._prompt_tokens, cached))

    def take(self, context: Context, row: int) -> None:
        """Draw the next token and send what text is certain."""
        token = self._chain.pick(context, row)
        now = time.perf_counter()
        if token is None or self._model.is_end(token):
            self._finish("stop")
            return
        if self._first is None:
            self._first = now
        self._last = now
        self._count += 1
        self._unsent += 1
        if self._request.logprobs > 0:
            self._logprobs += logprob(self._model, context.logits(row), token, self._request.logprobs)
        text = self._stream.feed(self._model.piece(token))
        if text:
            self._send(text)
        if self._stream.stopped:
            self._finish("stop")
        elif self._count >= self.limit:
            self._finish("length")
        else:
            self._next = token
            self._answer.append(token)

    def _send(self, text: str) -> None:
        self._emit(Piece(self.trial, text, self._unsent, tuple(self._logprobs)))
        self._unsent = 0
        self._logprobs.clear()

    def _finish(self, finish: Finish, error: str = "") -> None:
        if self.done:
            return
        self.done = True
        rest = self._stream.end()
        if rest or self._unsent:
            self._send(rest)
        first = None if self._first is None else self._first - self._taken
        span = self._last - (self._first or 0.0)
        self._emit(
            Finished(
                trial=self.trial,
                finish=finish,
                error=error,
                prompt_tokens=self._prompt_tokens,
                completion_tokens=self._count,
                first_token_s=first,
                tokens_per_s=(self._count - 1) / span if self._count > 1 and span > 0 else None,
                mode=self.mode,
            )
        )
        self.close()

    def fail(self, error: str) -> None:
        """End with an error; the text so far was sent."""
        self._finish("error", error)

    def cancel(self) -> None:
        """End as cancelled; the text so far was sent."""
        self._finish("cancelled")

    def close(self) -> None:
        """Free the sampler chain."""
        self._chain.free()
