"""The example experiments: one for each use, right as they stand, each coming to its summary on the starter model."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from xml.etree import ElementTree

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


def gives(file: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Run it to its end, with its reports."""
    reports = [folder / "report.html", folder / "report.xml"]
    options = [word for path in reports for word in ("--report", str(path))]
    assert call("run", file.stem, "--json", *options) in (0, 1)
    *trials, last = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    summary = last["summary"]
    assert summary["stopped"] == "done"
    assert summary["errors"] == 0
    assert len(trials) == summary["total"] > 0
    assert all(variant["score"] for variant in summary["variants"])
    page = reports[0].read_text(encoding="utf-8")
    assert escape(open_experiment(file).title) in page
    assert f"<pre>workbench run {file.stem}</pre>" in page
    assert escape(f'"{trials[0]["version"]}"') in page
    assert page.count('class="range"') == len(summary["variants"])
    suites = ElementTree.parse(reports[1]).getroot()
    assert [suite.get("name") for suite in suites] == [variant["label"] for variant in summary["variants"]]
    failed = {(trial["variant"], trial["case"]) for trial in trials if trial["passed"] is False}
    assert sum(int(suite.get("failures", 0)) for suite in suites) == len(failed)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_gives_its_summary_and_report(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gives(file, tmp_path, capsys)
