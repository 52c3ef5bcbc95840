"""How a run stands while it goes on, in a small dictionary."""

from __future__ import annotations

import json
from pathlib import Path

from tests.experiments.running.house import House, experiment
from workbench.experiments.experiment import TrialFinished
from workbench.experiments.running.brief import brief
from workbench.experiments.running.run import ExperimentRun
from workbench.experiments.running.starting import start
from workbench.experiments.running.words import progress

TWO = """title = "Two"
variants = [{ label = "short", prompt = "Be brief." }, { label = "long" }]
checks = [{ type = "length", unit = "words", max = 1000 }]
"""


async def test_a_run_in_brief_says_what_its_summary_will(tmp_path: Path) -> None:
    house = House(tmp_path)
    run = ExperimentRun(start(experiment(TWO, cases=6), house.rooms), house.rooms)
    seen = [brief(run) async for event in run.events() if isinstance(event, TrialFinished)]
    assert seen[0]["pairs"][0].startswith("not enough yet")
    last = brief(run)
    json.dumps(last)
    assert last["title"] == "Two"
    assert [(each["label"], each["trials"], each["passed"]) for each in last["variants"]] == [
        ("short", 6, 1.0),
        ("long", 6, 1.0),
    ]
    assert "6 cases" in last["pairs"][0]
    await house.close()


def test_how_a_run_stands_in_words() -> None:
    counts = {"trials": 1200, "total": 4000, "tokens": 2310, "prompt_tokens": 9400, "tokens_per_s": 84.4, "left": 130.0}
    assert progress(counts) == "1,200/4,000 trials · 2 min left · 84 tok/s · 2,310 tokens + 9,400 of prompts"
    more = {**counts, "errors": 3, "paused": "the disk is full", "reused": 7}
    assert progress(more).startswith("1,200/4,000 trials · paused · 2 min left · 3 errors · ")
    assert progress(more).endswith("7 from the history")
