"""The pool: one engine a model, shared; turns where memory does not hold both, and nobody waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.inference.contract import ask, end_of, run
from workbench.errors import EngineError
from workbench.inference.double import DoubleEngine
from workbench.inference.engine import Engine, ModelInfo
from workbench.inference.pool import EnginePool

A, B, C = Path("a.gguf"), Path("b.gguf"), Path("c.gguf")
WAIT = 20.0  # seconds; only a deadlock takes as long


class Counting(DoubleEngine):
    """A double that counts its loads; `hold` keeps a load from ending."""

    def __init__(self, path: Path, begun: asyncio.Event) -> None:
        super().__init__(path)
        self.loads = 0
        self.hold: asyncio.Event | None = None
        self.begun = begun

    async def load(self, on_progress: Callable[[float], None] | None = None) -> ModelInfo:
        """As the double's."""
        self.loads += 1
        self.begun.set()
        if self.hold is not None:
            await self.hold.wait()
        return await super().load(on_progress)


class Room:
    """A pool on doubles with memory for `places` models; `most` is how many it held at once."""

    def __init__(self, places: int = 99, hold: asyncio.Event | None = None) -> None:
        self.places = places
        self.hold = hold
        self.begun = asyncio.Event()
        self.made: list[Counting] = []
        self.most = 0
        self.pool = EnginePool(self._make, self._fits)

    def _make(self, path: Path) -> Engine:
        engine = Counting(path, self.begun)
        engine.hold = self.hold
        self.made.append(engine)
        self.most = max(self.most, sum(made.state != "closed" for made in self.made))
        return engine

    def _fits(self, path: Path, loaded: Sequence[Path]) -> tuple[bool, str]:
        fits = len(loaded) < self.places
        return fits, "" if fits else f"{path.stem} needs 9 GiB"

    def names(self) -> list[str]:
        return [engine.path.stem for engine in self.made]


async def spin(times: int = 20) -> None:
    """Let everybody come as far as they can (on the loop; memory is asked in a thread)."""
    for _ in range(times):
        await asyncio.sleep(0.001)


async def test_users_share_an_engine_that_is_loaded_once_and_hear_of_it() -> None:
    room = Room(hold=asyncio.Event())
    heard: dict[int, list[float]] = {0: [], 1: [], 2: []}

    async def user(number: int) -> Engine:
        async with room.pool.use(A, on_progress=heard[number].append) as engine:
            assert engine.state == "ready"
            return engine

    tasks = [asyncio.create_task(user(number)) for number in range(3)]
    await spin()
    assert room.hold is not None
    room.hold.set()
    engines = await asyncio.wait_for(asyncio.gather(*tasks), WAIT)
    assert len(set(map(id, engines))) == 1
    assert (room.names(), room.made[0].loads) == (["a"], 1)
    assert all(fractions == [0.0, 0.5, 1.0] for fractions in heard.values())
    assert list(room.pool.engines()) == [A]


async def test_models_that_fit_run_beside_each_other() -> None:
    room = Room()
    async with room.pool.use(A) as one, room.pool.use(B) as two:
        assert (one.state, two.state) == ("ready", "ready")
        assert await room.pool.fits(A)
        assert await room.pool.fits(C)


async def test_one_waits_its_turn_and_is_told_why() -> None:
    room = Room(places=1)
    reasons: list[str] = []
    order: list[str] = []
    waits = asyncio.Event()

    def on_wait(reason: str) -> None:
        reasons.append(reason)
        waits.set()

    async def second() -> None:
        async with room.pool.use(B, on_wait=on_wait):
            order.append("second")

    async with room.pool.use(A) as engine:
        task = asyncio.create_task(second())
        await waits.wait()
        assert not await room.pool.fits(B)
        order.append("first")
    await asyncio.wait_for(task, WAIT)
    assert order == ["first", "second"]
    assert reasons == ["b needs 9 GiB"]
    assert engine.state == "closed"
    assert list(room.pool.engines()) == [B]
    assert room.most == 1


async def test_an_idle_one_makes_room_without_waiting() -> None:
    room = Room(places=1)
    reasons: list[str] = []
    async with room.pool.use(A):
        pass
    async with room.pool.use(B, on_wait=reasons.append):
        pass
    assert reasons == []
    assert [engine.state for engine in room.made] == ["closed", "ready"]


