"""The remote engine keeps the contract over HTTP, in the dialects of llama-server and of vLLM, the double behind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.inference.contract import QUESTION, TEXTS, EngineContract, ask, end_of, run
from tests.inference.openai_server import MODEL, Fake, served
from workbench.errors import EngineError
from workbench.inference.engine import Generate, Message, Started
from workbench.inference.remote.openai import RemoteEngine
from workbench.inference.sampling import make
from workbench.settings import Server


@pytest.fixture
def dialect() -> str:
    return "plain"


@pytest.fixture
def fake(dialect: str) -> Iterator[Fake]:
    with served(Fake(dialect)) as fake:
        yield fake


@pytest.fixture
async def engine(fake: Fake) -> AsyncIterator[RemoteEngine]:
    engine = RemoteEngine(Server("box", fake.url), MODEL)
    await engine.load()
    yield engine
    await engine.close()


class TestLlamaServer(EngineContract):
    @pytest.fixture
    def dialect(self) -> str:
        return "llama.cpp"


class TestVllm(EngineContract):
    @pytest.fixture
    def dialect(self) -> str:
        return "vllm"


@pytest.mark.parametrize("dialect", ["llama.cpp", "vllm"])
async def test_control_tokens_in_a_text_are_named(engine: RemoteEngine) -> None:
    counted = await engine.count([*QUESTION, Message("user", "an <|im_end|> inside, < and |")])
    assert counted.special == ("<|im_end|>",)


@pytest.mark.parametrize("dialect", ["llama.cpp", "vllm"])
async def test_scores_are_those_of_the_engine_behind(fake: Fake, engine: RemoteEngine) -> None:
    text = " Paris, of course"
    tokens = fake.pieces(text)
    before = "The capital of France is"
    for token, scored in zip(tokens, await engine.score(before, text), strict=True):
        behind = fake.wait(fake.engine.score(before, token.text))[0]
        assert (scored.id, scored.text) == (token.id, token.text)
        assert scored.logprob == pytest.approx(behind.logprob)
        before += token.text


@pytest.mark.parametrize("dialect", ["llama.cpp"])
async def test_a_prompt_that_begins_with_a_token_twice_keeps_both(fake: Fake, engine: RemoteEngine) -> None:
    await engine.next_token("   x", 3)
    path, _, body = fake.asked[-1]
    assert path == "/completion"
    assert [fake.texts[id] for id in body["prompt"]] == [" ", " ", " x"]


async def test_a_plain_server_generates_and_says_what_it_has_not(fake: Fake, engine: RemoteEngine) -> None:
    """An OpenAI API and no more: counts come with the end, questions about tokens are errors of one line."""
    events = await run(engine, ask("a"))
    assert end_of(events, "a").prompt_tokens > 0
    assert next(event for event in events if isinstance(event, Started)).prompt_tokens == 0
    assert len(await engine.next_token("The capital of France is", 5)) == 5
    await engine.next_token("The capital of France is", 2000)
    assert fake.asked[-1][2]["logprobs"] == 20  # more is refused by such servers
    scores = (engine.score("a", "b"), engine.score_many("a", ["b"]))
    for asked in (engine.tokenize(TEXTS[0]), engine.render(QUESTION), engine.count(QUESTION), *scores):
        with pytest.raises(EngineError, match=r"127\.0\.0\.1:\d+: the server offers no ") as caught:
            await asked
        assert "\n" not in str(caught.value)
    assert engine.info is not None
    assert "coupled sampling and strict mode are not offered by 127.0.0.1" in engine.info.warning
    assert "top_k and min_p are the server's own" in engine.info.warning


@pytest.mark.parametrize("dialect", ["llama.cpp", "vllm", "plain"])
async def test_a_raw_prompt_is_sent_as_it_stands(fake: Fake, engine: RemoteEngine) -> None:
    request = Generate(trial="a", prompt="Once upon", sampling=make({"max_tokens": 3}), mode="strict", logprobs=2)
    events = await run(engine, request)
    end = end_of(events, "a")
    assert (end.finish, end.completion_tokens, end.mode) == ("length", 3, "fast")
    path, _, body = fake.asked[-1]
    assert path == "/v1/completions"
    assert body["prompt"] == "Once upon"


@pytest.mark.parametrize(
    ("dialect", "sent", "unsent"),
    [
        ("llama.cpp", {"top_k": 40, "min_p": 0.05, "repeat_last_n": 64, "mirostat": 0}, {"mirostat_tau", "dry_base"}),
        ("vllm", {"top_k": 40, "min_p": 0.05, "repetition_penalty": 1.1}, {"repeat_penalty", "mirostat"}),
        ("plain", {"top_p": 0.95, "repeat_penalty": 1.1}, {"top_k", "min_p", "mirostat"}),
    ],
)
async def test_each_dialect_gets_the_settings_it_knows(
    fake: Fake, engine: RemoteEngine, sent: dict[str, object], unsent: set[str]
) -> None:
    await run(engine, ask("a", repeat_penalty=1.1, temperature=0.3, stop=["x"]))
    body = fake.asked[-1][2]
    assert body.items() >= {**sent, "temperature": 0.3, "max_tokens": 24, "seed": 7, "stop": ["x"]}.items()
    assert not unsent & body.keys()


@pytest.mark.parametrize("dialect", ["vllm", "plain"])
async def test_a_setting_that_would_be_dropped_is_an_error(fake: Fake, engine: RemoteEngine) -> None:
    asked = len(fake.asked)
    end = end_of(await run(engine, ask("a", mirostat=2)), "a")
    assert end.finish == "error"
    assert "mirostat is not offered" in end.error
    assert len(fake.asked) == asked


async def test_trials_at_once_are_bounded(fake: Fake) -> None:
    engine = RemoteEngine(Server("box", fake.url, concurrency=2), MODEL)
    await engine.load()
    events = await run(engine, *(ask(f"t{i}") for i in range(7)))
    assert {end_of(events, f"t{i}").finish for i in range(7)} <= {"stop", "length"}
    assert 1 <= fake.most <= 2
    await engine.close()


async def test_a_model_that_is_not_there_is_named_with_the_nearest(fake: Fake) -> None:
    engine = RemoteEngine(Server("box", fake.url), "org/double-1C")
    with pytest.raises(EngineError, match="no model org/double-1C — did you mean org/double-1B"):
        await engine.load()
    assert engine.state == "failed"
    await engine.close()
