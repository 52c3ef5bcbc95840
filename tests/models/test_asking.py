"""What is typed to search the hub, and downloads kept from one start to the next."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import UsageError
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
    pending.save(left, path)
    assert pending.load(path) == left
    for data in (b"", b"{}", b'[1, {"repo": "x"}]', b"\xff", b"[" * 100_000):
        path.write_bytes(data)
        assert pending.load(path) == []
