"""What a model took corrects its next estimate; a measurement that says less than another does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.experiments.test_runner import plans
from workbench.experiments.runner import new_id
from workbench.inference.engine import LoadOptions, Usage
from workbench.models import measured
from workbench.models.advice import wanted
from workbench.models.fit import estimate
from workbench.models.gguf import read_whole
from workbench.session import Session

OPTIONS = LoadOptions(context_length=512, lanes=1, offload=0)
MB = 1_000_000


def test_the_base_is_what_the_estimate_does_not_know(starter: Path) -> None:
    header = read_whole(starter)
    said = estimate(header, OPTIONS)
    usage = Usage(live=0, lanes=1, cells_used=0, cells=512)
    measured.note(starter, OPTIONS, usage, said.kv + said.compute + 150 * MB)
    assert measured.base(starter, OPTIONS) == 150 * MB
    measured.note(starter, OPTIONS, usage, said.kv + said.compute + 140 * MB)  # a short prompt: buffers not all touched
    assert measured.base(starter, OPTIONS) == 150 * MB
    larger = LoadOptions(context_length=4096, lanes=4, offload=0, kv_type="q8_0")
    fit = wanted(starter, larger).fit()
    assert fit.measured
    assert (fit.low + fit.high) // 2 == pytest.approx(150 * MB + fit.kv + fit.compute, abs=2)
    assert fit.high - fit.low < estimate(header, larger).high - estimate(header, larger).low
    assert measured.base(starter, LoadOptions(offload=0, mmap=False)) == 0
    assert not wanted(starter, LoadOptions(offload=0, mmap=False)).fit().measured


def test_a_file_that_is_none_and_a_bad_cache_are_no_measurement(tmp_path: Path, starter: Path) -> None:
    (tmp_path / "bad.gguf").write_bytes(b"nonsense")
    measured.note(tmp_path / "bad.gguf", OPTIONS, Usage(0, 1, 0, 512), MB)
    assert measured.base(tmp_path / "bad.gguf", OPTIONS) == 0


async def test_a_real_run_is_measured(starter: Path) -> None:
    session = Session(options=OPTIONS)
    try:
        (plan, *_) = plans(1, run=new_id())
        trial = replace(plan, variant=replace(plan.variant, path=str(starter)))
        async for _ in session.runner.run([trial]):
            pass
        size = read_whole(starter).size
        await session.measured()
        assert 0.9 * size < measured.base(starter, session.load_options(starter)) < 2 * size
    finally:
        await session.close()
