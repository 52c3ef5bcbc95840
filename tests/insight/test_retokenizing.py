"""Cutting near an edit gives what cutting the whole gives: on both tokenizers and on a made-up one with reach."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.insight.test_tokens import made
from workbench.inference.engine import LoadOptions, Token
from workbench.inference.local.client import LocalEngine
from workbench.insight.retokenizing import MARGIN, Tape

_CUT = re.compile(r"\s?\w{1,4}|\s+|.", re.DOTALL)


def cut(text: str) -> list[Token]:
    return [Token(hash(piece) & 0xFFFF, piece) for piece in _CUT.findall(text)]


def holds(tape: Tape) -> None:
    assert "".join(token.text for token in tape.tokens) == tape.text
    at = 0
    for place, token in enumerate(tape.tokens):
        assert tape.place(place) == at
        at += len(token.text)
    assert tape.place(len(tape.tokens)) == len(tape.text)


def edited(dice: random.Random, text: str) -> str:
    at = dice.randint(0, len(text))
    gone = dice.choice([0, 0, 1, 5, 40])
    fresh = dice.choice(["", "a", " ", "\n", "한국", "```\n", "word ", "🦙", "  \n\n  "])
    return text[:at] + fresh + text[at + gone :]


@given(st.integers(0, 10_000))
def test_edit_after_edit_it_is_the_whole_text(seed: int) -> None:
    dice, tape = random.Random(seed), Tape()
    text = "".join(
        dice.choice(["one ", "two three", "\n", "four-five ", "한국어 "]) for _ in range(dice.randint(0, 900))
    )
    for _ in range(6):
        ask = tape.ask(text)
        if ask is not None:
            changed = tape.take(ask, cut(ask.stretch))
            if changed is None:
                tape.confirm(text, cut(text))
        assert tape.text == text
        holds(tape)
        assert tape.tokens == cut(text)
        text = edited(dice, text)


def test_an_edit_in_a_long_text_asks_for_little() -> None:
    tape = Tape()
    text = "some words in a row, and more of them\n" * 3000
    first = tape.ask(text)
    assert first is not None
    assert first.whole
    assert tape.take(first, cut(text)) == 0
    assert tape.ask(text) is None
    other = text[:50_000] + "X" + text[50_000:]
    ask = tape.ask(other)
    assert ask is not None
    assert not ask.whole
    assert len(ask.stretch) < 3 * MARGIN
    changed = tape.take(ask, cut(ask.stretch))
    assert changed is not None
    assert tape.tokens == cut(other)
    assert tape.confirm(other, cut(other)) == len(tape.tokens)  # nothing was wrong


def test_ends_that_do_not_agree_change_nothing() -> None:
    tape = Tape()
    text = "some words in a row, and more of them\n" * 300
    tape.confirm(text, cut(text))
    ask = tape.ask(text[:5000] + "X" + text[5000:])
    assert ask is not None
    other = [Token(1, char) for char in ask.stretch]
    before = list(tape.tokens)
    assert tape.take(ask, other) is None
    assert (tape.text, tape.tokens) == (text, before)


@pytest.mark.parametrize("name", ["starter", "gemma"])
async def test_real_tokenizers_near_an_edit(request: pytest.FixtureRequest, name: str) -> None:
    engine = LocalEngine(request.getfixturevalue(name), LoadOptions(context_length=512, shape=1))
    await engine.load()
    dice = random.Random(7)
    near = 0
    try:
        for seed in range(6):
            tape = Tape()
            text = "".join(made(seed * 1000 + part) + dice.choice(["\n", " ", "\n\n"]) for part in range(60))
            for _ in range(30):
                ask = tape.ask(text)
                if ask is not None:
                    tokens = await engine.tokenize(ask.stretch, special=True)
                    changed = tape.take(ask, tokens)
                    whole = await engine.tokenize(text, special=True)
                    near += not ask.whole and changed is not None
                    if changed is None:
                        tape.confirm(text, whole)
                    assert tape.tokens == list(whole)
                text = edited(dice, text)
    finally:
        await engine.close()
    assert near > 100
