"""The remote engine: a model of an OpenAI-compatible server behind the `Engine` protocol."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing

from workbench import safe
from workbench.errors import EngineError, WorkbenchError
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
    Started,
    State,
    Step,
    Token,
    TokenLogprob,
)
from workbench.inference.remote import address, probe, wire
from workbench.inference.remote.dialect import Plain
from workbench.inference.remote.failures import ServerError
from workbench.inference.remote.key import Veil, key_of
from workbench.inference.remote.link import Link
from workbench.inference.sampling import Sampling
from workbench.settings import Server

_KEPT = 64  # texts whose counts are remembered
_FINISHES: dict[str, Finish] = {"length": "length"}  # all others but these two are a stop
_WITHHELD = "content_filter"


class RemoteEngine:
    """One model of one server. `gate` bounds the trials of all the server's models together.

    Nothing runs here: every trial is a streamed request, `fast` whatever was asked, its dice the server's own.
    """

    def __init__(
        self, server: Server, model: str, *, gate: asyncio.Semaphore | None = None, link: Link | None = None
    ) -> None:
        self._server, self._model = server, model
        self._name = address.shown(model, server)
        self._link = link or Link(server)
        self._gate = gate or asyncio.Semaphore(server.concurrency)
        self._state: State = "unloaded"
        self._info: ModelInfo | None = None
        self._dialect = Plain(self._link, model)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._cancelled: set[str] = set()
        self._counts: dict[str, tuple[int, tuple[str, ...]]] = {}

    @property
    def state(self) -> State:
        """Where it stands; a trial that fails leaves it ready, the server may be back for the next."""
        return self._state

    @property
    def usage(self) -> None:
        """Unknown: how full a server is, it tells nobody."""
        return None

    @property
    def info(self) -> ModelInfo | None:
        """What the server says of the model."""
        return self._info

    async def load(self, on_progress: Callable[[float], None] | None = None) -> ModelInfo:
        """Ask the server whether it has the model, and what it offers besides. Raises EngineError."""
        if self._state == "closed":
            raise self._error("the server's models are closed", "start again")
        if self._state == "ready" and self._info:
            return self._info
        self._state = "loading"
        began = time.perf_counter()
        try:
            found = await probe.probe(self._link, self._model)
        except BaseException:
            if self._state == "loading":
                self._state = "failed"
            raise
        if on_progress:
            on_progress(1.0)
        self._dialect = found.dialect
        where = address.host(self._server)
        notes = [f"coupled sampling and strict mode are not offered by {where}", found.dialect.warning]
        self._info = ModelInfo(
            name=self._name,
            path=address.identity(self._server.name, self._model),
            architecture="",
            parameters=found.listed.parameters,
            size=0,
            vocabulary=found.listed.vocabulary,
            trained_context=found.listed.trained_context or found.context_length,
            context_length=found.context_length,
            template=True,
            shape=0,
            devices=(where,),
            load_s=time.perf_counter() - began,
            warning="; ".join(note for note in notes if note),
        )
        self._state = "ready"
        return self._info

    def _error(self, what: str, hint: str) -> EngineError:
        return EngineError(what, where=address.host(self._server), hint=hint)

    def _ready(self) -> Plain:
        if self._state != "ready":
            raise self._error(f"{safe.line(self._model)} is not loaded ({self._state})", "load it first")
        return self._dialect

    # ---- requests with one answer

    async def tokenize(self, text: str, *, special: bool = False) -> tuple[Token, ...]:
        """The tokens of `text`, where the server offers its tokenizer."""
        check(text)
        return await self._ready().tokenize(text, special=special)

    async def render(self, messages: Sequence[Message], *, generation_prompt: bool = True) -> str:
        """The conversation as the server's chat template writes it."""
        return await self._ready().render(messages, generation_prompt=generation_prompt)

    async def count(self, messages: Sequence[Message]) -> Counted:
        """Exact counts by the server's tokenizer; they wait for no trial."""
        dialect = self._ready()
        contents = list(dict.fromkeys(message.content for message in messages))
        fresh = [content for content in contents if content not in self._counts]
        whole, *alone = await asyncio.gather(self._whole(dialect, messages), *(dialect.alone(text) for text in fresh))
        self._counts |= dict(zip(fresh, alone, strict=True))
        counted = Counted(
            prompt_tokens=whole[0],
            message_tokens=tuple(self._counts[message.content][0] for message in messages),
            special=tuple(dict.fromkeys(name for content in contents for name in self._counts[content][1])),
        )
        while len(self._counts) > _KEPT:
            del self._counts[next(iter(self._counts))]
        return counted

    @staticmethod
    async def _whole(dialect: Plain, messages: Sequence[Message]) -> tuple[int, tuple[str, ...]]:
        return (await dialect.prompt_tokens(messages) if messages else 0), ()

    async def score(self, prompt: str, continuation: str, *, top: int = 0) -> tuple[TokenLogprob, ...]:
        """Log-probabilities of the continuation's tokens, where the server offers them."""
        dialect = self._ready()
        async with self._gate:
            return await dialect.score(prompt, continuation, max(0, top))

    async def score_many(
        self, prompt: str, continuations: Sequence[str], *, top: int = 0
    ) -> tuple[tuple[TokenLogprob, ...], ...]:
        """One after the other: each finds the prompt in the server's cache."""
        return tuple([await self.score(prompt, text, top=top) for text in continuations])

    async def next_token(self, prompt: str, top: int = 20) -> tuple[TokenLogprob, ...]:
        """The likeliest next tokens, as many as the server gives."""
        dialect = self._ready()
        async with self._gate:
            return await dialect.next_token(prompt, max(1, top))

    async def score_hidden(
        self, prompt: str, continuation: str, hidden: Sequence[Sequence[tuple[int, int]]]
    ) -> tuple[tuple[TokenLogprob, ...], ...]:
        """No server hides a part of what it has read."""
        raise self._error("hides no part of a prompt", "run the model here, or leave the part out")

    async def stages(
        self, prompt: str, continuation: str, sampling: Sampling, *, coupled: bool = True, top: int = 20
    ) -> tuple[Step, ...]:
        """No server shows what its samplers do."""
        raise self._error("does not show its samplers", "run the model here to see them")

    # ---- generation

    async def generate(self, requests: Sequence[Generate]) -> AsyncIterator[Event]:
        """Run trials together, as many at once as the server is to be given."""
        if taken := [request.trial for request in requests if request.trial in self._tasks]:
            raise self._error(f"trial {taken[0]} already runs", "give it another id")
        queue: asyncio.Queue[Event] = asyncio.Queue()
        tasks = {request.trial: asyncio.create_task(self._lane(request, queue.put_nowait)) for request in requests}
        self._tasks.update(tasks)
        left = len(tasks)
        try:
            while left:
                event = await queue.get()
                left -= isinstance(event, Finished)
                yield event
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)
            for trial in tasks:
                del self._tasks[trial]
            self._cancelled -= tasks.keys()

    async def _lane(self, request: Generate, tell: Callable[[Event], None]) -> None:
        """A trial from its turn to its one Finished."""
        trial = _Trial(request, tell)
        try:
            dialect = self._ready()
            path, body = wire.body(request, self._model, dialect.fields(request.sampling))
            async with self._gate:
                trial.begin(await asyncio.to_thread(key_of, self._server))
                try:
                    async with aclosing(self._link.events(path, body)) as events:
                        async for event in events:
                            trial.take(wire.chunk(event))
                except ServerError:
                    if not trial.finish:  # it has all been said: how the connection ends is no matter
                        raise
            if trial.finish == _WITHHELD:
                raise self._error("the server withheld the answer (content_filter)", "another wording")
            trial.end(_FINISHES.get(trial.finish, "stop"))
        except asyncio.CancelledError:
            if request.trial not in self._cancelled:
                raise
            trial.end("cancelled")
        except ServerError as error:
            trial.end("error", _context(error) or str(error))
        except WorkbenchError as error:
            trial.end("error", str(error))
        except Exception as error:  # noqa: BLE001 - the boundary of a trial: it must end, and say what was not foreseen
            trial.end("error", str(self._error(f"{type(error).__name__} in the remote engine", "report it")))

    async def cancel(self, trials: Sequence[str] | None = None) -> None:
        """Close the connections of these trials (all when None): the servers stop when their client is gone."""
        for trial in list(self._tasks) if trials is None else trials:
            task = self._tasks.get(trial)
            if task is not None and not task.done():
                self._cancelled.add(trial)
                task.cancel()

    async def close(self) -> None:
        """End the trials, then the connections. Idempotent."""
        self._state = "closed"
        await self.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await self._link.close()


