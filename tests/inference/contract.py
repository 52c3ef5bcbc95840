"""The contract of `Engine`: every engine passes these. Subclass it with an `engine` fixture that gives a loaded one."""

from __future__ import annotations

import asyncio
import math
from itertools import pairwise

import pytest

from workbench.errors import EngineError
from workbench.inference.engine import Engine, Event, Finished, Generate, Message, Piece, Started
from workbench.inference.sampling import make

QUESTION = (Message("system", "You are helpful."), Message("user", "What is 17 + 25?"))
TEXTS = [
    "Hello world",
    " two  blanks ",
    "한국어 토큰",
    "🦙🏽 and 👩‍👩‍👧",
    "line\nline\n\n\ttab",
    "",
    "naïve café",
    "\x07\x1b[0m",
]


async def run(engine: Engine, *requests: Generate) -> list[Event]:
    """All events of a generate call."""
    return [event async for event in engine.generate(requests)]


def text_of(events: list[Event], trial: str) -> str:
    """The text of one trial."""
    return "".join(event.text for event in events if isinstance(event, Piece) and event.trial == trial)


def end_of(events: list[Event], trial: str) -> Finished:
    """The one Finished of a trial."""
    found = [event for event in events if isinstance(event, Finished) and event.trial == trial]
    assert len(found) == 1
    return found[0]


def ask(trial: str, *, messages: tuple[Message, ...] = QUESTION, logprobs: int = 0, **settings: object) -> Generate:
    """A request of 24 tokens at most."""
    return Generate(
        trial=trial, messages=messages, logprobs=logprobs, sampling=make({"max_tokens": 24, "seed": 7, **settings})
    )


