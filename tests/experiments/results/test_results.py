"""Results: what is counted, what is left out, that both ways to read a run agree, and the views."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.experiments.results.made import check, keep, store_at, trial
from workbench.errors import StorageError, UsageError
from workbench.experiments.checks.applying import result
from workbench.experiments.checks.model import Verdict
from workbench.experiments.results.results import Results
from workbench.experiments.results.rows import Checked, counted, row_of
from workbench.experiments.statistics.estimates import mean_score, pass_rate
from workbench.experiments.statistics.evidence import Evidence

SCORES = st.sampled_from([0.0, 0.25, 0.5, 1.0])
CELLS = st.dictionaries(st.text(max_size=4), st.lists(SCORES, min_size=1, max_size=3), min_size=1, max_size=8)


@given(
    st.lists(st.tuples(st.booleans(), st.floats(0, 1), st.sampled_from([0.0, 0.5, 1.0, 3.0])), max_size=5),
)
def test_a_trial_passes_by_its_stored_verdicts_as_by_fresh_ones(found: list[tuple[bool, float, float]]) -> None:
    fresh = result(Verdict(type="x", passed=p, score=s, reason="", weight=w) for p, s, w in found)
    passed, score = counted([Checked("x", p, s, w) for p, s, w in found])
    assert passed == fresh.passed
    assert score == pytest.approx(fresh.score)


@given(CELLS, CELLS)
def test_figures_are_the_statistics_of_the_trials(a: dict[str, list[float]], b: dict[str, list[float]]) -> None:
    """However trials are mixed: one pass of counting comes to what the statistics say of all the scores."""
    trials = [
        trial(label, case, score, repeat=repeat)
        for label, cells in (("A", a), ("B", b))
        for case, values in cells.items()
        for repeat, score in enumerate(values)
    ]
    results = Results.of(trials)
    for figures, cells in zip(results.figures, (a, b), strict=True):
        assert figures.score is not None
        assert figures.passed is not None
        wanted = mean_score(cells)
        passes = pass_rate({case: [score >= 1 for score in values] for case, values in cells.items()})
        for found, exact in ((figures.score, wanted), (figures.passed, passes)):
            assert (found.cases, found.trials) == (exact.cases, exact.trials)
            assert [found.value, found.low, found.high] == pytest.approx([exact.value, exact.low, exact.high])
    assert len(results) == sum(map(len, (*a.values(), *b.values())))


@given(st.lists(st.tuples(SCORES, SCORES), min_size=1, max_size=30))
def test_evidence_is_that_of_the_cases_in_plan_order(scores: list[tuple[float, float]]) -> None:
    trials = [
        trial(label, f"c{at}", score) for at, pair in enumerate(scores) for label, score in zip("AB", pair, strict=True)
    ]
    pair = Results.of(trials, delta=0.1).pairs[0]
    wanted = Evidence.of([b - a for a, b in scores], delta=0.1)
    assert pair.verdict.evidence == pytest.approx(wanted.strength)
    assert pair.verdict.decided_at == wanted.decided_at
    assert (pair.verdict.low, pair.verdict.high) == pytest.approx(wanted.interval())
    # given in another order than they ended, the plan's order counts
    order = [f"c{at}" for at in range(len(scores))]
    turned = Results.of(list(reversed(trials)), delta=0.1, order=order).pairs[0]
    assert turned.a == "B"
    assert turned.verdict.evidence == pytest.approx(wanted.strength)
    assert turned.verdict.decided_at == wanted.decided_at


def test_a_case_that_still_runs_holds_back_those_after_it() -> None:
    trials = [trial(label, f"c{at}", float(label == "B")) for at in range(20) for label in "AB"]
    trials[10] = trial("A", "c5", None, finish="running", text="")
    pair = Results.of(trials).pairs[0]
    assert pair.verdict.cases == 5
    assert pair.once.cases == 19
    trials[10] = trial("A", "c5", 0.0, finish="error", error="broke", text="")
    assert Results.of(trials).pairs[0].verdict.cases == 19
    order = [f"c{at}" for at in range(25)]
    assert Results.of(trials[4:], order=order).pairs[0].verdict.cases == 0  # c0 is yet to come


def test_what_did_not_answer_has_no_score_and_is_counted() -> None:
    trials = [
        trial("A", "one", 1.0),
        trial("A", "two", 0.0, finish="error", error="broke", completion_tokens=3),
        trial("A", "three", 0.0, finish="cancelled"),
        trial("A", "four", None, finish="running", completion_tokens=0),
    ]
    figures = Results.of(trials).figures[0]
    assert (figures.trials, figures.errors, figures.running) == (4, 2, 1)
    assert figures.passed is not None
    assert (figures.passed.value, figures.passed.cases) == (1.0, 1)
    assert figures.tokens == 23
    assert figures.tokens_per_s == 20.0


def test_nothing_was_checked() -> None:
    results = Results.of([trial("A", "", None), trial("B", "", None)])
    assert not results.judged
    assert results.figures[0].passed is None
    assert results.pairs == []
    assert results.summary()["summary"]["variants"][0]["passed"] is None


def test_a_threshold_is_the_runs_own_word() -> None:
    """With `threshold` a trial passes though a check of it does not: what the run kept counts."""
    passed = trial("A", "one", None, checks=[check(score=0.9), check(score=0.0)]) | {"passed": True, "score": 0.6}
    assert (row_of(passed).passed, row_of(passed).score) == (True, 0.6)
    assert row_of(passed | {"finish": "interrupted"}).passed is None
    assert row_of(passed | {"score": 7.0}).score == 1.0
    with pytest.raises(StorageError, match="is none"):
        row_of(passed | {"score": "high"})


def test_no_trials_at_all() -> None:
    results = Results.of([])
    assert results.summary()["summary"] == {"variants": [], "pairs": [], "stopped": None, "trials": 0, "cases": 0}
    assert list(results.matrix()) == []
    assert results.axes() == {}


def test_a_run_of_the_history_is_read_the_same_and_drilled_into(tmp_path: Path) -> None:
    trials = [
        trial(label, f"case {at}", float((at + ord(label)) % 3 > 0), repeat=repeat)
        for at in range(30)
        for repeat in range(2)
        for label in "AB"
    ]
    trials[7] |= {"finish": "running", "text": ""}
    with closing(store_at(tmp_path)) as store:
        keep(store, "r1", trials)
        keep(store, "r2", trials[:4])
        stored = Results.of_run(store, "r1", delta=0.1, stopped="done")
        found = stored.siblings(store, "r1", 3)
        assert [(each["variant"], each["repeat"]) for each in found] == [("A", 0), ("B", 0), ("A", 1), ("B", 1)]
        assert {each["case"] for each in found} == {"case 3"}
        assert found[1]["text"] == "B says case 3"
    direct = Results.of(trials, delta=0.1, stopped="done")
    assert json.dumps(stored.summary()) == json.dumps(direct.summary())
    assert stored.columns == direct.columns
    assert stored.summary()["summary"]["stopped"] == "done"


def views() -> Results:
    scores = {"easy": (1.0, 1.0), "Odd": (0.0, 1.0), "hard": (0.5, 0.0), "lost": (1.0, None)}
    return Results.of(
        trial(label, case, 0.0 if score is None else score, **({"finish": "error"} if score is None else {}))
        for case, pair in scores.items()
        for label, score in zip("AB", pair, strict=True)
    )


@pytest.mark.parametrize(
    ("wanted", "cases"),
    [
        ({}, ["easy", "Odd", "hard", "lost"]),
        ({"show": "failed"}, ["Odd", "hard", "lost"]),
        ({"show": "errors"}, ["lost"]),
        ({"show": "differing"}, ["Odd", "hard"]),
        ({"show": "running"}, []),
        ({"text": "o"}, ["Odd", "lost"]),
        ({"sort": "name"}, ["easy", "hard", "lost", "Odd"]),
        ({"sort": "spread"}, ["Odd", "hard", "easy", "lost"]),
        ({"sort": "score"}, ["hard", "Odd", "easy", "lost"]),
        ({"sort": "score:A", "reverse": True}, ["lost", "easy", "hard", "Odd"]),
        ({"show": "failed", "sort": "score:B"}, ["hard", "Odd", "lost"]),
    ],
)
def test_rows_are_filtered_and_sorted(wanted: dict[str, object], cases: list[str]) -> None:
    results = views()
    assert [results.cases[case] for case in results.matrix(**wanted)] == cases


def test_a_filter_or_an_order_that_is_none() -> None:
    with pytest.raises(UsageError, match="broken is no filter"):
        views().matrix(show="broken")
    with pytest.raises(UsageError, match="score:Z is no order"):
        views().matrix(sort="score:Z")


def test_a_cell_is_its_repeats() -> None:
    results = Results.of([trial("A", "one", score, repeat=at) for at, score in enumerate([1.0, 0.5, 0.0])])
    cell = results.cells(0)[0]
    assert (cell.trials, cell.judged, cell.passes, cell.score, cell.failed) == (3, 3, 1, 0.5, True)
    assert cell.rate == pytest.approx(1 / 3)
    assert (cell.first, cell.last) == (0, 2)


def test_a_grid_over_two_settings_and_bars_over_one() -> None:
    trials = [
        trial(f"{model}{t}{k}", "one", (t + k) / 3, sampling={"temperature": t, "top_k": k, "seed": 9}, model=model)
        for model in ("m", "n")
        for t in (0.0, 1.0)
        for k in (1, 2, 0)
        if (model, t, k) != ("n", 1.0, 2)
    ]
    results = Results.of(trials)
    axes = results.axes()
    assert axes["temperature"] == [0.0, 1.0]
    assert axes["top_k"] == [0, 1, 2]
    assert axes["model"] == ["m", "n"]
    assert "seed" not in axes
    found = results.grid("top_k", "temperature")
    assert (found.xs, found.ys) == ((0, 1, 2), (0.0, 1.0))
    assert [[spot.value for spot in row] for row in found.spots] == [
        pytest.approx([0, 1 / 3, 2 / 3]),
        pytest.approx([1 / 3, 2 / 3, 1]),
    ]
    assert found.spots[1][2].trials == 1
    assert (found.low, found.high) == pytest.approx((0, 1))
    bars = results.grid("model", measure="tokens_per_s")
    assert [spot.value for spot in bars.spots[0]] == [20.0, 20.0]
    for wrong in (("seed", ""), ("top_k", "top_k"), ("top_k", "nothing")):
        with pytest.raises(UsageError):
            results.grid(*wrong)


def test_many_variants_are_compared_with_the_first_and_any_number_with_a_baseline() -> None:
    trials = [trial(f"V{at}", "one") for at in range(14)]
    assert [(pair.a, pair.b) for pair in Results.of(trials).pairs] == [("V0", f"V{at}") for at in range(1, 14)]
    assert {pair.a for pair in Results.of(trials[:3], baseline="V1").pairs} == {"V1"}
    assert len(Results.of(trials[:3], baseline="gone").pairs) == 3
