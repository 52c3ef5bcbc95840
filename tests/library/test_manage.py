"""Prompt files made, copied, moved, deleted and brought back; history and labels go along, nothing is overwritten."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from workbench.errors import NotFoundError, StorageError, UsageError
from workbench.library import labels
from workbench.library.check import problems_of
from workbench.library.library import Libraries, Library
from workbench.library.manage import Manager, check_id
from workbench.library.prompt import KINDS
from workbench.library.versions import Versions


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "lib"
    made.mkdir()
    return made


@pytest.fixture
def manager(folder: Path) -> Manager:
    return Manager(Libraries([Library("lib", folder)]), Versions())


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_prompt_of_each_kind_is_right(manager: Manager, kind: str) -> None:
    path = manager.create(kind, f"{kind}/새 이름")
    assert path.stat().st_mode & 0o777 == 0o644
    (entry,) = manager.libraries.entries()
    assert entry.prompt is not None
    assert (entry.id, entry.prompt.kind) == (f"{kind}/새 이름", kind)
    assert problems_of(entry) == []
    with pytest.raises(UsageError, match="has a prompt"):
        manager.create(kind, f"{kind}/새 이름")
    with pytest.raises(UsageError, match="is no kind"):
        manager.create("poem", "x")


@pytest.mark.parametrize(
    ("id", "says"),
    [
        ("", "needs a name"),
        ("a//b", "needs a name"),
        (".hidden", "hidden"),
        ("a/../b", "hidden"),
        ("a@b", "cannot be in"),
        ("lib:a", "cannot be in"),
        ("a\nb", "cannot be in"),
        ("labels", "holds the labels"),
        ("x" * 300, "too long"),
    ],
)
def test_names_that_cannot_be(manager: Manager, id: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        manager.create("system", id)


def test_a_name_may_be_written_as_a_file() -> None:
    assert check_id(" system/a b.toml ") == "system/a b"
    assert check_id("/a/") == "a"


def test_a_move_takes_history_and_labels_along(manager: Manager, folder: Path) -> None:
    manager.create("system", "a/old")
    version = manager.libraries.get("a/old").version
    labels.set_label(folder, "a/old", "production", version)
    (folder / "a" / "old.toml").chmod(0o640)
    target = manager.move("a/old", "b c/새로운")
    assert target == folder / "b c" / "새로운.toml"
    assert target.stat().st_mode & 0o777 == 0o640
    assert not (folder / "a").exists()
    assert labels.load(folder) == {"b c/새로운": {"production": version}}
    assert [each.version for each in manager.versions.log(folder, "b c/새로운")] == [version]
    assert manager.versions.log(folder, "a/old") == []
    assert manager.libraries.get("b c/새로운").version == version


def test_a_move_overwrites_nothing(manager: Manager, folder: Path) -> None:
    manager.create("system", "a")
    manager.create("system", "b", text="kind = 'system'\ntext = 'b'\n")
    with pytest.raises(UsageError, match="has a prompt b already"):
        manager.move("a", "b")
    assert (folder / "b.toml").read_text() == "kind = 'system'\ntext = 'b'\n"
    assert manager.move("a", "A") == folder / "A.toml"
    assert sorted(path.name for path in folder.glob("*.toml")) == ["A.toml", "b.toml"]


def test_a_link_moves_as_a_link(manager: Manager, folder: Path) -> None:
    manager.create("system", "real")
    (folder / "sub").mkdir()
    (folder / "sub" / "link.toml").symlink_to("../real.toml")
    target = manager.move("sub/link", "link")
    assert target.is_symlink()
    assert os.path.realpath(target) == os.path.realpath(folder / "real.toml")
    manager.delete("link")
    assert (folder / "real.toml").exists()


def test_to_another_library(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    libraries = Libraries(
        [Library("one", one), Library("two", two), Library("shipped", tmp_path / "no", writable=False)]
    )
    manager = Manager(libraries, Versions())
    manager.create("system", "a")
    version = libraries.get("a").version
    labels.set_label(one, "a", "candidate", version)
    assert manager.move("a", "a", to="two") == two / "a.toml"
    assert labels.load(two) == {"a": {"candidate": version}}
    assert manager.duplicate("a", "a", to="one") == one / "a.toml"
    with pytest.raises(NotFoundError, match="no library three"):
        manager.move("a", "a", to="three")
    with pytest.raises(StorageError, match="not written to"):
        manager.move("a", "a", to="shipped")


def test_a_deleted_prompt_comes_back_as_it_was(manager: Manager, folder: Path) -> None:
    path = manager.create("system", "sub/a")
    data = path.read_bytes()
    manager.delete("sub/a")
    assert not (folder / "sub").exists()
    assert [gone.id for gone in manager.versions.gone(folder)] == ["sub/a"]
    assert manager.restore("sub/a") == path
    assert path.read_bytes() == data
    assert manager.versions.gone(folder) == []
    assert len(manager.versions.log(folder, "sub/a")) == 1
    with pytest.raises(NotFoundError, match="no deleted prompt"):
        manager.restore("sub/a")


def test_the_shipped_library_is_left_alone(tmp_path: Path, folder: Path) -> None:
    (folder / "a.toml").write_text("kind = 'system'\ntext = 'x'\n")
    manager = Manager(Libraries([Library("shipped", folder, writable=False)]), Versions())
    for work in (lambda: manager.delete("a"), lambda: manager.move("a", "b")):
        with pytest.raises(StorageError, match="not written to"):
            work()
    copy = manager.duplicate("a", "b")
    assert copy.read_text() == (folder / "a.toml").read_text()
    assert manager.libraries.get("b").library == "mine"
