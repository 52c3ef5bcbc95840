"""Tokens joined give the text back: 10,000 generated texts by both real models."""

from __future__ import annotations

import asyncio
import random

import pytest

from workbench.inference.engine import LoadOptions
from workbench.inference.local.client import LocalEngine

TEXTS, TOGETHER = 10_000, 100
EMOJI = ("🦙", "🦙🏽", "👩‍👩‍👧", "🇰🇷", "❤️", "e\u0301", "\u200d", "\ufeff")
CODE = (
    "def f(x):\n",
    "\treturn x",
    "    if",
    " != ",
    "{}",
    "/* */",
    "\r\n",
    "0x1F",
    "<b>",
    "<|im_end|>",
    "<eos>",
    "▁",
    "Ġ",
)


def generated(seed: int) -> str:
    """Korean, emoji, code, blanks, any character, and what broken UTF-8 is read as; up to 24 parts."""
    dice = random.Random(seed)

    def part() -> str:
        match dice.randrange(6):
            case 0:
                return "".join(chr(dice.randrange(0xAC00, 0xD7A4)) for _ in range(dice.randrange(1, 5)))
            case 1:
                return dice.choice(EMOJI)
            case 2:
                return dice.choice(CODE)
            case 3:
                return dice.choice((" ", "  ", "\n", "\t", "\n\n\n", "\u3000", "\xa0")) * dice.randrange(1, 4)
            case 4:
                return dice.randbytes(dice.randrange(1, 9)).decode("utf-8", "replace")
            case _:
                return chr(dice.choice((dice.randrange(1, 0xD800), dice.randrange(0xE000, 0x110000))))

    return "".join(part() for _ in range(dice.randrange(24)))


@pytest.mark.parametrize("name", ["starter", "gemma"])
async def test_joined_they_give_the_text_back(request: pytest.FixtureRequest, name: str) -> None:
    engine = LocalEngine(request.getfixturevalue(name), LoadOptions(context_length=256, threads=1))
    await engine.load()
    try:
        for first in range(0, TEXTS, TOGETHER):
            texts = [generated(seed) for seed in range(first, first + TOGETHER)]
            found = await asyncio.gather(
                *(engine.tokenize(text, special=bool(at % 2)) for at, text in enumerate(texts))
            )
            assert ["".join(token.text for token in tokens) for tokens in found] == texts
    finally:
        await engine.close()