class EngineContract:
    """What every engine keeps."""

    async def test_loaded_and_loading_again_is_nothing(self, engine: Engine) -> None:
        assert engine.state == "ready"
        assert engine.info is not None
        assert await engine.load() == engine.info
        assert engine.info.context_length > 0
        assert engine.info.name

    @pytest.mark.parametrize("text", TEXTS)
    async def test_token_texts_joined_give_the_input_back(self, engine: Engine, text: str) -> None:
        assert "".join(token.text for token in await engine.tokenize(text)) == text

    async def test_half_a_character_is_refused_in_one_line(self, engine: Engine) -> None:
        with pytest.raises(EngineError, match="half a character") as caught:
            await engine.tokenize(b"broken \xed\x95".decode("utf-8", "surrogateescape"))
        assert "\n" not in str(caught.value)
        assert "".join(token.text for token in await engine.tokenize("whole")) == "whole"

    async def test_the_count_is_what_will_be_fed(self, engine: Engine) -> None:
        counted = await engine.count(QUESTION)
        events = await run(engine, ask("a", max_tokens=1))
        started = next(event for event in events if isinstance(event, Started))
        assert counted.prompt_tokens == started.prompt_tokens == end_of(events, "a").prompt_tokens
        assert len(counted.message_tokens) == 2
        assert all(0 < count < counted.prompt_tokens for count in counted.message_tokens)
        assert counted.special == ()

    async def test_render_holds_every_message(self, engine: Engine) -> None:
        rendered = await engine.render(QUESTION)
        assert all(message.content in rendered for message in QUESTION)

    async def test_lanes_run_together_and_each_ends_once(self, engine: Engine) -> None:
        trials = [f"lane{i}" for i in range(5)]
        events = await run(engine, *(ask(trial) for trial in trials))
        for trial in trials:
            own = [event for event in events if event.trial == trial]
            assert isinstance(own[0], Started)
            assert isinstance(own[-1], Finished)
            assert all(isinstance(event, Piece) for event in own[1:-1])
            end = end_of(events, trial)
            assert end.finish in ("stop", "length")
            assert 0 < end.completion_tokens <= 24
            assert end.first_token_s is not None
            assert sum(event.tokens for event in own if isinstance(event, Piece)) <= end.completion_tokens

    async def test_the_limit_is_kept(self, engine: Engine) -> None:
        end = end_of(await run(engine, ask("a", max_tokens=3)), "a")
        assert (end.finish, end.completion_tokens) == ("length", 3)

    async def test_a_stop_text_ends_the_answer_and_is_not_shown(self, engine: Engine) -> None:
        whole = text_of(await run(engine, ask("a")), "a")
        stop = whole[len(whole) // 2 : len(whole) // 2 + 3]
        events = await run(engine, ask("b", stop=[stop]))
        assert text_of(events, "b") == whole[: whole.index(stop)]
        assert end_of(events, "b").finish == "stop"

    async def test_a_seed_reproduces_and_another_differs(self, engine: Engine) -> None:
        first = text_of(await run(engine, ask("a", temperature=1.0)), "a")
        again = text_of(await run(engine, ask("b", temperature=1.0)), "b")
        others = [text_of(await run(engine, ask("c", temperature=1.5, seed=seed)), "c") for seed in (1, 2, 3)]
        assert first == again
        assert len(set(others)) > 1

    async def test_the_same_noise_meets_every_lane(self, engine: Engine) -> None:
        events = await run(engine, ask("a", max_tokens=6), ask("b", max_tokens=6))
        assert text_of(events, "a") == text_of(events, "b")

    async def test_cancelling_one_leaves_the_other(self, engine: Engine) -> None:
        requests = [ask("a", max_tokens=2000, stop=["no such text"]), ask("b")]
        events: list[Event] = []
        async for event in engine.generate(requests):
            events.append(event)
            if isinstance(event, Piece) and event.trial == "a" and len(events) < 6:
                await engine.cancel(["a"])
        assert end_of(events, "b").finish in ("stop", "length")
        assert end_of(events, "a").finish in ("cancelled", "stop")

    async def test_cancelling_all(self, engine: Engine) -> None:
        events: list[Event] = []
        async for event in engine.generate([ask("a", max_tokens=2000), ask("b", max_tokens=2000)]):
            if not events:
                await engine.cancel()
            events.append(event)
        assert {end_of(events, trial).finish for trial in "ab"} <= {"cancelled", "stop"}

    async def test_closing_the_iterator_frees_the_trial(self, engine: Engine) -> None:
        stream = engine.generate([ask("a", max_tokens=2000)])
        async for event in stream:
            if isinstance(event, Piece):
                break
        await stream.aclose()  # type: ignore[attr-defined]  # an async generator, which AsyncIterator does not say
        assert end_of(await run(engine, ask("a", max_tokens=2)), "a").finish in ("length", "stop")

    async def test_two_calls_at_once(self, engine: Engine) -> None:
        both = await asyncio.gather(run(engine, ask("a")), run(engine, ask("b")))
        assert end_of(both[0], "a").completion_tokens > 0
        assert end_of(both[1], "b").completion_tokens > 0

    async def test_counting_goes_on_while_lanes_stream(self, engine: Engine) -> None:
        async def count() -> int:
            return (await engine.count(QUESTION)).prompt_tokens

        stream, counts = await asyncio.gather(run(engine, ask("a")), asyncio.gather(*(count() for _ in range(5))))
        assert len(set(counts)) == 1
        assert end_of(stream, "a").finish in ("stop", "length")

    async def test_usage_tells_what_runs_or_nothing(self, engine: Engine) -> None:
        idle = engine.usage
        seen = [engine.usage async for _ in engine.generate([ask("a"), ask("b")])]
        if idle is None:  # a server that does not tell
            assert seen == [None] * len(seen)
            return
        assert idle.live == 0
        assert max(usage.live for usage in seen if usage) >= 1
        for usage in seen:
            assert usage is not None
            assert 0 <= usage.live <= usage.lanes
            assert 0 <= usage.cells_used <= usage.cells
        assert engine.usage is not None
        assert engine.usage.live == 0
        await engine.close()
        assert engine.usage is None

    async def test_logprobs_when_asked_and_not_else(self, engine: Engine) -> None:
        events = await run(engine, ask("a", logprobs=3, max_tokens=5), ask("b", max_tokens=5))
        given = [
            value for event in events if isinstance(event, Piece) and event.trial == "a" for value in event.logprobs
        ]
        assert given
        for value in given:
            assert value.logprob <= 0
            assert len(value.top) == 3
            assert [top[2] for top in value.top] == sorted((top[2] for top in value.top), reverse=True)
        assert not any(event.logprobs for event in events if isinstance(event, Piece) and event.trial == "b")

    async def test_next_token_is_a_distribution(self, engine: Engine) -> None:
        found = await engine.next_token("The capital of France is", 10)
        chances = [math.exp(token.logprob) for token in found]
        assert len(found) == 10
        assert chances == sorted(chances, reverse=True)
        assert sum(chances) <= 1.0001

    async def test_score_gives_a_value_for_each_token(self, engine: Engine) -> None:
        scored = await engine.score("The capital of France is", " Paris.")
        assert "".join(token.text for token in scored) == " Paris."
        assert all(token.logprob <= 0 for token in scored)

    async def test_score_gives_the_likeliest_at_each_token(self, engine: Engine) -> None:
        plain = await engine.score("The capital of France is", " Paris.")
        scored = await engine.score("The capital of France is", " Paris.", top=5)
        assert [token.id for token in scored] == [token.id for token in plain]
        for token in scored:
            assert len(token.top) == 5
            assert [top[2] for top in token.top] == sorted((top[2] for top in token.top), reverse=True)
            assert token.logprob <= token.top[0][2] + 1e-4
            assert token.entropy is None or token.entropy >= 0

    async def test_a_part_is_hidden_or_it_is_said_that_none_can_be(self, engine: Engine) -> None:
        prompt = "Paris is a city in France. The capital of France is"
        try:
            whole, without = await engine.score_hidden(prompt, " Paris.", [(), [(0, 26)]])
        except EngineError as error:
            if "hides no part" not in error.what:
                raise
            return
        scored = await engine.score(prompt, " Paris.")
        for tokens in (whole, without):
            assert [token.id for token in tokens] == [token.id for token in scored]
            assert "".join(token.text for token in tokens) == " Paris."
        assert [token.logprob for token in whole] == pytest.approx([token.logprob for token in scored], abs=0.6)
        assert whole[0].logprob != without[0].logprob
        assert await engine.score_hidden(prompt, "", [()]) == ((),)
        assert await engine.score_hidden(prompt, " Paris.", []) == ()

    async def test_many_scores_are_those_of_each(self, engine: Engine) -> None:
        prompt, texts = "The capital of France is", [" Paris.", "", " a city", " Paris.", " 서울 🌆, not Paris at all"]
        many = await engine.score_many(prompt, texts, top=2)
        for together, text in zip(many, texts, strict=True):
            alone = await engine.score(prompt, text, top=2)
            assert [token.id for token in together] == [token.id for token in alone]
            # A server keeps what it read in another shape; the local engine's bits are test_scoring_many.py's.
            assert [token.logprob for token in together] == pytest.approx([token.logprob for token in alone], abs=0.6)
        assert ["".join(token.text for token in each) for each in many] == texts
        assert await engine.score_many(prompt, []) == ()

    async def test_stages_are_distributions_or_it_is_said_that_there_are_none(self, engine: Engine) -> None:
        sampling = make({"top_k": 5, "top_p": 0.9, "temperature": 0.7})
        try:
            steps = await engine.stages("The capital of France is", " Paris.", sampling, top=8)
        except EngineError as error:
            if "samplers" not in error.what:
                raise
            return
        scored = await engine.score("The capital of France is", " Paris.")
        assert [step.id for step in steps] == [token.id for token in scored]
        assert await engine.stages("The capital of France is", "", sampling) == ()
        for step, token in zip(steps, scored, strict=True):
            names = [stage.name for stage in step.stages]
            assert names[0] == "model"
            assert "top_k" in names
            ids = [id for id, _ in step.candidates]
            assert {step.id, step.choice} <= set(ids)
            for before, after in pairwise(step.stages):
                assert after.left <= before.left
                assert all(b is not None or a is None for a, b in zip(after.p, before.p, strict=True))
            for stage in step.stages:
                assert sum(p or 0 for p in stage.p) <= 1.0001
            assert step.stages[-1].left <= 5
            assert sum(p or 0 for p in step.stages[-1].p) == pytest.approx(1, abs=1e-6)
            assert step.p(step.choice) > 0
            if type(engine).__name__ == "LocalEngine":
                assert math.log(step.p(step.id, 0)) == pytest.approx(token.logprob, abs=1e-4)

    async def test_a_prompt_over_the_context_is_said_with_the_numbers(self, engine: Engine) -> None:
        assert engine.info is not None
        long = (Message("user", "one two three " * engine.info.context_length),)
        end = end_of(await run(engine, ask("a", messages=long)), "a")
        assert end.finish == "error"
        digits = end.error.replace(",", "")
        assert str(engine.info.context_length) in digits
        assert str((await engine.count(long)).prompt_tokens) in digits

    async def test_after_close_it_says_so(self, engine: Engine) -> None:
        await engine.close()
        await engine.close()
        assert engine.state == "closed"
        with pytest.raises(EngineError):
            await engine.tokenize("x")
        with pytest.raises(EngineError):
            await engine.load()
        assert end_of(await run(engine, ask("a")), "a").finish == "error"
