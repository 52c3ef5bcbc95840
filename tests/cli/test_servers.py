"""Servers through the front door: listed, compared, counted, looked at by the doctor; the key is nowhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.inference.openai_server import MODEL, Fake, served
from workbench import paths
from workbench.cli import doctor
from workbench.cli.main import run

KEY = "sk-very-secret-0123456789"


def call(*argv: str) -> int:
    return run(argv, app=lambda library: 77, keys=lambda form: 78)


def data(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


@pytest.fixture(autouse=True)
def _no_venv_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.prefix", str(tmp_path / "venv"))


@pytest.fixture
def fake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Fake]:
    """A server named box in the settings, its key in a file. At the end nothing printed or kept has the key."""
    fake = Fake()
    fake.key = KEY
    key = tmp_path / "key"
    key.write_text(KEY)
    key.chmod(0o600)
    with served(fake):
        paths.ensure(paths.config_dir())
        settings = f'[[servers]]\nname = "box"\nurl = "{fake.url}"\nkey_file = "{key}"\n'
        (paths.config_dir() / "settings.toml").write_text(settings)
        yield fake
    out = capsys.readouterr()
    assert KEY not in out.out + out.err
    for file in Path.home().rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes(), file


def test_the_list_has_them_in_the_shape_that_programs_rely_on(
    fake: Fake, starter: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("models", "list", "--json") == 0
    here, there = data(capsys)
    assert here["path"] == str(starter)
    assert here.keys() == there.keys()
    host = fake.url.split("/")[2]
    assert (there["name"], there["path"], there["source"]) == (f"{MODEL} @ {host}", f"server:box/{MODEL}", host)
    assert (there["context_length"], there["size"], there["sha256"], there["error"]) == (4096, 0, None, None)
    assert call("models", "list") == 0
    assert f"{MODEL} @ {host}" in capsys.readouterr().out


def test_a_comparison_of_both_kinds(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("compare", "--model", "double", "--message", "Hi", "--set", "max_tokens=4", "--strict", "--json") == 0
    out = capsys.readouterr()
    (trial,) = json.loads(out.out)["trials"]
    assert trial["model"] == f"{MODEL} @ {fake.url.split('/')[2]}"
    assert (trial["mode"], trial["finish"], trial["completion_tokens"]) == ("fast", "length", 4)
    assert "coupled sampling and strict mode are not offered by 127.0.0.1" in out.err
    assert call("history", "list", "--json") == 0
    assert data(capsys)[0]["trials"] == 1


def test_tokens_by_the_servers_tokenizer(fake: Fake, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text").write_text("one two 한")
    assert call("tokens", "--model", f"server:box/{MODEL}", "--json", str(tmp_path / "text")) == 0
    assert "".join(token["text"] for token in data(capsys)["tokens"]) == "one two 한"


@pytest.mark.parametrize("verb", ["show", "fit", "rm", "settings", "tune"])
def test_what_needs_a_file_is_refused_in_one_line(fake: Fake, verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("models", verb, "double") == 2
    err = capsys.readouterr().err.strip()
    assert "is no file on this machine" in err
    assert "\n" not in err


def test_bad_settings_are_said_and_the_models_here_listed(
    fake: Fake, starter: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (paths.config_dir() / "settings.toml").open("a") as file:
        file.write("concurency = 3\n")
    assert call("models", "list", "--json") == 0
    out = capsys.readouterr()
    assert [model["path"] for model in json.loads(out.out)] == [str(starter)]
    assert "did you mean concurrency?" in out.err
    assert call("compare", "--model", "double", "--message", "Hi") == 2
    assert "did you mean concurrency?" in capsys.readouterr().err
    (found,) = doctor.servers()
    assert found.state == "fail"


def test_the_doctor_looks_at_each(fake: Fake) -> None:
    host = fake.url.split("/")[2]
    assert list(doctor.servers()) == [doctor.Finding(f"server box ({host}): 1 model", "ok")]
    fake.key = "another"
    (found,) = doctor.servers()
    assert (found.state, found.what) == (
        "warn",
        f"server box ({host}): answers 401: Invalid API Key — check the key of server box",
    )


def test_without_servers_the_doctor_says_nothing() -> None:
    assert list(doctor.servers()) == []
