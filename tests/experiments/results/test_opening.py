"""A run opened out of the history: what its file says of judging, how it ended, its earlier runs; how it is read."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.experiments.results.made import check, keep, store_at, trial
from workbench.errors import NotFoundError
from workbench.experiments.results import rows
from workbench.experiments.results.opening import earlier, open_run
from workbench.experiments.results.results import Results

SOURCE = """
schema = 1
kind = "experiment"
title = "T"
delta = 0.2
baseline = "B"
[[variants]]
label = "A"
prompt = "system/plain"
[[variants]]
label = "B"
prompt = "system/step-by-step"
[[cases]]
name = "one"
message = "Hello"
"""

ENDS = st.sampled_from(["stop", "length", "error", "cancelled", "interrupted", "running"])
SCORES = st.one_of(st.none(), st.sampled_from([-1.0, 0.0, 0.25, 1.0, 3.0]))
PASSES = st.one_of(st.none(), st.booleans())
CHECKS = st.lists(
    st.builds(check, st.sampled_from(["contains", "regex"]), st.sampled_from([0.0, 0.5, 1.0])), max_size=2
)


@given(st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, 3), ENDS, SCORES, PASSES, CHECKS), max_size=12))
@settings(max_examples=40)
def test_what_is_read_without_checks_comes_to_the_same(tmp_path: Path, made: list[tuple[Any, ...]]) -> None:
    trials = [
        {**trial(label, f"c{case}", finish=finish, passed=passed, checks=checks), "score": score}
        for label, case, finish, score, passed, checks in made
    ]
    with closing(store_at(tmp_path)) as store:
        run = f"r{len(store.runs(1000))}"
        keep(store, run, trials)
        found, wanted = Results.of_run(store, run), Results.of(trials)
        assert found.cases == wanted.cases
        assert [found.cells(case) for case in range(len(found.cases))] == [
            wanted.cells(case) for case in range(len(wanted.cases))
        ]
        assert [each.passed for each in found.figures] == [each.passed for each in wanted.figures]
        assert [each.checks for each in found.figures] == [each.checks for each in wanted.figures]


def test_pages_follow_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "PAGE", 3)
    with closing(store_at(tmp_path)) as store:
        keep(store, "r", [trial("A", f"c{at}") for at in range(10)])
        assert [place for place, _ in rows.stored(store, "r")] == list(range(10))
        assert [row.case for _, row in rows.stored(store, "r", checks=False)] == [f"c{at}" for at in range(10)]
        assert Results.of_run(store, "r").figures[0].checks["contains"][0] == 10
        assert len(Results.of_run(store, "nothing")) == 0


def test_what_the_file_says_of_judging(tmp_path: Path) -> None:
    with closing(store_at(tmp_path)) as store:
        keep(store, "r", [trial("A"), trial("B")], source=SOURCE, title="T", stopped="done")
        found = open_run(store, "r")
        assert (found.results.delta, found.results.baseline) == (0.2, "B")
        assert (found.title, found.state, found.notes) == ("T", "done", ())
        keep(store, "bad", [trial("A"), trial("B", finish="running")], source="schema = 99")
        bad = open_run(store, "bad")
        assert bad.results.delta is None
        assert bad.state == "goes on"
        assert "not read by this workbench" in bad.notes[0]
        store.begin_run("hand", "compare", {})
        assert open_run(store, "hand").state == ""
        with pytest.raises(NotFoundError, match="there is no run gone"):
            open_run(store, "gone")


def test_earlier_runs_of_the_same_experiment(tmp_path: Path) -> None:
    with closing(store_at(tmp_path)) as store:
        for run, meta in (
            ("a", {"file": "/x.toml", "title": "X", "sha256": "1", "stopped": "done"}),
            ("b", {"file": "/y.toml", "title": "X"}),
            ("c", {"file": "/x.toml", "title": "Z", "sha256": "2"}),
            ("d", {"file": "/x.toml", "title": "X", "sha256": "2"}),
            ("e", {"file": "/x.toml", "title": "X", "sha256": "2"}),
            ("t", {"title": "X"}),
            ("u", {}),
        ):
            keep(store, run, [trial()] if run != "e" else [], **meta)
        assert [(each.run, each.stopped, each.same) for each in earlier(store, "d")] == [
            ("c", "", True),
            ("a", "done", False),
        ]
        assert [each.run for each in earlier(store, "t")] == ["d", "b", "a"]
        assert earlier(store, "a") == []
        assert earlier(store, "u") == []
        assert earlier(store, "gone") == []
