"""The microscope's last stage is what the sampler draws from; coupled dice keep it and move pairs together."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from workbench.inference.engine import LoadOptions, Step
from workbench.inference.local.llama import Context, Ids, Log, Model, low
from workbench.inference.local.samplers import Candidates, Chain
from workbench.inference.local.stages import Microscope
from workbench.inference.sampling import Sampling, make

DRAWS = 20_000
FEW = 512  # candidates that are drawn from: as many as top_k leaves or more, so the draw is the same


class Bench:
    """A model, and the logits after a prompt."""

    def __init__(self, path: Path) -> None:
        options = LoadOptions(threads=1)
        self.log = log = Log()  # llama.cpp calls it as long as it lives
        self.model = Model(str(path), log, options=options)
        self.context = Context(
            self.model, cells=256, sequences=1, unified=False, threads=1, options=options, log=log, outputs=1
        )
        self.prompt = self.ids("Yesterday my neighbour told me about")
        count = len(self.prompt)
        self.context.token[:count] = self.prompt
        self.context.position[:count] = range(count)
        self.context.wanted[count - 1] = 1
        assert self.context.decode(count) == 0
        self.row = count - 1
        self.logits = self.context.logits(self.row).copy()

    def ids(self, text: str) -> Ids:
        return self.model.tokenize(text, add_special=True, parse_special=False)

    def glass(self, sampling: Sampling, *, coupled: bool = True) -> Microscope:
        return Microscope(self.model, sampling, self.prompt, coupled=coupled, top=FEW, context=256)

    def see(self, glass: Microscope) -> Step:
        return glass.see(self.logits, int(self.logits.argmax()))

    def free(self) -> None:
        self.context.free()
        self.model.free()


@pytest.fixture(scope="module", params=["starter", "gemma"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    made = Bench(request.getfixturevalue(request.param))
    yield made
    made.free()


def drawn(bench: Bench, sampling: Sampling, *, coupled: bool) -> list[int]:
    """As a lane draws, from the likeliest `FEW`: a step's noise each."""
    candidates = Candidates(bench.model.vocabulary)
    chain = Chain(bench.model, sampling, candidates, draw=coupled, context=256)
    few = np.argsort(-bench.logits, kind="stable")[:FEW]
    found = []
    try:
        for _ in range(DRAWS):
            candidates.rows["id"][:FEW] = few
            candidates.rows["logit"][:FEW] = bench.logits[few]
            array = candidates.array
            array.data = candidates.rows.ctypes.data_as(low.llama_token_data_p)
            array.size, array.selected, array.sorted = FEW, -1, False
            low.llama_sampler_apply(chain.handle, ctypes.byref(array))
            found.append(int(array.data[array.selected].id))
            chain.told(found[-1])
    finally:
        chain.free()
    return found


@pytest.mark.parametrize("coupled", [True, False])
def test_the_last_stage_is_what_is_drawn_from(bench: Bench, coupled: bool) -> None:
    sampling = make({"seed": 11, "temperature": 1.3, "top_k": 30, "top_p": 0.97, "min_p": 0.01})
    glass = bench.glass(sampling, coupled=coupled)
    step = bench.see(glass)
    glass.close()
    last = step.stages[-1]
    expected = {id: p for (id, _), p in zip(step.candidates, last.p, strict=True) if p}
    assert len(expected) == last.left <= 30
    assert sum(expected.values()) == pytest.approx(1)
    draws = drawn(bench, sampling, coupled=coupled)
    assert set(draws) <= expected.keys()
    likely = {id: p for id, p in expected.items() if p * DRAWS >= 5}
    square = sum((draws.count(id) - p * DRAWS) ** 2 / (p * DRAWS) for id, p in likely.items())
    freedom = len(likely) - 1
    assert freedom >= 3
    assert square < freedom + 4 * (2 * freedom) ** 0.5 + 6  # beyond the 99.9 % point for every number of degrees


def test_the_choice_is_the_lanes_own(bench: Bench) -> None:
    for seed in range(5):
        sampling = make({"seed": seed, "temperature": 1.5})
        lane = Chain(bench.model, sampling, Candidates(bench.model.vocabulary), draw=True, context=256)
        glass = bench.glass(sampling)
        choices = [bench.see(glass).choice for _ in range(4)]
        assert choices == [lane.pick(bench.context, bench.row) for _ in range(4)]
        lane.free()
        glass.close()


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({}, ["model", "top_k", "top_p", "min_p", "temperature"]),
        ({"temperature": 0}, ["model"]),
        ({"top_k": 0, "top_p": 1, "min_p": 0, "repeat_penalty": 1.2}, ["model", "repeat_penalty", "temperature"]),
        ({"mirostat": 2}, ["model", "temperature", "mirostat"]),
        ({"typical_p": 0.5, "grammar": 'root ::= " yellow" | " green"'}, ["model", "grammar", "top_k", "typical_p"]),
    ],
)
def test_the_stages_are_the_chains(bench: Bench, settings: dict[str, object], names: list[str]) -> None:
    glass = bench.glass(make(settings))
    step = bench.see(glass)
    glass.close()
    assert [stage.name for stage in step.stages][: len(names)] == names
    assert step.stages[0].left == bench.model.vocabulary
    weights = np.exp(bench.logits - bench.logits.max(), dtype=np.float64)
    assert step.p(step.id, 0) == pytest.approx(float(weights[step.id] / weights.sum()), rel=1e-6)
    if settings.get("temperature") == 0:
        assert step.choice == int(bench.logits.argmax())


def test_coupled_pairs_differ_less_than_independent_ones(bench: Bench) -> None:
    """What two prompts' draws have in common: the variance of a difference falls, its mean does not move."""
    few = np.argsort(-bench.logits)[:30]
    rng = np.random.default_rng(3)
    a = bench.logits[few].astype(np.float64)
    b = a + rng.normal(0, 0.3, len(few))  # another prompt, a little different
    from workbench.inference.local.coupled import choose

    value = rng.normal(0, 1, len(few))  # any figure of the token drawn
    left = np.array([choose(1, step, few, a) for step in range(DRAWS)])
    right = np.array([choose(1, step, few, b) for step in range(DRAWS)])
    other = np.array([choose(2, step, few, b) for step in range(DRAWS)])
    coupled, independent = value[left] - value[right], value[left] - value[other]
    assert abs(coupled.mean() - independent.mean()) < 4 * (2 * independent.var() / DRAWS) ** 0.5
    assert coupled.var() < 0.5 * independent.var()
    for draws, logits in ((left, a), (right, b)):
        p = np.exp(logits - logits.max())
        expected = p / p.sum() * DRAWS
        likely = expected >= 5
        square = float((((np.bincount(draws, minlength=len(few)) - expected) ** 2) / expected)[likely].sum())
        freedom = int(likely.sum())
        assert square < freedom + 4 * (2 * freedom) ** 0.5 + 6