class _Trial:
    """What a trial has had so far; tells its events."""

    def __init__(self, request: Generate, tell: Callable[[Event], None]) -> None:
        self._request, self._tell = request, tell
        self._veil = Veil("")
        self._began = time.perf_counter()
        self._first: float | None = None
        self._started = self._thinking = False
        self._prompt, self._cached, self._made, self._unsent = 0, 0, 0, 0
        self._total: int | None = None
        self.finish = ""

    def begin(self, key: str) -> None:
        """Its turn has come: times count from here."""
        self._veil = Veil(key)
        self._began = time.perf_counter()

    def take(self, chunk: wire.Chunk) -> None:
        """One event of the stream."""
        self._prompt = self._prompt if chunk.prompt_tokens is None else chunk.prompt_tokens
        self._cached = self._cached if chunk.cached_tokens is None else chunk.cached_tokens
        self._total = self._total if chunk.completion_tokens is None else chunk.completion_tokens
        self.finish = chunk.finish or self.finish
        if not self._started:
            self._started = True
            self._tell(Started(self._request.trial, self._prompt, self._cached))
        if not chunk.text and not chunk.thought and not chunk.logprobs:
            return
        if self._first is None:
            self._first = time.perf_counter()
        count = len(chunk.logprobs) or 1
        self._made += count
        self._unsent += count
        self._send(self._veil.feed(self._with_thought(chunk)), chunk.logprobs)

    def _with_thought(self, chunk: wire.Chunk) -> str:
        """Thoughts that come apart from the text stand in it, between the usual tags."""
        text = chunk.thought
        if text and not self._thinking:
            self._thinking, text = True, f"<think>\n{text}"
        if chunk.text and self._thinking:
            self._thinking, text = False, f"{text}\n</think>\n\n"
        return text + chunk.text

    def _send(self, text: str, logprobs: tuple[TokenLogprob, ...] = ()) -> None:
        if text or logprobs:
            self._tell(Piece(self._request.trial, text, self._unsent, logprobs))
            self._unsent = 0

    def end(self, finish: Finish, error: str = "") -> None:
        """The one Finished, with what was held back before it."""
        now = time.perf_counter()
        self._send(self._veil.rest())
        total = self._made if self._total is None or finish not in ("stop", "length") else self._total
        elapsed = now - (self._first or now)
        self._tell(
            Finished(
                trial=self._request.trial,
                finish=finish,
                error=error,
                prompt_tokens=self._prompt,
                completion_tokens=total,
                first_token_s=None if self._first is None else self._first - self._began,
                tokens_per_s=total / elapsed if total and elapsed > 0 else None,
                mode="fast",
            )
        )


def _context(error: ServerError) -> str:
    """A prompt over the context, with the numbers that llama-server gives beside its words; "" for another error."""
    prompt, context = error.details.get("n_prompt_tokens"), error.details.get("n_ctx")
    if not isinstance(prompt, int) or not isinstance(context, int):
        return ""
    return f"{error.where}: the prompt has {prompt:,} tokens, the context holds {context:,} — shorten it"
