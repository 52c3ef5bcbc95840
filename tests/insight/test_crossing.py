"""Cross-scores on both real models: exact against full logits, pieces that add up, two tokenizers, plain words."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.insight.real import BRIEF, PLAIN, RIVERS, TALE, answered, independent, lent
from workbench.inference.engine import LoadOptions, Message, TokenLogprob
from workbench.inference.local.client import LocalEngine
from workbench.insight.crossing import cross, crossed, sentences
from workbench.insight.reading import Reading, Subject

ASKED: dict[str, tuple[tuple[Message, ...] | str, tuple[Message, ...] | str]] = {
    "starter": (PLAIN, BRIEF),
    "gemma": (RIVERS, TALE),
}


async def loaded(path: Path) -> LocalEngine:
    engine = LocalEngine(path, LoadOptions(context_length=1024, threads=1, flash_attention="off"))
    await engine.load()
    return engine


@pytest.mark.parametrize("name", ["starter", "gemma"])
async def test_each_answer_after_either_prompt(request: pytest.FixtureRequest, name: str) -> None:
    engine = await loaded(request.getfixturevalue(name))
    try:
        left, _ = await answered(engine, ASKED[name][0])
        right, _ = await answered(engine, ASKED[name][1], "B")
        steps: list[str] = []
        found = await cross(lent(engine), left, right, top=3, on_step=steps.append)
        assert steps[1] == "reading B after the prompt of A"
        for this, that in ((found.left, found.right), (found.right, found.left)):
            assert this.own.prompt == that.other.prompt != this.other.prompt
            said = "".join(piece.text for piece in this.pieces)
            assert said.startswith(this.own.subject.text)
            for reading in (this.own, this.other):  # exact: against full logits, by another way through the library
                told = await independent(reading.subject.path, reading.prompt, said)
                assert [token.logprob for token in reading.tokens] == pytest.approx(
                    [logprob for _, logprob, _, _ in told], abs=1e-3
                )
            assert this.own_logp == pytest.approx(this.own.logp)
            assert this.other_logp == pytest.approx(this.other.logp)
            assert this.gain == pytest.approx(sum(piece.gain for piece in this.pieces))
            assert this.gain > 0  # greedy after its own prompt: no wonder
            gains = [abs(piece.gain) for piece in this.telling]
            assert gains == sorted(gains, reverse=True)
        lines = sentences(found)
        assert lines[0].startswith("A’s answer is ")
        assert "bits likelier after its own prompt than after B’s" in lines[0]
    finally:
        await engine.close()


async def test_two_models_meet_in_pieces(starter: Path, gemma: Path) -> None:
    one, two = await loaded(starter), await loaded(gemma)
    try:
        left = Subject("A", "one", str(starter), " the Nile and 한강.", prompt="Two rivers:")
        right = Subject("B", "two", str(gemma), " the Amazon.", prompt="A river is")
        found = await cross(lent(one, two), left, right)
        assert not found.same_model
        for each in (found.left, found.right):
            assert "".join(piece.text for piece in each.pieces) == each.own.subject.text
            assert each.own_logp == pytest.approx(each.own.logp)
            assert each.other_logp == pytest.approx(each.other.logp)
        assert "models differ" in sentences(found)[-1]
    finally:
        await one.close()
        await two.close()


def reading(*tokens: tuple[str, float], ended: bool = False) -> Reading:
    made = tuple(TokenLogprob(sum(map(ord, text)) * 7 + len(text), text, logp) for text, logp in tokens)
    return Reading(Subject("A", "m", "m", "".join(text for text, _ in tokens)), "p", made, ended)


CUTS = st.lists(st.integers(0, 12), max_size=8)


@given(text=st.text("ab 한🌊", max_size=12), left=CUTS, right=CUTS)
def test_pieces_give_the_text_back_and_add_up(text: str, left: list[int], right: list[int]) -> None:
    def cut(places: list[int]) -> Reading:
        edges = [0, *sorted(min(place, len(text)) for place in places), len(text)]
        parts = [text[a:b] for a, b in pairwise(edges)]
        return reading(*((part, -1.0) for part in parts))

    one, two = cut(left), cut(right)
    found = crossed(one, two)
    assert "".join(piece.text for piece in found.pieces) == text
    assert found.own_logp == pytest.approx(-len(one.tokens))
    assert found.other_logp == pytest.approx(-len(two.tokens))


def test_the_end_counts_where_both_have_one() -> None:
    ended = reading(("a", -1.0), ("<e>", -0.5), ended=True)
    assert [piece.end for piece in crossed(ended, reading(("a", -2.0), ("<e>", -3.5), ended=True)).pieces] == [
        False,
        True,
    ]
    alone = crossed(ended, reading(("a", -2.0)))
    assert [(piece.text, piece.gain) for piece in alone.pieces] == [("a", 1.0)]
