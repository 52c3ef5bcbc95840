"""`workbench report` and `run --report` through the front door."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from workbench.cli.main import run

FILE = """
schema = 1
kind = "experiment"
title = "Two greetings"
sampling = { max_tokens = 12, temperature = 0.0 }
checks = [{ type = "CHECK", value = "two" }]
cases = "cases.csv"
message = "What is {{a}}?"
[[variants]]
label = "plain"
prompt = "system/plain"
[[variants]]
label = "typed"
prompt = "You are terse."
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WORKBENCH_DOUBLE", "tokens=20")
    path = tmp_path / "e.toml"
    path.write_text(FILE.replace("CHECK", "not-contains"))
    (tmp_path / "cases.csv").write_text("name,a\none,1 + 1\ntwo,2 + 2\n")
    return path


def call(*argv: object) -> int:
    return run([str(each) for each in argv], app=lambda library: 77, keys=lambda form: 78)


def history(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert call("history", "list", "--json") == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


def test_a_run_writes_its_reports(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [tmp_path / f"out.{end}" for end in ("html", "md", "csv", "jsonl", "xml")]
    assert call("run", file, *(word for name in names for word in ("--report", name))) == 0
    err = capsys.readouterr().err
    assert all(f"report: {name}" in err for name in names)
    (tmp_path / "plain").touch(mode=0o644)
    assert {name.stat().st_mode for name in names} == {(tmp_path / "plain").stat().st_mode}  # others may read them
    html, markdown, table, lines, junit = (name.read_text(encoding="utf-8") for name in names)
    assert "<title>Two greetings</title>" in html
    assert "name,a\none,1 + 1" in html  # the case file is carried
    assert markdown.startswith("# Two greetings\n")
    rows = list(csv.DictReader(table.splitlines()))
    assert [(row["variant"], row["case"], row["passed"]) for row in rows] == [
        (variant, case, "true") for case in ("one", "two") for variant in ("plain", "typed")
    ]
    assert len(rows[0]["model_sha256"]) == 64
    again = json.loads(lines.splitlines()[-1])["again"]
    assert again["case_file"]["text"] == "name,a\none,1 + 1\ntwo,2 + 2\n"
    assert again["experiment"] == file.read_text()
    assert again["command"] == "workbench run e.toml"
    assert len(again["versions"]) == 1  # the library's prompt; the typed one is in the file
    assert [suite.get("failures") for suite in ElementTree.fromstring(junit)] == ["0", "0"]
    assert call("run", file, "--limit", 1, "--report", names[0]) == 0  # written over: CI runs it every time
    assert "workbench run e.toml --limit 1" in names[0].read_text(encoding="utf-8")
    runs = history(capsys)
    assert call("history", "rm", runs[-1]["id"]) == 2
    assert f"something points at run {runs[-1]['id']}: report {names[0]}" in capsys.readouterr().err


def test_what_a_report_carries_is_enough_to_run_it_again(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine that has nothing but the report: the same wording, messages, seeds, and so the same trials."""
    changed = FILE.replace("CHECK", "not-contains").replace("0.0 }", "0.9 }").replace("typed", "né")
    file.write_text(changed.replace("schema = 1", "schema = 1\nseed = 5"))
    assert call("run", file, "--report", tmp_path / "out.jsonl") == 0
    *trials, _, last = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    again = last["again"]
    there = tmp_path / "there"
    home = there / "home"
    home.mkdir(parents=True)
    (there / again["file"]).write_text(again["experiment"], encoding="utf-8")
    (there / again["case_file"]["name"]).write_text(again["case_file"]["text"])
    for variant in again["variants"]:
        if variant["prompt"]:
            path = there / "prompts" / f"{variant['prompt']}.toml"
            path.parent.mkdir(parents=True)
            path.write_text(again["versions"][variant["version"]] + "# ours, and no other\n", encoding="utf-8")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(there)
    capsys.readouterr()
    assert call(*again["command"].split()[1:], "--json") == 0
    *made, last = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert not any(trial["reused"] for trial in made)
    names = ("variant", "case", "repeat", "prompt", "version", "model", "seed", "text")
    assert sorted([trial[name] for name in names] for trial in made) == sorted(
        [trial[name] for name in names] for trial in trials
    )
    for trial in made:
        assert trial["sampling"] == {"temperature": 0.9, "max_tokens": 12, "seed": trial["seed"]}
    assert {trial["seed"] for trial in trials} == {seed for case in again["cases"] for seed in case["seeds"]}


def test_what_cannot_be_written_is_said_before_the_run(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("run", file, "--report", tmp_path / "out.pdf") == 2
    assert "does not say which format" in capsys.readouterr().err
    assert call("run", file, "--report", tmp_path / "none" / "out.html") == 4
    assert "there is no such folder" in capsys.readouterr().err
    assert history(capsys) == []


def test_a_report_of_an_earlier_run(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("report", file) == 4
    assert "it has not been run yet" in capsys.readouterr().err
    assert call("run", file) == 0
    first = history(capsys)[0]["id"]
    file.write_text(FILE.replace("CHECK", "contains"))
    assert call("run", file, "--fresh") == 1
    second = history(capsys)[0]["id"]
    assert call("report", file) == 0  # the last run of the file, as Markdown
    printed = capsys.readouterr().out
    assert printed.startswith("# Two greetings")
    assert f"Run `{second}`" in printed
    assert call("report", first[:-2], "--format", "csv") == 0
    assert capsys.readouterr().out.count("\n") == 5
    out = tmp_path / "out.html"
    assert call("report", second, "--baseline", first, "--out", out, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["run"], told["file"]) == (second, str(out))
    assert told["against"]["run"] == first
    assert [each["label"] for each in told["summary"]["variants"]] == ["plain", "typed"]
    assert f"Against run {first}" in out.read_text(encoding="utf-8")
    assert call("report", second, "--out", out) == 2
    assert "--force" in capsys.readouterr().err
    assert call("report", second, "--out", out, "--force") == 0
    assert call("history", "rm", first) == 2
    assert "report on stdout (csv)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["nothing"], 4, "there is no run nothing"),
        (["x", "--format", "pdf"], 2, "pdf is no format"),
        (["x", "--out", "y.pdf"], 2, "does not say which format"),
    ],
)
def test_wrong_words(argv: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("report", *argv) == code
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_a_run_compared_with_a_baseline_says_so_in_its_report(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("run", file) == 0
    first = history(capsys)[0]["id"]
    file.write_text(FILE.replace("CHECK", "contains"))
    assert call("run", file, "--fresh", "--baseline", first, "--report", tmp_path / "out.md") == 1
    assert f"## Against run `{first}`" in (tmp_path / "out.md").read_text(encoding="utf-8")


def test_a_detached_run_writes_its_report(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = [sys.executable, "-m", "workbench", "run", str(file), "--detach", "--report", "out.xml"]
    found = subprocess.run(command, cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True, timeout=120)
    assert found.returncode == 0, found.stderr
    assert call("attach", found.stdout.strip()) == 0
    assert len(ElementTree.parse(tmp_path / "out.xml").getroot()) == 2
