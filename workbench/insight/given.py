"""A token's probability given what stands before it: a few tokens around it are scored, not the whole text."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.inference.engine import Engine, Token

REACH = 8  # tokens on either side that are scored with it: the cursor's next steps
BEFORE = 1500  # tokens before it that are read, at most


async def given(engine: Engine, prefix: str, tokens: Sequence[Token], at: int) -> dict[int, float]:
    """Natural-log probabilities of token `at` and of some around it, by place; `prefix` stands before the first one.

    Left out are the first token of all, with nothing before it, and those that the model reads in other pieces.
    Raises EngineError.
    """
    first = whole(tokens, max(0 if prefix else 1, at - REACH), -1)
    if first == 0 and not prefix:
        first = whole(tokens, 1, 1)
    last = whole(tokens, min(len(tokens), at + REACH), 1)
    if first >= last:
        return {}
    start = whole(tokens, max(0, first - BEFORE), 1)
    prompt = "".join([token.text for token in tokens[start:first]])
    text = "".join([token.text for token in tokens[first:last]])
    if not text:
        return {}
    scored = await engine.score((prefix if not start else "") + prompt, text)
    found: dict[int, float] = {}
    ours, theirs = 0, 0  # characters
    place = first
    for token in scored:
        while place < last and ours < theirs:
            ours += len(tokens[place].text)
            place += 1
        if place < last and ours == theirs and (tokens[place].id, tokens[place].text) == (token.id, token.text):
            found[place] = token.logprob
            ours += len(token.text)
            place += 1
        theirs += len(token.text)
    return found


def whole(tokens: Sequence[Token], at: int, by: int) -> int:
    """The next place from `at` on that is not inside a character."""
    while 0 < at < len(tokens) and tokens[at].data[:1] and tokens[at].data[0] & 0xC0 == 0x80:
        at += by
    return max(0, min(at, len(tokens)))
