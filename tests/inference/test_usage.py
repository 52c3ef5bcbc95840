"""How full the worker says it is: when it loads, when work begins and ends, and not with every step between."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.inference.worker_pipe import Pipe, chat
from workbench.inference.engine import Finished, Generate, LoadOptions, Mode, Usage
from workbench.inference.local import protocol
from workbench.inference.local.client import LocalEngine
from workbench.inference.sampling import make


@pytest.fixture(scope="module")
def pipe(starter: Path) -> Iterator[Pipe]:
    one = Pipe()
    one.load(starter, context_length=512, lanes=2, batch=64, threads=1)
    yield one
    assert one.close() == 0


def frames(pipe: Pipe, mode: Mode, count: int) -> list[protocol.Events]:
    """All frames of a run of `count` trials of 24 tokens."""
    settings = make({"max_tokens": 24, "temperature": 0, "stop": []})
    requests = tuple(
        Generate(trial=f"{mode}{at}", messages=chat(f"Count to {at + 20}."), sampling=settings, mode=mode)
        for at in range(count)
    )
    pipe.send(protocol.Run(requests))
    found: list[protocol.Events] = []
    while sum(isinstance(event, Finished) for frame in found for event in frame.events) < count:
        reply = pipe.receive()
        if isinstance(reply, protocol.Events):
            found.append(reply)
    return found


@pytest.mark.parametrize("mode", ["fast", "strict"])
def test_it_is_told_when_work_begins_and_ends_and_seldom_between(pipe: Pipe, mode: Mode) -> None:
    began = time.monotonic()
    found = frames(pipe, mode, 3)
    spent = time.monotonic() - began
    told = [frame.usage for frame in found if frame.usage]
    assert 2 <= len(told) <= 3 + spent < len(found)
    first, last = told[0], found[-1].usage
    assert (first.live, first.lanes, first.waiting) == (2, 2, 1)
    assert 0 < first.cells_used < first.cells
    assert last is not None
    assert (last.live, last.waiting) == (0, 0)
    assert last.cells_used <= last.cells


async def test_the_client_keeps_what_it_heard_and_forgets_it_with_the_worker(starter: Path) -> None:
    engine = LocalEngine(starter, LoadOptions(context_length=512, lanes=3, threads=1))
    told = [engine.usage]
    await engine.load()
    told.append(engine.usage)
    await engine.close()
    assert [*told, engine.usage] == [None, Usage(0, 3, 0, 512), None]
