"""What is typed to search the hub, and downloads kept from one start to the next."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from workbench.errors import StorageError, UsageError
from workbench.models import pending
from workbench.models.asking import Asked, asked
from workbench.models.hub import RepoFile
from workbench.models.pending import Pending


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("", Asked()),
        ("qwen coder", Asked("qwen coder")),
        ("license:mit ko-model language:ko", Asked("ko-model", filters=["license:mit", "ko"])),
        ("size:1B-8B task:text-generation", Asked(filters=["text-generation"], parameters="min:1B,max:8B")),
        ("language:Korean license:MIT", Asked(filters=["ko", "license:mit"])),
        ("https://huggingface.co/me/x-GGUF/tree/main?a=b", Asked("me/x-GGUF")),
        ("hf.co/me/x-GGUF license:mit", Asked("me/x-GGUF", filters=["license:mit"])),
        ("size:7b", Asked(parameters="max:7B")),
        ("size:500M-", Asked(parameters="min:500M")),
    ],
)
def test_words_and_filters(text: str, made: Asked) -> None:
    assert asked(text) == made


@pytest.mark.parametrize(
    ("text", "says"), [("licence:mit", "license"), ("size:big", "size:1B-8B"), ("tag:", "nothing")]
)
def test_a_filter_that_is_none_is_said(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        asked(text)


def test_downloads_are_kept_and_a_bad_file_is_none(tmp_path: Path) -> None:
    file = RepoFile("a/b-Q4_K_M.gguf", "Q4_K_M", 10, (("a/b-Q4_K_M.gguf", 10, "f" * 64),))
    left = [Pending("me/x", "c" * 40, file), Pending("me/y", "d" * 40, file)]
    path = tmp_path / "state" / "downloads.json"
    assert pending.load(path) == []
    for each in left:
        pending.add(each, path)
    assert pending.load(path) == left
    pending.add(left[0], path)
    assert pending.load(path) == left[::-1]
    pending.drop(left[1], path)
    pending.drop(left[1], path)
    assert pending.load(path) == left[:1]
    for data in (b"", b"{}", b'[1, {"repo": "x"}]', b"\xff", b"[" * 100_000):
        path.write_bytes(data)
        assert pending.load(path) == []
        pending.add(left[0], path)
        assert pending.load(path) == left[:1]


def test_several_keep_their_downloads_in_one_list(tmp_path: Path) -> None:
    path = tmp_path / "downloads.json"
    made = [Pending(f"me/{n}", "c" * 40, RepoFile("x.gguf", "", 1, (("x.gguf", 1, None),))) for n in range(12)]
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda each: pending.add(each, path), made))
    assert sorted(each.repo for each in pending.load(path)) == sorted(each.repo for each in made)


def test_a_list_that_cannot_be_kept_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be kept"):
        pending.add(Pending("me/x", "c", RepoFile("x.gguf", "", 1, ())), tmp_path / "file" / "downloads.json")
