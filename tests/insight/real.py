"""The two real models, asked and read: what the tests of insight share."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from workbench.inference.engine import Engine, Finished, Generate, Message, Piece, TokenLogprob
from workbench.inference.sampling import make
from workbench.insight.reading import Subject

PLAIN = (Message("system", "You are helpful."), Message("user", "Name three rivers, and say where they are."))
BRIEF = (Message("system", "Answer in one sentence."), Message("user", "Name three rivers, and say where they are."))
KOREAN = (Message("user", "한국의 강 세 개를 말해 주세요. 🌊"),)
# For a base model, which has no chat template: raw texts to go on with.
RIVERS, TALE = "The longest rivers of the world are", "Once upon a time the longest rivers of the world were"
SEOUL = "서울은 한국의 🌆 수도이고,"


def lent(*engines: Engine) -> Callable[[Path], AbstractAsyncContextManager[Engine]]:
    """As the pool lends engines, by the file of each."""

    @asynccontextmanager
    async def use(path: Path) -> AsyncIterator[Engine]:
        yield next(engine for engine in engines if engine.info is not None and engine.info.path == str(path))

    return use


async def answered(
    engine: Engine, asked: tuple[Message, ...] | str, name: str = "A", **settings: object
) -> tuple[Subject, list[TokenLogprob]]:
    """A strict trial (of messages, or of a raw prompt), greedy unless set otherwise, and its tokens as drawn."""
    messages, prompt = ((), asked) if isinstance(asked, str) else (asked, None)
    made = make({"max_tokens": 40, "temperature": 0, **settings})
    request = Generate(trial=name, messages=messages, prompt=prompt, sampling=made, mode="strict", logprobs=5)
    text, tokens, end = "", list[TokenLogprob](), None
    async for event in engine.generate([request]):
        if isinstance(event, Piece):
            text += event.text
            tokens += event.logprobs
        elif isinstance(event, Finished):
            end = event
    assert end is not None
    assert engine.info is not None
    subject = Subject(
        name=name,
        model=engine.info.name,
        path=engine.info.path,
        text=text,
        messages=messages,
        prompt=prompt,
        made=end.completion_tokens,
        finish=end.finish,
        mode="strict",
    )
    return subject, tokens


async def independent(model: str, prompt: str, continuation: str) -> list[tuple[int, float, float, int]]:
    """(id, log-probability, entropy, rank) of each token, by another way (tests/insight/logits.py)."""
    script = str(Path(__file__).with_name("logits.py"))
    child = await asyncio.create_subprocess_exec(
        sys.executable, script, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await child.communicate(json.dumps([model, prompt, continuation]).encode())
    assert child.returncode == 0
    return [tuple(each) for each in json.loads(said)]
