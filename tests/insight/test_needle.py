"""The needle probe: the fact whole and about where it was asked for, prompts never over, and what real models find."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from itertools import islice, pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import EngineError, UsageError
from workbench.inference.double import DoubleEngine
from workbench.inference.engine import Counted, Finished, Generate, LoadOptions, Message, Started, TokenLogprob
from workbench.inference.local.client import LocalEngine
from workbench.inference.sampling import make
from workbench.insight import filler
from workbench.insight.haystack import Haystack, hide, place
from workbench.insight.needle import (
    NEEDLES,
    Cell,
    Needle,
    Probe,
    Spot,
    asked,
    limit,
    lines_of,
    probed,
    settled,
    spots,
    unscored,
)
from workbench.insight.needle_words import brief, chance, fact, meaning, sign, told

FACT = NEEDLES["en"].fact
LEAD = (Message("system", "Be brief. The desk closes at six. Never guess."),)
DESK = Needle("The desk closes at six.", "When does the desk close?", "six", "The desk closes at")


async def double(context_length: int = 600) -> DoubleEngine:
    engine = DoubleEngine(context_length=context_length)
    await engine.load()
    return engine


async def laid_out(engine: DoubleEngine, probe: Probe) -> list[Spot]:
    return [spot async for spot in spots(engine, await settled(engine, probe))]


# ---- the hay


@pytest.mark.parametrize("language", filler.LANGUAGES)
def test_made_up_sentences_are_the_same_every_time_and_say_nothing_of_the_needle(language: filler.Language) -> None:
    made = list(islice(filler.sentences(language), 1000))
    assert made == list(islice(filler.sentences(language), 1000))
    assert len(set(made)) > 800
    whole = "".join(made)
    assert not any(char.isdigit() for char in whole)
    assert "harbour" not in whole
    assert "항구" not in whole
    assert ("가" <= max(whole) <= "힣") == (language == "ko")
    for before, after in pairwise(made):
        assert before.split(".")[0] != after.split(".")[0]


@given(text=st.text("ab c.\n!다。", min_size=1, max_size=1500), count=st.integers(1, 60))
def test_a_text_of_ones_own_goes_in_as_it_stands_and_again(text: str, count: int) -> None:
    if not text.strip():
        with pytest.raises(UsageError, match="empty"):
            Haystack(text)
        return
    hay = Haystack(text)
    assert hay.own is not None
    assert "".join(hay.first(hay.own)).rstrip() == text.strip()
    assert hay.first(count) == hay.first(count + 7)[:count]
    assert all(0 < len(part) <= 402 for part in hay.first(count) if part.strip())
    twice = "".join(hay.first(2 * hay.own))
    assert twice.rstrip().endswith(text.strip())
    assert twice.startswith(text.strip())


@given(parts=st.lists(st.text("ab. \n", min_size=1, max_size=30), max_size=20), depth=st.floats(0, 1))
def test_the_fact_is_whole_and_nothing_else_changes(parts: list[str], depth: float) -> None:
    before = place(parts, depth)
    hidden = hide(parts, FACT, before)
    assert hidden.text[hidden.start : hidden.end] == FACT
    around = hidden.text[: hidden.start] + hidden.text[hidden.end :]
    assert around.split() == "".join(parts[:before]).split() + "".join(parts[before:]).split()
    total = sum(map(len, parts))
    if total:  # no boundary is nearer
        bounds = [sum(map(len, parts[:count])) / total for count in range(len(parts) + 1)]
        assert abs(hidden.at - depth) == pytest.approx(min(abs(bound - depth) for bound in bounds))


def test_the_fact_is_no_paragraph_of_its_own_but_a_line_where_there_are_lines() -> None:
    assert hide(["One. ", "Two.\n\n", "Three."], "Fact.", 2).text == "One. Two.\n\nFact. Three."
    assert hide(["- one\n", "- two"], "- fact", 1).text == "- one\n- fact\n- two"
    assert hide(["다섯。", "여섯。"], "사실.", 1).text == "다섯。 사실. 여섯。"
    assert hide(["One. "], "Fact.", 1).text == "One. Fact."
    assert hide([], "Fact.", 0).text == "Fact."


# ---- the prompts


@given(
    fill=st.integers(90, 500),
    depths=st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.8, 1.0]), min_size=1, max_size=4),
    language=st.sampled_from(filler.LANGUAGES),
    lead=st.sampled_from([(), LEAD]),
)
async def test_prompts_are_full_and_never_over(
    fill: int, depths: list[float], language: filler.Language, lead: tuple[Message, ...]
) -> None:
    engine = await double()
    needle = NEEDLES[language]
    probe = Probe(needle, lead, fills=(fill,), depths=tuple(depths), haystack=Haystack(language=language))
    for spot in await laid_out(engine, probe):
        text = spot.messages[-1].content
        assert spot.tokens == (await engine.count(spot.messages)).prompt_tokens <= fill
        assert spot.messages[:-1] == lead
        assert text.endswith(f"\n\n{needle.question}")
        assert text.count(needle.fact) == (spot.depth is not None)
        if spot.depth is not None:
            assert spot.tokens > fill - 25  # a sentence, at most
            hay = text[: -len(needle.question) - 2]
            start = hay.find(needle.fact)
            at = start / max(1, len(hay) - len(needle.fact) - 1)
            longest = max(map(len, hay.split("."))) / max(1, len(hay) - len(needle.fact))
            assert abs(at - spot.depth) <= longest / 2 + 0.02
            assert at == pytest.approx(spot.at, abs=0.02)


class Counting(DoubleEngine):
    """Notes how often it counts."""

    counts = 0

    async def count(self, messages: Sequence[Message]) -> Counted:
        self.counts += 1
        return await super().count(messages)


@pytest.mark.parametrize(
    "text", [None, "Yes. No. " * 40 + "A much longer sentence that goes on and on for long. " * 40]
)
async def test_a_long_text_is_fitted_in_a_few_counts(text: str | None) -> None:
    engine = Counting(context_length=20_000)
    await engine.load()
    probe = Probe(NEEDLES["en"], fills=(12_000,), depths=(0.5,), haystack=Haystack(text))
    found = await laid_out(engine, probe)
    assert all(12_000 - 25 < spot.tokens <= 12_000 for spot in found if spot.depth is not None)
    assert engine.counts <= 30


async def test_rows_go_down_and_up_so_that_neighbours_share_their_beginnings() -> None:
    engine = await double()
    found = await laid_out(engine, Probe(NEEDLES["en"], fills=(400, 100, 200), depths=(1.0, 0.0, 0.5)))
    assert [(spot.fill, spot.depth) for spot in found] == [
        *((100, depth) for depth in (0.0, 0.5, 1.0, None)),
        *((200, depth) for depth in (None, 1.0, 0.5, 0.0)),
        *((400, depth) for depth in (0.0, 0.5, 1.0, None)),
    ]
    bare = [spot.messages[-1].content.rsplit("\n\n", 1)[0] for spot in found if spot.depth is None]
    assert bare[2].startswith(bare[1])
    assert bare[1].startswith(bare[0])


async def test_a_sentence_of_the_prompt_stays_where_it_is() -> None:
    engine = await double()
    probe = await settled(engine, Probe(DESK, LEAD, fills=(100, 200)))
    assert probe.columns == (0.0,)
    with_fact, bare = [spot async for spot in spots(engine, probe) if spot.fill == 100]
    assert with_fact.messages[0] == LEAD[0]
    assert DESK.fact not in with_fact.messages[1].content
    assert bare.messages[0].content == "Be brief. Never guess."
    assert bare.messages[1] == with_fact.messages[1]


async def test_past_the_limit_the_beginning_is_forgotten() -> None:
    engine = await double(300)
    most = limit(engine)
    found = await laid_out(engine, Probe(NEEDLES["en"], LEAD, fills=(200, 400, 504), beyond=True))
    for spot in found:
        assert spot.tokens <= most
        assert spot.messages[0] == LEAD[0]
        assert (spot.forgotten > 0) == (spot.fill > most)
        assert spot.tokens + spot.forgotten <= spot.fill
        if spot.forgotten:
            assert spot.tokens > most - 25
        if spot.depth is not None:
            assert spot.kept == (FACT in spot.messages[-1].content)
            lost = spot.forgotten / (spot.tokens + spot.forgotten)
            if abs(spot.at - lost) > 0.15:
                assert spot.kept == (spot.at > lost)
    whole = {spot.depth: spot.kept for spot in found if spot.fill == 504}
    assert whole == {0.0: False, 0.25: False, 0.5: False, 0.75: True, 1.0: True, None: True}
    # what is left is the end of the text, as it was
    long = await laid_out(await double(4000), Probe(NEEDLES["en"], LEAD, fills=(504,)))
    for spot in found[-6:]:
        full = next(each for each in long if each.depth == spot.depth)
        assert full.messages[-1].content.endswith(spot.messages[-1].content)
    # and what the prompt says stays
    kept = await laid_out(engine, Probe(DESK, LEAD, fills=(504,), beyond=True))
    assert [spot.kept for spot in kept] == [True, True]


async def test_control_tokens_in_the_text_are_named() -> None:
    hay = Haystack("A word.<|im_end|> More of it.")
    found = await laid_out(await double(), Probe(NEEDLES["en"], fills=(90,), depths=(0.5,), haystack=hay))
    assert {spot.special for spot in found} == {("<|im_end|>",)}
    assert fact(Cell(found[0])).endswith("; control tokens in what it reads: <|im_end|>")


async def test_fills_are_proposed_up_to_the_limit() -> None:
    engine = await double(4096)
    probe = await settled(engine, Probe(NEEDLES["en"]))
    assert probe.fills == (256, 512, 1024, 2048, 4048)
    assert (await settled(engine, replace(probe, fills=(), beyond=True))).fills[-3:] == (4048, 6072, 8096)
    wide = await settled(await double(131_072), replace(probe, fills=()))
    assert wide.fills == (256, 1024, 4096, 16_384, 65_536, 131_024)
    long = (Message("system", "Be very brief. " * 100),)
    assert (await settled(engine, replace(probe, fills=(), lead=long))).fills == (2048, 4048)
    assert (await settled(await double(100), replace(probe, fills=()))).fills == (52,)


@pytest.mark.parametrize(
    ("probe", "said"),
    [
        (Probe(NEEDLES["en"], fills=(20,)), "a fill of 20 has no room: .* 3. tokens"),
        (Probe(NEEDLES["en"], fills=(200, 553)), "a fill of 553 is past the limit: 552 and 48"),
        (Probe(NEEDLES["en"], fills=(200,), depths=(1.5,)), "0 to 100"),
        (Probe(NEEDLES["en"], fills=(200,), depths=()), "0 to 100"),
        (Probe(Needle("x", " ", "y")), "no question"),
        (Probe(NEEDLES["en"], room=590), "has no room"),
    ],
)
async def test_what_cannot_be_probed_is_said(probe: Probe, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        await settled(await double(), probe)


# ---- the answers


class Reader(DoubleEngine):
    """Scores a nat a token less where the fact is not read, and says it only where it stands in the second half."""

    def __init__(self) -> None:
        super().__init__(context_length=600, answer=self._say)
        self.read: list[tuple[str, str]] = []

    @staticmethod
    def _say(request: Generate) -> str:
        text = request.messages[-1].content
        return "It is 48,213." if text.find(FACT) > len(text) / 2 else "I do not know."

    async def score(self, prompt: str, continuation: str, *, top: int = 0) -> tuple[TokenLogprob, ...]:
        self.read.append((prompt, continuation))
        known = FACT in prompt
        return tuple(TokenLogprob(at, char, -0.5 - (not known), rank=2 - known) for at, char in enumerate("4821"))


async def test_cells_say_what_the_fact_bought_and_what_was_answered() -> None:
    engine = Reader()
    await engine.load()
    probe = await settled(engine, Probe(NEEDLES["en"], fills=(200, 300), depths=(0.0, 1.0)))
    cells = [cell async for cell in probed(engine, probe, ask=True)]
    assert len(cells) == 6
    assert all(prompt.endswith("assistant\nThe magic number of the harbour is") for prompt, _ in engine.read)
    assert {text for _, text in engine.read} == {" 48213"}
    bare, row = lines_of(cells, 300)
    assert bare is not None
    assert [cell.spot.depth for cell in row] == [0.0, 1.0]
    assert [cell.gain(bare) for cell in row] == [4.0, 4.0]
    assert [cell.first for cell in (*row, bare)] == [True, True, False]
    assert [cell.found for cell in (*row, bare)] == [False, True, False]
    assert row[0].per_token == pytest.approx(2.718281828**-0.5)
    assert [told(cell) for cell in row] == ["✗ 14 %", "✓ 14 %"]
    assert told(bare) == "✗ 0.2 %"
    assert "the fact at 100 % of the text" in fact(row[1])
    assert fact(bare).endswith("without the fact")
    assert brief(probe, cells).startswith("found in 2 of 4; best 14 % at 0 % of 200")


def test_a_cell_in_few_letters() -> None:
    spot = Spot(100, 0.5, (), 98)
    tokens = (TokenLogprob(1, "a", -1.0, rank=1), TokenLogprob(2, "b", -1.0, rank=3))
    assert sign(Cell(spot, tokens[:1])) == "✓"
    assert sign(Cell(spot, tokens)) == "·"
    assert sign(Cell(spot, (TokenLogprob(1, "a", -1.0),))) == " "
    assert sign(Cell(replace(spot, kept=False), tokens[:1])) == "○"
    assert told(Cell(spot, (), "no")) == "✗"
    assert meaning(Cell(spot, tokens[:1])) == "✓ word for word the likeliest"
    assert meaning(Cell(spot, tokens[:1], "a", True)) == "✓ found in the answer"
    assert meaning(Cell(spot)) == ""
    shown = [chance(p) for p in (1.0, 0.931, 0.0101, 0.0042, 0.00002, 1e-12, 0.0)]
    assert shown == ["100 %", "93 %", "1 %", "0.4 %", "2e-5", "1e-12", "0e+00"]
    assert fact(Cell(replace(spot, kept=False, forgotten=1200, exact=False))) == (
        "~98 tokens; the first 1,200 tokens of the text fell out, with the fact"
    )


def test_an_answer_has_it_in_other_dress() -> None:
    needle = replace(NEEDLES["en"], expected="48213")
    assert needle.found_in("It is **48,213**, I think.")
    assert not needle.found_in("It is 48 or 213.")
    assert replace(needle, expected="Half past  SIX").found_in("at half\npast six")


class Plain(DoubleEngine):
    """A server that only generates: no tokenizer, no template, no scores."""

    async def count(self, messages: Sequence[Message]) -> Counted:
        raise EngineError("the server offers no tokenizer", where="lab")

    async def render(self, messages: Sequence[Message], *, generation_prompt: bool = True) -> str:
        raise EngineError("the server offers no chat template to look at", where="lab")

    async def generate(self, requests: Sequence[Generate]) -> AsyncIterator[Started | Finished]:
        yield Started(requests[0].trial, 77)
        yield Finished(trial=requests[0].trial, finish="stop", prompt_tokens=77)


async def test_a_server_without_scores_is_asked_alone() -> None:
    engine = Plain()
    await engine.load()
    assert "no chat template" in await unscored(engine)
    assert await unscored(await double()) == ""
    probe = await settled(engine, Probe(NEEDLES["en"], fills=(300,), depths=(0.5,)))
    cells = [cell async for cell in probed(engine, probe, score=False)]
    assert {cell.spot.exact for cell in cells} == {False}
    assert cells[0].spot.tokens <= 300
    assert fact(cells[0]).startswith("~")
    assert cells[0].p is None
    told_now = await asked(engine, probe.needle, cells[0])
    assert (told_now.spot.tokens, told_now.answer, told_now.found) == (77, "", False)
    engine.crash()
    with pytest.raises(EngineError):
        await unscored(engine)


# ---- real models


@pytest.fixture(params=["starter", "gemma"])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[LocalEngine]:
    path: Path = request.getfixturevalue(request.param)
    made = LocalEngine(path, LoadOptions(context_length=256, threads=2))
    await made.load()
    yield made
    await made.close()


async def test_a_real_model_finds_it(engine: LocalEngine) -> None:
    probe = await settled(engine, Probe(NEEDLES["en"], fills=(96, 160), depths=(0.0, 1.0)))
    cells = [cell async for cell in probed(engine, probe)]
    for fill in probe.fills:
        bare, row = lines_of(cells, fill)
        assert bare is not None
        for cell in (*row, bare):
            assert fill - 40 < cell.spot.tokens <= fill
            assert "".join(token.text for token in cell.scored) == " 48213"
        for cell in row:
            assert (cell.gain(bare) or 0.0) > 5  # nats: e⁵ times likelier than unread
            assert cell.first
        assert not bare.first
    # each number is what scoring the prompt alone gives
    first = next(cell for cell in cells if cell.spot.fill == 160 and cell.spot.depth == 0.0)
    prompt = await engine.render(first.spot.messages)
    assert await engine.score(prompt + probe.needle.opening, " 48213") == first.scored
    # and the counts are those of a trial
    request = Generate(trial="t", messages=first.spot.messages, sampling=make({"max_tokens": 1}))
    started = [event.prompt_tokens async for event in engine.generate([request]) if isinstance(event, Started)]
    assert started == [first.spot.tokens]


async def test_a_real_model_forgets_past_the_limit(engine: LocalEngine) -> None:
    probe = await settled(engine, Probe(NEEDLES["en"], fills=(400,), depths=(0.0, 1.0), beyond=True))
    cells = [cell async for cell in probed(engine, probe)]
    bare, (lost, kept) = lines_of(cells, 400)
    assert bare is not None
    assert (lost.spot.kept, kept.spot.kept) == (False, True)
    assert all(cell.spot.tokens <= 256 - probe.room for cell in cells)
    assert (kept.logp or 0.0) - (lost.logp or 0.0) > 5
    assert lost.gain(bare) == pytest.approx(0.0, abs=0.5)
