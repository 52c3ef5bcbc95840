"""Association: exact probabilities on both real models, distances, sentences."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import PromptError, UsageError
from workbench.inference.double import DoubleEngine
from workbench.inference.engine import LoadOptions, TokenLogprob
from workbench.inference.local.client import LocalEngine
from workbench.insight.association import (
    Association,
    Measured,
    Word,
    continuation,
    contrasts,
    finding,
    jensen_shannon,
    measure,
)
from workbench.insight.filling import contexts_of, filled
from workbench.library.library import Libraries

STAR = "When people hear '{{phrase}}', they think of the"


@pytest.fixture(params=["starter", "gemma"])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[LocalEngine]:
    path: Path = request.getfixturevalue(request.param)
    made = LocalEngine(path, LoadOptions(context_length=512, threads=1))
    await made.load()
    yield made
    await made.close()


async def test_a_words_probability_is_the_product_over_its_tokens(engine: LocalEngine) -> None:
    prompts = filled(STAR, {"alone": "star", "galaxy": "star of a galaxy", "film": "star of a film"})
    found = await measure(engine, prompts, ["sky", "Hollywood", "Milky Way"])
    assert [context.name for context in found.contexts] == ["alone", "galaxy", "film"]
    for context in found.contexts:
        assert [word.word for word in context.words] == ["sky", "Hollywood", "Milky Way"]
        for word in context.words:
            product, said = 1.0, context.prompt
            tokens = await engine.score(context.prompt, f" {word.word}")
            for token in tokens:
                product *= math.exp(token.logprob)
                said += token.text
            assert said == f"{context.prompt} {word.word}"
            assert word.p == pytest.approx(product, rel=1e-6)
            assert word.logp == sum(token.logprob for token in tokens)  # scored together, to the bit as alone
            assert word.tokens == len(tokens)
            assert word.per_token == pytest.approx(word.logp / len(tokens))
        first = {token.text: math.exp(token.logprob) for token in context.next}
        sky = context.words[0]
        if sky.tokens == 1 and " sky" in first:  # the two ways of reading it off agree
            assert sky.p == pytest.approx(first[" sky"], rel=1e-3)
        assert list(first.values()) == sorted(first.values(), reverse=True)
    assert all(found.distance[i][i] == pytest.approx(0, abs=1e-6) for i in range(3))
    assert 0 < found.distance[0][1] <= 1
    assert found.distance[0][1] == pytest.approx(found.distance[1][0])


async def test_a_context_moves_its_words(starter: Path) -> None:
    engine = LocalEngine(starter, LoadOptions(context_length=512, threads=1))
    try:
        await engine.load()
        prompts = filled(STAR, {"galaxy": "star of a galaxy", "film": "star of a film"})
        galaxy, film = (context.words[0].p for context in (await measure(engine, prompts, ["galaxy"])).contexts)
        assert galaxy > film
    finally:
        await engine.close()


SHARES = st.dictionaries(st.integers(0, 20), st.floats(0, 1), max_size=10)


def normal(shares: dict[int, float]) -> dict[int, float]:
    whole = sum(shares.values()) or 1.0
    return {token: p / whole for token, p in shares.items()}


@given(left=SHARES, right=SHARES)
def test_the_distance_is_one(left: dict[int, float], right: dict[int, float]) -> None:
    a, b = normal(left), normal(right)
    assert 0 <= jensen_shannon(a, b) <= 1
    assert jensen_shannon(a, b) == jensen_shannon(b, a)
    assert jensen_shannon(a, a) == 0


def test_distributions_apart_are_as_far_as_can_be() -> None:
    assert jensen_shannon({1: 0.5, 2: 0.5}, {1: 0.5, 2: 0.5}) == 0
    assert jensen_shannon({1: 1.0, 2: 0.0}, {1: 0.0, 2: 1.0}) == pytest.approx(1)


def at(name: str, **chances: float) -> Measured:
    words = tuple(Word(word, math.log(p), 1) for word, p in chances.items())
    return Measured(name, name, (TokenLogprob(1, "x", -1.0),), words)


def test_sentences_say_what_changed_and_how_much() -> None:
    found = Association((at("alone", planet=0.01, actor=0.12), at("galaxy", planet=0.38, actor=0.01)), ())
    assert contrasts(found) == ["galaxy makes ‘planet’ 38 × likelier and ‘actor’ 12 × less"]
    assert contrasts(found, 1) == ["alone makes ‘actor’ 12 × likelier and ‘planet’ 38 × less"]
    assert finding(found, "smol") == f"{contrasts(found)[0]} (against alone, smol)"
    fades = Association((at("alone", actor=0.12), at("galaxy", actor=0.01)), ())
    assert contrasts(fades) == ["galaxy makes ‘actor’ 12 × less likely"]
    assert fades.change(1, 0) == pytest.approx(-math.log(12))
    same = Association((at("alone", planet=0.01), at("other", planet=0.011)), ())
    assert contrasts(same) == ["other changes none of them much"]


class Asked(DoubleEngine):
    """Notes what it is asked for."""

    def __init__(self) -> None:
        super().__init__("double.gguf")
        self.asked: list[str] = []

    async def score(self, prompt: str, continuation: str, *, top: int = 0) -> tuple[TokenLogprob, ...]:
        self.asked.append(prompt + continuation)
        return await super().score(prompt, continuation, top=top)

    async def next_token(self, prompt: str, top: int = 20) -> tuple[TokenLogprob, ...]:
        self.asked.append(prompt)
        return await super().next_token(prompt, top)


async def test_only_what_is_new_is_measured() -> None:
    engine, told = Asked(), list[int]()
    await engine.load()
    first = await measure(engine, {"a": "A", "b": "B"}, ["x"], told=lambda found: told.append(len(found.contexts)))
    assert engine.asked == ["A", "A x", "B", "B x"]
    assert told == [1, 2]
    engine.asked.clear()
    again = await measure(engine, {"b": "B", "other": "A", "c": "C"}, ["y", "x"], known=first)
    assert engine.asked == ["B y", "A y", "C", "C y", "C x"]
    assert again.contexts[0].words[1] == first.contexts[1].words[0]
    engine.asked.clear()
    assert await measure(engine, {"b": "B"}, ["x"], known=again) == Association(
        (replace(again.contexts[0], words=(again.contexts[0].words[1],)),), ((0.0,),)
    )
    assert engine.asked == []


@pytest.mark.parametrize(
    ("prompt", "word", "follows"),
    [
        ("of the", "sky", " sky"),
        ("of the ", "sky", "sky"),
        ("Assistant:", " Sure", " Sure"),
        ("the word (", "sky", "sky"),
        ("the sky", ", they", ", they"),
        ("별은", "하늘", " 하늘"),
        ("空には", "星", "星"),
    ],
)
def test_a_blank_goes_where_one_belongs(prompt: str, word: str, follows: str) -> None:
    assert continuation(prompt, word) == follows


def test_what_does_not_go_together_is_said() -> None:
    assert filled("Once upon a", {}) == {"text": "Once upon a"}
    assert filled("a {{x}} and {{ x }}", {"one": "{{x}}"}) == {"one": "a {{x}} and {{x}}"}
    with pytest.raises(UsageError, match="no slot"):
        filled("Once", {"a": "b"})
    with pytest.raises(UsageError, match="nothing fills"):
        filled("{{x}}", {})
    shipped = Libraries.default()
    star = contexts_of(shipped.get("association/star"), {"mine": "star of mine"})
    assert list(star)[-1] == "mine"
    assert "star of mine" in star["mine"]
    with pytest.raises(PromptError):
        contexts_of(shipped.get("system/plain"), {"a": "b"})
