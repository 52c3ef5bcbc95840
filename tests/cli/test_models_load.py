"""`workbench models settings`, and what a comparison makes of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.cli.main import run
from workbench.models import loading


def call(*argv: str) -> int:
    return run(argv, app=lambda library: 77, keys=lambda form: 78)


def test_set_seen_reset(starter: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("models", "settings", str(starter), "--set", "context_length=1024", "--set", "kv_type=q8_0") == 0
    assert "* context_length   1024" in capsys.readouterr().out
    assert call("models", "fit", str(starter), "--json") == 0
    fit = json.loads(capsys.readouterr().out)
    assert (fit["context"], fit["kv_type"], fit["lanes"]) == (1024, "q8_0", 1)
    assert call("models", "settings", str(starter), "--reset", "--set", "threads=1", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["settings"]["threads"] == 1
    assert found["settings"]["context_length"] == 0
    assert found["fit"]["verdict"] in ("fits", "tight", "too big")
    assert loading.options(starter).threads == 1


@pytest.mark.parametrize(
    ("given", "says"),
    [("thread=2", "did you mean threads"), ("lanes", "--set threads=4"), ("batch=1", "32 to 4096")],
)
def test_what_is_wrong_is_said(starter: Path, given: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("models", "settings", str(starter), "--set", given) == 2
    assert says in capsys.readouterr().err
    assert not loading.path().exists()


def test_a_trial_says_how_its_model_was_loaded(starter: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("models", "settings", str(starter), "--set", "context_length=640", "--set", "lanes=3") == 0
    capsys.readouterr()
    asked = ["--system", "Be brief.", "--system", "Be kind.", "--message", "Hi", "--set", "max_tokens=4"]
    assert call("compare", *asked, "--model", str(starter), "--json") == 0
    trials = json.loads(capsys.readouterr().out)["trials"]
    assert [trial["load"] for trial in trials] == [{"context_length": 640, "lanes": 3}] * 2
    assert call("compare", *asked, "--model", str(starter), "--context", "512", "--json") == 0
    trials = json.loads(capsys.readouterr().out)["trials"]
    assert trials[0]["load"] == {"context_length": 512, "lanes": 3}
    assert call("history", "show", trials[0]["id"], "--json") == 0
    (kept,) = json.loads(capsys.readouterr().out)
    assert kept["load"] == trials[0]["load"]


def test_a_broken_file_of_settings_ends_the_trials_with_one_line(
    starter: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loading.path().parent.mkdir(parents=True)
    loading.path().write_text(f'["{starter.resolve()}"]\nlanes = 0\n')
    asked = ["--system", "a", "--system", "b", "--message", "Hi", "--model", str(starter), "--json"]
    assert call("compare", *asked) == 3
    trials = json.loads(capsys.readouterr().out)["trials"]
    assert "lanes" in trials[0]["error"]
    assert "models.toml" in trials[0]["error"]
