"""What a server can do wrong: every trial ends once, with one line that names the host, and the key is nowhere."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.inference.contract import ask, end_of, run, text_of
from tests.inference.openai_server import MODEL, Fake, Fault, Handler, served
from workbench.errors import EngineError
from workbench.experiments.experiment import TrialFinished, TrialPlan, Variant
from workbench.experiments.runner import Runner
from workbench.history.store import open_store
from workbench.inference.engine import Event, Message, Piece
from workbench.inference.pool import EnginePool
from workbench.inference.remote.link import Limits, Link
from workbench.inference.remote.openai import RemoteEngine
from workbench.settings import Server

KEY = "sk-very-secret-0123456789"


@pytest.fixture
def fake() -> Iterator[Fake]:
    fake = Fake("plain")
    fake.key = KEY
    with served(fake) as fake:
        yield fake


class Waits:
    """Stands for sleeping: what would have been waited."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.gate: asyncio.Event | None = None
        self.begun = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        self.begun.set()
        if self.gate:
            await self.gate.wait()


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def server(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setenv("BOX_KEY", KEY)
    return Server("box", fake.url, key_env="BOX_KEY")


@pytest.fixture
async def engine(server: Server, waits: Waits, caplog: pytest.LogCaptureFixture) -> AsyncIterator[RemoteEngine]:
    """Loaded; half a second is the longest silence. At the end the key is looked for in all that was logged."""
    caplog.set_level(logging.DEBUG)
    limits = Limits(first=0.5, between=0.5, attempts=3)
    engine = RemoteEngine(server, MODEL, link=Link(server, limits, sleep=waits, chance=lambda: 1.0))
    await engine.load()
    yield engine
    await engine.close()
    assert not [record for record in caplog.records if KEY in record.getMessage() or KEY in repr(record.__dict__)]


def status(code: int, body: Any = None, **headers: str) -> Fault:
    """An answer of this status."""
    shaped = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler: handler.answer({"error": {"message": "fault"}} if body is None else body, code, shaped)


def stream(*parts: Any, end: bool = False) -> Fault:
    """A stream of these events or bytes, then the connection is gone."""

    def write(handler: Handler) -> None:
        handler.begin()
        for part in parts:
            handler.send(part)
        if end:
            handler.send(b"data: [DONE]\n\n")

    return write


def silent(*parts: Any) -> Fault:
    """A stream of these, and then nothing until the test ends."""

    def write(handler: Handler) -> None:
        if parts:
            stream(*parts)(handler)
        handler.fake.over.wait(30)

    return write


def says(text: str) -> dict[str, Any]:
    return {"choices": [{"delta": {"content": text}, "finish_reason": None}]}


STOP = {"choices": [{"delta": {}, "finish_reason": "stop"}]}


async def failed(engine: RemoteEngine) -> str:
    """The error of a trial, which must be one line with the host, without the key."""
    events = await run(engine, ask("a"))
    end = end_of(events, "a")
    assert end.finish == "error"
    assert end.error.startswith("127.0.0.1:")
    assert "\n" not in end.error
    assert KEY not in repr(events)
    return end.error


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (stream(says("Hel")), "broke the answer off"),
        (stream(says("Hel"), b'data: {"choi'), "broke the answer off"),
        (stream(says("a"), b"data: nonsense\n\n"), "sent what is no event: nonsense"),
        (stream(says("a"), b"data: [1]\n\n"), "sent what is no event"),
        (stream(says("a"), b"data: \xff\xfe\n\n"), "sent what is no event"),
        (stream(says("a"), {"error": {"message": f"slot {KEY} died\x1b[2J\nhard"}}), "says: slot ••• died␛[2J hard"),
        (stream({"error": "out of memory"}), "says: out of memory"),
        (stream(b"data: " + b"x" * 3_000_000), "sent an event without an end"),
        (
            status(401, {"error": {"message": f"bad key {KEY}"}}),
            "answers 401: bad key ••• — check the key of server box",
        ),
        (status(403, {"detail": "no"}), "answers 403: no — check the key"),
        (status(404, {"error": "no such model"}), "answers 404: no such model — check its url"),
        (status(400, {"error": {"message": "unknown field top_k"}}), "answers 400: unknown field top_k"),
        (status(500, {"message": "x" * 5000}), "answers 500: xxx"),
        (status(500, b"<html>oops</html>", Content_Type="text/html"), "answers 500 — try again later"),
        (status(200, b"<html>hello</html>", Content_Type="text/html"), "answers with a web page"),
        (status(200, b"hello", Content_Type="text/plain"), "hello"),
        (status(200, {"error": {"message": "no streams"}}), "no streams"),
        (status(302, b"", Location="http://elsewhere.test/v1"), "redirects to http://elsewhere.test/v1 — set that"),
        (silent(), "said nothing for 0.5 s"),
        (silent(says("a")), "said nothing for 0.5 s"),
        (stream(says("a"), {"choices": [{"delta": {}, "finish_reason": "content_filter"}]}, end=True), "withheld"),
    ],
)
async def test_a_fault_ends_the_trial_with_one_line(
    fake: Fake, engine: RemoteEngine, waits: Waits, fault: Fault, said: str
) -> None:
    fake.faults = [fault]
    error = await failed(engine)
    assert said in error
    assert len(error) < 450
    assert waits.seconds == []
    assert not fake.faults
    assert end_of(await run(engine, ask("b")), "b").finish in ("stop", "length"), "the next trial works"


