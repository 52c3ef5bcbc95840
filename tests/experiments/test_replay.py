"""Where two texts part, by character and by token of the new one."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import EngineError
from workbench.experiments.experiment import TrialAdvanced, TrialRecord
from workbench.experiments.replay import Meter, Outcome, outcome

RECORD = TrialRecord(
    variant="A",
    case="",
    repeat=0,
    prompt="",
    version="",
    model="m",
    sampling={},
    seed=1,
    mode="strict",
    text="",
    finish="stop",
    error=None,
    prompt_tokens=1,
    completion_tokens=3,
    first_token_s=None,
    tokens_per_s=None,
)


def found(old: str, pieces: list[str], finish: str = "stop", tokens: int | None = None) -> Outcome:
    meter = Meter()
    for piece in pieces:
        meter.see(TrialAdvanced("t", piece, 1))
    record = msgspec.structs.replace(RECORD, text="".join(pieces), completion_tokens=len(pieces))
    count = len(pieces) if tokens is None else tokens
    return outcome({"id": "t", "text": old, "finish": finish, "completion_tokens": count}, record, meter)


def test_the_words_for_it() -> None:
    assert str(found("one two three", ["one", " two", " three"])) == "the same, 3 tokens"
    assert str(found("one", ["one"])) == "the same, 1 token"
    assert str(found("one too three", ["one", " two", " three"])) == "departs at token 2: ‘oo three’ against ‘wo three’"
    assert str(found("one", ["one", " two"])) == "departs at token 2: ‘its end (stop)’ against ‘ two’"
    assert str(found("one two", ["one"])) == "departs at token 2: ‘ two’ against ‘its end (stop)’"
    assert str(found("one t", ["one", " two"], "cancelled")) == "the same as far as it went, 2 tokens"
    assert str(found("one", ["one"], "length")) == "departs at token 2: ‘its end (length)’ against ‘its end (stop)’"
    assert not found("one", ["one"], tokens=2).same  # tokens that show nothing count too
    assert len(found("x" * 100, ["y" * 100]).was) == 31


@given(st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=8), st.data())
def test_the_token_named_holds_the_character(pieces: list[str], data: st.DataObject) -> None:
    text = "".join(pieces)
    at = data.draw(st.integers(0, len(text) - 1))
    other = text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]
    made = found(other, pieces)
    assert made.character == at
    assert made.token is not None
    ends = [len("".join(pieces[:count])) for count in range(len(pieces) + 1)]
    assert ends[made.token - 1] <= at < ends[made.token]
    assert replace(made, token=None).same
    assert found(text, pieces).same


def test_a_replay_that_failed_says_nothing_of_the_text() -> None:
    record = msgspec.structs.replace(RECORD, finish="error", error="out of memory")
    with pytest.raises(EngineError, match="out of memory"):
        outcome({"id": "t", "text": "x", "finish": "stop", "completion_tokens": 1}, record, Meter())
