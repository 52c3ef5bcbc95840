"""Many texts after one prompt: the numbers are those of each alone, bit for bit on both models, in fewer steps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.inference.engine import LoadOptions, TokenLogprob
from workbench.inference.local import machine
from workbench.inference.local.llama import Context, Ids, Log, Model
from workbench.inference.local.scoring import TOGETHER, Scorer
from workbench.inference.local.together import FEW, ROWS, TEXTS, groups, steps

STAR = "When people hear the words 'star of a galaxy', the first thing they think of is the"
WORDS = [
    *(
        " sun",
        " Hollywood",
        " Milky Way",
        " red carpet",
        " Betelgeuse",
        " red giant",
        " 한국어 별 🌟",
        " a galaxy far",
        " sky",
    ),
    " astronomer" + " and her telescope" * 11,
]


class Counting(Context):
    """Counts the steps."""

    steps = 0

    def decode(self, rows: int) -> int:
        self.steps += 1
        return super().decode(rows)


def ask(scorer: Scorer, prompt: Ids, texts: list[Ids], *, alone: bool) -> tuple[tuple[TokenLogprob, ...], ...]:
    found: list[object] = []
    if alone:
        for text in texts:
            scorer.submit(prompt, text, 2, found.append)
    else:
        scorer.submit_many(prompt, texts, 2, found.append)
    while scorer.busy:
        scorer.step()
    made = tuple(found) if alone else found[0]
    assert isinstance(made, tuple), made
    return made


@pytest.mark.parametrize("which", ["starter", "gemma"])
def test_together_changes_no_bit(request: pytest.FixtureRequest, which: str) -> None:
    options = LoadOptions(threads=machine.threads())
    model = Model(str(request.getfixturevalue(which)), log := Log(), options=options)
    made: list[Counting] = []

    def scorer(sequences: int) -> Scorer:
        def make(cells: int) -> Context:
            unified = sequences > 1
            made.append(
                Counting(model, cells=cells, sequences=sequences, unified=unified, threads=2, options=options, log=log)
            )
            return made[-1]

        return Scorer(model, make, 2048)

    def ids(text: str, start: bool) -> Ids:
        return model.tokenize(text, add_special=start, parse_special=False)

    texts = [ids(word, False) for word in WORDS]
    assert max(map(len, texts)) > TOGETHER
    one, many, plain = scorer(1), scorer(TEXTS + 1), scorer(1)
    try:
        for prompt in (ids(STAR, True), ids("The guide of the museum says little. " * 30 + STAR, True)):
            expected = ask(one, prompt, texts, alone=True)
            before = len(made) > 1 and made[1].steps
            assert ask(many, prompt, texts, alone=False) == expected
            assert ask(many, prompt, texts[5:1:-1], alone=False) == expected[5:1:-1]
            assert ask(many, prompt, texts[:1], alone=True) == expected[:1]  # and nothing is left behind
            if len(prompt) < 64:
                assert made[1].steps - before < 2 * made[0].steps  # asked twice, and one word once more
        assert ask(plain, prompt, texts[:3], alone=False) == expected[:3]  # a model whose sequences share nothing
    finally:
        for context in made:
            context.free()
        model.free()


@given(st.lists(st.integers(1, ROWS - 1), max_size=31))
def test_each_row_stands_in_one_step_and_in_its_order(rows: list[int]) -> None:
    made = list(steps(rows))
    every = [(text, at) for text, count in enumerate(rows) for at in range(count)]
    assert sorted(row for step in made for row in step) == every
    assert all(0 < len(step) < ROWS for step in made)
    for text, count in enumerate(rows):
        holding = [[at for which, at in step if which == text] for step in made]
        assert [at for at in holding if at] == [list(range(count))]
    assert sum(rows) <= (ROWS - 1) * len(made) < 2 * sum(rows) + ROWS


@given(st.lists(st.integers(0, 60), max_size=80), st.integers(-5, FEW))
def test_groups_fit_and_hold_every_text(rows: list[int], room: int) -> None:
    together, alone = groups(rows, room, TEXTS)
    held = [text for group in together for text in group]
    assert sorted(held + alone) == [text for text, count in enumerate(rows) if count]
    assert all(len(group) <= TEXTS and sum(rows[text] for text in group) <= room for group in together)
    assert all(rows[text] < ROWS for text in held)
    assert all(rows[text] >= ROWS or rows[text] > room for text in alone)
