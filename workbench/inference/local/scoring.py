"""Log-probabilities of given text, in a context of their own: they disturb no lane, and no lane changes them.

The prompt is always read in by itself and then the text after it, so the numbers are the same bit for bit whether the
prompt was read now or stands there from the last question (many words scored after one context). Each `step` reads one
chunk, so streaming lanes go on; only the rows whose logits are asked for have them.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator

import numpy as np

from workbench.errors import EngineError, WorkbenchError
from workbench.inference.engine import TokenLogprob
from workbench.inference.local.lane import logprob
from workbench.inference.local.llama import OUTPUTS, Context, Floats, Ids, Model, padded

IDLE = 60.0  # seconds after which the unused context is freed
_SMALLEST = 1024
# Rows of text read at once: llama.cpp's attention on CPU rounds otherwise from 64 on (it works in tiles), and then a
# text would not have the probabilities that it was drawn with, nor the same in a long text and in a short one.
ROWS = min(32, OUTPUTS)

Answer = Callable[[tuple[TokenLogprob, ...] | WorkbenchError], None]


class Scorer:
    """Questions about a text's probability, one after the other. `make` builds a context of so many cells."""

    def __init__(self, model: Model, make: Callable[[int], Context], length: int) -> None:
        self._model = model
        self._make = make
        self._length = length
        self._context: Context | None = None
        self._prompt: Ids = np.zeros(0, np.int32)
        self._last: Floats | None = None  # the logits after the prompt
        self._queue: deque[tuple[Ids, Ids | None, int, Answer]] = deque()
        self._running: Iterator[None] | None = None
        self._used = 0.0

    def submit(self, prompt: Ids, text: Ids | None, top: int, answer: Answer) -> None:
        """Score `text` after `prompt`, each token with the `top` likeliest; without a text those after the prompt."""
        self._queue.append((prompt, text, top, answer))

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
            self._running = self._answer(*self._queue.popleft())
        if next(self._running, self) is self:
            self._running = None

    def _answer(self, prompt: Ids, text: Ids | None, top: int, answer: Answer) -> Iterator[None]:
        """Work that pauses after every chunk; ends by calling `answer`, whatever happens."""
        try:
            total = len(prompt) + (0 if text is None else len(text))
            if total > self._length:
                raise EngineError(
                    f"the text has {total:,} tokens, the context holds {self._length:,}",
                    hint="shorten it or load the model with a longer context",
                )
            context = self._room(total)
            if self._last is None or not np.array_equal(prompt, self._prompt):
                self._last = None
                context.drop(0)
                for start in range(0, len(prompt), context.batch):
                    chunk = prompt[start : start + context.batch]
                    self._decode(context, chunk, start, last_only=True)
                    yield
                self._last = context.logits(len(chunk) - 1).copy()
                self._prompt = prompt
            elif not context.cut(0, len(prompt)):
                raise EngineError("this model cannot go back in its context", hint="ask again")
            if text is None:
                answer(logprob(self._model, self._last, None, top))
                return
            found = list(logprob(self._model, self._last, int(text[0]), top))
            for start in range(0, len(text) - 1, ROWS):
                chunk = text[start : min(start + ROWS, len(text) - 1)]
                self._decode(context, chunk, len(prompt) + start, last_only=False)
                for row in range(len(chunk)):
                    found += logprob(self._model, context.logits(row), int(text[start + row + 1]), top)
                yield
            answer(tuple(found))
        except WorkbenchError as error:
            self._last = None
            answer(error)

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
        result = context.decode(count)
        if result:
            raise EngineError(f"llama.cpp could not compute this step (code {result})")

    def rest(self) -> None:
        """Free the context when it was not used for a while."""
        if self._context is not None and not self.busy and time.monotonic() - self._used > IDLE:
            self._context.free()
            self._context, self._last = None, None
