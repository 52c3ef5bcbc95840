"""The test double keeps the contract, and its own switches do what they say."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.inference.contract import EngineContract, ask, end_of, run, text_of
from workbench.errors import EngineError, UsageError
from workbench.inference.double import DoubleEngine, from_script
from workbench.inference.engine import Piece


class TestDouble(EngineContract):
    """The contract."""

    @pytest.fixture
    async def engine(self) -> DoubleEngine:
        engine = DoubleEngine()
        await engine.load()
        return engine


async def test_a_gate_holds_the_stream() -> None:
    gate = asyncio.Event()
    engine = DoubleEngine(answer="one two three", gate=gate)
    await engine.load()
    task = asyncio.create_task(run(engine, ask("a")))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not task.done()
    gate.set()
    assert text_of(await task, "a") == "one two three"


async def test_a_crash_ends_every_trial_and_load_restarts() -> None:
    engine = DoubleEngine(crash_after=3)
    await engine.load()
    events = await run(engine, ask("a"), ask("b"))
    assert end_of(events, "a").finish == end_of(events, "b").finish == "error"
    engine.crash_after = None
    await engine.load()
    assert end_of(await run(engine, ask("a")), "a").finish != "error"


async def test_a_load_that_fails_says_why() -> None:
    with pytest.raises(EngineError, match="no room"):
        await DoubleEngine(fail_load="no room").load()


async def test_a_steady_rate_comes_in_handfuls() -> None:
    engine = from_script("rate=2000,tokens=120", Path("x.gguf"))
    await engine.load()
    events = await run(engine, ask("a", max_tokens=100))
    pieces = [event for event in events if isinstance(event, Piece)]
    assert sum(piece.tokens for piece in pieces) == 100
    assert len(pieces) < 100


def test_an_unknown_word_in_the_script_is_named() -> None:
    with pytest.raises(UsageError, match="speed"):
        from_script("speed=3", Path("x.gguf"))
