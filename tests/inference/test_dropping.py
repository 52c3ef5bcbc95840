"""A question that nobody waits for any more is not read to its end, and leaves the next one as it was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from workbench.errors import EngineError
from workbench.inference.engine import LoadOptions
from workbench.inference.local import machine, protocol
from workbench.inference.local.client import LocalEngine
from workbench.inference.local.llama import Context, Ids, Log, Model
from workbench.inference.local.process import Process
from workbench.inference.local.scoring import Scorer

LONG = "The guide of the museum says little about the stars. " * 120
TEXT = " The sun is a star."


class Counting(Context):
    """Counts the rows that are decoded."""

    rows = 0

    def decode(self, rows: int) -> int:
        self.rows += rows
        return super().decode(rows)


def finish(scorer: Scorer) -> None:
    while scorer.busy:
        scorer.step()


def test_what_is_dropped_is_read_no_further(starter: Path) -> None:
    options = LoadOptions(threads=machine.threads())
    model = Model(str(starter), log := Log(), options=options)
    made: list[Counting] = []

    def make(cells: int) -> Context:
        made.append(Counting(model, cells=cells, sequences=9, unified=True, threads=2, options=options, log=log))
        return made[-1]

    def ids(text: str, start: bool = True) -> Ids:
        return model.tokenize(text, add_special=start, parse_special=False)

    scorer, answers = Scorer(model, make, 2048), dict[int, object]()

    def ask(number: int, prompt: Ids) -> None:
        def answer(result: object) -> None:
            assert number not in answers  # once, whatever happens
            answers[number] = result

        if number % 2:
            scorer.submit(prompt, text, 0, answer, number=number)
        else:
            scorer.submit_hidden(prompt, text, [(), ((3, 9),)], answer, number=number)

    text, long, short = ids(TEXT, False), ids(LONG), ids(LONG)[:200]
    try:
        ask(1, short)
        finish(scorer)
        for number, prompt in ((3, long), (4, long), (5, long), (7, short)):
            ask(number, prompt)
        scorer.step()  # a chunk of 3
        for number in (3, 5, 99, 3):
            scorer.drop(number)
        assert all(isinstance(answers[number], EngineError) for number in (3, 5))
        before = made[-1].rows
        while 4 not in answers:
            scorer.step()
        assert isinstance(answers[4], tuple)
        assert made[-1].rows - before < 1.2 * len(long)  # of 4 alone
        finish(scorer)
        assert answers[7] == answers[1]
        ask(8, short)  # its prompt stands there
        scorer.step()
        scorer.drop(8)  # while other sequences share the prompt's cells
        assert isinstance(answers[8], EngineError)
        ask(9, short)
        finish(scorer)
        assert answers[9] == answers[1]
    finally:
        for context in made:
            context.free()
        model.free()


@pytest.fixture
async def engine(starter: Path) -> AsyncIterator[LocalEngine]:
    made = LocalEngine(starter, LoadOptions(threads=1, context_length=2048))
    await made.load()
    yield made
    await made.close()


async def test_a_cancelled_question_is_dropped_in_the_worker(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = await engine.score("A star is", TEXT)
    sent: list[protocol.Command] = []
    plain = Process.send

    def send(self: Process, message: protocol.Command) -> None:
        sent.append(message)
        plain(self, message)

    monkeypatch.setattr(Process, "send", send)
    asking = asyncio.create_task(engine.score(LONG, TEXT))
    await asyncio.sleep(0)  # it begins
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await engine.score("A star is", TEXT) == expected
    first, dropped = sent[:2]
    assert isinstance(first, protocol.Score)
    assert dropped == protocol.Drop(first.id)
