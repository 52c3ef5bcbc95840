"""Tuning: what is tried and in which order, what is proposed, and a real run."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from workbench.errors import EngineError
from workbench.inference.double import DoubleEngine
from workbench.inference.engine import Engine, LoadOptions
from workbench.inference.local.client import LocalEngine
from workbench.models import tuning
from workbench.models.gguf import read_header
from workbench.models.tuning import CONFIRMED, Machine, Point, Trying

CPU = Machine(cores=2, processors=4, gpu=False)
BASE = LoadOptions(context_length=512)


def point(name: str, value: int, speed: float, **more: object) -> Point:
    return Point(name, value, BASE, speed * 5, speed, **more)  # type: ignore[arg-type]  # `error` alone, a text


def test_what_is_tried(starter: Path) -> None:
    header = read_header(starter)
    assert tuning.axes(header, BASE, CPU) == [("threads", (1, 2, 4)), ("batch", (128, 256, 512))]
    on_gpu = tuning.axes(header, LoadOptions(), Machine(8, 16, gpu=True))
    assert on_gpu == [("offload", (0, 7, 15, 23, 31)), ("batch", (128, 256, 512, 1024, 2048))]


def test_the_fastest_and_of_those_as_fast_the_smallest() -> None:
    slow, fast, same = point("threads", 1, 10), point("threads", 4, 20.2), point("threads", 2, 20)
    assert tuning.best([slow, fast, same]) is same
    assert tuning.best([point("threads", 1, 0), point("threads", 2, 5, error="too big")]) is None


def test_a_proposal_that_is_not_confirmed_is_none() -> None:
    points = [point("threads", 1, 10), point("threads", 2, 20), point("batch", 512, 20), point("batch", 128, 10)]
    assert tuning.proposal(points, BASE) == LoadOptions(context_length=512, threads=2)
    confirmed = [*points, point(CONFIRMED, 0, 11), point(CONFIRMED, 1, 20)]
    assert tuning.proposal(confirmed, BASE).threads == 2
    assert tuning.confirmed(confirmed)
    assert not tuning.confirmed(confirmed[:-1])
    assert not tuning.confirmed([*confirmed[:-1], point(CONFIRMED, 1, 0, error="stopped")])
    assert tuning.proposal([*points, point(CONFIRMED, 0, 20), point(CONFIRMED, 1, 19)], BASE) == BASE
    assert tuning.proposal([], BASE) == BASE


def test_the_plot_marks_the_fastest_of_each() -> None:
    rows = tuning.plot([point("threads", 1, 10), point("threads", 2, 20), point("threads", 4, 0, error="too big")], 70)
    assert rows[0].startswith("── threads")
    assert rows[1].count("█") == 10
    assert rows[2].count("█") == 20
    assert "◂ fastest" in rows[2]
    assert rows[3].endswith("too big")
    assert all(len(row) <= 70 for row in rows)


async def test_a_real_run_measures_every_point(starter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "ASKED", (16, 16))
    monkeypatch.setattr(tuning, "ANSWER", 4)
    monkeypatch.setattr(tuning, "ROUNDS", 1)
    made: list[LocalEngine] = []

    def make(path: Path, options: LoadOptions) -> Engine:
        made.append(LocalEngine(path, options))
        return made[-1]

    options = LoadOptions(context_length=160, batch=64)
    found = [each async for each in tuning.tune(starter, options, make, here=Machine(1, 1, gpu=False))]
    points = [each for each in found if isinstance(each, Point)]
    assert [(p.name, p.value) for p in points] == [
        ("threads", 1),
        ("batch", 128),
        (CONFIRMED, 0),
        (CONFIRMED, 1),
    ]
    assert all(p.prompt_per_s > 0 and p.tokens_per_s > 0 for p in points)
    assert [each.value for each in found if isinstance(each, Trying)] == [1, 128, 0, 1]
    assert all(engine.state == "closed" for engine in made)
    assert {engine.options.shape for engine in made} == {tuning.LANES}


async def test_what_would_not_leave_memory_is_not_loaded(starter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.hardware.memory.available", lambda: 1 << 20)

    def make(path: Path, options: LoadOptions) -> Engine:
        raise AssertionError("loaded")

    points = [each async for each in tuning.tune(starter, BASE, make, here=CPU)]
    assert all(isinstance(each, Point) and each.error.startswith("too big") for each in points)
    assert tuning.proposal([each for each in points if isinstance(each, Point)], BASE) == BASE


async def test_a_point_that_fails_is_one_with_its_error_and_stopping_frees_the_engine(starter: Path) -> None:
    engines: list[DoubleEngine] = []
    made = asyncio.Event()

    def make(path: Path, options: LoadOptions) -> Engine:
        if options.threads == 1:
            return DoubleEngine(path, fail_load="no room")
        engines.append(DoubleEngine(path, gate=asyncio.Event()))
        made.set()
        return engines[-1]

    measuring = tuning.tune(starter, BASE, make, here=CPU)
    first = [await anext(measuring) for _ in range(3)]
    assert isinstance(first[0], Trying)
    assert isinstance(first[1], Point)
    assert "no room" in first[1].error
    task = asyncio.ensure_future(anext(measuring))
    await made.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [engine.state for engine in engines] == ["closed"]


async def test_a_file_that_is_none_says_so(tmp_path: Path) -> None:
    (tmp_path / "bad.gguf").write_bytes(b"nonsense")
    with pytest.raises(EngineError):
        await anext(aiter(tuning.tune(tmp_path / "bad.gguf", BASE, lambda path, options: DoubleEngine(path), here=CPU)))
