"""A repository's page as a text: names short enough for a column, what is said of each file."""

from __future__ import annotations

import pytest

from tests.models.test_fit import MIB
from workbench.models.hub import Repo, RepoFile, RepoPage
from workbench.models.suiting import Room
from workbench.tui.hub_text import described, short


def page(repo: str, *names: str) -> RepoPage:
    files = [RepoFile(name, "Q4_0", MIB, ((name, MIB, None),), "mmproj" in name) for name in names]
    return RepoPage(Repo(repo, 1, 1, "2026-01-02", "", False, (), "", "2025-01-02"), "c", files, "")


@pytest.mark.parametrize(
    ("repo", "names", "shown"),
    [
        ("me/Big-7B-GGUF", ("Big-7B-Q4_0.gguf", "x/Big-7B-F16.gguf"), ("…Q4_0.gguf", "…F16.gguf")),
        ("me/Other-GGUF", ("a-b-Q4_0.gguf", "a-b-Q8_0.gguf"), ("…Q4_0.gguf", "…Q8_0.gguf")),
        ("me/Other-GGUF", ("one.gguf", "two.gguf", "mmproj-f16.gguf"), ("one.gguf", "two.gguf", "mmproj-f16.gguf")),
        ("me/Other-GGUF", ("one.gguf",), ("one.gguf",)),
        ("me/-GGUF", ("a-1.gguf", "a-2.gguf"), ("…1.gguf", "…2.gguf")),
    ],
)
def test_names_are_as_short_as_they_may_be(repo: str, names: tuple[str, ...], shown: tuple[str, ...]) -> None:
    made = page(repo, *names)
    assert tuple(short(name, made) for name in names) == shown


def test_a_projector_is_no_model_to_run() -> None:
    text = described(page("me/x", "x-Q4_0.gguf", "mmproj-x-f16.gguf"), Room(1 << 30))
    assert "lets a model see images; fetch it beside its model" in text
    assert "licence not said · 1 downloads · 1 likes · made 2025-01-02 · changed 2026-01-02" in text
    assert "── files, 1.1 GB of RAM free" in text
