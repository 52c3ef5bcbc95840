"""Our own distributions against scipy."""

from __future__ import annotations

import pytest
from scipy import special, stats

from workbench.experiments.statistics.distributions import (
    beta_cdf,
    binomial_cdf,
    binomial_pmf,
    normal_cdf,
    normal_quantile,
    t_cdf,
    t_quantile,
)


@pytest.mark.parametrize("a", [0.5, 1, 3.5, 40, 2000])
@pytest.mark.parametrize("b", [0.5, 2, 17, 900])
@pytest.mark.parametrize("x", [0.0, 1e-6, 0.03, 0.4, 0.5, 0.77, 0.9999, 1.0])
def test_the_incomplete_beta_function(a: float, b: float, x: float) -> None:
    assert beta_cdf(x, a, b) == pytest.approx(special.betainc(a, b, x), rel=1e-9, abs=1e-14)


@pytest.mark.parametrize("df", [1, 2, 3, 9, 49, 1000, 100_000])
def test_students_t(df: int) -> None:
    for p in (0.001, 0.025, 0.3, 0.5, 0.8, 0.975, 0.995, 0.99999):
        assert t_quantile(p, df) == pytest.approx(stats.t.ppf(p, df), rel=1e-9, abs=1e-12)
    for x in (-8.0, -1.3, 0.0, 0.2, 2.5, 30.0):
        assert t_cdf(x, df) == pytest.approx(stats.t.cdf(x, df), rel=1e-9, abs=1e-14)


@pytest.mark.parametrize("n", [1, 7, 100, 5000])
@pytest.mark.parametrize("p", [0.01, 0.5, 0.83])
def test_the_binomial(n: int, p: float) -> None:
    for k in {-1, 0, 1, n // 3, n // 2, n - 1, n, n + 1}:
        assert binomial_cdf(k, n, p) == pytest.approx(stats.binom.cdf(k, n, p), rel=1e-8, abs=1e-14)
        assert binomial_pmf(k, n, p) == pytest.approx(stats.binom.pmf(k, n, p), rel=1e-8, abs=1e-14)


def test_a_certain_coin() -> None:
    assert [binomial_pmf(k, 3, p) for p in (0.0, 1.0) for k in range(4)] == [1, 0, 0, 0, 0, 0, 0, 1]


def test_the_normal() -> None:
    for p in (0.0005, 0.025, 0.5, 0.9, 0.9999):
        assert normal_quantile(p) == pytest.approx(stats.norm.ppf(p), rel=1e-12, abs=1e-12)
        assert normal_cdf(normal_quantile(p)) == pytest.approx(p, rel=1e-12)
