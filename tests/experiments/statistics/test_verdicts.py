"""Verdicts in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.experiments.statistics.estimates import pass_rate
from workbench.experiments.statistics.evidence import Evidence
from workbench.experiments.statistics.power import early_stop, fixed_cases, independent
from workbench.experiments.statistics.verdicts import all_decided, amount, judge, percent, points, signed, still_needed


def test_a_winner() -> None:
    found = judge(Evidence.of([1.0] * 8 + [0.0] * 2), "plain", "step-by-step")
    assert found.verdict == "step-by-step better"
    assert found.text == (
        "step-by-step better: decided after 8 of 10 cases; step-by-step +80 points against plain "
        f"(from {signed(found.low)} to {signed(found.high)}); evidence 46 to 1, 40 needed"
    )
    assert 0 < found.low < 0.2


def test_the_example_and_the_figures_of_the_guide() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "statistics.md").read_text("utf-8")
    assert f"> {judge(Evidence.of([0.0] * 12 + [-1.0] * 4 + [1.0] * 18)).text}\n" in guide
    assert f"> {percent(pass_rate({str(case): [case < 31] for case in range(50)}))}\n" in guide
    assert Evidence.of([0.0] * 120, delta=0.05).decided_at == 111
    stop = early_stop(*independent(0.5, 0.7))
    assert [stop.within(share) for share in (0.5, 0.8, 0.95)] == [86, 157, 246]
    assert [fixed_cases(*independent(0.5, 0.7), power) for power in (0.8, 0.95, 0.99)] == [103, 165, 228]


def test_no_difference_says_of_what() -> None:
    found = judge(Evidence.of([0.0] * 54, delta=0.1))
    assert found.verdict == "no difference of at least 10 points"
    assert found.text.startswith(
        "no difference of at least 10 points: 54 cases; B 0 points against A (from -9.9 points"
    )


def test_too_early() -> None:
    assert judge(Evidence()).text == "not enough yet: no case has an answer of both A and B"
    found = judge(Evidence.of([1.0]))
    assert (found.verdict, found.decided_at, found.cases) == ("not enough yet", None, 1)
    assert "1 case; B +100 points against A (from -97.5 points to +100 points); evidence 1.5 to 1" in found.text


@pytest.mark.parametrize(
    ("value", "told"),
    [(0.125, "+12.5 points"), (0.01, "+1 point"), (-0.01, "-1 point"), (-0.0001, "0 points"), (1.0, "+100 points")],
)
def test_points(value: float, told: str) -> None:
    assert signed(value) == told
    assert points(0.1) == "10 points"


def test_amounts_and_percents() -> None:
    assert [amount(value) for value in (0.42, 39.9, 3400, 2e9)] == ["0.4", "39", "3,400", "over a million"]
    assert percent(pass_rate({str(case): [case < 3] for case in range(4)})) == "75 % (16 to 98, 4 cases)"


def test_an_experiment_stops_when_every_pair_is_decided() -> None:
    found = {
        ("A", "B"): Evidence.of([1.0] * 9),
        ("A", "C"): Evidence.of([1.0, -1.0]),
        ("A", "D"): Evidence.of([-1.0] * 9),
    }
    assert not all_decided(found)
    assert still_needed(found, ["A", "B", "C", "D"]) == ["A", "C"]
    del found["A", "C"]
    assert all_decided(found)
