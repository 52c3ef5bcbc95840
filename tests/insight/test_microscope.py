"""What would change along an answer, who removed whom, and settings a step up or down."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.inference.engine import Generate, LoadOptions, Piece, Stage, Step
from workbench.inference.local.client import LocalEngine
from workbench.inference.sampling import Sampling, check, make
from workbench.insight.microscope import NAMES, STEPS, as_drawn, changes, nudged, p_of, remover, text_of


def step(choice: int, *, left: float | None = 0.4) -> Step:
    stages = (Stage("model", 3, (0.5, 0.3, 0.2)), Stage("top_k", 2, (0.6, left, None)))
    return Step(1, "a", ((1, "a"), (2, "b"), (3, "c")), stages, choice)


def test_changes_name_the_step_and_both_probabilities() -> None:
    (found,) = changes([step(1), step(1)], [step(1), step(2)])
    assert (found.step, found.now) == (1, "b")
    assert found.p_before == found.p_now == pytest.approx(0.6)
    assert as_drawn([step(1), step(2)]) == 1
    assert (remover(step(1), 0), remover(step(1), 2), text_of(step(1), 3)) == ("", "top_k", "c")
    assert p_of(step(1), 3, 0) == pytest.approx(0.2)
    assert (p_of(step(1), 3), p_of(step(1), 9)) == (0.0, 0.0)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("by", [-1, 1])
def test_every_setting_turns_within_its_range(name: str, by: int) -> None:
    made = Sampling()
    for _ in range(60):
        made = nudged(made, name, by)
        assert check(name, getattr(made, name)) == getattr(made, name)
    if by > 0:
        assert getattr(made, name) >= getattr(Sampling(), name)
    assert STEPS[name] > 0


@pytest.mark.parametrize("which", ["starter", "gemma"])
async def test_an_answer_is_drawn_again_as_it_stands(request: pytest.FixtureRequest, which: str) -> None:
    path: Path = request.getfixturevalue(which)
    engine = LocalEngine(path, LoadOptions(context_length=512, threads=2))
    try:
        await engine.load()
        prompt = "Once upon a time there was a small"
        sampling = make({"max_tokens": 12, "seed": 5})
        request_ = Generate(trial="a", prompt=prompt, sampling=sampling, mode="strict")
        answer = "".join([event.text async for event in engine.generate([request_]) if isinstance(event, Piece)])
        steps = await engine.stages(prompt, answer, sampling)
        assert as_drawn(steps) == len(steps)
        wild = make({"temperature": 5.0, "top_k": 0, "top_p": 1, "min_p": 0, "seed": 5})
        hot = await engine.stages(prompt, answer, wild)
        assert changes(steps, hot)
        greedy = await engine.stages(prompt, answer, make({"temperature": 0}))
        assert all(each.choice == each.candidates[0][0] for each in greedy)
    finally:
        await engine.close()
