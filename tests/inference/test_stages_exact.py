"""The microscope on both real models: the chain seen through it is the chain that drew, to the last token."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import EngineError
from workbench.inference.engine import Generate, LoadOptions, Piece
from workbench.inference.local.client import LocalEngine
from workbench.inference.sampling import Sampling, make

PROMPT = "The best thing about the old town was"
SETTINGS: list[dict[str, Any]] = [
    {},
    {"temperature": 0.0},
    {"temperature": 1.3, "repeat_penalty": 1.3, "repeat_last_n": -1, "presence_penalty": 0.5},
    {"xtc_probability": 0.5, "xtc_threshold": 0.05, "dry_multiplier": 0.8},
    {"top_n_sigma": 1.0, "typical_p": 0.8, "dynatemp_range": 0.3},
    {"mirostat": 1},
    {"mirostat": 2},
    {"adaptive_target": 0.3},
    {"grammar": "root ::= [a-z ,]+"},
    {"logit_bias": {100: 5.0}, "top_k": 0, "min_p": 0.0, "top_p": 1.0},
]


@pytest.fixture(scope="module", params=["starter", "gemma"])
def path(request: pytest.FixtureRequest) -> Path:
    found: Path = request.getfixturevalue(request.param)
    return found


@pytest.fixture
async def engine(path: Path) -> AsyncIterator[LocalEngine]:
    made = LocalEngine(path, LoadOptions(context_length=512, threads=1))
    await made.load()
    yield made
    await made.close()


@pytest.mark.parametrize("coupled", [True, False])
async def test_what_was_drawn_is_drawn_again_at_every_token(engine: LocalEngine, coupled: bool) -> None:
    """Also by samplers that remember: their generators stand where they stood."""
    held = 0
    for settings in SETTINGS:
        sampling = make({"seed": 5, "max_tokens": 12, **settings})
        request = Generate(trial="t", prompt=PROMPT, sampling=sampling, mode="strict", coupled=coupled, logprobs=1)
        pieces = [event async for event in engine.generate([request]) if isinstance(event, Piece)]
        text, tokens = "".join(each.text for each in pieces), [token.id for each in pieces for token in each.logprobs]
        steps = await engine.stages(PROMPT, text, sampling, coupled=coupled)
        if [each.id for each in steps] == tokens:  # else it has other tokens when read again
            held += 1
            assert "".join(each.text for each in steps) == text
            assert [each.choice for each in steps] == tokens, settings
    assert held >= len(SETTINGS) // 2


async def test_stages_say_who_removed_what(engine: LocalEngine) -> None:
    assert engine.info is not None
    sampling = make({"top_k": 10, "top_p": 0.9, "min_p": 0.1, "temperature": 1.5})
    steps = await engine.stages(PROMPT, " yellow", sampling, top=15)
    scored = await engine.score(PROMPT, " yellow", top=15)
    for one, plain in zip(steps, scored, strict=True):
        assert [stage.name for stage in one.stages] == ["model", "top_k", "top_p", "min_p", "temperature"]
        left = [stage.left for stage in one.stages]
        assert left[0] == engine.info.vocabulary
        assert left[1] == 10
        assert left == sorted(left, reverse=True)
        first = dict(zip([id for id, _ in one.candidates], one.stages[0].p, strict=True))
        for id, _, logp in plain.top:
            assert math.log(first[id] or 0) == pytest.approx(logp, abs=1e-3)
        for stage in one.stages[1:]:
            there = [value for value in stage.p if value is not None]
            assert len(there) == stage.left
            assert sum(there) == pytest.approx(1, abs=1e-4)
        assert one.id in [id for id, _ in one.candidates]
        assert one.choice in [id for id, _ in one.candidates]


async def test_a_grammar_that_does_not_allow_the_text_ends_there_and_not_the_worker(engine: LocalEngine) -> None:
    steps = await engine.stages(PROMPT, " yellow and 7", make({"grammar": 'root ::= "x"+'}))
    assert steps[0].stages[1].name == "grammar"
    assert all(each.stages[1].name != "grammar" for each in steps[1:])
    assert engine.state == "ready"


async def test_nothing_to_look_at_and_bad_settings_are_said(engine: LocalEngine) -> None:
    assert await engine.stages(PROMPT, "", Sampling()) == ()
    with pytest.raises(EngineError, match="GBNF"):
        await engine.stages(PROMPT, " x", make({"grammar": "foo"}))
    assert (await engine.stages(PROMPT, " x", Sampling()))[0].stages
