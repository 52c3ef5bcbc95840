"""Libraries: nearest first, references, bad files as rows, links that lead out; and search."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench import paths
from workbench.errors import NotFoundError, PromptError, UsageError
from workbench.library.library import Libraries, Library
from workbench.library.search import positions, search


def put(folder: Path, id: str, text: str = "hello", **keys: str) -> Path:
    path = folder / f"{id}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    extra = "".join(f'{key} = "{value}"\n' for key, value in keys.items())
    path.write_text(f'kind = "system"\n{extra}text = "{text}"\n')
    return path


@pytest.fixture
def two(tmp_path: Path) -> Libraries:
    put(tmp_path / "near", "a/one", "near one")
    put(tmp_path / "far", "a/one", "far one")
    put(tmp_path / "far", "a/two", title="Second thoughts")
    (tmp_path / "far" / "bad.toml").write_text("kind = ")
    put(tmp_path / "far", ".hidden/x")
    return Libraries([Library("near", tmp_path / "near"), Library("far", tmp_path / "far", writable=False)])


def test_the_nearest_wins_and_each_can_be_named(two: Libraries) -> None:
    assert [entry.id for entry in two.entries()] == ["a/one", "a/two", "bad"]
    assert two.get("a/one").text == "near one"
    assert two.get("far:a/one").text == "far one"
    version = two.get("a/one").version
    assert two.get(f"a/one@{version[:6]}").version == version
    with pytest.raises(NotFoundError, match="no version"):
        two.get("a/one@0000000")


def test_a_bad_file_is_a_row_with_its_error(two: Libraries) -> None:
    bad = two.entries()[2]
    assert bad.prompt is None
    assert bad.error is not None
    assert "bad.toml:1" in bad.error
    with pytest.raises(PromptError, match=r"bad\.toml:1"):
        two.get("bad")


def test_an_id_that_is_not_there_names_the_nearest(two: Libraries) -> None:
    with pytest.raises(NotFoundError, match="did you mean a/two"):
        two.get("a/tow")


def test_nothing_outside_the_folder_is_reached(tmp_path: Path, two: Libraries) -> None:
    put(tmp_path, "secret")
    (tmp_path / "near" / "out.toml").symlink_to(tmp_path / "secret.toml")
    with pytest.raises(NotFoundError):
        two.get("../secret")
    with pytest.raises(NotFoundError):
        two.get("out")
    with pytest.raises(NotFoundError):
        two.get(str(tmp_path / "secret"))
    (out,) = (entry for entry in two.entries() if entry.id == "out")
    assert out.prompt is None
    assert "leads out of the library" in str(out.error)
    (tmp_path / "near" / "in.toml").symlink_to(tmp_path / "near" / "a" / "one.toml")
    assert two.get("in").text == "near one"


def test_what_cannot_be_read_is_a_row_too(tmp_path: Path, two: Libraries, monkeypatch: pytest.MonkeyPatch) -> None:
    near = tmp_path / "near"
    (near / "loop.toml").symlink_to(near / "loop.toml")
    (near / "lost.toml").symlink_to(near / "nowhere")
    (near / "folder").symlink_to(tmp_path / "far")
    os.mkfifo(near / "pipe.toml")
    os.mkdir(near / "locked")
    whole = os.scandir

    def scandir(path: str) -> Any:
        if path.endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return whole(path)

    monkeypatch.setattr("workbench.library.walk.os.scandir", scandir)
    errors = {entry.id: entry.error for entry in two.entries() if entry.prompt is None and entry.library == "near"}
    assert set(errors) == {"loop", "lost", "folder", "pipe", "locked/"}
    assert "Permission denied" in str(errors["locked/"])
    for id in errors:
        with pytest.raises(NotFoundError):
            two.get(id)


@pytest.mark.parametrize(
    "reference",
    ["You are a helpful assistant. " * 100, "a\0b", "x" * 300 + "/" + "y" * 300, ".hidden/x", "a/./one", "a//one",
     "a/../a/one", "/etc/passwd", "", "@", "@abcd", "a/one@", "\ud800", "nowhere:a/one", "🙂" * 90 + ".toml"],
)  # fmt: skip
def test_any_text_may_be_asked_for(two: Libraries, reference: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        two.get(reference)
    assert len(str(caught.value)) < 300


def test_names_with_blanks_korean_colons_and_at_signs(tmp_path: Path, two: Libraries) -> None:
    for id in ("my own/인사말", "a:b", "me@home"):
        path = put(tmp_path / "near", id, id)
        assert two.get(id).text == id
        assert two.get(f"near:{id}").id == id
        assert two.get(f"{id}@{two.get(id).version[:4]}").id == id
        assert two.get(str(path)).text == id
    with pytest.raises(NotFoundError, match="the libraries are near, far"):
        two.get("nowhere:zzz")


def test_libraries_of_one_name_are_told_apart(tmp_path: Path) -> None:
    put(tmp_path / "x/shipped", "p", "mine")
    libraries = Libraries.default(tmp_path / "x/shipped")
    assert [library.name for library in libraries.libraries] == ["shipped-2", "shipped"]
    assert libraries.get("shipped:system/plain").id == "system/plain"


def test_the_checkouts_own_prompts_are_the_shipped_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(paths.shipped("prompts").parent)
    put(Path.home() / ".local/share/workbench/prompts", "system/plain", "my own")
    libraries = Libraries.default()
    assert [(library.name, library.writable) for library in libraries.libraries] == [("mine", True), ("shipped", False)]
    assert libraries.get("system/plain").text == "my own"
    first = Libraries.default(Path("prompts")).libraries[0]
    assert (first.name, first.writable) == ("shipped", False)


def test_a_file_can_be_named_by_its_path(tmp_path: Path, two: Libraries) -> None:
    path = put(tmp_path / "else", "mine", "by path")
    assert two.get(str(path)).text == "by path"


def test_the_default_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "prompts", "p")
    put(Path.home() / ".local/share/workbench/prompts", "q")
    put(tmp_path / "extra", "p", "from extra")
    libraries = Libraries.default(tmp_path / "extra")
    assert [library.name for library in libraries.libraries] == ["extra", "project", "mine", "shipped"]
    assert libraries.get("p").text == "from extra"
    assert libraries.get("system/plain").library == "shipped"
    put(tmp_path / "other", "p", "from other")
    several = Libraries.default([tmp_path / "other", tmp_path / "extra"])
    assert [library.name for library in several.libraries][:3] == ["other", "extra", "project"]
    assert several.get("p").text == "from other"
    assert several.get("extra:p").text == "from extra"
    with pytest.raises(UsageError, match="no such library"):
        Libraries.default(tmp_path / "nowhere")


def test_search_finds_by_every_field_and_filters(two: Libraries) -> None:
    entries = two.entries()
    assert [entry.id for entry, _ in search(entries, "secnd thoughts")][:1] == ["a/two"]
    assert next(entry.id for entry, _ in search(entries, "near one")) == "a/one"
    assert len(search(entries, "")) == 3
    assert [entry.id for entry, _ in search(entries, "kind:system")] == ["a/one", "a/two"]
    assert search(entries, "kind:chat") == []
    assert search(entries, "zzzzqqq") == []
    assert [entry.id for entry, _ in search(entries, "thoughts second")] == ["a/two"]
    assert search(entries, "second zzzzqqq") == []
    assert next(entry.id for entry, _ in search(entries, "bad")) == "bad"


@given(st.lists(st.sampled_from("abc /:İß가"), max_size=12).map("".join), st.text(alphabet="abcABC İß가", max_size=30))
def test_marked_letters_are_the_querys(query: str, text: str) -> None:
    marked = positions(query, text)
    assert marked == sorted(set(marked))
    assert {text[at].lower() for at in marked} <= set(query.lower())


def test_what_is_marked() -> None:
    assert positions("tho", "Second thoughts") == [7, 8, 9]
    assert positions("sgh", "Second thoughts") == [0, 11, 12]
    assert positions("thoughts kind:chat sec", "Second thoughts") == [0, 1, 2, *range(7, 15)]
    assert positions("x", "abc") == []
