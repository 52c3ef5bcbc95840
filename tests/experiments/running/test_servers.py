"""Two models here that memory does not hold together, and a server, in one run: by turns here, beside them there."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.inference.openai_server import MODEL, Fake, served
from workbench import paths
from workbench.experiments.experiment import TrialFinished
from workbench.experiments.files import parse
from workbench.experiments.running.events import RunEnded
from workbench.experiments.running.run import ExperimentRun
from workbench.experiments.running.starting import start
from workbench.inference.double import DoubleEngine
from workbench.inference.engine import LoadOptions
from workbench.inference.remote.address import is_remote
from workbench.session import Session

CASES = 5
TEXT = """schema = 1
kind = "experiment"
sampling = {{ max_tokens = 4 }}
[[variants]]
label = "here"
model = "{here}"
[[variants]]
label = "also here"
model = "{copy}"
[[variants]]
label = "there"
model = "double"
"""


@pytest.fixture
def gate() -> asyncio.Event:
    """Holds back what the server says."""
    return asyncio.Event()


@pytest.fixture
def fake(gate: asyncio.Event) -> Iterator[Fake]:
    """A server named box in the settings, two trials at once."""
    with served(Fake(engine=DoubleEngine("double", gate=gate))) as fake:
        paths.ensure(paths.config_dir())
        settings = f'[[servers]]\nname = "box"\nurl = "{fake.url}"\nconcurrency = 2\n'
        (paths.config_dir() / "settings.toml").write_text(settings)
        yield fake


async def test_models_here_take_turns_and_the_server_runs_beside_them(
    tmp_path: Path, starter: Path, fake: Fake, gate: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy.gguf"
    shutil.copy(starter, copy)
    monkeypatch.setattr("workbench.models.fit.holds", lambda loaded, path, options: (not loaded, "needs 9 GiB"))
    session = Session(options=LoadOptions(context_length=512, lanes=2, threads=1, shape=2))
    cases = "".join(f'[[cases]]\nname = "c{at}"\nmessage = "Say {at}"\n' for at in range(CASES))
    source = TEXT.format(here=starter, copy=copy) + cases
    run = ExperimentRun(start(parse(source.encode()), session.rooms), session.rooms)
    order: list[str] = []
    async for event in run.events():
        local = [path for path in session.pool.engines() if not is_remote(path)]
        assert len(local) <= 1
        if isinstance(event, TrialFinished):
            order.append(event.record.variant)
            assert event.record.finish in ("stop", "length"), event.record.error
            if len(order) == CASES + 1:  # one model here is done, and the other at work
                assert fake.live == 2  # the server has had its trials all the time
                fake.loop.call_soon_threadsafe(gate.set)
        if isinstance(event, RunEnded):
            assert event.stopped == "done"
    assert order[: CASES + 1] == ["here"] * CASES + ["also here"]
    assert sorted(order) == sorted(["here", "also here", "there"] * CASES)
    assert fake.most == 2
    assert {body["model"] for path, _, body in fake.asked if path == "/v1/chat/completions"} == {MODEL}
    found = session.store.trials(run.start.run, limit=-1)
    assert [each["variant"] for each in found] == ["here", "also here", "there"] * CASES
    await session.close()
