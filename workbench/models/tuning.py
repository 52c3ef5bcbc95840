"""The fastest load settings of a model, measured: short real runs over one setting after the other.

With a GPU: layers on it, then the batch. Without: threads, then the batch. Each is set to its fastest value before the
next is tried; at the end the present settings and the proposed ones are measured again, one after the other, because a
machine's speed drifts. What would not leave memory for the rest of the machine is never loaded.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from workbench.bars import bar
from workbench.errors import EngineError
from workbench.inference.engine import Engine, Finished, Generate, LoadOptions
from workbench.inference.loading import make
from workbench.inference.sampling import Sampling
from workbench.models.fit import estimate
from workbench.models.gguf import Header, read_whole

JOB = (512, 256)  # tokens read and tokens answered, in each lane: what "fastest" is about
LANES = 2  # that run together in a measurement, as in a comparison
CONFIRMED = "settings"
SAME = 0.03  # speeds nearer than this are one; the smaller value is taken
RESERVE = 0.05  # of the memory is left to others
ANSWER = 32  # tokens that each lane answers in a measurement
ASKED = (64, 512)  # tokens it reads, at least and at most
PATIENCE = 4.0  # seconds that reading may take in a measurement: a slow machine reads less
ROUNDS = 2  # of each measurement; the faster counts, the other was disturbed

MakeEngine = Callable[[Path, LoadOptions], Engine]


@dataclass(frozen=True)
class Point:
    """A setting as measured: tokens a second, over all lanes; `error` says why it was not.

    `name` is the setting, or CONFIRMED with the value 0 for the present settings and 1 for the proposed ones.
    """

    name: str
    value: int
    options: LoadOptions
    prompt_per_s: float = 0.0
    tokens_per_s: float = 0.0
    error: str = ""

    @property
    def seconds(self) -> float:
        """How long the job takes at these speeds, infinite when it was not measured."""
        if self.error or not self.prompt_per_s or not self.tokens_per_s:
            return float("inf")
        return LANES * (JOB[0] / self.prompt_per_s + JOB[1] / self.tokens_per_s)


@dataclass(frozen=True)
class Trying:
    """A point that is measured now: number `at` of `count`, as far as it can be foreseen."""

    name: str
    value: int
    at: int
    count: int


@dataclass(frozen=True)
class Machine:
    """What there is to tune for: cores that compute, processors the system shows, whether layers can go to a GPU."""

    cores: int
    processors: int
    gpu: bool


def machine() -> Machine:
    """This one."""
    import os

    from workbench.hardware import gpu
    from workbench.inference.local.machine import threads
    from workbench.models.fit import free_vram

    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Machine(threads(), processors, gpu.offload_built() and free_vram() > 0)


def axes(header: Header, options: LoadOptions, here: Machine) -> list[tuple[str, tuple[int, ...]]]:
    """The settings to try, in turn, and their values."""
    context = options.context_length or min(header.context_length or 4096, 4096)
    batches = ("batch", tuple(size for size in (128, 256, 512, 1024, 2048) if size <= max(128, context)))
    if here.gpu:
        layers = header.number("block_count") + 1  # with the output
        return [("offload", tuple(sorted({layers * part // 4 for part in range(5)}))), batches]
    cores = here.cores
    threads = {1, cores // 2, cores - 1, cores, here.processors} - {0}
    return [("threads", tuple(sorted(threads))), batches]


async def tune(
    path: Path, options: LoadOptions, make_engine: MakeEngine, *, here: Machine | None = None
) -> AsyncIterator[Point | Trying]:
    """Measure, one point after the other; closing the iterator stops at once and frees the memory.

    The best of what was yielded is `best`. Raises EngineError when the file cannot be read.
    """
    header = await asyncio.to_thread(read_whole, path)
    here = here or machine()
    options = replace(options, shape=LANES, lanes=max(LANES, options.lanes))
    asked, known, first = 0, dict[LoadOptions, Point](), options
    plan = axes(header, options, here)
    count = sum(len(values) for _, values in plan) - len(plan) + 1 + 2
    for name, values in plan:
        tried: list[Point] = []
        for value in values:
            candidate = make({name: value}, options)
            if candidate in known:
                point = dataclasses.replace(known[candidate], name=name, value=value)
            elif refused := await asyncio.to_thread(_refused, header, candidate):
                point = Point(name, value, candidate, error=refused)
            else:
                yield Trying(name, value, len(known) + 1, count)
                point, asked = await _measured(name, value, path, candidate, make_engine, asked)
            known[candidate] = point
            tried.append(point)
            yield point
        if (fastest := best(tried)) is not None:
            options = fastest.options
    if options != first:
        for value, candidate in enumerate((first, options)):
            yield Trying(CONFIRMED, value, count - 1 + value, count)
            point, asked = await _measured(CONFIRMED, value, path, candidate, make_engine, asked)
            yield point


def best(points: Sequence[Point]) -> Point | None:
    """The fastest of a setting's points; of those as fast the smallest value. None when none was measured."""
    measured = [point for point in points if point.seconds < float("inf")]
    if not measured:
        return None
    least = min(point.seconds for point in measured)
    near = [point for point in measured if point.seconds <= least * (1 + SAME)]
    return min(near, key=lambda point: point.value)


