"""The remote engine keeps the contract on a real llama-server, with both real models: `make test-server`."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.inference import llama_server
from tests.inference.contract import QUESTION, EngineContract, ask, end_of, run, text_of
from workbench.errors import EngineError
from workbench.inference.engine import LoadOptions
from workbench.inference.local.client import LocalEngine
from workbench.inference.remote.openai import RemoteEngine
from workbench.settings import Server

PROGRAM = llama_server.program()  # before conftest.py takes WORKBENCH_… out of the environment
pytestmark = [
    pytest.mark.llama_server,
    pytest.mark.skipif(PROGRAM is None, reason="no llama-server: WORKBENCH_LLAMA_SERVER=PATH, or make test-server"),
]
KEY = "sk-loopback-0123456789abcdef"


def _served(model: Path, log: Path) -> Iterator[str]:
    assert PROGRAM is not None
    with llama_server.running(PROGRAM, model, log, ["--alias", "tested", "--api-key", KEY]) as url:
        yield url


@pytest.fixture(scope="module")
def smol_url(starter: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from _served(starter, tmp_path_factory.mktemp("server") / "smol.log")


@pytest.fixture(scope="module")
def gemma_url(gemma: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from _served(gemma, tmp_path_factory.mktemp("server") / "gemma.log")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setenv("LOOPBACK_KEY", KEY)
    return Server("loopback", "", key_env="LOOPBACK_KEY")


async def _loaded(server: Server, url: str) -> RemoteEngine:
    engine = RemoteEngine(Server(server.name, url, key_env=server.key_env), "tested")
    await engine.load()
    return engine


class TestStarter(EngineContract):
    traces = False

    @pytest.fixture
    async def engine(self, server: Server, smol_url: str) -> AsyncIterator[RemoteEngine]:
        engine = await _loaded(server, smol_url)
        yield engine
        await engine.close()


class TestGemma(EngineContract):
    traces = False

    @pytest.fixture
    async def engine(self, server: Server, gemma_url: str) -> AsyncIterator[RemoteEngine]:
        engine = await _loaded(server, gemma_url)
        yield engine
        await engine.close()


@pytest.fixture
async def pair(server: Server, smol_url: str, starter: Path) -> AsyncIterator[tuple[RemoteEngine, LocalEngine]]:
    """The same file on the server and here."""
    remote = await _loaded(server, smol_url)
    local = LocalEngine(starter, LoadOptions(context_length=512, threads=1))
    await local.load()
    yield remote, local
    await local.close()
    await remote.close()


async def test_it_counts_cuts_and_renders_as_the_local_engine_does(pair: tuple[RemoteEngine, LocalEngine]) -> None:
    remote, local = pair
    said = (*QUESTION, ask("x").messages[1], type(QUESTION[0])("user", "an <|im_end|> inside"))
    assert await remote.render(said) == await local.render(said)
    assert await remote.count(said) == await local.count(said)
    assert (await remote.count(said)).special == ("<|im_end|>",)
    for text in ("Hello 한국어 🦙", "<|im_start|>user"):
        for special in (False, True):
            assert await remote.tokenize(text, special=special) == await local.tokenize(text, special=special)


async def test_it_scores_as_the_local_engine_does(pair: tuple[RemoteEngine, LocalEngine]) -> None:
    """Other builds of llama.cpp: the same numbers but for rounding."""
    remote, local = pair
    for prompt, text in (("The capital of France is", " Paris, of course."), ("One, two,", " three")):
        theirs, ours = await remote.score(prompt, text), await local.score(prompt, text)
        assert [token.id for token in theirs] == [token.id for token in ours]
        assert [token.text for token in theirs] == [token.text for token in ours]
        for one, other in zip(theirs, ours, strict=True):
            assert math.isclose(one.logprob, other.logprob, abs_tol=0.15)
    theirs, ours = (
        await remote.next_token("The capital of France is", 5),
        await local.next_token("The capital of France is", 5),
    )
    assert theirs[0].id == ours[0].id
    assert math.isclose(theirs[0].logprob, ours[0].logprob, abs_tol=0.1)


async def test_a_beginning_is_fed_once(server: Server, gemma_url: str) -> None:
    """Gemma wants a BOS before a text: one that stands there already is not doubled, other tokens twice stay."""
    engine = await _loaded(server, gemma_url)
    plain, marked = await engine.next_token("Hello", 5), await engine.next_token("<bos>Hello", 5)
    await engine.close()
    assert [token.id for token in plain] == [token.id for token in marked]
    assert plain[0].logprob == pytest.approx(marked[0].logprob, abs=0.05)


async def test_greedy_answers_begin_alike(pair: tuple[RemoteEngine, LocalEngine]) -> None:
    remote, local = pair
    request = ask("a", temperature=0, max_tokens=8)
    assert text_of(await run(remote, request), "a") == text_of(await run(local, request), "a")


async def test_every_sampler_setting_is_taken(server: Server, smol_url: str) -> None:
    engine = await _loaded(server, smol_url)
    settings: dict[str, Any] = {
        "mirostat": 2,
        "dry_multiplier": 0.8,
        "repeat_last_n": -1,
        "xtc_probability": 0.3,
        "dynatemp_range": 0.2,
        "top_n_sigma": 2.0,
        "typical_p": 0.9,
        "logit_bias": "5:-100",
        "grammar": 'root ::= "yes" | "no"',
        "stop": ["\n"],
    }
    events = await run(engine, ask("a", **settings))
    await engine.close()
    assert end_of(events, "a").error == ""
    assert text_of(events, "a") in ("yes", "no")


async def test_a_wrong_key_is_said_without_the_key(
    server: Server, smol_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOPBACK_KEY", "sk-wrong-9876543210")
    with pytest.raises(EngineError, match="401") as caught:
        await _loaded(server, smol_url)
    assert "sk-wrong" not in str(caught.value)
    assert "check the key of server loopback" in str(caught.value)
