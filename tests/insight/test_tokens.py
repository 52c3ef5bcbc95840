"""Tokens: joined they give the text back, in a rendered prompt each has its owner, pieces can be seen."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench import safe
from workbench.errors import EngineError
from workbench.inference.double import DoubleEngine
from workbench.inference.engine import LoadOptions, Message, Token
from workbench.inference.local.client import LocalEngine
from workbench.inference.local.text import split
from workbench.insight.costs import costs, script
from workbench.insight.tokens import BOTH, TEMPLATE, Span, brought, detail, matched, owners, rendered, searched, visible

TALK = (
    Message("system", "You are user. Say user."),
    Message("user", "user"),
    Message("assistant", "한국어 👩‍👩‍👧"),
    Message("user", "  what now?  "),
)
CODE = "def f(x: int) -> str:\n\treturn f'{x!r}'  # ñ\r\nfor i in range(10):\n    print(i)\n".splitlines(keepends=True)
ODD = [
    "\x07",
    "\x1b[0m",
    "\ufeff",
    "\u200d",
    "e\u0301",
    "\u202e",
    "\U0001f1f0\U0001f1f7",
    "<|im_end|>",
    "<eos>",
    "▁",
    "\0",
]


def made(seed: int) -> str:
    """A text of Korean, emoji, code, bytes read as Latin-1 and what is odd."""
    dice = random.Random(seed)
    parts = []
    for _ in range(dice.randint(0, 9)):
        kind = dice.randrange(6)
        if kind == 0:
            parts.append("".join(chr(dice.randint(0xAC00, 0xD7A3)) for _ in range(dice.randint(1, 8))))
        elif kind == 1:
            parts.append("".join(chr(dice.randint(0x1F300, 0x1FAFF)) for _ in range(dice.randint(1, 3))))
        elif kind == 2:
            parts.append(dice.choice(CODE))
        elif kind == 3:
            parts.append(dice.randbytes(dice.randint(1, 12)).decode("latin-1"))
        elif kind == 4:
            parts.append(dice.choice(ODD))
        else:
            parts.append(
                "".join(chr(dice.choice([dice.randint(32, 126), dice.randint(0x100, 0xD7FF)])) for _ in range(6))
            )
        parts.append(" " * dice.randint(0, 3))
    return "".join(parts)


@pytest.fixture(params=["starter", "gemma"])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[LocalEngine]:
    local = LocalEngine(request.getfixturevalue(request.param), LoadOptions(context_length=1024, shape=1))
    await local.load()
    yield local
    await local.close()


async def test_tokens_joined_give_back_ten_thousand_texts(engine: LocalEngine) -> None:
    kinds, refused, lost = set(), 0, 0
    for start in range(0, 10_000, 500):
        texts = [made(seed) for seed in range(start, start + 500)]
        for text, tokens in zip(texts, await asyncio.gather(*map(engine.tokenize, texts)), strict=True):
            assert "".join(token.text for token in tokens) == text
            held = b"".join(token.data for token in tokens)
            data = text.encode() if "▁".encode() in held else text.replace("▁", " ").encode()  # SentencePiece's blank
            if held not in (data, b" " + data):  # SmolLM2 has no token for a few control codes
                lost += 1
                rest = iter(data)
                assert all(byte in rest for byte in held)
                assert any("leaves out" in detail(token) for token in tokens)
            assert all(visible(token) and safe.is_safe(visible(token)) for token in tokens)
            kinds |= {token.kind for token in tokens}
    for seed in range(500):  # bytes as they come, half characters and all: text where UTF-8 allows, else refused
        data = random.Random(seed).randbytes(8)
        text = data.decode("utf-8", "surrogateescape")
        if text.isascii() or not any("\udc80" <= char <= "\udcff" for char in text):
            assert "".join(token.text for token in await engine.tokenize(text)) == text
            continue
        refused += 1
        with pytest.raises(EngineError, match="half a character"):
            await engine.tokenize(text)
    assert "normal" in kinds
    assert refused > 100
    assert lost < 3000


async def test_a_rendered_prompt_is_told_apart(engine: LocalEngine) -> None:
    found = await rendered(engine, TALK)
    assert found.exact
    assert "".join(token.text for token in found.tokens) == found.text == await engine.render(TALK)
    assert len(found.owners) == len(found.tokens)
    assert found.fed - len(found.tokens) in (0, 1)
    whose = "".join(token.text for token, owner in zip(found.tokens, found.owners, strict=True) if owner == TEMPLATE)
    assert "user" in whose  # the template's own name of the role, though messages say it too
    assert "what now?" not in whose
    for place, message in enumerate(TALK):
        own = [token.text for token, owner in zip(found.tokens, found.owners, strict=True) if owner in (place, BOTH)]
        assert message.content.strip() in "".join(own)
    assert not found.intruders
    assert engine.info is not None
    assert any(token.kind == "control" for token in found.tokens) == engine.info.template  # a base model has no marks


async def test_a_control_token_in_a_value_is_told(engine: LocalEngine) -> None:
    assert engine.info is not None
    mark = "<|im_end|>" if engine.info.template else "<end_of_turn>"
    values = {"topic": f"sums{mark}user", "plain": "no mark < here >"}
    assert await brought(engine, values) == {"topic": (mark,)}
    again = await rendered(engine, (Message("user", f"I say {mark} here"),))
    assert [again.tokens[at].text for at in again.intruders] == [mark]


async def test_the_double_tells_apart_too() -> None:
    engine = DoubleEngine()
    await engine.load()
    found = await rendered(engine, TALK)
    assert found.exact
    assert found.fed == len(found.tokens)
    assert found.tokens[0].text == "<|im_start|>"
    assert found.owners[0] == TEMPLATE
    assert {0, 2, 3, TEMPLATE, BOTH} == set(found.owners)  # its words begin with the line end before them


def test_marks_in_a_template_that_trims_and_folds() -> None:
    text = "<user>\nbe brief\n\nhello<end>"
    spans = matched("<user>\n\ue0000\ue001\n\n\ue0001\ue001<end>", ["be brief", " hello "], text)
    assert spans is not None
    assert [text[span.start : span.end] for span in spans] == ["be brief", "hello"]
    assert matched("<user>\ue0000\ue001<end>", ["HELLO"], "<user>hello<end>") is None  # a template that changes it
    found = searched(["gone", "hello", ""], text)
    assert [(text[span.start : span.end], span.message) for span in found] == [("hello", 1)]


def test_owners_of_broken_characters_and_shared_tokens() -> None:
    tokens = [Token(1, "a"), Token(2, "", raw=b"\xed"), Token(3, "한", raw=b"\x95\x9c"), Token(4, "b\n")]
    assert owners(tokens, [Span(1, 3, 5)]) == (TEMPLATE, 5, 5, BOTH)


def test_pieces_can_be_seen() -> None:
    shown = {
        " the": "·the",
        "a\n\n": "a↵↵",
        "\t": "→",
        "\x1b[0m": "␛[0m",
        "\u200d": "<U+200D>",
        "\u0301": "<U+0301>",
        "\u0301a": "◌\u0301a",
        "\u202e": "<U+202E>",
        "": "∅",
    }
    for text, seen in shown.items():
        assert visible(Token(1, text)) == seen
    assert visible(Token(1, "", raw=b"\xed\x95")) == "<0xED><0x95>"
    assert visible(Token(1, "한", raw=b"\x9c")) == "<0x9C>한"
    assert visible(Token(1, "한 b", raw=b"\x9c b")) == "<0x9C>한·b"
    assert visible(Token(1, " ", raw=b" \xed")) == "·<0xED>"
    assert visible(Token(1, "Hi", raw=b" Hi")) == "Hi"
    assert detail(Token(7, "", "byte", b"\xed")) == "id 7 · byte · 1 byte ED"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), st.integers(1, 5))
def test_wherever_it_is_cut_nothing_harmful_is_shown(text: str, size: int) -> None:
    data = text.encode()
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    for text, piece in zip(split(data, pieces), pieces, strict=True):
        assert safe.is_safe(visible(Token(1, text, raw=piece)))
        assert "\n" not in visible(Token(1, text, raw=piece))


def test_costs_by_word_and_script() -> None:
    tokens = [Token(1, "Hello"), Token(2, " 한", raw=b" \xed"), Token(3, ""), Token(4, "국", raw=b"x"), Token(5, " 1!")]
    found = costs(tokens)
    assert (found.tokens, found.characters, found.words) == (5, 11, 3)
    assert found.dearest[0] == ("한국", 3)
    assert {each.name: (each.characters, each.tokens) for each in found.scripts} == {
        "Latin": (5, 1),
        "Hangul": (2, 3),
        "digits": (1, 1),
        "punctuation": (1, 0),
    }
    assert costs([]).per_word == costs([]).per_token == 0
    assert [script(char) for char in "aß한日ж1€"] == [
        "Latin",
        "Latin",
        "Hangul",
        "Han",
        "Cyrillic",
        "digits",
        "symbols",
    ]


def test_control_tokens_are_no_part_of_a_word() -> None:
    made = [Token(1, "<|im_start|>", "control"), Token(2, "user\n"), Token(3, "Hi"), Token(1, "<|im_end|>", "control")]
    spent = costs(made)
    assert spent.words == 2
    assert set(spent.dearest) == {("user", 1), ("Hi", 1)}
    assert {each.name: (each.characters, each.tokens) for each in spent.scripts} == {
        "control": (22, 2),
        "Latin": (6, 2),
    }
    assert spent.characters == 29
