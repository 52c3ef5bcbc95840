"""The test double: an engine without a model, deterministic and scripted. It keeps the contract of `Engine`.

Tests put it behind the protocol where the model does not matter; benchmarks of the terminal use its steady rate.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from workbench.errors import EngineError, UsageError
from workbench.inference.encoding import check
from workbench.inference.engine import (
    Counted,
    Event,
    Finish,
    Finished,
    Generate,
    Message,
    ModelInfo,
    Piece,
    Stage,
    Started,
    State,
    Step,
    Token,
    TokenKind,
    TokenLogprob,
    Usage,
)
from workbench.inference.sampling import Sampling

_PIECES = re.compile(r"<\|im_(?:start|end)\|>|\s?[^\W\d_]+|\s?\d|\s|.", re.DOTALL)
_SPECIAL = ("<|im_start|>", "<|im_end|>")
_WORDS = (
    "the answer is that we add both numbers and get forty two because seventeen plus twenty five makes so "
    "much sense when you take it step by step and look at each digit in turn"
).split()


LANES = 8  # what it says of itself: it takes any number at once


class DoubleEngine:
    """An engine whose answers come from `answer(request)`; by default words drawn from (messages, seed).

    `gate` holds every piece back until it is set; `tokens_per_s` is the rate of each lane (None: as fast as the loop
    allows) after the `ahead` first ones, which come at once; `fail_load` is the error that load raises; `crash_after`
    fails the engine after so many tokens in all.
    """

    def __init__(
        self,
        path: Path | str = "double.gguf",
        *,
        answer: Callable[[Generate], str] | str | None = None,
        context_length: int = 4096,
        gate: asyncio.Event | None = None,
        tokens_per_s: float | None = None,
        fail_load: str = "",
        crash_after: int | None = None,
        ahead: int = 0,
    ) -> None:
        self.path = Path(path)
        self.gate = gate
        self.fail_load = fail_load
        self.crash_after = crash_after
        self._answer = answer
        self._context_length = context_length
        self._rate = tokens_per_s
        self._ahead = ahead
        self._state: State = "unloaded"
        self._info: ModelInfo | None = None
        self._live: dict[str, asyncio.Event] = {}  # trial -> cancelled
        self._held: dict[str, int] = {}  # live trial -> tokens of it
        self._made = 0

    @property
    def state(self) -> State:
        """Where it stands."""
        return self._state

    @property
    def info(self) -> ModelInfo | None:
        """What is "loaded"."""
        return self._info

    @property
    def usage(self) -> Usage | None:
        """What runs now; a made-up cache of a context for each lane."""
        if self._state != "ready":
            return None
        lanes = max(LANES, len(self._held))
        return Usage(len(self._held), lanes, sum(self._held.values()), lanes * self._context_length)

    async def load(self, on_progress: Callable[[float], None] | None = None) -> ModelInfo:
        """Ready at once, or `fail_load`."""
        if self._state == "closed":
            raise EngineError(f"{self.path.stem} is closed", hint="open it again")
        if self._state == "ready" and self._info:
            return self._info
        self._state = "loading"
        for fraction in (0.0, 0.5, 1.0):
            if on_progress:
                on_progress(fraction)
            await asyncio.sleep(0)
        if self.fail_load:
            self._state = "failed"
            raise EngineError(self.fail_load, where=self.path.name, hint="press r to try again")
        self._state = "ready"
        self._info = ModelInfo(
            name=self.path.stem,
            path=str(self.path),
            architecture="double",
            parameters=1000,
            size=1000,
            vocabulary=1000,
            trained_context=self._context_length,
            context_length=self._context_length,
            template=True,
            shape=1,
        )
        return self._info

    def _ready(self) -> None:
        if self._state != "ready":
            raise EngineError(f"{self.path.stem} is not loaded ({self._state})", hint="load it first")

    async def tokenize(self, text: str, *, special: bool = False) -> tuple[Token, ...]:
        """Words with the blank before them."""
        self._ready()
        check(text)
        return tuple(Token(_id(piece), piece, _kind(piece, special)) for piece in _PIECES.findall(text))

    async def render(self, messages: Sequence[Message], *, generation_prompt: bool = True) -> str:
        """As ChatML."""
        self._ready()
        return _render(messages, generation_prompt)

    async def count(self, messages: Sequence[Message]) -> Counted:
        """Counts of the rendered text."""
        self._ready()
        contents = [message.content for message in messages]
        return Counted(
            len(_PIECES.findall(_render(messages, True))),
            tuple(len(_PIECES.findall(content)) for content in contents),
            tuple(name for name in _SPECIAL if any(name in content for content in contents)),
        )

    async def generate(self, requests: Sequence[Generate]) -> AsyncIterator[Event]:
        """All requests together, a token each in turn (or at the rate asked for)."""
        queue: asyncio.Queue[Event] = asyncio.Queue()
        for request in requests:
            self._live[request.trial] = asyncio.Event()
        tasks = [asyncio.create_task(self._lane(request, queue)) for request in requests]
        left = len(tasks)
        try:
            while left:
                event = await queue.get()
                left -= isinstance(event, Finished)
                yield event
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for request in requests:
                self._live.pop(request.trial, None)
                self._held.pop(request.trial, None)

    async def _lane(self, request: Generate, queue: asyncio.Queue[Event]) -> None:
        started = time.perf_counter()
        prompt = len(_PIECES.findall(request.prompt if request.prompt is not None else _render(request.messages, True)))
        done, first = 0, None

        def end(finish: Finish, error: str = "") -> None:
            self._held.pop(request.trial, None)
            elapsed = time.perf_counter() - (first or started)
            queue.put_nowait(
                Finished(
                    trial=request.trial,
                    finish=finish,
                    error=error,
                    prompt_tokens=prompt,
                    completion_tokens=done,
                    first_token_s=None if first is None else first - started,
                    tokens_per_s=done / elapsed if done and elapsed > 0 else None,
                    mode=request.mode,
                )
            )

        if self._state != "ready":
            end("error", f"{self.path.stem} is not loaded ({self._state}) — press r to restart it")
            return
        if prompt + 1 > self._context_length:
            end("error", f"the prompt has {prompt} tokens, the context holds {self._context_length} — shorten it")
            return
        self._held[request.trial] = prompt
        queue.put_nowait(Started(request.trial, prompt))
        room = min(request.sampling.max_tokens, self._context_length - prompt)
        pieces, stopped = _stop(self._pieces(request), request.sampling.stop)
        finish: Finish = "stop" if stopped or len(pieces) <= room else "length"
        pieces = pieces[:room]
        while done < len(pieces):
            await self._pace(request.trial, started, done)
            if self._live[request.trial].is_set():
                end("cancelled")
                return
            if self.crash_after is not None and self._made >= self.crash_after:
                self._state = "failed"
            if self._state != "ready":
                end("error", f"the worker of {self.path.stem} was killed (signal 9) — press r to restart it")
                return
            take = self._due(started, done)
            part = pieces[done : done + take]
            first = first or time.perf_counter()
            done += len(part)
            self._made += len(part)
            self._held[request.trial] += len(part)
            queue.put_nowait(Piece(request.trial, "".join(part), len(part), _logprobs(part, request.logprobs)))
        end(finish)

    def _due(self, started: float, done: int) -> int:
        """How many tokens are to be handed out now."""
        if self._rate is None:
            return 1
        return max(1, int((time.perf_counter() - started) * self._rate) + self._ahead - done)

    async def _pace(self, trial: str, started: float, done: int) -> None:
        """Wait for the gate, or for the next token's time; at high rates tokens come in handfuls, 50 times a second."""
        if self.gate is not None:
            waits = [asyncio.create_task(self.gate.wait()), asyncio.create_task(self._live[trial].wait())]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
        if self._rate is None:
            await asyncio.sleep(0)
            return
        due = started + (done + 1 - self._ahead) / self._rate
        await asyncio.sleep(max(due - time.perf_counter(), min(0.02, 1 / self._rate)))

    def _pieces(self, request: Generate) -> list[str]:
        if callable(self._answer):
            return _PIECES.findall(self._answer(request))
        if self._answer is not None:
            return _PIECES.findall(self._answer)
        key = request.prompt if request.prompt is not None else _render(request.messages, True)
        digest = hashlib.sha256(f"{request.sampling.seed}|{request.sampling.temperature}|{key}".encode()).digest()
        words = [_WORDS[byte % len(_WORDS)] for byte in digest]
        return [words[0].capitalize(), *(f" {word}" for word in words[1 : 8 + digest[0] % 20]), "."]

    async def score(self, prompt: str, continuation: str, *, top: int = 0) -> tuple[TokenLogprob, ...]:
        """A made-up log-probability for each token, and of its alternatives; alternatives halve, the token is first."""
        self._ready()
        found = []
        for piece in _PIECES.findall(continuation):
            logp = _logp(prompt + piece)
            others = sorted(
                set(_WORDS) - {piece.strip()}, key=lambda word: hashlib.sha256((prompt + word).encode()).digest()
            )
            halves = [(_id(word), " " + word, logp - math.log(2) * (i + 1)) for i, word in enumerate(others)]
            first = ((_id(piece), piece, logp), *halves)[:top]
            found.append(TokenLogprob(_id(piece), piece, logp, first, -logp if top else None, 1 if top else None))
        return tuple(found)

    async def score_hidden(
        self, prompt: str, continuation: str, hidden: Sequence[Sequence[tuple[int, int]]]
    ) -> tuple[tuple[TokenLogprob, ...], ...]:
        """As if the spans were left out."""
        self._ready()
        found = []
        for spans in hidden:
            kept = "".join(char for at, char in enumerate(prompt) if not any(start <= at < end for start, end in spans))
            found.append(await self.score(kept, continuation))
        return tuple(found)

    async def score_many(
        self, prompt: str, continuations: Sequence[str], *, top: int = 0
    ) -> tuple[tuple[TokenLogprob, ...], ...]:
        """As `score` has it."""
        return tuple([await self.score(prompt, text, top=top) for text in continuations])

    async def next_token(self, prompt: str, top: int = 20) -> tuple[TokenLogprob, ...]:
        """Halving probabilities over the double's words."""
        self._ready()
        words = sorted(set(_WORDS), key=lambda word: hashlib.sha256((prompt + word).encode()).digest())[:top]
        return tuple(TokenLogprob(_id(w), " " + w, -math.log(2) * (i + 1)) for i, w in enumerate(words))

    async def stages(
        self, prompt: str, continuation: str, sampling: Sampling, *, coupled: bool = True, top: int = 20
    ) -> tuple[Step, ...]:
        """Each token before halving others; top_k and temperature are the samplers, the dice fall by seed and place."""
        self._ready()
        steps = []
        for place, token in enumerate(await self.score(prompt, continuation, top=top)):
            weights = [2.0**-rank for rank in range(len(token.top))]
            left = min(sampling.top_k or len(weights), len(weights))
            hot = [weight ** (1 / max(0.01, sampling.temperature)) for weight in weights]
            rows = (("model", len(weights), weights), ("top_k", left, weights), ("temperature", left, hot))
            stages = tuple(
                Stage(name, kept, tuple(w / sum(row[:kept]) if at < kept else None for at, w in enumerate(row)))
                for name, kept, row in rows
            )
            dice = hashlib.sha256(f"{sampling.seed}|{place}|{coupled}".encode()).digest()[0]
            choice = token.top[dice % left if sampling.temperature > 0 else 0][0]
            named = tuple((id, text) for id, text, _ in token.top)
            steps.append(Step(token.id, token.text, named, stages, choice))
        return tuple(steps)

    async def cancel(self, trials: Sequence[str] | None = None) -> None:
        """Takes effect before the next token."""
        for trial in list(self._live) if trials is None else trials:
            if trial in self._live:
                self._live[trial].set()

    async def close(self) -> None:
        """Nothing to stop but the lanes."""
        await self.cancel()
        self._state = "closed"

    def crash(self) -> None:
        """Fail as a killed worker does; `load` restarts."""
        self._state = "failed"
        self._info = None


