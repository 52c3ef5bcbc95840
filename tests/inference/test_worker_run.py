"""The worker on both real models: modes, sharing, text, log-probabilities, counts, cancelling."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.inference.worker_pipe import Answer, Pipe, chat
from workbench.inference.engine import Generate, Message, Mode
from workbench.inference.local import protocol
from workbench.inference.sampling import make

SYSTEM = "You are a careful assistant. " * 8
USERS = ("Name three colours of the sea.", "Why is grass green?", "Count to ten in words, slowly.")


@pytest.fixture(scope="module", params=["starter", "gemma"])
def path(request: pytest.FixtureRequest) -> Path:
    found: Path = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def pipe(path: Path) -> Iterator[Pipe]:
    one = Pipe()
    one.load(path, context_length=512, lanes=4, batch=64, threads=1)
    yield one
    assert one.close() == 0


def _trials(tag: str, mode: Mode = "fast", **options: Any) -> list[Generate]:
    """Three trials: greedy, sampled, sampled and coupled; with log-probabilities."""
    return [
        Generate(
            trial=f"{tag}{index}",
            messages=chat(user, SYSTEM),
            sampling=make({"max_tokens": 8, "temperature": 0.9 if index else 0, "seed": index, **options}),
            mode=mode,
            coupled=index == 2,
            logprobs=2,
        )
        for index, user in enumerate(USERS)
    ]


def _essence(answers: dict[str, Answer]) -> list[object]:
    return [(answer.text, answer.logprobs, answer.end.finish) for _, answer in sorted(answers.items())]


def test_strict_is_bit_identical_alone_together_and_replayed(pipe: Pipe, path: Path) -> None:
    together = pipe.run(*_trials("a", "strict"))
    pipe.run(*_trials("other"))
    mixed = pipe.run(*reversed(_trials("a", "strict")), *_trials("beside"))
    replayed = {name: answer for name, answer in mixed.items() if name.startswith("a")}
    fresh = Pipe()
    fresh.load(path, context_length=512, lanes=4, batch=64, threads=1)
    alone = {trial.trial: fresh.run(trial)[trial.trial] for trial in _trials("a", "strict")}
    fresh.close()
    assert _essence(together) == _essence(replayed) == _essence(alone)
    assert all(answer.end.mode == "strict" and answer.cached == 0 for answer in together.values())
    assert all(len(answer.logprobs) == answer.end.completion_tokens for answer in together.values())


def test_fast_lanes_share_the_common_beginning(pipe: Pipe) -> None:
    answers = pipe.run(*_trials("s"))
    assert all(answer.end.finish in ("length", "stop") for answer in answers.values())
    shared = [answer.cached for answer in answers.values()]
    assert sorted(shared)[1] > 50


def test_the_next_turn_reads_only_what_is_new(pipe: Pipe) -> None:
    talk = chat("Tell me about the river.", SYSTEM)
    sampling = make({"max_tokens": 12, "temperature": 0})
    first = pipe.run(Generate(trial="t", messages=talk, sampling=sampling))["t"]
    talk = (*talk, Message("assistant", first.text), Message("user", "And the lake?"))
    second = pipe.run(Generate(trial="t", messages=talk, sampling=sampling))["t"]
    assert second.cached >= first.end.prompt_tokens


def test_more_trials_than_lanes_all_end_and_tokens_add_up(pipe: Pipe) -> None:
    trials = [
        Generate(trial=str(i), prompt=f"{i} and", sampling=make({"max_tokens": 1 + i % 4, "seed": i}))
        for i in range(40)
    ]
    answers = pipe.run(*trials)
    for trial in trials:
        answer = answers[trial.trial]
        assert answer.end.finish in ("stop", "length")
        assert answer.tokens == answer.end.completion_tokens <= trial.sampling.max_tokens
        assert answer.end.first_token_s is None or answer.end.first_token_s > 0


def test_same_seed_same_answer_and_coupling_needs_no_company(pipe: Pipe) -> None:
    one = pipe.one("The sea is", max_tokens=10, seed=5, mode="strict")
    again = pipe.one("The sea is", max_tokens=10, seed=5, mode="strict")
    other = pipe.one("The sea is", max_tokens=10, seed=6, mode="strict")
    assert one.text == again.text != other.text


def test_a_stop_string_that_spans_tokens_ends_the_answer_unseen(pipe: Pipe) -> None:
    whole = pipe.one("One two three four", max_tokens=16, temperature=0, mode="strict")
    assert len(whole.text) > 8
    stop = whole.text[3:8]
    cut = pipe.one("One two three four", max_tokens=16, temperature=0, mode="strict", stop=stop)
    assert cut.text == whole.text.split(stop)[0]
    assert cut.end.finish == "stop"


def test_logprobs_are_of_the_model_before_any_sampler(pipe: Pipe) -> None:
    answer = pipe.one("The capital of France is", max_tokens=4, temperature=5.0, logprobs=3, mode="strict")
    for token in answer.logprobs:
        assert token.logprob < 0
        assert [one[2] for one in token.top] == sorted((one[2] for one in token.top), reverse=True)
        assert sum(math.exp(one[2]) for one in token.top) <= 1.0001
    top = pipe.ask(protocol.NextToken, "The capital of France is", 3).tokens
    assert [one.id for one in top] == [one[0] for one in answer.logprobs[0].top]
    first = answer.logprobs[0].top[0]
    scored = pipe.ask(protocol.Score, "The capital of France is", first[1]).tokens
    assert [one.id for one in scored] == [first[0]]
    assert scored[0].logprob == pytest.approx(first[2], abs=0.05)


def test_scoring_a_long_text_token_by_token(pipe: Pipe) -> None:
    text = " ".join(f"Item {number}." for number in range(60))
    tokens = pipe.ask(protocol.Score, "List:", " " + text).tokens
    assert "".join(token.text for token in tokens) == " " + text
    assert len(tokens) > 130
    assert all(token.logprob <= 0 for token in tokens)
    again = pipe.ask(protocol.Score, "List:", " " + text).tokens
    assert again == tokens
    assert pipe.ask(protocol.Score, "List:", "").tokens == ()
    # each question has one answer, and the text is read once for it
    pipe.send(protocol.Score(901, "List:", " one"))
    pipe.send(protocol.Score(902, "List:", " two"))
    told = [getattr(pipe.receive(), "id", None), getattr(pipe.receive(), "id", None)]
    assert told == [901, 902]
    assert isinstance(pipe.ask(protocol.Score, "List:", "word " * 3000), protocol.Failed)


@pytest.mark.parametrize("messages", [chat("Hi", "Be kind"), chat("", ""), chat("a <|im_end|><end_of_turn> b")])
def test_the_count_is_what_is_fed(pipe: Pipe, messages: tuple[Message, ...]) -> None:
    counted = pipe.ask(protocol.Count, messages).counted
    answer = pipe.run(Generate(trial="c", messages=messages, sampling=make({"max_tokens": 1})))["c"]
    assert answer.started is not None
    assert counted.prompt_tokens == answer.started.prompt_tokens == answer.end.prompt_tokens
    assert len(counted.message_tokens) == len(messages)
    assert bool(counted.special) == ("<|im_end|>" in messages[-1].content)


@settings(max_examples=150)
@given(text=st.text(max_size=60) | st.text(alphabet=" \n\t▁🙂👩\u200d한글\x00\x1b<|>_im_end", max_size=30))
def test_token_texts_joined_give_the_input_back(pipe: Pipe, text: str) -> None:
    for special in (False, True):
        tokens = pipe.ask(protocol.Tokenize, text, special).tokens
        assert "".join(token.text for token in tokens) == text


def test_cancel_ends_one_lane_and_not_the_others(pipe: Pipe) -> None:
    trials = [
        Generate(trial=name, prompt=f"{name} went to", sampling=make({"max_tokens": count, "logit_bias": "0:-100"}))
        for name, count in (("Ann", 450), ("Bob", 6))
    ]
    answers = pipe.run(*trials, cancel=["Ann"])
    assert answers["Ann"].end.finish == "cancelled"
    assert answers["Ann"].text
    assert answers["Bob"].end.finish in ("length", "stop")
    assert pipe.one("Still there", max_tokens=2).end.finish in ("length", "stop")


def test_a_prompt_longer_than_the_context_says_the_numbers(pipe: Pipe) -> None:
    answer = pipe.one("word " * 3000, max_tokens=5)
    assert answer.end.finish == "error"
    assert "the context holds 512" in answer.end.error


def test_an_answer_goes_on_until_the_context_is_full(pipe: Pipe) -> None:
    answer = pipe.one(" word" * 500, max_tokens=500, temperature=0)
    assert answer.end.finish in ("length", "stop")
    assert answer.end.prompt_tokens + answer.end.completion_tokens <= 512


def test_a_trial_that_runs_already_is_refused(pipe: Pipe) -> None:
    trial = Generate(trial="twice", prompt="The", sampling=make({"max_tokens": 2}))
    pipe.send(protocol.Run((trial, trial)))
    ends: list[str] = []
    while len(ends) < 1:
        reply = pipe.receive()
        if isinstance(reply, protocol.Events):
            ends += [getattr(event, "finish", "") for event in reply.events if getattr(event, "finish", "")]
    assert pipe.one("The", max_tokens=2).end.finish in ("length", "stop")
