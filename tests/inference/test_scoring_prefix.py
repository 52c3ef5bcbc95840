"""What a prompt has in common with the last one is kept, and the numbers do not tell: bit for bit, on both models."""

from __future__ import annotations

import pytest

from workbench.inference.engine import LoadOptions, TokenLogprob
from workbench.inference.local import machine
from workbench.inference.local.llama import Context, Ids, Log, Model
from workbench.inference.local.scoring import TILE, Scorer, _chunk

SENTENCES = [f"Rule {n}: the harbour master of town {n} writes down every ship that comes in. " for n in range(24)]
ANSWER = " The harbour master writes down the ships."


class Counting(Context):
    """Counts the rows that are decoded."""

    rows = 0

    def decode(self, rows: int) -> int:
        self.rows += rows
        return super().decode(rows)


def ask(scorer: Scorer, prompt: Ids, text: Ids | None) -> tuple[TokenLogprob, ...]:
    found: list[object] = []
    scorer.submit(prompt, text, 2, found.append)
    while scorer.busy:
        scorer.step()
    assert isinstance(found[0], tuple), found[0]
    return found[0]


@pytest.mark.parametrize("which", ["starter", "gemma"])
def test_a_shared_beginning_changes_no_bit(request: pytest.FixtureRequest, which: str) -> None:
    options = LoadOptions(threads=machine.threads())
    model = Model(str(request.getfixturevalue(which)), log := Log(), options=options)
    made: list[Counting] = []

    def make(cells: int) -> Context:
        made.append(Counting(model, cells=cells, sequences=1, unified=False, threads=2, options=options, log=log))
        return made[-1]

    def ids(text: str, start: bool = True) -> Ids:
        return model.tokenize(text, add_special=start, parse_special=False)

    answer, whole = ids(ANSWER, False), ids("".join(SENTENCES[:12]))
    left = [ids("".join(each for at, each in enumerate(SENTENCES[:12]) if at != out)) for out in (11, 10, 6, 0)]
    short = [ids("".join(SENTENCES[:2])), ids(SENTENCES[0]), ids(SENTENCES[0] + "One more. ")]
    assert all(len(each) < TILE for each in short)
    texts = [whole, *left, left[1], whole[: len(whole) - 1], *short, whole, ids("".join(SENTENCES)), whole[:TILE]]
    scorer = Scorer(model, make, 2048)
    try:
        kept = [(ask(scorer, text, answer), ask(scorer, text, None)) for text in texts]
        read = sum(context.rows for context in made)
        fresh = []
        for text in texts:
            alone = Scorer(model, make, 2048)
            fresh.append((ask(alone, text, answer), ask(alone, text, None)))
            made.pop().free()
        assert kept == fresh
        assert read < 0.75 * sum(len(text) + len(answer) for text in texts)
        assert ask(scorer, whole[:TILE], answer) == kept[-1][0]
    finally:
        for context in made:
            context.free()
        model.free()


@pytest.mark.parametrize("length", [1, 63, 64, 65, 511, 512, 513, 575, 576, 577, 1024, 1060, 2000])
def test_chunks_of_a_long_prompt_are_never_small(length: int) -> None:
    left, chunks = length, []
    while left:
        chunks.append(_chunk(left, 512))
        left -= chunks[-1]
    assert sum(chunks) == length
    assert max(chunks) <= 512
    assert length < TILE or min(chunks) >= TILE
