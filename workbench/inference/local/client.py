"""The local engine as its callers see it: supervises one worker process and speaks the protocol with it.

A crash, a kill, a hang or garbage on the pipe ends this model's trials with one line each and never more than that.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from workbench import safe
from workbench.errors import EngineError
from workbench.inference.engine import (
    Counted,
    Event,
    Finished,
    Generate,
    LoadOptions,
    Message,
    ModelInfo,
    Piece,
    Started,
    State,
    Step,
    Token,
    TokenLogprob,
    Usage,
)
from workbench.inference.local import hints, protocol
from workbench.inference.local.process import Process, describe
from workbench.inference.sampling import Sampling

R = TypeVar("R")
RESTART = "press r to restart it"


@dataclass(frozen=True)
class Limits:
    """How long things may take before the worker is given up, in seconds."""

    start: float = 60.0  # until its first frame
    load: float = 90.0  # without progress while it loads
    silence: float = 30.0  # without a frame while work is outstanding, pings unanswered
    cancel: float = 10.0  # until a cancel is taken
    heed: float = 30.0  # until a cancelled trial has ended: a decode under way may take its time
    stop: float = 0.7  # for each step of cooperative → terminate → kill


class LocalEngine:
    """An `Engine` on a GGUF file, in a worker process of its own.

    `log` takes the worker's stderr, `shapes` remembers measured batch shapes from one start to the next.
    """

    def __init__(
        self,
        path: Path,
        options: LoadOptions | None = None,
        *,
        log: Path | None = None,
        shapes: Path | None = None,
        command: Sequence[str] | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.path = Path(path)
        self.options = options or LoadOptions()
        self._log = log
        self._shapes = hints.Shapes(shapes) if shapes else None
        self._command = command
        self._limits = limits or Limits()
        self._state: State = "unloaded"
        self._info: ModelInfo | None = None
        self._usage: Usage | None = None
        self._process: Process | None = None
        self._hello: asyncio.Future[None] | None = None
        self._reader: asyncio.Task[None] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._owed: dict[int, asyncio.Future[protocol.Reply]] = {}
        self._streams: dict[str, _Stream] = {}
        self._next = 0
        self._heard = 0.0
        self._on_progress: Callable[[float], None] | None = None
        self._progressed = 0.0
        self._loading = asyncio.Lock()
        self._closing: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._shape = 0  # lanes per llama_decode as the worker measured last
        self.hint = 0  # a batch shape measured before; 0 = none

    @property
    def state(self) -> State:
        """Where it stands."""
        return self._state

    @property
    def info(self) -> ModelInfo | None:
        """The loaded model."""
        return self._info

    @property
    def usage(self) -> Usage | None:
        """How full it is, as its worker told last."""
        return self._usage if self._state == "ready" else None

    @property
    def pid(self) -> int | None:
        """The worker's process id, None when there is none."""
        return self._process.pid if self._process and self._process.alive() else None

    # ---- loading

    async def load(self, on_progress: Callable[[float], None] | None = None) -> ModelInfo:
        """Start the worker and load the model; at once when it is ready. Raises EngineError, one line."""
        async with self._loading:
            if self._state == "ready" and self._info:
                return self._info
            if self._state == "closed":
                raise self._error("is closed", "open it again")
            self._check_file()
            await self._end_process()  # one that failed may still be on its way out
            self._state = "loading"
            self._on_progress = on_progress
            try:
                return await self._start()
            except BaseException as error:
                if self._state == "loading":
                    self._state = "failed"
                await self._end_process()
                if isinstance(error, asyncio.CancelledError) and self.state != "closed":
                    self._state = "unloaded"
                raise

    def _check_file(self) -> None:
        if self.path.is_dir():
            raise EngineError("is a folder, not a model", where=str(self.path), hint="name the .gguf file in it")
        if not self.path.is_file():
            hint = "`workbench models list` shows what is here"
            raise EngineError("there is no such model file", where=str(self.path), hint=hint)

    async def _start(self) -> ModelInfo:
        try:
            process = await Process.start(self._command, self._log)
        except EngineError as error:
            raise self._error(error.what, error.hint) from error
        self._hello = asyncio.get_running_loop().create_future()
        self._process, self._reader = process, asyncio.create_task(self._read(process))
        if self._state == "closed":
            raise self._error("was closed", "")
        if self._shapes and not self.options.shape:
            self.hint = await asyncio.to_thread(self._shapes.recall, self.path, self.options)
        try:
            await asyncio.wait_for(asyncio.shield(self._hello), self._limits.start)
        except TimeoutError:
            raise self._error(
                f"its worker did not start in {self._limits.start:g} s", "run `workbench doctor`"
            ) from None
        self._progressed = time.monotonic()
        asking = asyncio.create_task(
            self._ask(lambda number: protocol.Load(number, str(self.path), self.options, self.hint), protocol.Loaded)
        )
        while not asking.done():
            await asyncio.wait([asking], timeout=min(1.0, self._limits.load / 4))
            if not asking.done() and time.monotonic() - self._progressed > self._limits.load:
                asking.cancel()
                hint = "a smaller context, or another file"
                raise self._error(f"loading made no progress for {self._limits.load:g} s", hint)
        self._info, self._usage = asking.result().info, asking.result().usage
        self._state = "ready"
        self._heard = time.monotonic()
        self._watcher = asyncio.create_task(self._watch(process))
        return self._info

    # ---- requests with one answer

    async def tokenize(self, text: str, *, special: bool = False) -> tuple[Token, ...]:
        """The tokens of `text`."""
        return (await self._ask(lambda n: protocol.Tokenize(n, text, special), protocol.Tokenized)).tokens

    async def render(self, messages: Sequence[Message], *, generation_prompt: bool = True) -> str:
        """The conversation as the chat template writes it."""
        made = tuple(messages)
        return (await self._ask(lambda n: protocol.Render(n, made, generation_prompt), protocol.Rendered)).text

    async def count(self, messages: Sequence[Message]) -> Counted:
        """Exact counts, served while lanes stream."""
        made = tuple(messages)
        return (await self._ask(lambda n: protocol.Count(n, made), protocol.CountedReply)).counted

    async def score(self, prompt: str, continuation: str, *, top: int = 0) -> tuple[TokenLogprob, ...]:
        """Log-probabilities of the continuation's tokens."""
        return (await self._ask(lambda n: protocol.Score(n, prompt, continuation, top), protocol.Scored)).tokens

    async def score_hidden(
        self, prompt: str, continuation: str, hidden: Sequence[Sequence[tuple[int, int]]]
    ) -> tuple[tuple[TokenLogprob, ...], ...]:
        """The same with parts of the prompt out of sight."""
        spans = tuple(tuple(each) for each in hidden)
        asked = await self._ask(lambda n: protocol.ScoreHidden(n, prompt, continuation, spans), protocol.ScoredMany)
        return asked.scored

    async def score_many(
        self, prompt: str, continuations: Sequence[str], *, top: int = 0
    ) -> tuple[tuple[TokenLogprob, ...], ...]:
        """Each continuation's, the prompt read in once."""
        texts = tuple(continuations)
        return (await self._ask(lambda n: protocol.ScoreMany(n, prompt, texts, top), protocol.ScoredMany)).scored

    async def stages(
        self, prompt: str, continuation: str, sampling: Sampling, *, coupled: bool = True, top: int = 20
    ) -> tuple[Step, ...]:
        """The sampler chain at each token of the continuation."""

        def ask(number: int) -> protocol.Command:
            return protocol.Stages(number, prompt, continuation, sampling, coupled, top)

        return (await self._ask(ask, protocol.Staged)).steps

    async def next_token(self, prompt: str, top: int = 20) -> tuple[TokenLogprob, ...]:
        """The likeliest next tokens."""
        return (await self._ask(lambda n: protocol.NextToken(n, prompt, top), protocol.Scored)).tokens

    async def _ask(self, make: Callable[[int], protocol.Command], kind: type[R]) -> R:
        process = self._process
        if process is None or self._state not in ("ready", "loading"):
            raise self._error(f"is not loaded ({self._state})", RESTART)
        self._next += 1
        number = self._next
        future: asyncio.Future[protocol.Reply] = asyncio.get_running_loop().create_future()
        self._expect()
        self._owed[number] = future
        try:
            process.send(make(number))
            reply = await future
        except asyncio.CancelledError:  # else a long text would be read to its end for nobody
            process.send(protocol.Drop(number))
            raise
        finally:
            self._owed.pop(number, None)
        if isinstance(reply, protocol.Failed):
            raise self._error(safe.line(reply.what), safe.line(reply.hint))
        if not isinstance(reply, kind):
            raise self._error("its worker gave a wrong answer", RESTART)
        return reply

    # ---- generation

    async def generate(self, requests: Sequence[Generate]) -> AsyncIterator[Event]:
        """Run trials together; one Finished each, whatever happens to the worker."""
        stream = _Stream({request.trial: request for request in requests})
        taken = [request.trial for request in requests if request.trial in self._streams]
        if taken:
            raise self._error(f"trial {taken[0]} already runs", "give it another id")
        if self._state != "ready" or self._process is None:
            stream.fail(f"{self._name()}: the model is not loaded ({self._state}) — {RESTART}")
        else:
            self._expect()
            self._streams.update(dict.fromkeys(stream.open, stream))
            try:
                self._process.send(protocol.Run(tuple(requests)))
            except EngineError as error:
                stream.fail(f"{self._name()}: {error}")
                for trial in stream.requests:
                    self._streams.pop(trial, None)
        try:
            async for event in stream:
                yield event
        finally:
            if stream.open and self._state == "ready":
                await self.cancel(list(stream.open))
                await stream.over.wait()  # ids may be used again once their Finished has come; `_heed` sees to that

    async def cancel(self, trials: Sequence[str] | None = None) -> None:
        """Ask the worker to end these trials; one that does not heed it is terminated, then killed.

        A worker that dies meanwhile has ended them too: nothing is raised.
        """
        if self._state != "ready":
            return
        wanted = [trial for trial in (self._streams if trials is None else trials) if trial in self._streams]
        names = None if trials is None else tuple(wanted)
        if not wanted and names is not None:
            return
        process = self._process
        marked = [(self._streams[trial], trial) for trial in wanted]
        asyncio.get_running_loop().call_later(self._limits.heed, self._check_heeded, process, marked)
        with suppress(EngineError):
            try:
                asking = self._ask(lambda n: protocol.Cancel(n, names), protocol.Done)
                await asyncio.wait_for(asking, self._limits.cancel)
            except TimeoutError:
                await self._give_up(process, f"did not stop within {self._limits.cancel:g} s and was ended")

    def _check_heeded(self, process: Process | None, marked: Sequence[tuple[_Stream, str]]) -> None:
        """Give the worker up when cancelled trials did not end: its reader answers, but its decoding hangs."""
        if any(trial in stream.open for stream, trial in marked):
            self._later(self._give_up(process, f"did not stop within {self._limits.heed:g} s and was ended"))

    def _later(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ---- the worker's side

    async def _read(self, process: Process) -> None:
        """Dispatch replies until the worker ends; then everybody who waits is told why."""
        reason = ""
        try:
            async for reply in process.frames():
                self._heard = time.monotonic()
                self._take(reply)
        except EngineError as error:
            reason = error.what
            process.signal(signal.SIGKILL)
        status = await process.ended()
        if process is self._process and self._state not in ("closed", "failed"):
            words = process.last_words()
            self._fail(reason or f"its worker {describe(status)}" + (f": {words}" if words else ""))

    def _take(self, reply: protocol.Reply) -> None:
        match reply:
            case protocol.Events(events=events, shape=shape):
                self._shape = shape or self._shape
                self._usage = reply.usage or self._usage
                for event in events:
                    stream = self._streams.get(event.trial)
                    if stream is not None:
                        stream.put(event)
                        if isinstance(event, Finished):
                            self._streams.pop(event.trial, None)
                if not self._streams:
                    self._remember()
            case protocol.Hello():
                if self._hello and not self._hello.done():
                    self._hello.set_result(None)
            case protocol.Loading(fraction=fraction):
                self._progressed = time.monotonic()
                if self._on_progress:
                    self._on_progress(min(1.0, max(0.0, fraction)))
            case _:
                future = self._owed.get(reply.id)
                if future is not None and not future.done():
                    future.set_result(reply)

    def _remember(self) -> None:
        """Keep the measured shape for the next start, once nothing runs."""
        if self._shapes and not self.options.shape and self._shape not in (0, self.hint):
            self.hint = self._shape
            self._later(asyncio.to_thread(self._shapes.remember, self.path, self.options, self._shape))

    def _fail(self, what: str) -> None:
        """The worker is of no use any more: end its trials, and whoever waits for an answer."""
        if self._state != "closed":
            self._state = "failed"
        self._info = None
        error = self._error(what, RESTART if self._state == "failed" else "")
        for stream in set(self._streams.values()):
            stream.fail(str(error))
        self._streams.clear()
        for future in self._owed.values():
            if not future.done():
                future.set_exception(error)
        if self._hello and not self._hello.done():
            self._hello.set_exception(error)
            self._hello.exception()  # seen: a load that was given up must not warn about it

    async def _give_up(self, process: Process | None, what: str) -> None:
        if process is None or process is not self._process:
            return
        self._fail(what)
        await process.stop(0.1)

    def _expect(self) -> None:
        """Work begins: silence counts from now."""
        if not self._owed and not self._streams:
            self._heard = time.monotonic()

    async def _watch(self, process: Process) -> None:
        """Notice a hang: work outstanding and no frame; a ping is sent first, for decoding may take its time."""
        pause = self._limits.silence / 3
        while process.alive() and process is self._process and self._state == "ready":
            await asyncio.sleep(pause)
            if not self._owed and not self._streams:
                continue
            quiet = time.monotonic() - self._heard
            if quiet > self._limits.silence:
                await self._give_up(process, f"its worker stopped answering for {quiet:.0f} s and was ended")
            elif quiet > pause:
                self._next += 1
                process.send(protocol.Ping(self._next))

    def _name(self) -> str:
        return self.path.stem

    def _error(self, what: str, hint: str) -> EngineError:
        return EngineError(what, where=self._name(), hint=hint)

    # ---- the end

    async def close(self) -> None:
        """Cooperative, then terminate, then kill. Idempotent."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        self._state = "closed"
        for trial, stream in list(self._streams.items()):
            stream.put(Finished(trial=trial, finish="cancelled", mode=stream.requests[trial].mode))
        self._fail("was closed")
        if self._process is not None:
            self._process.send(protocol.Shutdown())
        await self._end_process()
        async with self._loading:  # a load under way ends its own worker
            pass
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _end_process(self) -> None:
        process, self._process = self._process, None
        if self._watcher is not None and self._watcher is not asyncio.current_task():
            self._watcher.cancel()
        if process is not None:
            await process.stop(self._limits.stop)
        if self._reader is not None:
            await asyncio.gather(self._reader, return_exceptions=True)


class _Stream:
    """The events of one `generate` call; pieces that wait for a slow reader are joined, so that memory stays small."""

    def __init__(self, requests: dict[str, Generate]) -> None:
        self.requests = requests
        self.open = dict(requests)
        self._events: list[Event] = []
        self._last: dict[str, int] = {}  # trial -> place of its waiting Piece
        self._ready = asyncio.Event()
        self.over = asyncio.Event()
        if not self.open:
            self.over.set()

    def put(self, event: Event) -> None:
        if event.trial not in self.open:
            return
        at = self._last.get(event.trial)
        if isinstance(event, Piece) and at is not None:
            waiting = self._events[at]
            assert isinstance(waiting, Piece)
            self._events[at] = Piece(
                event.trial, waiting.text + event.text, waiting.tokens + event.tokens, waiting.logprobs + event.logprobs
            )
            return
        if isinstance(event, Piece):
            self._last[event.trial] = len(self._events)
        elif isinstance(event, Finished | Started):
            self._last.pop(event.trial, None)
        if isinstance(event, Finished):
            del self.open[event.trial]
            if not self.open:
                self.over.set()
        self._events.append(event)
        self._ready.set()

    def fail(self, error: str) -> None:
        for trial, request in list(self.open.items()):
            self.put(Finished(trial=trial, finish="error", error=error, mode=request.mode))

    async def __aiter__(self) -> AsyncIterator[Event]:
        while self.open or self._events:
            await self._ready.wait()
            self._ready.clear()
            events, self._events = self._events, []
            self._last.clear()
            for event in events:
                yield event
