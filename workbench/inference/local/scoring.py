"""Log-probabilities of given text, in a context of their own: they disturb no lane, and no lane changes them.

The prompt is always read in by itself and then the text after it. What a prompt begins with in common with the last one
stays in the cache (many words after one context; a prompt with one sentence left out). On the CPU the numbers are the
same bit for bit all the same, by two rules: llama.cpp computes attention for `TILE` rows and more by one kernel, for
fewer by another, and products with repacked weights for rows in fours, the rest one by one; log-probabilities of
unlikely tokens lie up to 0.4 apart (tests/inference/test_scoring_prefix.py). So a prompt of `TILE` tokens and more is
read by the first alone, in chunks that begin at multiples of `ROWS`; a shorter one is read whole. On another backend a
shared beginning may move numbers by rounding; the same prompt again never does. Each `step` reads one chunk, so
streaming lanes go on; only the rows whose logits are asked for have them.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.errors import EngineError, WorkbenchError
from workbench.inference.engine import TokenLogprob
from workbench.inference.local.cells import common
from workbench.inference.local.hiding import Part, unseen
from workbench.inference.local.lane import Spread, logprob
from workbench.inference.local.llama import OUTPUTS, Context, Floats, Ids, Model, padded
from workbench.inference.local.together import FEW, ROWS, groups, steps

IDLE = 60.0  # seconds after which the unused context is freed
TILE = 64  # rows from which llama.cpp computes attention in tiles (ggml's GGML_FA_TILE_Q)
_SMALLEST = 1024
# Rows of text read at once: fewer than a tile, or a text would not have the probabilities that it was drawn with, nor
# the same in a long text and in a short one.
TOGETHER = min(32, OUTPUTS)

STORED = 256 * 1024 * 1024  # bytes of logits that are kept of the last text that was looked at

Answer = Callable[[tuple[Any, ...] | WorkbenchError], None]
Read = Callable[[Floats, int], Any]  # what is made of the logits where a token of the text stands
Work = Generator[None, None, tuple[Any, ...]]  # pauses after every chunk


@dataclass(frozen=True)
class _Question:
    """Asked for as `number`; `steps` pauses after every chunk and calls `answer` at its end."""

    number: int
    answer: Answer
    steps: Generator[None, None, None]


class Scorer:
    """Questions about a text's probability, one after the other. `make` builds a context of so many cells."""

    def __init__(self, model: Model, make: Callable[[int], Context], length: int) -> None:
        self._model = model
        self._make = make
        self._length = length
        self._context: Context | None = None
        self._prompt: Ids = np.zeros(0, np.int32)
        self._last: Floats | None = None  # the logits after the prompt
        self._queue: deque[_Question] = deque()
        self._running: _Question | None = None
        self._used = 0.0
        self._stored: tuple[Ids, Ids, list[Floats]] | None = None  # a prompt, a text, the logits where its tokens stand

    def submit(
        self, prompt: Ids, text: Ids | None, top: int, answer: Answer, read: Read | None = None, *, number: int = 0
    ) -> None:
        """Score `text` after `prompt`, each token with the `top` likeliest; without a text those after the prompt.

        With `read` the text is decoded a token a step, as a strict lane does, and the answer is what it makes of each
        token's logits; asked again of the same text, stored logits serve. `drop` knows it by its `number`.
        """
        self._ask(number, answer, self._one(prompt, text, top, read))

    def submit_many(self, prompt: Ids, texts: Sequence[Ids], top: int, answer: Answer, *, number: int = 0) -> None:
        """Score each text after the same prompt; the answer has a tuple for each."""
        self._ask(number, answer, self._many(prompt, texts, top))

    def submit_hidden(self, prompt: Ids, text: Ids, parts: Sequence[Part], answer: Answer, *, number: int = 0) -> None:
        """Score `text` after `prompt` once for each of `parts`: places of tokens that it does not see (hiding.py)."""
        self._ask(number, answer, self._hidden(prompt, text, parts))

    def _ask(self, number: int, answer: Answer, work: Work) -> None:
        self._queue.append(_Question(number, answer, self._answer(work, answer)))

    def drop(self, number: int) -> None:
        """Nobody waits for that question any more: it is answered by an error, and no further chunk is read for it."""
        waiting, running = list(self._queue), self._running
        self._queue = deque(each for each in waiting if each.number != number)
        if running is not None and running.number == number:
            waiting, self._running = [running, *waiting], None
        for each in waiting:
            if each.number == number:
                each.steps.close()
                each.answer(EngineError("the question was given up"))

    @property
    def busy(self) -> bool:
        """Whether there is a chunk to read."""
        return self._running is not None or bool(self._queue)

    @property
    def resting(self) -> bool:
        """Whether a context is kept that nobody uses."""
        return self._context is not None and not self.busy

    def step(self) -> None:
        """Read one chunk of the question at hand."""
        self._used = time.monotonic()
        if self._running is None:
            if not self._queue:
                return
            self._running = self._queue.popleft()
        if next(self._running.steps, self) is self:
            self._running = None

    def _answer(self, work: Work, answer: Answer) -> Generator[None, None, None]:
        """Work that pauses after every chunk; ends by calling `answer`, whatever happens but `drop`."""
        try:
            answer((yield from work))
        except WorkbenchError as error:
            self._last = None
            answer(error)

    def _hidden(self, prompt: Ids, text: Ids, parts: Sequence[Part]) -> Work:
        context = yield from self._reach(prompt, len(prompt) + len(text))
        return tuple((yield from unseen(self._model, context, prompt, text, parts)))

    def _one(self, prompt: Ids, text: Ids | None, top: int, read: Read | None) -> Work:
        if text is None:
            yield from self._reach(prompt, len(prompt))
            return logprob(self._model, self._after(), None, top)
        if read is None:
            return (yield from self._score(prompt, text, top))
        return (yield from self._look(prompt, text, read))

    def _many(self, prompt: Ids, texts: Sequence[Ids], top: int) -> Work:
        """The texts' first tokens from the same logits; the others in few steps, of rows that may go together."""
        found: list[list[TokenLogprob]] = [[] for _ in texts]
        if not any(len(text) for text in texts):
            return tuple(map(tuple, found))
        context = yield from self._reach(prompt, len(prompt) + max(map(len, texts)))
        spread = Spread(self._model, self._after(), top)
        for place, text in enumerate(texts):
            if len(text):
                found[place].append(spread.of(int(text[0])))
        rows = [max(0, len(text) - 1) for text in texts]
        room = FEW - len(prompt) if context.sequences > 1 else 0
        together, alone = groups(rows, room, context.sequences - 1)
        for group in together:
            try:
                for sequence in range(1, len(group) + 1):
                    context.copy(0, sequence, len(prompt))
                for step in steps([rows[place] for place in group]):
                    for row, (which, at) in enumerate(step):
                        context.token[row] = texts[group[which]][at]
                        context.position[row], context.sequence[row] = len(prompt) + at, which + 1
                    context.wanted[: len(step)] = 1
                    self._run(context, len(step))
                    for row, (which, at) in enumerate(step):
                        token = int(texts[group[which]][at + 1])
                        found[group[which]] += logprob(self._model, context.logits(row), token, top)
                    yield
            finally:
                for sequence in range(1, len(group) + 1):
                    context.drop(sequence)
        for place in alone:
            found[place] = list((yield from self._score(prompt, texts[place], top)))
        return tuple(map(tuple, found))

    def _score(self, prompt: Ids, text: Ids, top: int) -> Work:
        context = yield from self._reach(prompt, len(prompt) + len(text))
        found = list(logprob(self._model, self._after(), int(text[0]), top))
        for start in range(0, len(text) - 1, TOGETHER):
            chunk = text[start : min(start + TOGETHER, len(text) - 1)]
            self._decode(context, chunk, len(prompt) + start, last_only=False)
            for row in range(len(chunk)):
                found += logprob(self._model, context.logits(row), int(text[start + row + 1]), top)
            yield
        return tuple(found)

    def _look(self, prompt: Ids, text: Ids, read: Read) -> Work:
        """A token a step, so that the logits are those that a strict lane drew from."""
        told = []
        if (known := self._stored) and np.array_equal(known[0], prompt) and np.array_equal(known[1], text):
            for logits, token in zip(known[2], text.tolist(), strict=True):
                told.append(read(logits, token))
                yield
            return tuple(told)
        self._stored = None
        context = yield from self._reach(prompt, len(prompt) + len(text))
        room = len(text) * self._model.vocabulary * 4 <= STORED
        logits, rows = self._after(), list[Floats]()
        for at, token in enumerate(text.tolist()):
            if at:
                self._decode(context, text[at - 1 : at], len(prompt) + at - 1, last_only=False)
                logits = context.logits(0)
            if room:
                rows.append(logits.copy())
            told.append(read(logits, token))
            yield
        self._stored = (prompt, text, rows) if room else None
        return tuple(told)

    def _reach(self, prompt: Ids, total: int) -> Generator[None, None, Context]:
        """A context that stands after the prompt and has room for `total` tokens."""
        if total > self._length:
            raise EngineError(
                f"the text has {total:,} tokens, the context holds {self._length:,}",
                hint="shorten it or load the model with a longer context",
            )
        context = self._room(total)
        same = self._last is not None and np.array_equal(prompt, self._prompt)
        if not (same and context.cut(0, len(prompt))):
            start = self._keep(context, prompt)
            self._last = None
            while start < len(prompt):
                chunk = prompt[start : start + _chunk(len(prompt) - start, context.batch)]
                self._decode(context, chunk, start, last_only=True)
                start += len(chunk)
                yield
            self._last = context.logits(len(chunk) - 1).copy()
            self._prompt = prompt
        return context

    def _after(self) -> Floats:
        """The logits after the prompt, once it is reached."""
        assert self._last is not None
        return self._last

    def _keep(self, context: Context, prompt: Ids) -> int:
        """Cut the cache to what it holds of this prompt's beginning; returns how many tokens that is."""
        held = 0
        if self._last is not None and len(self._prompt) >= TILE <= len(prompt):
            held = min(common(self._prompt, prompt), len(prompt) - TILE) // ROWS * ROWS
        if not held or not context.cut(0, held):  # a recurrent model cannot go back
            context.drop(0)
            return 0
        return held

    def _room(self, total: int) -> Context:
        """A context with room for `total` tokens."""
        if self._context is None or self._context.cells < total:
            if self._context is not None:
                self._context.free()
                self._context = None
            self._last = None
            self._context = self._make(min(padded(self._length), padded(max(_SMALLEST, 2 * total))))
        return self._context

    def _decode(self, context: Context, tokens: Ids, position: int, *, last_only: bool) -> None:
        count = len(tokens)
        context.token[:count] = tokens
        context.position[:count] = range(position, position + count)
        context.sequence[:count] = 0
        context.wanted[:count] = 0 if last_only else 1
        context.wanted[count - 1] = 1
        self._run(context, count)

    @staticmethod
    def _run(context: Context, count: int) -> None:
        result = context.decode(count)
        if result:
            raise EngineError(f"llama.cpp could not compute this step (code {result})")

    def rest(self) -> None:
        """Free the context when it was not used for a while."""
        if self._context is not None and not self.busy and time.monotonic() - self._used > IDLE:
            self._context.free()
            self._context, self._last = None, None
            self._stored = None


def _chunk(left: int, most: int) -> int:
    """How many tokens to read next of so many that are left, so that none but a short prompt's are under `TILE`."""
    if left > most and left - most < TILE and left - TILE >= TILE:
        return (left - TILE) // ROWS * ROWS
    return min(left, most)
