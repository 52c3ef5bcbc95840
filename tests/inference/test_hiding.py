"""A part hidden from a text: nothing hidden is the plain score, and the prompt stays as it was, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.inference.engine import LoadOptions, TokenLogprob
from workbench.inference.local.hiding import BESIDE, Part, in_tokens
from workbench.inference.local.llama import Context, Ids, Log, Model
from workbench.inference.local.scoring import Scorer

FACT = "The harbour of Quellstadt is painted bright turquoise. "
PROMPT = f"Ships come and go all day. {FACT}Many people like to walk there. 한국어도 해요. What colour is the harbour?"
ANSWER = " It is painted bright turquoise."


@pytest.mark.parametrize("which", ["starter", "gemma"])
def test_what_is_hidden_is_missed_and_the_prompt_stays_as_it_was(request: pytest.FixtureRequest, which: str) -> None:
    options = LoadOptions(threads=1)
    path: Path = request.getfixturevalue(which)
    model = Model(str(path), log := Log(), options=options)
    made: list[Context] = []

    def make(cells: int) -> Context:
        made.append(
            Context(
                model, cells=cells, sequences=1 + BESIDE, unified=True, threads=1, options=options, log=log, outputs=64
            )
        )
        return made[-1]

    def ids(text: str, start: bool = True) -> Ids:
        return model.tokenize(text, add_special=start, parse_special=False)

    scorer = Scorer(model, make, 512)

    def ask(text: Ids) -> tuple[TokenLogprob, ...]:
        found: list[Any] = []
        scorer.submit(prompt, text, 0, found.append)
        return settled(found)

    def hide(text: Ids, parts: list[Part]) -> tuple[tuple[TokenLogprob, ...], ...]:
        found: list[Any] = []
        scorer.submit_hidden(prompt, text, parts, found.append)
        return settled(found)

    def settled(found: list[Any]) -> tuple[Any, ...]:
        while scorer.busy:
            scorer.step()
        assert isinstance(found[0], tuple), found[0]
        answer: tuple[Any, ...] = found[0]
        return answer

    def total(tokens: tuple[TokenLogprob, ...]) -> float:
        return sum(token.logprob for token in tokens)

    try:
        prompt, answer = ids(PROMPT), ids(ANSWER, False)
        places = [(0, 27), (27, 27 + len(FACT)), (27 + len(FACT), 27 + len(FACT) + 31)]
        assert PROMPT[slice(*places[1])] == FACT
        parts = in_tokens(model, PROMPT, prompt, [(), *[(place,) for place in places], tuple(places), ((0, 999),)])
        # What a part hides are the tokens of its words, no more: each token of the prompt at most once.
        said = b"".join(model.full_piece(int(prompt[at])) for at, _ in parts[2]).decode()
        assert said.strip() == FACT.strip()
        assert len(parts[4]) == sum(len(part) for part in parts[1:4])
        assert parts[5][-1][1] == len(prompt) - 2
        plain = ask(answer)
        whole, ships, fact, people, three, _ = hide(answer, parts)
        assert [token.id for token in whole] == [token.id for token in plain] == answer.tolist()
        # More rows at once round otherwise, as in test_divergence.py: in the mean, and at most.
        apart = np.abs([one.logprob - two.logprob for one, two in zip(whole, plain, strict=True)])
        assert apart.mean() < (0.02 if which == "starter" else 0.15)
        assert apart.max() < (0.1 if which == "starter" else 0.6)
        lost = [total(whole) - total(each) for each in (ships, fact, people, three)]
        assert lost[1] > 2
        assert max(abs(lost[0]), abs(lost[2])) < lost[1] / 2
        assert ask(answer) == plain
        other = ids(" Red.", False)
        kept = ask(other)
        scorer = Scorer(model, make, 512)
        assert ask(other) == kept
        # Longer than goes beside others: one at a time, in chunks.
        long = ids(ANSWER * 12, False)
        first, second = hide(long, parts[:2])
        assert len(first) == len(second) == len(long)
        assert total(first) == pytest.approx(total(ask(long)), abs=0.1 * len(long))
    finally:
        for context in made:
            context.free()
        model.free()
