"""Where answers part, on both real models: exact probabilities, the token streams' own place, what either gave."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from tests.insight.real import BRIEF, KOREAN, PLAIN, RIVERS, SEOUL, TALE, answered, independent, lent
from workbench.errors import UsageError
from workbench.inference.engine import LoadOptions, Message, TokenLogprob
from workbench.inference.local.client import LocalEngine
from workbench.insight.divergence import Parting, beside, candidates, diverge, part, sentences, share
from workbench.insight.reading import Reading, Subject, of_trial, read

CLOSE = 1e-3  # nats between ours and the independent computation
# Between a token as it was drawn (read in alone) and teacher-forced (read in with others): the starter's kernels round
# alike. gemma's Q4_K and Q5_0 ones do not for one row and for many: 0.02 to 0.06 nats in the mean, 0.33 at most.
ROUNDING = {"starter": (1e-3, 1e-3), "gemma": (0.1, 0.6)}
ASKED: dict[str, tuple[tuple[Message, ...] | str, ...]] = {
    "starter": (PLAIN, BRIEF, KOREAN),
    "gemma": (RIVERS, TALE, SEOUL),
}


@dataclass
class Model:
    """An engine, which of the two it is, and what it is asked."""

    engine: LocalEngine
    name: str
    asked: tuple[tuple[Message, ...] | str, ...]


async def made(path: Path, flash: Literal["auto", "off"] = "auto") -> LocalEngine:
    engine = LocalEngine(path, LoadOptions(context_length=1024, threads=1, flash_attention=flash))
    await engine.load()
    return engine


@pytest.fixture(params=["starter", "gemma"])
async def model(request: pytest.FixtureRequest) -> AsyncIterator[Model]:
    engine = await made(request.getfixturevalue(request.param))
    yield Model(engine, request.param, ASKED[request.param])
    await engine.close()


@pytest.mark.parametrize("name", ["starter", "gemma"])
async def test_probabilities_agree_with_full_logits(request: pytest.FixtureRequest, name: str) -> None:
    engine = await made(request.getfixturevalue(name), "off")  # as `Llama` has it: attention rounds otherwise with it
    try:
        for asked in ASKED[name]:
            subject, _ = await answered(engine, asked)
            reading = await read(engine, subject, top=5)
            said = "".join(token.text for token in reading.tokens)
            assert said.startswith(subject.text)
            told = await independent(subject.path, reading.prompt, said)
            assert len(told) > 5
            assert [token.id for token in reading.tokens] == [id for id, _, _, _ in told]
            for token, (_, logprob, entropy, rank) in zip(reading.tokens, told, strict=True):
                assert token.logprob == pytest.approx(logprob, abs=CLOSE)
                assert token.entropy == pytest.approx(entropy, abs=CLOSE)
                assert token.rank is not None
                assert abs(token.rank - rank) <= rank // 50  # those that all but tie may change places
    finally:
        await engine.close()


async def test_what_was_drawn_had_the_probability_that_is_read(model: Model) -> None:
    mean, most = ROUNDING[model.name]
    for asked, settings in ((model.asked[0], {}), (model.asked[1], {"temperature": 1.0, "seed": 3})):
        settings = {"max_tokens": 72, **settings}  # more than attention's tiles of 64
        subject, drawn = await answered(model.engine, asked, "A", **settings)
        reading = await read(model.engine, subject)
        assert not reading.retokenized
        assert [token.id for token in reading.said] == [token.id for token in drawn]
        apart = [abs(token.logprob - was.logprob) for token, was in zip(reading.said, drawn, strict=True)]
        assert sum(apart) / len(apart) < mean
        assert max(apart) < most


async def test_greedy_trials_part_where_their_token_streams_do(model: Model) -> None:
    engine = model.engine
    left, a = await answered(engine, model.asked[0])
    right, b = await answered(engine, model.asked[1], "B")
    streams = [token.id for token in a], [token.id for token in b]
    at = next(at for at, (x, y) in enumerate(zip(*streams, strict=False)) if x != y)
    found = await diverge(lent(engine), left, right)
    assert found.parting is not None
    assert not found.left.retokenized
    assert not found.right.retokenized
    assert (found.parting.left, found.parting.right) == (at, at)
    assert left.text[: found.parting.character] == right.text[: found.parting.character]
    one, two = found.choice(False), found.choice(True)
    assert one is not None
    assert two is not None
    assert (one.id, two.id) == (streams[0][at], streams[1][at])
    if model.name == "starter":  # greedy; with gemma's rounding two that all but tie may change places
        assert (one.rank, two.rank) == (1, 1)
    # What each gave to the other's: by another way, the whole distribution after the same beginning.
    before = left.text[: found.parting.character]
    for reading, choice, given in ((found.left, two, found.left_gave), (found.right, one, found.right_gave)):
        whole = await engine.next_token(reading.prompt + before, engine.info.vocabulary if engine.info else 0)
        known = next(token.logprob for token in whole if token.id == choice.id)
        assert given == pytest.approx(known, abs=ROUNDING[model.name][1])
        assert sum(math.exp(token.logprob) for token in whole) == pytest.approx(1, abs=1e-4)
    assert not found.same_prompt
    assert "they part at token" in sentences(found)[0]


async def test_the_same_prompt_parts_by_its_dice(model: Model) -> None:
    left, _ = await answered(model.engine, model.asked[0], temperature=1.2, seed=1)
    right, _ = await answered(model.engine, model.asked[0], "B", temperature=1.2, seed=2)
    found = await diverge(lent(model.engine), left, right)
    assert found.same_prompt
    assert found.parting is not None
    one, two = found.choice(False), found.choice(True)
    assert one is not None
    assert two is not None
    assert {id for id, _, _ in one.top} == {id for id, _, _ in two.top}  # one distribution
    assert one.entropy == pytest.approx(two.entropy, abs=CLOSE)
    assert found.left_gave == pytest.approx(two.logprob, abs=CLOSE)
    assert found.right_gave == pytest.approx(one.logprob, abs=CLOSE)
    assert "dice" in sentences(found)[-1]
    again = await diverge(lent(model.engine), left, left)
    assert again.parting is None
    assert sentences(again) == ["they are the same, token by token"]


async def test_two_models_part_by_their_text(starter: Path, gemma: Path) -> None:
    one, two = await made(starter), await made(gemma)
    try:
        left = Subject("A", "one", str(starter), "The Nile is in Africa.", prompt="Rivers: ")
        right = Subject("B", "two", str(gemma), "The Nile is long.", prompt="Rivers: ")
        found = await diverge(lent(one, two), left, right)
        assert found.parting is not None
        assert found.parting.by_text
        assert found.parting.character == len("The Nile is ")
        for side, other, reading in ((one, " long", found.left), (two, " in", found.right)):
            given = found.left_gave if side is one else found.right_gave
            scored = await side.score(f"{reading.prompt}The Nile is", other)
            assert given == pytest.approx(sum(token.logprob for token in scored), abs=CLOSE)
        assert "two tokenizers" in sentences(found)[0]
    finally:
        await one.close()
        await two.close()


async def test_an_answer_that_ends_parts_from_one_that_goes_on(starter: Path) -> None:
    engine = await made(starter)
    try:
        short = Subject("A", "m", str(starter), "The Nile.", messages=PLAIN, finish="stop")
        long = Subject("B", "m", str(starter), "The Nile. It is long", messages=PLAIN, finish="length")
        found = await diverge(lent(engine), short, long)
        assert found.left.ended
        assert not found.right.ended
        assert found.parting == Parting(3, 3, 9)
        end = found.choice(False)
        assert end is not None
        assert end.text == "<|im_end|>"
        assert found.right_gave == pytest.approx(end.logprob, abs=CLOSE)  # the same place, after the same text
        assert "A ended with ‘<|im_end|>’" in sentences(found)[0]
        cut = Subject("C", "m", str(starter), "The Nile.", messages=PLAIN, finish="length")
        stopped = await diverge(lent(engine), cut, long)
        assert stopped.choice(False) is None
        assert stopped.left_gave == pytest.approx(stopped.right.tokens[3].logprob, abs=CLOSE)
        assert "C was over (length)" in sentences(stopped)[0]
    finally:
        await engine.close()


def reading(name: str, *texts: str, path: str = "m", ended: bool = False) -> Reading:
    tokens = tuple(TokenLogprob(sum(map(ord, text)), text, -1.0) for text in texts)
    said = "".join(texts[:-1] if ended else texts)
    return Reading(Subject(name, "m", path, said), "p", tokens, ended)


def test_what_goes_together_before_and_beyond() -> None:
    left, right = reading("A", "ab", "c", "x", "y", path="1"), reading("B", "a", "b", "cz", "q", path="2")
    parting = part(left, right)
    assert parting == Parting(2, 2, 3, by_text=True)
    from workbench.insight.divergence import Divergence

    found = Divergence(left, right, parting)
    assert [beside(found, at, right=False) for at in range(4)] == [0, 2, 2, 3]
    assert [beside(found, at, right=True) for at in range(4)] == [0, 0, 2, 3]
    assert part(left, left) is None
    assert part(reading("A", "a", "b"), reading("B", "a", "b", "c")) == Parting(2, 2, 2)
    assert part(reading("A", "a", "<e>", ended=True), reading("B", "a")) == Parting(1, 1, 1)


def test_the_chosen_one_is_always_among_the_candidates() -> None:
    top = tuple((id, f"t{id}", -1.0 - id) for id in range(5))
    rare = TokenLogprob(77, "rare", -12.0, top, 2.0, 431)
    found = candidates(rare, TokenLogprob(3, "t3", -4.0), 4)
    assert [(each.id, each.rank, each.chosen, each.others) for each in found] == [
        (0, 1, False, False),
        (1, 2, False, False),
        (2, 3, False, False),
        (77, 431, True, False),
    ]
    assert [each.others for each in candidates(rare, TokenLogprob(3, "t3", -4.0))][3]


def test_shares_and_what_cannot_be_read() -> None:
    assert [share(math.log(p)) for p in (1, 0.341, 0.0123, 0.00002)] == ["100.0 %", "34.1 %", "1.23 %", "2e-05"]
    with pytest.raises(UsageError, match="no answer"):
        of_trial({"id": "x", "text": "", "messages": [{"role": "user", "content": "a"}]})
    with pytest.raises(UsageError, match="no messages"):
        of_trial({"id": "x", "text": "a", "messages": [], "lead": []})
