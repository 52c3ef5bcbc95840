"""The example experiments: one for each use, right as they stand, each coming to its summary on the starter model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench import paths
from workbench.cli.main import run
from workbench.experiments.files import open_experiment
from workbench.experiments.plan import Plan

FILES = sorted(paths.shipped("experiments").glob("*.toml"))


def call(*argv: str) -> int:
    return run(argv, app=lambda library: 77, keys=lambda form: 78)


def test_there_is_one_for_each_use() -> None:
    assert {file.stem for file in FILES} == {
        *("wording", "sampling-grid", "two-models", "censored-uncensored", "korean", "json-output"),
    }


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_is_right(file: Path) -> None:
    experiment = open_experiment(file)
    assert not experiment.warnings
    assert experiment.description
    assert experiment.checks
    assert len(Plan(experiment, experiment.cases())) <= 30


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_gives_its_summary(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if file.stem not in ("wording", "json-output"):  # the others do the same on the double: the model takes its time
        monkeypatch.setenv("WORKBENCH_DOUBLE", "tokens=20")
    assert call("run", file.stem, "--json") in (0, 1)
    *trials, last = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    summary = last["summary"]
    assert summary["stopped"] == "done"
    assert summary["errors"] == 0
    assert len(trials) == summary["total"] > 0
    assert all(variant["score"] for variant in summary["variants"])
