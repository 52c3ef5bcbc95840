"""The coupled draw: the distribution is softmax's, and the same noise meets the same token."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.inference.local.coupled import choose, uniforms

IDS = np.arange(8, dtype=np.int32) * 1717
LOGITS = np.array([2.0, 1.5, 1.0, 0.5, 0.0, -0.5, -1.0, -2.0], np.float32)
CHI2_7_999 = 24.32  # the 99.9 % point of chi-square with 7 degrees of freedom


def _p(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits - logits.max())
    return np.asarray(weights / weights.sum())


@pytest.mark.parametrize("axis", ["seed", "step"])
def test_the_draw_follows_softmax(axis: str) -> None:
    n = 20_000
    drawn = [choose(i, 3, IDS, LOGITS) if axis == "seed" else choose(5, i, IDS, LOGITS) for i in range(n)]
    expected = _p(LOGITS.astype(np.float64)) * n
    seen = np.bincount(drawn, minlength=8)
    assert float(((seen - expected) ** 2 / expected).sum()) < CHI2_7_999


def test_the_noise_is_uniform_over_tokens() -> None:
    values = uniforms(1, 0, np.arange(100_000))
    counts = np.histogram(values, 8, (0, 1))[0]
    assert float(((counts - 12_500) ** 2 / 12_500).sum()) < CHI2_7_999
    assert values.min() > 0
    assert values.max() < 1


def test_steps_and_seeds_are_independent() -> None:
    tokens = np.arange(20_000)
    first = uniforms(1, 0, tokens)
    for other in (uniforms(1, 1, tokens), uniforms(2, 0, tokens), uniforms(1, 0, tokens + 1)):
        assert abs(float(np.corrcoef(first, other)[0, 1])) < 0.03


def test_order_and_company_of_the_candidates_do_not_matter() -> None:
    order = np.array([3, 1, 7, 0, 2, 6, 5, 4])
    for step in range(200):
        best = IDS[choose(9, step, IDS, LOGITS)]
        assert IDS[order][choose(9, step, IDS[order], LOGITS[order])] == best
        kept = IDS[7] != IDS if best != IDS[7] else IDS[6] != IDS
        assert IDS[kept][choose(9, step, IDS[kept], LOGITS[kept])] == best


def test_near_logits_mostly_choose_the_same() -> None:
    near = LOGITS + np.array([0.1, -0.1, 0.1, -0.1, 0.1, -0.1, 0.1, -0.1], np.float32)
    same = sum(choose(4, step, IDS, LOGITS) == choose(4, step, IDS, near) for step in range(2000))
    independent = float((_p(LOGITS) * _p(near)).sum())
    assert same / 2000 > 0.9 > independent + 0.5


def test_a_large_vocabulary_draws_as_a_small_one_would() -> None:
    ids = np.arange(5000, dtype=np.int32)
    logits = np.linspace(3, -60, 5000).astype(np.float32)
    for step in range(50):
        scores = logits - np.log(-np.log(uniforms(7, step, ids)))
        assert choose(7, step, ids, logits) == int(np.argmax(scores))


def test_masked_tokens_are_never_drawn() -> None:
    logits = LOGITS.copy()
    logits[:6] = -np.inf
    assert {choose(1, step, IDS, logits) for step in range(300)} == {6, 7}