@pytest.mark.parametrize("places", [1, 2])
async def test_crossing_users_of_three_models_all_come_to_their_turn(places: int) -> None:
    room = Room(places=places)
    done: list[str] = []

    async def user(paths: Sequence[Path]) -> None:
        for path in paths:
            async with room.pool.use(path, on_wait=lambda reason: None) as engine:
                assert engine.state == "ready"
                trial = f"{path.stem}{id(paths)}"
                assert end_of(await run(engine, ask(trial)), trial).finish in ("stop", "length")
        done.append("x")

    orders = [(A, B, C), (C, B, A), (B, C, A), (A, A, B), (C, A, C)]
    await asyncio.wait_for(asyncio.gather(*(user(order) for order in orders)), WAIT)
    assert len(done) == len(orders)
    assert room.most <= places


async def test_who_waits_for_memory_is_not_passed_by_for_ever() -> None:
    room = Room(places=1)
    waits = asyncio.Event()
    order: list[str] = []

    async def other() -> None:
        async with room.pool.use(B, on_wait=lambda reason: waits.set()):
            order.append("b")

    async def late() -> None:
        async with room.pool.use(A):
            order.append("a")

    async with room.pool.use(A):
        first = asyncio.create_task(other())
        await waits.wait()
        second = asyncio.create_task(late())
        await spin()
    await asyncio.wait_for(asyncio.gather(first, second), WAIT)
    assert order == ["b", "a"]


async def test_a_failed_engine_is_started_again_by_the_next_use() -> None:
    room = Room()
    async with room.pool.use(A) as engine:
        room.made[0].crash()
        assert engine.state == "failed"
    async with room.pool.use(A) as again:
        assert again is engine
        assert again.state == "ready"
    room.made[0].crash()
    await room.pool.restart(A)
    assert room.made[0].loads == 3


async def test_a_load_that_fails_tells_everybody_and_can_be_tried_again() -> None:
    room = Room(hold=asyncio.Event())
    uses = [asyncio.create_task(room.pool.restart(A)) for _ in range(2)]
    await spin()
    assert room.hold is not None
    room.made[0].fail_load = "no room"
    room.hold.set()
    found = await asyncio.wait_for(asyncio.gather(*uses, return_exceptions=True), WAIT)
    assert all(isinstance(error, EngineError) and error.what == "no room" for error in found)
    room.made[0].fail_load = ""
    await room.pool.restart(A)
    assert room.made[0].state == "ready"


async def test_who_gives_up_waiting_leaves_the_turn_to_the_next() -> None:
    room = Room(places=1)
    waits = asyncio.Event()

    async def wants(path: Path) -> None:
        async with room.pool.use(path, on_wait=lambda reason: waits.set()):
            pass

    async with room.pool.use(A):
        task = asyncio.create_task(wants(B))
        await waits.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with asyncio.timeout(WAIT), room.pool.use(A):
            pass
    await asyncio.wait_for(wants(C), WAIT)


async def test_who_gives_up_a_load_does_not_end_it_for_others() -> None:
    room = Room(hold=asyncio.Event())
    tasks = [asyncio.create_task(room.pool.restart(A)) for _ in range(2)]
    await spin()
    tasks[0].cancel()
    assert room.hold is not None
    room.hold.set()
    await asyncio.wait_for(tasks[1], WAIT)
    assert room.made[0].loads == 1


async def test_a_discarded_engine_is_made_anew_and_its_memory_given_on() -> None:
    room = Room(places=1)
    waits = asyncio.Event()

    async def other() -> None:
        async with room.pool.use(B, on_wait=lambda reason: waits.set()) as engine:
            assert engine.state == "ready"

    async with room.pool.use(A) as engine:
        task = asyncio.create_task(other())
        await waits.wait()
        await room.pool.discard(A)
        assert engine.state == "closed"
        await asyncio.wait_for(task, WAIT)
    await room.pool.restart(A)
    assert room.names() == ["a", "b", "a"]


async def test_closed_while_it_loads_and_while_others_wait() -> None:
    room = Room(places=1)
    waits = asyncio.Event()

    async def other() -> None:
        async with room.pool.use(B, on_wait=lambda reason: waits.set()):
            pass

    async with room.pool.use(A) as engine:
        task = asyncio.create_task(other())
        await waits.wait()
        await room.pool.close()
        await room.pool.close()
        with pytest.raises(EngineError, match="closed"):
            await asyncio.wait_for(task, WAIT)
        assert engine.state == "closed"
    with pytest.raises(EngineError, match="closed"):
        await room.pool.restart(A)
    assert room.names() == ["a"]


async def test_closed_in_the_middle_of_a_load() -> None:
    room = Room(hold=asyncio.Event())
    task = asyncio.create_task(room.pool.restart(A))
    await room.begun.wait()
    closing = asyncio.create_task(room.pool.close())
    await spin(3)
    assert room.hold is not None
    room.hold.set()
    await asyncio.wait_for(closing, WAIT)
    with pytest.raises(EngineError, match="closed"):
        await asyncio.wait_for(task, WAIT)
    assert room.made[0].state == "closed"
