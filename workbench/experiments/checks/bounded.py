"""Risky checks in a process of their own, with a limit on time and memory.

A pattern may backtrack for ever while it holds the interpreter, and a parser may be driven out of memory or off its
stack: no thread could be ended then. The process sets an alarm before each check, which ends it even inside C code; it
is started when first needed and again after such an end. Requests go one at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import struct
import sys
from types import TracebackType
from typing import Any

import msgspec

from workbench.experiments.checks.model import CannotTellError, Outcome

SECONDS = 2.0  # of processor time that a check may take: a busy machine changes no verdict
MEMORY = 1 << 30  # bytes of address space
GRACE = 28.0  # seconds by the clock beyond that: its start, a busy machine, a process that was stopped
LENGTH = struct.Struct(">I")


class Bounded:
    """The process. One event loop; `async with` ends it, or `close`."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> Bounded:
        """Nothing is started yet."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process."""
        await self.close()

    async def run(self, kind: str, options: dict[str, Any], answer: str) -> Outcome:
        """The outcome of a check of this kind. Raises CannotTellError when it was stopped, or raised itself."""
        request = msgspec.msgpack.encode([kind, self._seconds, options, answer.encode("utf-8", "surrogatepass")])
        async with self._lock:
            done = False
            try:
                reply = await self._ask(request)
                done = True
            finally:
                if not done:
                    await self._end()
        said = msgspec.msgpack.decode(reply)
        if "error" in said:
            raise CannotTellError(said["error"])
        return msgspec.convert(said, Outcome)

    async def close(self) -> None:
        """End the process at once. Idempotent."""
        async with self._lock:
            await self._end()

    async def _ask(self, request: bytes) -> bytes:
        process = self._process or await self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            async with asyncio.timeout(self._seconds + GRACE):
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the read below tells
                    process.stdin.write(LENGTH.pack(len(request)) + request)
                    await process.stdin.drain()
                (size,) = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))
                return await process.stdout.readexactly(size)
        except TimeoutError:
            raise CannotTellError(f"stopped: no answer within {self._seconds + GRACE:g} s") from None
        except asyncio.IncompleteReadError:
            code = await process.wait()
        if code == -signal.SIGPROF:
            raise CannotTellError(f"stopped: it took over {self._seconds:g} s of processor time")
        raise CannotTellError(f"the process that checks ended (code {code}): too much memory, or it does not start")

    async def _start(self) -> asyncio.subprocess.Process:
        # -P: nothing is imported from the current folder.
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "workbench.experiments.checks.bounded_child"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        return self._process

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await process.wait()
        if process.stdin is not None:
            process.stdin.close()
