"""Supervision: whatever becomes of the worker, each trial ends once, one line says why, and no process is left."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.inference.contract import QUESTION, ask, end_of, run
from workbench.errors import EngineError
from workbench.inference.engine import Event, Generate, LoadOptions, Piece
from workbench.inference.local.client import RESTART, Limits, LocalEngine
from workbench.inference.local.process import LOG_LIMIT
from workbench.inference.sampling import make

OPTIONS = LoadOptions(threads=1, context_length=512)
GENEROUS = 30.0  # seconds that a busy test machine may take for what should be at once


def endless(trial: str) -> Generate:
    """A trial that only the context ends: the end of the answer is banned."""
    return ask(trial, max_tokens=5000, logit_bias="2:-100")


def gone(pid: int | None, timeout: float = GENEROUS) -> bool:
    """Whether the process ends within `timeout` (a zombie is gone)."""
    assert pid is not None
    try:
        psutil.Process(pid).wait(timeout)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return False
    return True


async def until_piece(engine: LocalEngine, act: Callable[[], Awaitable[None] | None], *trials: str) -> list[Event]:
    """Run endless trials, `act` at the first piece, and return all events."""
    events: list[Event] = []
    acted = False
    async for event in engine.generate([endless(trial) for trial in trials]):
        events.append(event)
        if isinstance(event, Piece) and not acted:
            acted = True
            doing = act()
            if doing is not None:
                await doing
    return events


@pytest.fixture
async def engine(starter: Path, tmp_path: Path) -> AsyncIterator[LocalEngine]:
    made = LocalEngine(starter, OPTIONS, log=tmp_path / "model.log", limits=Limits(silence=1.5))
    await made.load()
    yield made
    await made.close()


def one_line(error: object) -> str:
    text = str(error)
    assert "\n" not in text
    assert text.isprintable()
    return text


async def test_killed_while_it_answers(engine: LocalEngine) -> None:
    pid = engine.pid
    assert pid is not None
    events = await until_piece(engine, lambda: os.kill(pid, signal.SIGKILL), "a", "b")
    for trial in "ab":
        end = end_of(events, trial)
        assert end.finish == "error"
        assert "SIGKILL" in one_line(end.error)
        assert end.error.endswith(RESTART)
    assert engine.state == "failed"
    assert engine.info is None
    with pytest.raises(EngineError, match=RESTART):
        await engine.tokenize("x")
    assert end_of(await run(engine, ask("c")), "c").error.endswith(RESTART)
    await engine.load()
    assert engine.pid != pid
    assert end_of(await run(engine, ask("a", max_tokens=2)), "a").finish in ("stop", "length")


async def test_a_hang_is_noticed_and_ended(engine: LocalEngine) -> None:
    pid = engine.pid
    assert pid is not None
    events = await until_piece(engine, lambda: os.kill(pid, signal.SIGSTOP), "a")
    assert "stopped answering" in one_line(end_of(events, "a").error)
    assert end_of(events, "a").error.endswith(RESTART)
    assert await asyncio.to_thread(gone, pid)
    await engine.load()
    assert engine.state == "ready"


async def test_a_cancel_that_is_not_taken_ends_the_worker(starter: Path) -> None:
    engine = LocalEngine(starter, OPTIONS, limits=Limits(silence=600, cancel=0.5))
    await engine.load()
    pid = engine.pid
    assert pid is not None

    async def stop() -> None:
        os.kill(pid, signal.SIGSTOP)
        await engine.cancel(["a"])

    events = await until_piece(engine, stop, "a")
    assert end_of(events, "a").finish == "error"
    assert await asyncio.to_thread(gone, pid)
    await engine.close()


async def test_closed_while_it_answers(engine: LocalEngine) -> None:
    pid = engine.pid
    events = await until_piece(engine, engine.close, "a", "b")
    assert {end_of(events, trial).finish for trial in "ab"} == {"cancelled"}
    assert await asyncio.to_thread(gone, pid)
    assert engine.state == "closed"


async def test_closed_while_it_loads(starter: Path) -> None:
    engine = LocalEngine(starter, OPTIONS)
    started = asyncio.Event()
    loading = asyncio.create_task(engine.load(lambda fraction: started.set()))
    await started.wait()
    pid = engine.pid
    await engine.close()
    with pytest.raises(EngineError):
        await loading
    assert engine.state == "closed"
    assert await asyncio.to_thread(gone, pid)


async def test_closed_before_its_worker_is_up(starter: Path) -> None:
    engine = LocalEngine(starter, OPTIONS)
    loading = asyncio.create_task(engine.load())
    await asyncio.sleep(0)
    await engine.close()
    with pytest.raises(EngineError):
        await loading
    assert engine.state == "closed"
    assert engine.pid is None
    assert not [child for child in psutil.Process().children() if child.is_running() and _is_worker(child)]


def _is_worker(process: psutil.Process) -> bool:
    try:
        return "workbench.inference.local.worker" in process.cmdline()
    except psutil.Error:
        return False


async def test_a_load_that_is_given_up_can_be_begun_again(starter: Path) -> None:
    engine = LocalEngine(starter, OPTIONS)
    started = asyncio.Event()
    loading = asyncio.create_task(engine.load(lambda fraction: started.set()))
    await started.wait()
    pid = engine.pid
    loading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loading
    assert engine.state == "unloaded"
    assert await asyncio.to_thread(gone, pid)
    assert (await engine.load()).context_length == 512
    await engine.close()


def _bad(name: str, tmp_path: Path, starter: Path) -> Path:
    path = tmp_path / f"{name}.gguf"
    if name == "folder":
        path.mkdir()
    elif name == "text":
        path.write_text("hello")
    elif name == "truncated":
        with starter.open("rb") as source:
            path.write_bytes(source.read(50_000_000))
    return path


@pytest.mark.parametrize("name", ["folder", "missing", "text", "truncated"])
async def test_a_file_that_is_no_model(tmp_path: Path, starter: Path, name: str) -> None:
    engine = LocalEngine(_bad(name, tmp_path, starter), OPTIONS)
    with pytest.raises(EngineError) as raised:
        await engine.load()
    assert name in one_line(raised.value)
    assert raised.value.hint
    assert engine.pid is None
    await engine.close()


@pytest.mark.parametrize("length", [8193, 1_000_000_000, 4_000_000_000])
async def test_a_context_that_cannot_be(starter: Path, length: int) -> None:
    engine = LocalEngine(starter, LoadOptions(threads=1, context_length=length))
    with pytest.raises(EngineError, match="8,192") as raised:
        await engine.load()
    assert raised.value.hint
    one_line(raised.value)
    assert engine.state == "failed"
    assert engine.pid is None
    await engine.close()


HEAD = """
import os, struct, sys, time
import msgspec
from workbench.inference.engine import *
from workbench.inference.local import protocol