def proposal(points: Sequence[Point], options: LoadOptions) -> LoadOptions:
    """`options` with the fastest values in their place; as they are when measuring both again did not confirm it."""
    if (fastest := best([point for point in points if point.name == CONFIRMED])) is not None and not fastest.value:
        return options
    chosen = {}
    for name in dict.fromkeys(point.name for point in points if point.name != CONFIRMED):
        fastest = best([point for point in points if point.name == name])
        if fastest is not None:
            chosen[name] = fastest.value
    return make(chosen, options)


def confirmed(points: Sequence[Point]) -> bool:
    """Whether the present settings and the proposed ones were both measured once more."""
    return sum(not point.error for point in points if point.name == CONFIRMED) == 2


def _refused(header: Header, options: LoadOptions) -> str:
    """Why it is not even tried, "" when memory holds it and leaves the rest of the machine its share."""
    fit = estimate(header, options)
    left = fit.available - fit.high
    if left >= RESERVE * fit.available:
        return ""
    return f"too big: {fit.numbers}"


async def _measured(
    name: str, value: int, path: Path, options: LoadOptions, make_engine: MakeEngine, asked: int
) -> tuple[Point, int]:
    """The point, and how many tokens were asked (`asked` 0: found out here)."""
    engine = make_engine(path, options)
    try:
        await engine.load()
        if not asked:
            reading, _ = await _round(engine, ASKED[0], 1, "probe")
            room = (engine.info.context_length if engine.info else ASKED[1]) - ANSWER - 32
            asked = int(max(ASKED[0], min(ASKED[1], room // 2, reading * PATIENCE / LANES)))
        rounds = [await _round(engine, asked, ANSWER, f"round {number}") for number in range(ROUNDS)]
    except EngineError as error:
        return Point(name, value, options, error=str(error)), asked
    finally:
        await engine.close()
    return Point(name, value, options, max(r[0] for r in rounds), max(r[1] for r in rounds)), asked


async def _round(engine: Engine, asked: int, answered: int, name: str) -> tuple[float, float]:
    """Tokens a second read and answered, over all lanes. Raises EngineError when a trial fails."""
    text = (" one two three four five six seven eight nine ten" * asked)[: asked * 4]  # about four letters a token
    sampling = Sampling(temperature=0.0, max_tokens=answered)
    names = [f"{name}, lane {lane}" for lane in range(LANES)]  # before the text, so that nothing is in the cache yet
    requests = [Generate(trial=each, prompt=f"{each}:{text}", sampling=sampling) for each in names]
    ends: list[Finished] = []
    async for event in engine.generate(requests):
        if isinstance(event, Finished):
            if event.finish == "error":
                raise EngineError(event.error)
            ends.append(event)
    reading = max((end.first_token_s or 0.0) for end in ends)
    rates = [end.tokens_per_s for end in ends if end.tokens_per_s]
    return sum(end.prompt_tokens for end in ends) / max(reading, 1e-6), sum(rates)


def plot(points: Sequence[Point], width: int = 80) -> list[str]:
    """Rows that show the answer's speed against each setting, the fastest marked."""
    rows: list[str] = []
    most = max((point.tokens_per_s for point in points), default=0.0) or 1.0
    cells = max(8, width - 50)
    for name in dict.fromkeys(point.name for point in points):
        group = [point for point in points if point.name == name]
        fastest = best(group)
        title = "present and proposed, once more" if name == CONFIRMED else name
        rows.append(f"── {title}: tokens a second, {LANES} lanes together")
        for point in group:
            label = f"{point.value:>8}" if name != CONFIRMED else ("proposed" if point.value else " present")
            if point.error:
                rows.append(f"{label}  {point.error}")
                continue
            mark = " ◂ fastest" if point is fastest else ""
            speeds = f"{point.tokens_per_s:>6.0f}  (reads {point.prompt_per_s:>6.0f})"
            rows.append(f"{label}  {bar(point.tokens_per_s / most, cells)} {speeds}{mark}")
    return rows