@pytest.mark.parametrize(
    ("faults", "waited"),
    [
        ([status(429, Retry_After="7")], [7.0]),
        ([status(503, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT")], [0.5]),
        ([status(503), status(502)], [0.5, 1.0]),
        ([status(429, Retry_After="soon"), status(504)], [0.5, 1.0]),
        ([stream()], [0.5]),
    ],
)
async def test_a_busy_server_is_asked_again(
    fake: Fake, engine: RemoteEngine, waits: Waits, faults: list[Fault], waited: list[float]
) -> None:
    fake.faults = list(faults)
    events = await run(engine, ask("a"))
    assert end_of(events, "a").finish in ("stop", "length")
    assert waits.seconds == waited


@pytest.mark.parametrize(
    ("faults", "said", "waited"),
    [
        ([status(503)] * 3, "answers 503", [0.5, 1.0]),
        ([status(429, Retry_After="3600")], "answers 429: fault — it asks to wait 3,600 s", []),
    ],
)
async def test_it_gives_up(
    fake: Fake, engine: RemoteEngine, waits: Waits, faults: list[Fault], said: str, waited: list[float]
) -> None:
    fake.faults = list(faults)
    assert said in await failed(engine)
    assert waits.seconds == waited


async def test_nothing_is_asked_again_after_the_first_event(fake: Fake, engine: RemoteEngine, waits: Waits) -> None:
    fake.faults = [stream(says("Hel"))]
    asked = len(fake.asked)
    events = await run(engine, ask("a"))
    assert text_of(events, "a") == "Hel"
    assert end_of(events, "a").completion_tokens == 1
    assert len(fake.asked) == asked + 1
    assert waits.seconds == []


async def test_an_end_without_a_done_is_an_end(fake: Fake, engine: RemoteEngine) -> None:
    fake.faults = [stream(says("Hello"), STOP)]
    events = await run(engine, ask("a"))
    assert (text_of(events, "a"), end_of(events, "a").finish) == ("Hello", "stop")


async def test_characters_and_lines_may_be_cut_anywhere(fake: Fake, engine: RemoteEngine) -> None:
    text = "한국어 🦙🏽\u2028 naïve"
    data = ('data: {"choices": [{"delta": {"content": "' + text + '"}}]}\r\n\r\n').encode()
    comment = b": keep-alive\n\n"
    fake.faults = [stream(comment, *(data[at : at + 1] for at in range(len(data))), STOP, end=True)]
    assert text_of(await run(engine, ask("a")), "a") == text


async def test_a_server_of_odd_types_does_no_harm(fake: Fake, engine: RemoteEngine) -> None:
    odd = [
        {"choices": []},
        {"choices": None, "usage": []},
        {"choices": [None]},
        {"choices": [{"delta": [], "logprobs": 3}]},
        {"choices": [{"delta": {"content": 7}}], "usage": {"prompt_tokens": "x", "completion_tokens": True}},
        {"choices": [{"delta": {"content": "ok"}, "logprobs": {"content": [{}, {"token": 1, "logprob": None}, 5]}}]},
    ]
    fake.faults = [stream(*odd, STOP, end=True)]
    events = await run(engine, ask("a"))
    assert text_of(events, "a") == "ok"
    assert end_of(events, "a").finish == "stop"


async def test_thoughts_that_come_apart_stand_before_the_answer(fake: Fake, engine: RemoteEngine) -> None:
    thought = [{"choices": [{"delta": {"reasoning_content": part}}]} for part in ("17 + ", "25")]
    fake.faults = [stream(*thought, says("42"), STOP, end=True)]
    assert text_of(await run(engine, ask("a")), "a") == "<think>\n17 + 25\n</think>\n\n42"


async def test_the_key_echoed_in_an_answer_is_masked(fake: Fake, engine: RemoteEngine) -> None:
    whole = f"You sent {KEY}. And sk-very is no key."
    parts = [says(whole[at : at + 5]) for at in range(0, len(whole), 5)]
    spoken = {**says(KEY), "choices": [{**says(KEY)["choices"][0], "logprobs": {"content": [{"token": KEY}]}}]}
    fake.faults = [stream(*parts, spoken, STOP, end=True)]
    events = await run(engine, ask("a"))
    assert text_of(events, "a") == "You sent •••. And sk-very is no key.•••"
    assert KEY not in repr(events)


async def test_an_endless_stream_is_cancelled_and_its_connection_closed(fake: Fake, engine: RemoteEngine) -> None:
    def endless(handler: Handler) -> None:
        handler.begin()
        while not handler.fake.over.is_set():
            handler.send(says("on "))

    fake.faults = [endless]
    events: list[Event] = []
    async for event in engine.generate([ask("a")]):
        events.append(event)
        if isinstance(event, Piece):
            await engine.cancel(["a"])
    end = end_of(events, "a")
    assert end.finish == "cancelled"
    assert end.completion_tokens >= 1
    for _ in range(1000):
        if fake.left:
            break
        await asyncio.sleep(0.005)
    assert fake.left == 1, "the server saw its client go"


async def test_a_trial_that_waits_to_be_asked_again_can_be_cancelled(
    fake: Fake, engine: RemoteEngine, waits: Waits
) -> None:
    fake.faults = [status(503)]
    waits.gate = asyncio.Event()
    task = asyncio.create_task(run(engine, ask("a")))
    await waits.begun.wait()
    await engine.cancel(["a"])
    assert end_of(await task, "a").finish == "cancelled"


async def test_a_server_that_is_not_there_is_tried_and_said(waits: Waits) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = Server("gone", f"http://127.0.0.1:{free.getsockname()[1]}")
        engine = RemoteEngine(server, MODEL, link=Link(server, Limits(attempts=3), sleep=waits, chance=lambda: 0.0))
        with pytest.raises(EngineError, match=r"127\.0\.0\.1:\d+: cannot be reached .* — is server gone running\?"):
            await engine.load()
    assert engine.state == "failed"
    assert waits.seconds == [0.25, 0.5]
    await engine.close()


async def test_a_redirect_to_another_host_gets_nothing(fake: Fake, engine: RemoteEngine) -> None:
    with served(Fake("plain")) as other:
        fake.faults = [status(307, b"", Location=f"{other.url}/chat/completions?{KEY}")]
        assert f"redirects to {other.url}/chat/completions?•••" in await failed(engine)
        assert other.asked == []


async def test_the_key_is_sent_and_stands_nowhere(
    fake: Fake, server: Server, engine: RemoteEngine, tmp_path: Path
) -> None:
    """Through the runner into a real history: a good trial, one whose error echoes the key."""
    echoed = {"error": {"message": f"Incorrect API key: Bearer {KEY}"}}
    fake.faults = [status(401, echoed)]
    store, problem = open_store(tmp_path / "history.db")
    assert problem == ""
    pool = EnginePool(lambda path: engine, lambda path, loaded: (True, ""))
    variants = [Variant(label=label, prompt="", version="", lead=(), model="m", path="server:box/m") for label in "AB"]
    said = (Message("user", "hi"),)
    plans = [TrialPlan(id=v.label, run="r", variant=v, messages=said) for v in variants]
    ends = [event async for event in Runner(pool, store).run(plans) if isinstance(event, TrialFinished)]
    assert sorted(end.record.finish for end in ends)[0] == "error"
    rows = repr([store.trial(plan.id) for plan in plans])
    store.close()
    assert "Incorrect API key: Bearer •••" in rows
    assert fake.asked[-1][1]["Authorization"] == f"Bearer {KEY}"
    shown = repr((ends, server, engine, vars(engine), vars(engine._link), engine.info))
    assert KEY not in rows + shown
    assert _holding(KEY, tmp_path) == []


def _holding(text: str, folder: Path) -> list[str]:
    """The files of the history that hold it."""
    files = list(folder.glob("history*"))
    assert files
    return [file.name for file in files if text.encode() in file.read_bytes()]