def send(message):
    sys.stdout.buffer.write(protocol.frame(message))
    sys.stdout.buffer.flush()

def receive():
    head = sys.stdin.buffer.read(protocol.HEADER.size)
    if not head:
        sys.exit(0)
    return protocol.command(sys.stdin.buffer.read(protocol.length(head)))

INFO = ModelInfo(name="fake", path="", architecture="fake", parameters=1, size=1, vocabulary=1, trained_context=9,
    context_length=9, template=True, shape=1)

def serve(answer):
    send(protocol.Hello(os.getpid()))
    while True:
        command = receive()
        if isinstance(command, protocol.Load):
            send(protocol.Loaded(command.id, INFO))
        else:
            answer(command)
"""


def fake(tmp_path: Path, script: str, limits: Limits | None = None, **options: Any) -> LocalEngine:
    """An engine whose worker is `script`."""
    model = tmp_path / "fake.gguf"
    model.touch()
    command = [sys.executable, "-c", HEAD + script]
    return LocalEngine(model, OPTIONS, command=command, limits=limits, **options)


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("print('GET / HTTP/1.1', flush=True); time.sleep(600)", "garbage"),
        (
            "sys.stdout.buffer.write(protocol.HEADER.pack(b'wb', 1, 9) + b'\\xc1' * 9); sys.stdout.flush(); receive()",
            "garbage",
        ),
        (
            "sys.stdout.buffer.write(protocol.HEADER.pack(b'wb', 1, 2**32 - 1)); sys.stdout.flush(); time.sleep(600)",
            "garbage",
        ),
        ("sys.exit('error: no backend \\x1b[31mfound')", "exit code 1.*error: no backend"),
        ("pass", "exit code 0"),
        ("os.abort()", "SIGABRT"),
        ("time.sleep(600)", "did not start"),
        ("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)", "did not start"),
        ("send(protocol.Hello(1)); time.sleep(600)", "no progress"),
        ("send(protocol.Hello(1)); c = receive(); send(protocol.Done(c.id)); time.sleep(600)", "wrong answer"),
        (
            "send(protocol.Hello(1)); c = receive(); send(protocol.Failed(c.id, 'a\\nb\\x1b[2J', 'c\\nd')); receive()",
            "a.*b",
        ),
    ],
)
async def test_a_worker_that_does_not_come_up(tmp_path: Path, script: str, says: str) -> None:
    hangs = "did not start" in says or "no progress" in says
    engine = fake(
        tmp_path, script, Limits(start=1 if says == "did not start" else 60, load=1, stop=0.2) if hangs else None
    )
    with pytest.raises(EngineError, match=says) as raised:
        await engine.load()
    one_line(raised.value)
    assert raised.value.hint
    assert engine.state == "failed"
    assert engine.pid is None
    await engine.close()


async def test_a_worker_that_cannot_start(tmp_path: Path) -> None:
    engine = fake(tmp_path, "")
    engine._command = ["/no/such"]
    with pytest.raises(EngineError, match="cannot start") as raised:
        await engine.load()
    assert "fake" in one_line(raised.value)
    assert engine.state == "failed"
    await engine.close()


@pytest.mark.parametrize("where", ["in the middle", "an answer of the wrong type"])
async def test_garbage_after_a_good_start(tmp_path: Path, where: str) -> None:
    if where == "in the middle":
        script = "serve(lambda c: print('llama_print_timings', flush=True))"
    else:
        script = "serve(lambda c: send(protocol.Done(c.id)))"
    engine = fake(tmp_path, script)
    await engine.load()
    with pytest.raises(EngineError) as raised:
        await asyncio.wait_for(engine.tokenize("x"), GENEROUS)
    assert one_line(raised.value).endswith(RESTART)
    await engine.close()


async def test_a_flood_on_stderr_neither_blocks_nor_fills_the_disk(tmp_path: Path) -> None:
    script = """
