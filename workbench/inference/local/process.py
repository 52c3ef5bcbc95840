"""The worker as an operating-system process: started, spoken to in frames, its stderr drained, ended for certain."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from workbench import safe
from workbench.errors import EngineError
from workbench.inference.local import protocol

LOG_LIMIT = 2_000_000  # bytes of a model's log that are kept
_SECRET = re.compile(
    r"(^|_)(TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?|API_?KEY|ACCESS_KEY(_ID)?|PRIVATE_KEY)(_|$)", re.I
)
_CHUNK = 65536
# libgomp's threads spin 300,000 times at each of llama.cpp's barriers before they sleep. Where another process has the
# other core, that is most of the time; alone, so few are as fast (benchmarks/contention.py).
_SPINS = "1000"


def environment() -> dict[str, str]:
    """Ours without tokens and keys; llama.cpp must not start a debugger when it aborts, nor wait by burning the CPU."""
    kept = {name: value for name, value in os.environ.items() if not _SECRET.search(name)}
    if not kept.keys() & {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}:
        kept["GOMP_SPINCOUNT"] = _SPINS
    return {**kept, "GGML_NO_BACKTRACE": "1", "PYTHONDONTWRITEBYTECODE": "1", "HF_HUB_OFFLINE": "1"}


class Process:
    """One worker process. Made by `start`; `frames` gives its replies until it ends."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path | None) -> None:
        self._process = process
        self._log = log
        self._lines: deque[str] = deque(maxlen=60)
        self._drain = asyncio.create_task(self._drain_stderr())

    @classmethod
    async def start(cls, command: Sequence[str] | None, log: Path | None) -> Process:
        """Start the worker (exec, in a session of its own: a Ctrl+C in the terminal does not reach it)."""
        argv = command or (sys.executable, "-m", "workbench.inference.local.worker")
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=environment(),
                start_new_session=True,
                limit=1 << 20,
            )
        except OSError as error:
            hint = "run `workbench doctor`"
            raise EngineError(f"cannot start the model's worker ({error.strerror})", hint=hint) from error
        return cls(process, log)

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._process.pid

    def send(self, message: protocol.Command) -> None:
        """Queue a frame; a pipe that broke is noticed by `frames`."""
        stdin = self._process.stdin
        if stdin is not None and not stdin.is_closing():
            with suppress(ConnectionError, RuntimeError):
                stdin.write(protocol.frame(message))

    async def frames(self) -> AsyncIterator[protocol.Reply]:
        """Replies until the worker ends; raises EngineError on garbage."""
        stdout = self._process.stdout
        assert stdout is not None
        buffer = bytearray()
        while chunk := await stdout.read(_CHUNK):
            buffer += chunk
            while len(buffer) >= protocol.HEADER.size:
                end = protocol.HEADER.size + protocol.length(bytes(buffer[: protocol.HEADER.size]))
                if len(buffer) < end:
                    break
                payload = bytes(buffer[protocol.HEADER.size : end])
                del buffer[:end]
                yield protocol.reply(payload)

    async def _drain_stderr(self) -> None:
        """Keep the last lines and a bounded log; never let a noisy worker block on its stderr."""
        stderr = self._process.stderr
        assert stderr is not None
        left = LOG_LIMIT
        file = self._open_log()
        partial = b""
        try:
            while chunk := await stderr.read(_CHUNK):
                if file is not None and left > 0:
                    with suppress(OSError):
                        file.write(chunk[:left])
                        file.flush()
                    left -= len(chunk)
                *lines, partial = (partial + chunk)[-2 * _CHUNK :].split(b"\n")
                self._lines.extend(line.decode("utf-8", "replace") for line in lines[-60:])
            if partial:
                self._lines.append(partial.decode("utf-8", "replace"))
        finally:
            if file is not None:
                file.close()

    def _open_log(self) -> BinaryIO | None:
        if self._log is None:
            return None
        try:
            self._log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return open(self._log, "wb", opener=lambda path, flags: os.open(path, flags, 0o600))
        except OSError:
            return None  # a log that cannot be kept stops nobody

    def last_words(self) -> str:
        """The last line of its stderr that reads like a reason, "" for none."""
        telling = [
            line.strip() for line in self._lines if re.search(r"error|fail|abort|assert|cannot|unable", line, re.I)
        ]
        return safe.line(telling[-1])[:200] if telling else ""

    async def ended(self) -> int:
        """Wait for its end; returns the exit status (negative: the signal's number)."""
        status = await self._process.wait()
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._drain), 1)
        return status

    def alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.returncode is None

    def signal(self, number: int) -> None:
        """Send a signal, if it still lives."""
        if self.alive():
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def stop(self, patience: float) -> None:
        """Cooperative (its stdin closes), then terminate, then kill; waits `patience` seconds each time."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._process.wait()), patience)
                break
            self.signal(number)
        await self._process.wait()
        self._drain.cancel()
        with suppress(asyncio.CancelledError):
            await self._drain


def describe(status: int) -> str:
    """An exit status as a person reads it."""
    if status < 0:
        try:
            name = signal.Signals(-status).name
        except ValueError:
            name = "signal"
        return f"was killed ({name}, signal {-status})"
    return f"ended (exit code {status})"
