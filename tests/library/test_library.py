"""Libraries: nearest first, references, bad files as rows, links that lead out; and search."""

from __future__ import annotations

from pathlib import Path

import pytest

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
    assert "out" not in [entry.id for entry in two.entries()]


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
    assert positions("tho", "Second thoughts") == [7, 8, 9]
    assert positions("sgh", "Second thoughts") == [0, 11, 12]
    assert positions("x", "abc") == []
