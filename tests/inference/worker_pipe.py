"""A worker process spoken to directly, frame by frame: what the worker's own tests stand on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.inference.engine import (
    Event,
    Finished,
    Generate,
    LoadOptions,
    Message,
    ModelInfo,
    Piece,
    Started,
    TokenLogprob,
)
from workbench.inference.local import protocol
from workbench.inference.sampling import make


@dataclass
class Answer:
    """What came of one trial."""

    text: str = ""
    tokens: int = 0
    logprobs: list[TokenLogprob] = field(default_factory=list)
    started: Started | None = None
    finished: Finished | None = None
    events: list[Event] = field(default_factory=list)

    def take(self, event: Event) -> None:
        """Note one of its events."""
        self.events.append(event)
        match event:
            case Started():
                self.started = event
            case Piece():
                self.text += event.text
                self.tokens += event.tokens
                self.logprobs += event.logprobs
            case Finished():
                assert self.finished is None
                self.finished = event

    @property
    def end(self) -> Finished:
        """Its end."""
        assert self.finished is not None
        return self.finished

    @property
    def cached(self) -> int:
        """Prompt tokens that were in the cache."""
        assert self.started is not None
        return self.started.cached_tokens


class Pipe:
    """`python -m workbench.inference.local.worker` and the two ends of its pipe."""

    def __init__(self, log: Path | None = None, env: dict[str, str] | None = None) -> None:
        with open(log or "/dev/null", "wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "workbench.inference.local.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=env,
            )
        self._id = 0
        hello = self.receive()
        assert isinstance(hello, protocol.Hello)

    def send(self, command: protocol.Command) -> None:
        """Write a frame."""
        assert self.process.stdin is not None
        self.process.stdin.write(protocol.frame(command))
        self.process.stdin.flush()

    def receive(self) -> protocol.Reply:
        """Read a frame; EOFError when the worker is gone."""
        assert self.process.stdout is not None
        head = self.process.stdout.read(protocol.HEADER.size)
        if len(head) < protocol.HEADER.size:
            raise EOFError
        return protocol.reply(self.process.stdout.read(protocol.length(head)))

    def ask(self, kind: Any, *values: Any, **named: Any) -> Any:
        """Send a command of `kind` and return its answer."""
        self._id += 1
        self.send(kind(self._id, *values, **named))
        while True:
            reply = self.receive()
            if getattr(reply, "id", None) == self._id and not isinstance(reply, protocol.Loading):
                return reply

    def load(self, path: Path, **options: Any) -> ModelInfo:
        """Load a model."""
        loaded = self.ask(protocol.Load, str(path), LoadOptions(**options))
        assert isinstance(loaded, protocol.Loaded), loaded
        return loaded.info

    def run(self, *requests: Generate, cancel: Iterable[str] = ()) -> dict[str, Answer]:
        """Run trials to their end; those in `cancel` are cancelled at their first piece."""
        answers = {request.trial: Answer() for request in requests}
        left, doomed = set(answers), set(cancel)
        self.send(protocol.Run(requests))
        while left:
            reply = self.receive()
            if not isinstance(reply, protocol.Events):
                continue
            for event in reply.events:
                answers[event.trial].take(event)
                if isinstance(event, Finished):
                    left.discard(event.trial)
                if isinstance(event, Piece) and event.trial in doomed:
                    doomed.discard(event.trial)
                    self.send(protocol.Cancel(0, (event.trial,)))
        return answers

    def one(self, text: str, **settings: Any) -> Answer:
        """One raw-text trial."""
        options = {name: settings.pop(name) for name in ("mode", "logprobs", "coupled") if name in settings}
        return self.run(Generate(trial="one", prompt=text, sampling=make(settings), **options))["one"]

    def close(self) -> int:
        """Close its stdin and wait for its end."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        code = self.process.wait(5)
        self.process.stdout.close()
        return code


def chat(user: str, system: str = "") -> tuple[Message, ...]:
    """A conversation of one turn."""
    return (Message("system", system), Message("user", user)) if system else (Message("user", user),)