def answer(command):
    for _ in range(50):
        sys.stderr.write("x" * 999_999 + "\\n")
    send(protocol.Rendered(command.id, "done"))
serve(answer)
"""
    log = tmp_path / "logs" / "model.log"
    engine = fake(tmp_path, script, log=log)
    await engine.load()
    assert await asyncio.wait_for(engine.render(QUESTION), GENEROUS) == "done"
    await engine.close()
    assert log.stat().st_size == LOG_LIMIT
    assert log.stat().st_mode & 0o777 == 0o600


async def test_a_trial_that_does_not_heed_its_cancel_ends_the_worker(tmp_path: Path) -> None:
    script = """
def answer(command):
    if isinstance(command, protocol.Run):
        send(protocol.Events((Started(command.requests[0].trial, 3), Piece(command.requests[0].trial, "x"))))
    elif hasattr(command, "id"):
        send(protocol.Done(command.id))
serve(answer)
"""
    engine = fake(tmp_path, script, Limits(heed=0.3))
    await engine.load()
    pid = engine.pid
    events = await until_piece(engine, lambda: engine.cancel(["a"]), "a")
    assert "did not stop" in one_line(end_of(events, "a").error)
    assert await asyncio.to_thread(gone, pid)
    await engine.close()


async def test_text_that_cannot_be_sent_ends_its_trials_and_no_other(tmp_path: Path) -> None:
    script = """
def answer(command):
    for request in command.requests:
        send(protocol.Events((Finished(trial=request.trial, finish="stop"),)))
serve(answer)
"""
    engine = fake(tmp_path, script)
    await engine.load()
    half = Generate(trial="a", prompt="\ud800", sampling=make({}))
    assert "half a character" in one_line(end_of(await run(engine, half), "a").error)
    assert end_of(await run(engine, ask("a")), "a").finish == "stop"
    await engine.close()


async def test_a_measured_shape_is_sent_as_a_hint_next_time(tmp_path: Path) -> None:
    script = """
def answer(command):
    for request in command.requests:
        send(protocol.Events((Finished(trial=request.trial, finish="stop"),), 0.0, 4))
send(protocol.Hello(os.getpid()))
while True:
    command = receive()
    if isinstance(command, protocol.Load):
        send(protocol.Loaded(command.id, msgspec.structs.replace(INFO, shape=command.shape_hint)))
    else:
        answer(command)
"""
    for expected in (0, 4):
        engine = fake(tmp_path, script, shapes=tmp_path / "cache" / "shapes.json")
        assert (await engine.load()).shape == expected
        await run(engine, ask("a"))
        await engine.close()


async def test_the_worker_gets_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_TOKEN", "OPENAI_API_KEY", "HUGGING_FACE_HUB_TOKEN", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "very-secret")
    monkeypatch.setenv("KEPT", "plain")
    engine = fake(tmp_path, "serve(lambda c: send(protocol.Rendered(c.id, repr(dict(os.environ)))))")
    await engine.load()
    seen = await engine.render(QUESTION)
    assert "very-secret" not in seen
    assert "'KEPT': 'plain'" in seen
    await engine.close()


PARENT = """
import asyncio, sys
from pathlib import Path
from tests.inference.test_client_supervision import OPTIONS, endless
from workbench.inference.engine import Piece
from workbench.inference.local.client import LocalEngine

async def main():
    engine = LocalEngine(Path(sys.argv[1]), OPTIONS)
    await engine.load()
    while True:
        async for event in engine.generate([endless("a")]):
            if isinstance(event, Piece):
                print(engine.pid, flush=True)

asyncio.run(main())
"""


def test_no_worker_outlives_a_killed_parent(starter: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(starter)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    ) as parent:
        assert parent.stdout is not None
        worker = psutil.Process(int(parent.stdout.readline()))
        family = [worker, *worker.children(recursive=True)]
        parent.kill()
        parent.wait()
        assert not psutil.wait_procs(family, timeout=GENEROUS)[1]
