"""The likeliest tokens of a vocabulary, found by a bound: the same as by sorting it all, ties by id."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.inference.local.lane import likeliest


@given(
    size=st.integers(1, 2000),
    top=st.integers(0, 60),
    seed=st.integers(0, 1000),
    steps=st.sampled_from([1, 3, 1000]),
    masked=st.floats(0, 1),
)
def test_the_same_as_by_sorting(size: int, top: int, seed: int, steps: int, masked: float) -> None:
    rng = np.random.default_rng(seed)
    logits = (rng.integers(0, steps, size) / 7).astype(np.float32)  # many ties
    logits[rng.random(size) < masked] = -np.inf
    wanted = sorted(range(size), key=lambda at: (-logits[at], at))[:top]
    assert likeliest(logits, top) == wanted


@pytest.mark.parametrize("size", [49_152, 262_144])
def test_large_vocabularies(size: int) -> None:
    logits = np.random.default_rng(1).normal(0, 3, size).astype(np.float32)
    assert likeliest(logits, 20) == list(np.argsort(-logits, kind="stable")[:20])
