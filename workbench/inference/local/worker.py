"""The worker process: one model, spoken to in frames over stdin and stdout (protocol.py).

Run as `python -m workbench.inference.local.worker`. Three threads: the main one loads and decodes; the reader takes
frames, answers pings, marks cancels, and ends the process the moment stdin closes; the service thread tokenises,
counts, renders and prepares trials, so that counting never waits for a step. Only a private copy of stdout's
descriptor carries frames: descriptor 1 itself leads to stderr, so that no library's print can garble the pipe.
"""

from __future__ import annotations

import os
import queue
import re
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from workbench.errors import EngineError, WorkbenchError
from workbench.inference.engine import Finished, Generate, LoadOptions, ModelInfo, Step, TokenLogprob, Usage
from workbench.inference.local import llama, machine, protocol
from workbench.inference.local.counting import Counter
from workbench.inference.local.hiding import in_tokens
from workbench.inference.local.lane import Fed, Lane
from workbench.inference.local.scheduler import Scheduler, check_size, most_cells
from workbench.inference.local.stages import Microscope
from workbench.inference.local.templates import Renderer
from workbench.inference.local.text import split

T = TypeVar("T", TokenLogprob, Step)
_CONTEXT = 4096  # tokens a lane, when the caller does not say
_TOGETHER = 32  # trials prepared before they are handed on, so that the first do not wait for a thousand
_PROGRESS = 0.02  # the least step of a Loading frame
_SECRET = re.compile(r"^(HF_|HUGGING_?FACE)|(_|^)(API_?KEY|TOKEN|SECRET|PASSWORD)$", re.IGNORECASE)


