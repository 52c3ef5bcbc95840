"""`workbench run`, `attach` and `check` through the front door, on the double and on the starter model."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from workbench.cli.main import run

FILE = """
schema = 1
kind = "experiment"
sampling = { max_tokens = 12, temperature = 0.0 }
checks = [{ type = "CHECK", value = "two" }]
[[variants]]
label = "plain"
prompt = "system/plain"
[[variants]]
label = "typed"
prompt = "You are terse."
[[cases]]
name = "one"
message = "What is 1 + 1?"
[[cases]]
name = "two"
message = "What is 2 + 2?"
"""


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_DOUBLE", "tokens=20")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "e.toml"
    path.write_text(FILE.replace("CHECK", "not-contains"))
    return path


def call(*argv: object) -> int:
    return run([str(each) for each in argv], app=lambda library: 77, keys=lambda form: 78)


def lines(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.usefixtures("double")
def test_json_lines_are_trials_and_then_the_summary(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("run", file, "--json") == 0
    *trials, last = lines(capsys)
    assert sorted((trial["variant"], trial["case"]) for trial in trials) == [
        (variant, case) for variant in ("plain", "typed") for case in ("one", "two")
    ]
    assert all(trial["checks"][0]["passed"] for trial in trials)
    assert {"variants", "pairs", "stopped"} <= set(last["summary"])
    assert [found["label"] for found in last["summary"]["variants"]] == ["plain", "typed"]
    assert call("run", file, "--json") == 0
    *trials, last = lines(capsys)
    assert last["summary"]["reused"] == 4
    assert all(trial["reused"] for trial in trials)


@pytest.mark.usefixtures("double")
def test_exit_codes(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("run", file) == 0
    out = capsys.readouterr().out
    assert "system/plain@" in out
    assert "100 % (" in out
    assert "not enough yet" in out
    file.write_text(FILE.replace("CHECK", "contains"))
    assert call("run", file) == 1
    file.write_text("schema = 1\nkind = 'experiment'\ncases = 3\n")
    assert call("run", file) == 2
    assert "e.toml:3" in capsys.readouterr().err
    assert call("run", tmp_path / "none.toml") == 4
    assert call("run") == 2
    file.write_text(FILE.replace("CHECK", "contains").replace("[[cases]]", 'model = "nowhere"\n[[cases]]', 1))
    assert call("run", file) == 4
    assert "nowhere" in capsys.readouterr().err


@pytest.mark.usefixtures("double")
def test_a_baseline_fails_the_build_when_something_got_worse(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("run", file, "--json") == 0
    before = lines(capsys)[-1]["summary"]["run"]
    assert call("run", file, "--baseline", before) == 0
    assert "no worse" in capsys.readouterr().out
    file.write_text(FILE.replace("CHECK", "contains"))
    assert call("run", file, "--baseline", before, "--json") == 1
    worse = lines(capsys)[-1]["summary"]["baseline"]["variants"]
    assert [found["worse"] for found in worse] == [True, True]
    assert worse[0]["lost"] == ["one", "two"]


@pytest.mark.usefixtures("double")
def test_a_case_that_is_an_error_now_is_worse_than_the_baseline(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "library"
    folder.mkdir()
    prompt = folder / "topic.toml"
    told = 'schema = 1\nkind = "system"\ntitle = "T"\ntext = "On {{topic}}."\n[variables.topic]\ndescription = "what"\n'
    prompt.write_text(told + 'default = "sums"\n')
    file = tmp_path / "e.toml"
    file.write_text(
        'schema = 1\nkind = "experiment"\nprompt = "topic"\nchecks = [{ type = "not-contains", value = "zzz" }]\n'
        '[[cases]]\nname = "named"\nmessage = "Hi"\nvariables = { topic = "sums" }\n'
        '[[cases]]\nname = "left out"\nmessage = "Hi"\n'
    )
    assert call("run", file, "--library", folder) == 0
    prompt.write_text(told)  # its default is gone
    capsys.readouterr()
    assert call("run", file, "--library", folder, "--baseline", "last") == 1
    out = capsys.readouterr().out
    assert "worse than before" in out
    assert "now errors: left out" in out
    assert call("run", file, "--library", folder, "--baseline", "last", "--fresh") == 0  # it was one before, too


@pytest.mark.usefixtures("double")
def test_a_baseline_that_proves_nothing_is_none(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("run", file, "--limit", 1) == 0
    assert call("run", file, "--baseline", "last") == 4  # that was of a part of the cases
    assert call("run", file, "--limit", 1, "--fresh", "--baseline", "last") == 0
    assert call("run", file, "--json") == 0
    capsys.readouterr()
    file.write_text(file.read_text().replace('"plain"', '"x"').replace('"typed"', '"y"'))
    assert call("run", file, "--baseline", "last") == 1
    assert "nothing to compare" in capsys.readouterr().err


@pytest.mark.usefixtures("double")
def test_checks_again_without_generating(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("run", file, "--json") == 0
    *trials, last = lines(capsys)
    id = last["summary"]["run"]
    other = tmp_path / "checks.toml"
    other.write_text('[[checks]]\ntype = "contains"\nvalue = "no such word"\n')
    assert call("check", id, "--checks", other, "--json") == 1
    *again, _ = lines(capsys)
    assert [trial["text"] for trial in again] == [trial["text"] for trial in sorted(trials, key=lambda t: t["id"])]
    assert not any(trial["passed"] for trial in again)
    assert call("check", id) == 0
    assert "100 %" in capsys.readouterr().out


@pytest.mark.usefixtures("double")
def test_verdicts_of_other_checks_are_not_taken_for_the_files_own(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("run", file, "--json") == 0
    id = lines(capsys)[-1]["summary"]["run"]
    other = tmp_path / "checks.toml"
    other.write_text('[[checks]]\ntype = "contains"\nvalue = "no such word"\n')
    assert call("check", id, "--checks", other) == 1
    assert "system/plain@" in capsys.readouterr().out
    assert call("report", id, "--json") == 0
    assert json.loads(capsys.readouterr().out)["summary"]["variants"][0]["passed"]["value"] == 0
    assert call("run", file, "--json") == 0  # checked anew by its own, though as many
    *trials, last = lines(capsys)
    assert last["summary"]["reused"] == 4
    assert {trial["checks"][0]["type"] for trial in trials} == {"not-contains"}
    file.write_text(FILE.replace('"CHECK", value = "two"', '"contains", value = "no such word"'))
    assert call("run", file) == 1


@pytest.mark.usefixtures("double")
def test_a_prompt_s_own_cases(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    below = tmp_path / "lib" / "system"
    below.mkdir(parents=True)
    (below / "mine.toml").write_text(
        'schema = 1\nkind = "system"\ntitle = "Mine"\ntext = "Be short."\n'
        '[[cases]]\nname = "sum"\nmessage = "1 + 1?"\nchecks = [{ type = "not-contains", value = "two" }]\n'
    )
    assert call("run", "--prompt", "system/mine", "--library", tmp_path / "lib", "--json") == 0
    trial, _ = lines(capsys)
    assert (trial["prompt"], trial["case"]) == ("system/mine", "sum")
    assert call("check", "system/mine", "--library", tmp_path / "lib", "--json") == 0
    trial, last = lines(capsys)
    assert (trial["case"], last["summary"]["reused"]) == ("sum", 1)
    other = tmp_path / "checks.toml"
    other.write_text('[[checks]]\ntype = "contains"\nvalue = "no such word"\n')
    run = last["summary"]["run"]
    assert call("check", run, "--library", tmp_path / "lib") == 0
    assert call("check", run, "--library", tmp_path / "lib", "--checks", other) == 1
    assert call("check", "system/mine", "--library", tmp_path / "lib", "--checks", other) == 2
    assert call("check", run, "--model", "x") == 2
    assert call("check", "system/none") == 4
    assert call("check", "system/plain") == 2
    assert "has no cases" in capsys.readouterr().err
    assert call("prompts", "check", "system/mine", "--library", tmp_path / "lib") == 0
    assert "workbench check system/mine" in capsys.readouterr().err


def workbench(*argv: object) -> list[str]:
    return [sys.executable, "-m", "workbench", *(str(each) for each in argv)]


def test_interrupted_it_says_how_to_go_on_and_does(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_DOUBLE", "tokens=12,rate=1")  # too slow to end by itself
    process = subprocess.Popen(workbench("run", file), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    first = process.stderr.readline()
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    assert process.wait(60) == 130
    id = first.split()[1].rstrip(":")
    assert f"workbench run --resume {id}" in rest
    monkeypatch.setenv("WORKBENCH_DOUBLE", "tokens=12")
    done = subprocess.run(workbench("run", "--resume", id, "--json"), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])["summary"]
    assert (summary["run"], summary["trials"]) == (id, 4)


def test_detached_it_is_followed_and_stopped_and_gone_on_with(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORKBENCH_DOUBLE", "tokens=12,rate=1")
    done = subprocess.run(workbench("run", file, "--detach"), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    id = done.stdout.strip()
    told = json.loads((Path(os.environ["HOME"]) / f".local/share/workbench/runs/{id}.json").read_text())
    assert os.getsid(told["pid"]) == told["pid"]
    ended = subprocess.run(workbench("attach", "--stop"), capture_output=True, text=True, timeout=120)
    assert ended.returncode == 130
    assert f"--resume {id}" in ended.stderr
    monkeypatch.setenv("WORKBENCH_DOUBLE", "tokens=12")
    assert call("run", "--resume", id, "--detach") == 0
    capsys.readouterr()
    assert call("attach", id, "--json") == 0
    assert lines(capsys)[-1]["summary"]["trials"] == 4


@pytest.mark.usefixtures("starter")
def test_on_the_starter_model(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("run", file, "--json") in (0, 1)
    *trials, last = lines(capsys)
    assert all(trial["completion_tokens"] > 0 and trial["error"] is None for trial in trials)
    assert last["summary"]["stopped"] == "done"
