"""`workbench compare` and its neighbours through the front door, on the double and on the real starter model."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from workbench.cli.main import run

PLAIN = ["--system", "system/plain", "--system", "You are terse."]


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_DOUBLE", "tokens=20")


def call(*argv: str) -> int:
    return run(argv, app=lambda library: 77, keys=lambda form: 78)


def data(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("double")
def test_the_json_is_the_trials(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("compare", *PLAIN, "--message", "Hi", "--set", "temperature=0.5", "--set", "B.seed=9", "--json") == 0
    out = data(capsys)
    assert out["run"]
    assert [trial["variant"] for trial in out["trials"]] == ["A", "B"]
    first, second = out["trials"]
    assert first["prompt"] == "system/plain"
    assert len(first["version"]) == 64
    assert second["prompt"] == ""
    assert (first["seed"], second["seed"]) == (1, 9)
    assert first["sampling"]["temperature"] == 0.5
    assert first["finish"] in ("stop", "length")
    wanted = {
        *("variant", "case", "repeat", "prompt", "version", "model", "sampling", "seed", "mode", "text", "finish"),
        *("error", "prompt_tokens", "completion_tokens", "first_token_s", "tokens_per_s", "checks"),
    }
    assert wanted <= set(first)


@pytest.mark.usefixtures("double")
def test_people_get_columns_and_the_history_has_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("compare", *PLAIN, "--message", "Hi") == 0
    out = capsys.readouterr().out
    assert any("A  system/plain@" in line and "B  (typed)" in line for line in out.splitlines())
    assert call("history", "list", "--json") == 0
    runs = data(capsys)
    assert (runs[0]["trials"], runs[0]["message"]) == (2, "Hi")
    assert call("history", "show", runs[0]["id"][:14], "--json") == 0
    trials = data(capsys)
    assert [trial["finish"] for trial in trials] == ["stop", "stop"]
    assert call("history", "show", f"{runs[0]['id']}-A") == 0
    assert "You are a helpful assistant." in capsys.readouterr().out


@pytest.mark.usefixtures("double")
def test_the_message_comes_from_stdin(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"from a pipe")))
    assert call("compare", "--message", "-", "--json") == 0
    assert data(capsys)["trials"][0]["finish"] == "stop"


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["--system", "system/plian"], 4, "did you mean system/plain?"),
        (["--set", "temprature=1"], 2, "did you mean temperature?"),
        (["--set", "temperature=900"], 2, "temperature goes from 0 to 100"),
        (["--set", "temperature"], 2, "not NAME=VALUE"),
        (["--set", "C.temperature=1"], 2, "no variant C"),
        (["--model", "/no/such.gguf"], 4, "no model file"),
        (["--library", "/no/such"], 2, "no such library folder"),
    ],
)
def test_what_is_wrong_is_one_line(argv: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("compare", "--message", "Hi", *argv) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert captured.err.count("\n") == 1


def test_a_file_that_is_no_model_is_an_engine_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.gguf"
    path.write_text("this is not a model at all, only text")
    assert call("compare", "--message", "Hi", "--model", str(path), "--json") == 3
    trial = data(capsys)["trials"][0]
    assert trial["finish"] == "error"
    assert "x" in trial["error"]


def test_without_a_terminal_the_app_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert call() == 2
    assert "workbench run" in capsys.readouterr().err
    assert call("keys") == 78


def test_the_real_model_through_the_installed_program() -> None:
    argv = [
        sys.executable,
        "-m",
        "workbench",
        "compare",
        *PLAIN,
        "--message",
        "What is 2 + 2?",
        "--set",
        "max_tokens=12",
    ]
    done = subprocess.run([*argv, "--strict", "--json"], capture_output=True, text=True, check=True, timeout=120)
    again = subprocess.run([*argv, "--strict", "--json"], capture_output=True, text=True, check=True, timeout=120)
    first, second = json.loads(done.stdout)["trials"], json.loads(again.stdout)["trials"]
    assert [trial["text"] for trial in first] == [trial["text"] for trial in second]
    assert all(trial["mode"] == "strict" and trial["completion_tokens"] > 0 for trial in first)


@pytest.mark.parametrize("verb", ["list", "check"])
def test_prompts_as_json(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("prompts", verb, "--json") == 0
    out = data(capsys)
    if verb == "check":
        assert out == []
    else:
        assert {"id", "kind", "title", "tags", "version", "labels", "tokens", "error"} <= set(out[0])


def test_prompts_check_names_file_line_and_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.toml").write_text('kind = "system"\ntitle = 3\ntext = "x"\n')
    assert call("prompts", "check", "--library", str(tmp_path), "--json") == 2
    assert data(capsys) == [
        {
            "file": str(tmp_path / "bad.toml"),
            "line": 2,
            "key": "title",
            "problem": "title must be text, not a number",
            "hint": "",
        }
    ]


def test_prompts_search_and_show(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("prompts", "search", "step", "by", "step", "--json") == 0
    assert data(capsys)[0]["id"] == "system/step-by-step"
    assert call("prompts", "show", "system/role-expert") == 0
    assert "variable field" in capsys.readouterr().out
    assert call("prompts", "show", "chat/interview", "--json") == 0
    assert data(capsys)["messages"][0]["role"] == "system"


def test_models_and_doctor(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("models", "list", "--json") == 0
    assert "SmolLM2-135M-Instruct Q4_1" in [model["name"] for model in data(capsys)]
    assert call("doctor", "--json") == 0
    out = data(capsys)
    assert out["ok"]
    assert all(set(finding) == {"what", "state", "hint"} for finding in out["findings"])