class Worker:
    """The process. `serve` returns only when the pipe is gone."""

    def __init__(self, source: int, target: int) -> None:
        self._source = source
        self._target = target
        self._write = threading.Lock()
        self._inbox: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._requests: queue.SimpleQueue[tuple[protocol.Command, float]] = queue.SimpleQueue()
        self._scheduler: Scheduler | None = None
        self._counter: Counter | None = None
        self._renderer: Renderer | None = None
        self._model: llama.Model | None = None

    # -- the pipe ---------------------------------------------------------------------------------------------------

    def send(self, message: protocol.Reply) -> None:
        """Write one frame whole. A pipe that is gone ends the process."""
        data = memoryview(protocol.frame(message))
        with self._write:
            try:
                while data:
                    data = data[os.write(self._target, data) :]
            except OSError:
                self.quit(1)

    def quit(self, code: int = 0) -> None:
        """End now, whatever runs: the system takes back memory, VRAM and descriptors."""
        if self._renderer is not None:
            self._renderer.close()
        os._exit(code)

    def _receive(self, size: int) -> bytes:
        """The next `size` bytes; ends the process when the pipe closes."""
        parts: list[bytes] = []
        while size:
            part = os.read(self._source, min(size, 1 << 20))
            if not part:
                self.quit()
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def read(self) -> None:
        """The reader thread: frames in, commands to whom they belong."""
        try:
            while True:
                size = protocol.length(self._receive(protocol.HEADER.size))
                self._take(protocol.command(self._receive(size)))
        except (EngineError, OSError) as error:
            os.write(2, f"worker: {error}\n".encode())
            self.quit(2)

    def _take(self, command: protocol.Command) -> None:
        match command:
            case protocol.Ping():
                self.send(protocol.Done(command.id))
            case protocol.Cancel():
                if self._scheduler is not None:
                    self._scheduler.trials.cancel(command.trials)
                self.send(protocol.Done(command.id))
                self._inbox.put(None)
            case protocol.Shutdown():
                self.quit()
            case protocol.Load():
                self._inbox.put(lambda: self.load(command))
            case protocol.Run() if self._scheduler is not None:
                double = self._scheduler.trials.register(request.trial for request in command.requests)
                for trial in double:
                    self._ended(trial, f"trial {trial} is already running")
                fresh = tuple(request for request in command.requests if request.trial not in double)
                self._requests.put((protocol.Run(fresh), time.perf_counter()))
            case _:
                self._requests.put((command, time.perf_counter()))

    def _ended(self, trial: str, error: str) -> None:
        self.send(protocol.Events((Finished(trial=trial, finish="error", error=error),)))

    # -- the service thread -----------------------------------------------------------------------------------------

    def assist(self) -> None:
        """The service thread: answers at once what needs no decoding, prepares what does."""
        while True:
            command, taken = self._requests.get()
            identity = getattr(command, "id", None)
            try:
                if self._counter is None or self._scheduler is None:
                    raise EngineError("no model is loaded", hint="load one first")
                self._answer(command, taken, self._counter, self._scheduler)
            except Exception as error:  # noqa: BLE001  (the boundary of one request: it is told, the worker goes on)
                told = _told(error)
                if isinstance(command, protocol.Run):
                    for request in command.requests:
                        self._ended(request.trial, str(told))
                elif identity is not None:
                    self.send(protocol.Failed(identity, told.what, told.hint))

    def _answer(self, command: protocol.Command, taken: float, counter: Counter, scheduler: Scheduler) -> None:
        match command:
            case protocol.Tokenize():
                self.send(protocol.Tokenized(command.id, counter.tokenize(command.text, special=command.special)))
            case protocol.Render():
                text = counter.render(command.messages, generation_prompt=command.generation_prompt)
                self.send(protocol.Rendered(command.id, text))
            case protocol.Count():
                self.send(protocol.CountedReply(command.id, counter.count(command.messages)))
            case protocol.Run():
                for start in range(0, len(command.requests), _TOGETHER):
                    self._prepare(command.requests[start : start + _TOGETHER], taken, counter, scheduler)
            case protocol.Score():
                prompt, whole = counter.continued(command.prompt, command.continuation)
                self._score(
                    command.id, prompt, whole[len(prompt) :], max(0, command.top), scheduler, command.continuation
                )
            case protocol.ScoreHidden():
                prompt, whole = counter.continued(command.prompt, command.continuation)
                self._hide(command, prompt, whole[len(prompt) :], scheduler)
            case protocol.ScoreMany():
                self._score_many(command, counter, scheduler)
            case protocol.Drop():
                self._inbox.put(lambda: scheduler.scorer.drop(command.id))
            case protocol.Stages():
                prompt, whole = counter.continued(command.prompt, command.continuation)
                self._look(command, prompt, whole[len(prompt) :], scheduler)
            case protocol.NextToken():
                prompt = counter.raw(command.prompt)
                self._score(command.id, prompt, None, max(1, command.top), scheduler)

    def _prepare(self, requests: tuple[Generate, ...], taken: float, counter: Counter, scheduler: Scheduler) -> None:
        lanes: list[Fed] = []
        assert self._model is not None
        for request in requests:
            try:
                prompt = counter.prompt(request)
                lane = Lane(
                    self._model,
                    request,
                    prompt,
                    scheduler.emit,
                    context=scheduler.length,
                    candidates=scheduler.candidates,
                    taken=taken,
                    stop=() if request.prompt is not None else counter.stop,
                )
                lanes.append(lane)
            except Exception as error:  # noqa: BLE001  (the boundary of one trial: it ends with its error)
                scheduler.trials.forget(request.trial)
                self._ended(request.trial, str(_told(error)))
        self._inbox.put(lambda: scheduler.submit(lanes))

    def _score(
        self,
        identity: int,
        prompt: llama.Ids,
        text: llama.Ids | None,
        top: int,
        scheduler: Scheduler,
        said: str | None = None,
    ) -> None:
        if text is not None and len(text) == 0:
            self.send(protocol.Scored(identity, ()))
            return
        if len(prompt) == 0:
            raise EngineError("there is nothing before the text to score", hint="give a prompt of at least one token")

        def answer(result: tuple[TokenLogprob, ...] | WorkbenchError) -> None:
            if isinstance(result, WorkbenchError):
                self.send(protocol.Failed(identity, result.what, result.hint))
            else:
                self.send(protocol.Scored(identity, result if said is None else self._cut(said, result)))

        self._inbox.put(lambda: scheduler.scorer.submit(prompt, text, top, answer, number=identity))

    def _hide(self, command: protocol.ScoreHidden, prompt: llama.Ids, text: llama.Ids, scheduler: Scheduler) -> None:
        assert self._model is not None
        if len(text) == 0:
            self.send(protocol.ScoredMany(command.id, tuple(() for _ in command.hidden)))
            return
        if len(prompt) == 0:
            raise EngineError("there is nothing before the text to hide", hint="give a prompt of at least one token")
        parts = in_tokens(self._model, command.prompt, prompt, command.hidden)
        answer = self._each(command.id, (command.continuation,) * len(parts))

        self._inbox.put(lambda: scheduler.scorer.submit_hidden(prompt, text, parts, answer, number=command.id))

    def _score_many(self, command: protocol.ScoreMany, counter: Counter, scheduler: Scheduler) -> None:
        said = command.continuations
        prompt = counter.raw(command.prompt)
        if len(prompt) == 0:
            raise EngineError("there is nothing before the text to score", hint="give a prompt of at least one token")
        texts = [counter.continued(command.prompt, text)[1][len(prompt) :] for text in said]
        answer = self._each(command.id, said)

        top = max(0, command.top)
        self._inbox.put(lambda: scheduler.scorer.submit_many(prompt, texts, top, answer, number=command.id))

    def _each(self, identity: int, said: Sequence[str]) -> Callable[[tuple[Any, ...] | WorkbenchError], None]:
        """What tells the scores of each text."""

        def answer(result: tuple[Any, ...] | WorkbenchError) -> None:
            if isinstance(result, WorkbenchError):
                self.send(protocol.Failed(identity, result.what, result.hint))
            else:
                cut = (self._cut(text, scored) for text, scored in zip(said, result, strict=True))
                self.send(protocol.ScoredMany(identity, tuple(cut)))

        return answer

    def _cut(self, text: str, scored: tuple[T, ...]) -> tuple[T, ...]:
        """The tokens with texts that joined give `text`: a token may end inside a character."""
        assert self._model is not None
        texts = split(text.encode("utf-8", "replace"), [self._model.full_piece(token.id) for token in scored])
        return tuple(msgspec.structs.replace(token, text=own) for token, own in zip(scored, texts, strict=True))

    def _look(self, command: protocol.Stages, prompt: llama.Ids, text: llama.Ids, scheduler: Scheduler) -> None:
        assert self._model is not None
        if len(prompt) == 0:
            raise EngineError("there is nothing before the text to look at", hint="give a prompt of at least one token")
        if len(text) == 0:
            self.send(protocol.Staged(command.id, ()))
            return
        model, coupled, top = self._model, command.coupled, command.top
        glass = Microscope(model, command.sampling, prompt, coupled=coupled, top=top, context=scheduler.length)

        def answer(result: tuple[Step, ...] | WorkbenchError) -> None:
            glass.close()
            if isinstance(result, WorkbenchError):
                self.send(protocol.Failed(command.id, result.what, result.hint))
            else:
                self.send(protocol.Staged(command.id, self._cut(command.continuation, result)))

        self._inbox.put(lambda: scheduler.scorer.submit(prompt, text, 0, answer, glass.see, number=command.id))

    # -- the main thread --------------------------------------------------------------------------------------------

    def load(self, command: protocol.Load) -> None:
        """Load the model; answers Loading…, then Loaded or Failed."""
        began = time.perf_counter()
        try:
            if self._scheduler is not None:
                raise EngineError("a model is loaded already", hint="one worker holds one model")
            info, usage = self._load(command.id, command.path, command.options, command.shape_hint)
        except Exception as error:  # noqa: BLE001  (the boundary of loading: told, and the worker can load again)
            told = _told(error)
            self.send(protocol.Failed(command.id, told.what, told.hint))
            return
        info = msgspec.structs.replace(info, load_s=time.perf_counter() - began)
        self.send(protocol.Loaded(command.id, info, usage))

    def _load(self, identity: int, path: str, options: LoadOptions, hint: int) -> tuple[ModelInfo, Usage]:
        if options.context_length < 0:
            raise EngineError(f"a context of {options.context_length} tokens makes no sense", hint="0 lets us choose")
        shown = -1.0

        def progress(fraction: float) -> bool:
            nonlocal shown
            if fraction - shown >= _PROGRESS or fraction >= 1:
                shown = fraction
                self.send(protocol.Loading(identity, fraction))
            return True

        free = llama.free_vram()
        model = llama.Model(path, log := llama.Log(), options=options, on_progress=progress)
        self._log = log
        try:
            trained = model.trained_context or _CONTEXT
            length = options.context_length or min(trained, _CONTEXT)
            available = machine.available()
            check_size(model, options, length, available)
            scheduler = Scheduler(
                model,
                log,
                options,
                self.send,
                length=length,
                most=most_cells(model, options, length, available),
                threads=options.threads or machine.threads(),
                hint=hint,
            )
        except BaseException:
            model.free()
            raise
        template = model.template()
        names = [model.text(token) if token >= 0 else "" for token in (model.bos, model.eos)]
        self._renderer = Renderer(template, *names)
        self._model = model
        self._counter = Counter(model, self._renderer)
        self._scheduler = scheduler
        info = ModelInfo(
            name=model.metadata.get("general.name") or Path(path).stem,
            path=path,
            architecture=model.architecture,
            parameters=model.parameters,
            size=model.size,
            vocabulary=model.vocabulary,
            trained_context=model.trained_context,
            context_length=length,
            template=template is not None,
            shape=scheduler.batched.shape.latest,
            devices=llama.devices(),
            offloaded=model.offloaded,
            warning="" if template is not None else "the file has no chat template: ChatML is used",
            vram=max(0, free - llama.free_vram()),
            options=options,
        )
        return info, scheduler.usage()

    def serve(self) -> None:
        """Start the other threads and run the main one, for ever."""
        self.send(protocol.Hello(os.getpid()))
        for task in (self.read, self.assist):
            threading.Thread(target=task, daemon=True).start()
        while True:
            scheduler = self._scheduler
            busy = scheduler is not None and scheduler.busy
            try:
                while True:
                    resting = scheduler is not None and scheduler.resting
                    task_ = self._inbox.get(block=not busy, timeout=10.0 if resting else None)
                    if task_ is not None:
                        task_()
                        scheduler = self._scheduler
                        busy = scheduler is not None and scheduler.busy
            except queue.Empty:
                pass
            if scheduler is None:
                continue
            if scheduler.busy:
                scheduler.step()
            else:
                scheduler.rest()


def _told(error: Exception) -> WorkbenchError:
    """An exception as what is told to the client; one that was not foreseen leaves its trace in the log."""
    if isinstance(error, WorkbenchError):
        return error
    traceback.print_exception(error, file=sys.stderr)
    return EngineError(f"{type(error).__name__}: {error}", hint="see the model's log")


def main() -> None:
    """No debugger on an abort, no secrets near a stranger's file, the pipe's descriptors for ourselves; then serve."""
    os.environ["GGML_NO_BACKTRACE"] = "1"
    for name in [name for name in os.environ if _SECRET.search(name)]:
        del os.environ[name]
    target = os.dup(1)
    os.dup2(2, 1)
    source = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    sys.setswitchinterval(0.001)
    Worker(source, target).serve()


if __name__ == "__main__":
    main()