def from_script(script: str, path: Path) -> DoubleEngine:
    """A double from WORKBENCH_DOUBLE: `rate=N` tokens/s a lane, `tokens=N` an answer, `text=FILE` what it says.

    `ahead=N`: so many tokens of each answer come at once, before the steady rate.
    """
    settings = dict(part.split("=", 1) for part in script.split(",") if "=" in part)
    unknown = settings.keys() - {"rate", "tokens", "text", "ahead"}
    if unknown:
        raise UsageError(f"WORKBENCH_DOUBLE: {', '.join(sorted(unknown))} is unknown", hint="rate, tokens, text, ahead")
    text = Path(settings["text"]).read_text(encoding="utf-8") if "text" in settings else None
    if text is None and "tokens" in settings:
        count = int(settings["tokens"])
        text = "".join(f" {_WORDS[i * 7 % len(_WORDS)]}" if i % 60 else "\n" for i in range(1, count + 1))
    rate = float(settings["rate"]) if "rate" in settings else None
    return DoubleEngine(
        path, answer=text, tokens_per_s=rate, context_length=131_072, ahead=int(settings.get("ahead", 0))
    )


def _render(messages: Sequence[Message], generation_prompt: bool) -> str:
    text = "".join(f"<|im_start|>{message.role}\n{message.content}<|im_end|>\n" for message in messages)
    return text + ("<|im_start|>assistant\n" if generation_prompt else "")


def _stop(pieces: list[str], stops: Sequence[str]) -> tuple[list[str], bool]:
    """`pieces` up to the first stop text, and whether there was one."""
    text = "".join(pieces)
    found = [at for stop in stops if (at := text.find(stop)) >= 0]
    return (_PIECES.findall(text[: min(found)]), True) if found else (pieces, False)


def _kind(piece: str, special: bool) -> TokenKind:
    return "control" if special and piece in _SPECIAL else "normal"


def _id(piece: str) -> int:
    return int.from_bytes(hashlib.sha256(piece.encode("utf-8", "replace")).digest()[:2], "big")


def _logp(text: str) -> float:
    return -0.01 - hashlib.sha256(text.encode("utf-8", "replace")).digest()[0] / 64


def _logprobs(part: Sequence[str], top: int) -> tuple[TokenLogprob, ...]:
    if not top:
        return ()
    return tuple(
        TokenLogprob(
            _id(piece),
            piece,
            _logp(piece),
            tuple((_id(word), word, -math.log(2) * (rank + 1)) for rank, word in enumerate(_WORDS[:top])),
        )
        for piece in part
    )
