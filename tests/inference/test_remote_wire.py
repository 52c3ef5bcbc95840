"""What servers send is read leniently; tokens' names become texts in both spellings; settings keep their meaning."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import SamplingError
from workbench.inference.remote import wire
from workbench.inference.remote.key import hidden_in
from workbench.inference.remote.vllm import _texts
from workbench.inference.sampling import make

KEYS = ("choices", "delta", "content", "text", "logprobs", "usage", "prompt_tokens", "top_logprobs", "tokens", "token")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(-(10**400)) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(KEYS), JSON))
def test_no_event_is_too_odd(event: dict[str, Any]) -> None:
    chunk = wire.chunk(event)
    assert isinstance(chunk.text, str)
    assert all(wire.LEAST <= token.logprob <= 0 and not math.isnan(token.logprob) for token in chunk.logprobs)
    for token in chunk.logprobs:
        assert [top[2] for top in token.top] == sorted((top[2] for top in token.top), reverse=True)


def test_the_older_form_of_logprobs() -> None:
    given = {"tokens": ["a", "b"], "token_logprobs": [None, -0.5], "top_logprobs": [None, {"c": -2.0, "b": -0.5}]}
    first, second = wire.logprobs(given)
    assert first.logprob == wire.LEAST
    assert second.top == ((-1, "b", -0.5), (-1, "c", -2.0))


@pytest.mark.parametrize(
    ("text", "names", "texts"),
    [
        (" Paris, né\n", ["ĠParis", ",", "Ġn", "Ã", "©", "Ċ"], [" Paris", ",", " n", "", "é", "\n"]),
        ("Hello world\n", ["▁Hello", "▁world", "<0x0A>"], ["Hello", " world", "\n"]),
        ("é!", ["<0xC3>", "<0xA9>", "!"], ["", "é", "!"]),
        ("한 a", ["▁한", "▁a"], ["한", " a"]),
        ("a<|im_end|>b", ["a", "<|im_end|>", "b"], ["a", "<|im_end|>", "b"]),
        ("other", ["no", "match"], None),
    ],
)
def test_names_of_tokens_become_texts(text: str, names: list[str], texts: list[str] | None) -> None:
    assert _texts(text, names) == texts


def test_settings_that_are_off_are_not_sent_and_minus_one_is_written_out() -> None:
    fields = wire.llama_fields(make({"repeat_last_n": -1, "dry_base": 3.0}), 512)
    assert fields["repeat_last_n"] == 512
    assert "dry_base" not in fields
    on = wire.llama_fields(make({"dry_multiplier": 0.5, "logit_bias": "5:-1", "grammar": "root ::= x"}), 512)
    assert (on["dry_penalty_last_n"], on["dry_base"]) == (512, 1.75)
    assert on["dry_sequence_breakers"] == ["\n", ":", '"', "*"]
    assert (on["logit_bias"], on["grammar"]) == ([[5, -1.0]], "root ::= x")


def test_all_of_top_k_is_minus_one_for_vllm_and_a_strange_setting_an_error() -> None:
    assert wire.vllm_fields(make({"top_k": 0}), "host")["top_k"] == -1
    with pytest.raises(SamplingError, match="host: grammar is not offered"):
        wire.vllm_fields(make({"grammar": "root ::= x"}), "host")


@given(JSON)
def test_no_text_of_an_answer_keeps_the_key(value: Any) -> None:
    hidden = hidden_in([value, {"sk-1": ["a sk-1", value]}, "sk-1sk-1"], "sk-1")
    assert "sk-1" not in repr(hidden)
    assert hidden[1]["•••"][0] == "a •••"
