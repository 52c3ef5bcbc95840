"""The sampler chains on the starter model: each one does what it says, and nothing of a person's input aborts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.inference.worker_pipe import Pipe

PROMPT = "The colours of the rainbow are red, orange,"


@pytest.fixture(scope="module")
def pipe(starter: Path) -> Iterator[Pipe]:
    one = Pipe()
    one.load(starter, context_length=512, threads=1)
    yield one
    assert one.close() == 0


def _text(pipe: Pipe, prompt: str = PROMPT, **settings: Any) -> str:
    answer = pipe.one(prompt, **{"max_tokens": 8, "mode": "strict", **settings})
    assert answer.end.finish in ("stop", "length"), answer.end.error
    return answer.text


WILD = {"temperature": 20.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0}


@pytest.mark.parametrize(
    "truncation",
    [
        {"top_k": 1},
        {"top_p": 0.0},
        {"min_p": 1.0},
        {"top_n_sigma": 0.001},
        {"mirostat": 2, "mirostat_tau": 0.0, "temperature": 1.0},
        {"mirostat": 1, "mirostat_tau": 0.0, "temperature": 1.0},
        {"temperature": 0.0},
    ],
)
def test_the_tightest_truncation_is_greedy_even_at_a_wild_temperature(pipe: Pipe, truncation: dict[str, Any]) -> None:
    assert _text(pipe, **{**WILD, **truncation}) == _text(pipe, temperature=0)


@pytest.mark.parametrize(
    "settings",
    [
        {"typical_p": 0.2},
        {"xtc_probability": 1.0, "xtc_threshold": 0.01, "temperature": 0.0},
        {"repeat_penalty": 1.8, "repeat_last_n": -1, "temperature": 0.0},
        {"frequency_penalty": 2.0, "repeat_last_n": 2**31 - 1, "temperature": 0.0},
        {"presence_penalty": 2.0, "temperature": 0.0},
        {"dry_multiplier": 5.0, "dry_allowed_length": 1, "temperature": 0.0},
        {"dynatemp_range": 5.0, "temperature": 5.0},
        {"adaptive_target": 0.1},
        {"mirostat": 1},
        {"mirostat": 2},
        {"logit_bias": "49151:100"},
        {"min_keep": 1000, "top_k": 1, "temperature": 10.0},
        {"seed": 2**32 - 1},
        WILD,
    ],
)
@pytest.mark.parametrize("coupled", [True, False])
def test_every_sampler_changes_the_answer_and_repeats_it(pipe: Pipe, settings: dict[str, Any], coupled: bool) -> None:
    prompt = "red red blue red red blue red red blue red red"
    plain = {"temperature": settings["temperature"]} if settings.get("temperature") == 0 else {}
    text = _text(pipe, prompt, coupled=coupled, max_tokens=16, **settings)
    assert text == _text(pipe, prompt, coupled=coupled, max_tokens=16, **settings)
    assert text != _text(pipe, prompt, coupled=coupled, max_tokens=16, **plain)


def test_penalties_see_the_prompt(pipe: Pipe) -> None:
    prompt = "red red red red red red red red red red"
    assert _text(pipe, prompt, temperature=0, max_tokens=1) == " red"
    assert _text(pipe, prompt, temperature=0, max_tokens=1, repeat_penalty=3.0) != " red"


def test_a_bias_forces_and_forbids(pipe: Pipe) -> None:
    token = pipe.one(PROMPT, max_tokens=1, temperature=0, logprobs=1).logprobs[0]
    assert _text(pipe, temperature=0, max_tokens=1, logit_bias={token.id: -100.0}) != token.text
    assert _text(pipe, max_tokens=3, logit_bias={token.id: 100.0}) == token.text * 3


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_grammar_is_kept(pipe: Pipe, temperature: float) -> None:
    text = _text(pipe, temperature=temperature, grammar='root ::= [0-9] [0-9] "-" ("x" | "y")')
    assert len(text) == 4
    assert text[:2].isdigit()
    assert text[2:] in ("-x", "-y")
    assert _text(pipe, grammar='root ::= ""') == ""


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"grammar": "foo"}, "GBNF"),
        ({"grammar": 'root ::= root "a"'}, "GBNF"),
        ({"grammar": 'root ::= "a'}, "GBNF"),
        ({"grammar": 'other ::= "a"'}, "GBNF"),
        ({"logit_bias": {49152: 1.0}}, "49152"),
        ({"repeat_penalty": 0.0}, "repeat_penalty"),
    ],
)
def test_what_llama_cpp_would_refuse_is_the_trials_error(pipe: Pipe, settings: dict[str, Any], says: str) -> None:
    end = pipe.one(PROMPT, **settings).end
    assert end.finish == "error"
    assert says in end.error


def test_uncoupled_and_coupled_draw_differently_but_each_the_same_again(pipe: Pipe) -> None:
    texts = {
        coupled: {_text(pipe, coupled=coupled, seed=4, temperature=1.5, max_tokens=12) for _ in range(2)}
        for coupled in (True, False)
    }
    assert all(len(found) == 1 for found in texts.values())
    assert texts[True] != texts[False]
