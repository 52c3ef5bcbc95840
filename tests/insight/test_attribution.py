"""Attribution: units are left out exactly, the weight is the difference of two scores, the last unit goes first."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import EngineError, UsageError
from workbench.inference.double import DoubleEngine
from workbench.inference.engine import LoadOptions, Message, TokenLogprob
from workbench.inference.local.client import LocalEngine
from workbench.insight.attribution import KINDS, Attribution, By, attribute, units_of, without

TALK = (
    Message("system", "Be brief. Answer in English.\n\nNever guess."),
    Message("user", "1+1? Quick."),
    Message("assistant", "2"),
    Message("user", "What is 17 + 25? Think."),
)


def texts(by: By, *, message: bool = False) -> list[str]:
    return [unit.text for unit in units_of(TALK, by, message=message)]


def test_units_by_kind() -> None:
    assert texts("sentence") == ["Be brief. ", "Answer in English.\n\n", "Never guess.", "1+1? ", "Quick.", "2"]
    assert texts("sentence", message=True)[-2:] == ["What is 17 + 25? ", "Think."]
    assert texts("paragraph") == ["Be brief. Answer in English.\n\n", "Never guess.", "1+1? Quick.", "2"]
    assert texts("message") == [TALK[0].content, "1+1? Quick.\n2"]
    assert texts("example")[-1] == "1+1? Quick.\n2"
    assert units_of(TALK, "message")[-1].role == "exchange"
    assert units_of((Message("user", "Hi."),)) == ()


def test_what_is_left_out_is_gone_and_nothing_else() -> None:
    units = units_of(TALK, "sentence", message=True)
    assert without(TALK, units[0])[0].content == "Answer in English.\n\nNever guess."
    assert without(TALK, units[2])[0].content == "Be brief. Answer in English."
    assert without(TALK, units[2])[1:] == TALK[1:]
    exchange = units_of(TALK, "message")[-1]
    assert without(TALK, exchange) == (TALK[0], TALK[-1])
    alone = (Message("system", "Be brief."), Message("user", "Hi."))
    assert without(alone, units_of(alone)[0]) == alone[1:]
    assert without(alone, units_of(alone, message=True)[1]) == (alone[0], Message("user", ""))


@given(contents=st.lists(st.text("aB. \n!다。", max_size=40), min_size=1, max_size=5), by=st.sampled_from(KINDS))
def test_units_cover_the_prompt_once(contents: list[str], by: By) -> None:
    roles = ["system", *("user", "assistant") * 3]
    talk = [Message(role, text) for role, text in zip(roles, contents, strict=False)]  # type: ignore[arg-type]  # roles
    units = units_of(talk, by, message=True)
    covered = sorted((span.message, span.start, span.end) for unit in units for span in unit.spans)
    for at, message in enumerate(talk):
        spans = [(start, end) for place, start, end in covered if place == at]
        assert "".join(message.content[start:end] for start, end in spans).strip() == message.content.strip()
    for unit in units:
        rest = without(talk, unit)
        kept = sum(len(message.content.replace(" ", "").replace("\n", "")) for message in rest)
        gone = sum(len("".join(talk[s.message].content[s.start : s.end].split())) for s in unit.spans)
        assert kept + gone == sum(len("".join(message.content.split())) for message in talk)


class Asked(DoubleEngine):
    """Notes the prompts that are scored."""

    def __init__(self) -> None:
        super().__init__()
        self.prompts: list[str] = []

    async def score(self, prompt: str, continuation: str, *, top: int = 0) -> tuple[TokenLogprob, ...]:
        self.prompts.append(prompt)
        return await super().score(prompt, continuation, top=top)


async def test_the_last_unit_is_left_out_first_and_progress_is_told() -> None:
    engine = Asked()
    await engine.load()
    seen: list[Attribution] = []
    units = units_of(TALK)
    found = await attribute(engine, TALK, "It is 42.", units, seen.append)
    wholes = [await engine.render(TALK), *[await engine.render(without(TALK, unit)) for unit in reversed(units)]]
    assert engine.prompts == wholes
    assert [len(each.measured) for each in seen] == list(range(len(units) + 1))
    assert seen[1].weights[-1] is not None
    assert found == seen[-1]
    for unit, weight in zip(units, found.weights, strict=True):
        assert weight is not None
        assert weight.unit == unit
        assert sum(weight.words) == pytest.approx(weight.nats)
        assert weight.bits == pytest.approx(weight.nats / math.log(2))
        assert weight.tokens >= 0  # an assistant's `2` leaves a blank behind in the double
        assert found.per_token(weight) == pytest.approx(weight.nats / len(found.answer))
    heaviest = [weight.nats for weight in found.measured]
    assert heaviest == sorted(heaviest, reverse=True)


async def test_a_quick_look_hides_all_and_leaves_out_the_heaviest() -> None:
    engine = Asked()
    await engine.load()
    units = units_of(TALK)
    looked = await attribute(engine, TALK, "It is 42.", units, quick=True, exact=0)
    assert all(weight and weight.quick and weight.words for weight in looked.weights)
    assert (looked.exact, looked.note) == (0, "")
    prompt = await engine.render(TALK)
    kept = [text for text in engine.prompts if text != prompt]
    for text, unit in zip(kept, units, strict=True):  # what is hidden is the unit and nothing else
        assert len(text) == len(prompt) - len(unit.text.rstrip() if unit.text not in prompt else unit.text)
    heaviest = max(looked.measured, key=lambda weight: abs(weight.nats)).unit
    engine.prompts.clear()
    found = await attribute(engine, TALK, "It is 42.", units, quick=True, exact=1)
    assert engine.prompts[-1] == await engine.render(without(TALK, heaviest))
    assert [weight.unit for weight in found.measured if not weight.quick] == [heaviest]
    seen: list[Attribution] = []
    every = await attribute(engine, TALK, "It is 42.", units, seen.append, quick=True)
    assert every == await attribute(engine, TALK, "It is 42.", units)
    assert [each.exact for each in seen] == [0, *[0] * -(-len(units) // 5), *range(1, len(units) + 1)]


async def test_an_engine_that_hides_nothing_leaves_out_all_and_says_so() -> None:
    class Server(DoubleEngine):
        async def score_hidden(
            self, prompt: str, continuation: str, hidden: Sequence[Sequence[tuple[int, int]]]
        ) -> tuple[tuple[TokenLogprob, ...], ...]:
            raise EngineError("m at box hides no part of a prompt")

    engine = Server()
    await engine.load()
    found = await attribute(engine, TALK, "It is 42.", units_of(TALK), quick=True, exact=0)
    assert "hides no part" in found.note
    assert found.exact == len(found.units)


async def test_nothing_to_weigh_is_said() -> None:
    engine = DoubleEngine()
    await engine.load()
    with pytest.raises(UsageError, match="no answer"):
        await attribute(engine, TALK, "", units_of(TALK))
    with pytest.raises(UsageError, match="nothing to leave out"):
        await attribute(engine, TALK[-1:], "Yes.", ())


@pytest.fixture(params=["starter", "gemma"])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[LocalEngine]:
    path: Path = request.getfixturevalue(request.param)
    made = LocalEngine(path, LoadOptions(context_length=1024, threads=2))
    await made.load()
    yield made
    await made.close()


async def test_what_the_answer_copies_weighs_most(engine: LocalEngine) -> None:
    fact = "The harbour of Quellstadt is painted bright turquoise. "
    filler = ["Ships come and go all day. ", "The weather is mild in spring. ", "Many people like to walk there."]
    talk = (
        Message("system", filler[0] + fact + filler[1] + filler[2]),
        Message("user", "What colour is the harbour of Quellstadt?"),
    )
    answer = "The harbour of Quellstadt is painted bright turquoise."
    found = await attribute(engine, talk, answer, units_of(talk))
    assert found.measured[0].unit.text == fact
    assert found.measured[0].nats > 3
    assert found.measured[0].tokens == pytest.approx(len(await engine.tokenize(fact)), abs=1)
    turquoise = next(at for at, token in enumerate(found.answer) if "tur" in token.text)
    assert found.measured[0].words[turquoise] > 1
    # the quick look finds it too, and what is left out after it has the very same figures
    looked = await attribute(engine, talk, answer, units_of(talk), quick=True, exact=1)
    assert looked.measured[0].unit.text == fact
    assert not looked.measured[0].quick
    assert looked.measured[0].nats == found.measured[0].nats
    assert sum(weight.quick for weight in looked.measured) == len(looked.units) - 1
    # each is the difference of two plain scores, whatever was read before
    for weight in found.measured:
        left = await engine.score(await engine.render(without(talk, weight.unit)), answer)
        assert weight.nats == found.logp - sum(token.logprob for token in left)
