"""Cards kept in the cache: as good as the files, whatever happens to either."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.library import index as module
from workbench.library.index import Index
from workbench.library.library import Libraries, Library

ONE = 'kind = "system"\ntitle = "One"\ntags = ["a"]\ntext = "x"\n'
TWO = ONE.replace("One", "Two")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "lib"
    made.mkdir()
    (made / "a.toml").write_text(ONE)
    (made / "bad.toml").write_text('kind = "sys')
    return made


def fresh(folder: Path, cache: Path) -> Index:
    return Index(Libraries([Library("lib", folder, True)]), cache)


def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if every file had been written long ago."""
    monkeypatch.setattr(module, "RACY", 0)


def test_cards_are_what_the_files_say(folder: Path, tmp_path: Path) -> None:
    cards = fresh(folder, tmp_path / "c").refresh()
    assert [card.id for card in cards] == ["a", "bad"]
    assert (cards[0].title, cards[0].kind, cards[0].tags, cards[0].text) == ("One", "system", ("a",), "x")
    assert len(cards[0].version) == 64
    assert "bad.toml:1" in cards[1].error
    assert cards[1].problem.startswith("broken TOML")


def test_the_second_time_no_file_is_read(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settled(monkeypatch)
    first = fresh(folder, tmp_path / "c").refresh()

    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(module, "read_entry", never)
    again = fresh(folder, tmp_path / "c")
    assert again.names() == first
    assert again.refresh() == first
    (file,) = (tmp_path / "c").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "c").stat().st_mode) == 0o700


def test_names_are_there_before_anything_is_read(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "read_entry", None)
    cards = fresh(folder, tmp_path / "c").names()
    assert [(card.id, card.known) for card in cards] == [("a", False), ("bad", False)]


def _tick(path: Path) -> None:
    """Wait until the file system's clock has moved on since `path` was written: some 4 ms."""
    probe = path.parent / "probe"
    while True:
        probe.write_text("")
        if probe.stat().st_ctime_ns != path.stat().st_ctime_ns:
            break
    probe.unlink()


def _in_place(path: Path) -> None:
    with open(path, "r+b") as file:
        file.write(TWO.encode())


def _renamed(path: Path) -> None:
    other = path.with_name("other")
    other.write_text(TWO)
    os.replace(other, path)


def _same_time(path: Path) -> None:
    before = path.stat()
    path.write_text(TWO)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("change", [_in_place, _renamed, _same_time, Path.unlink])
@pytest.mark.parametrize("again", [True, False], ids=["same index", "from the cache"])
def test_every_change_is_noticed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], again: bool
) -> None:
    settled(monkeypatch)
    index = fresh(folder, tmp_path / "c")
    index.refresh()
    _tick(folder / "a.toml")
    change(folder / "a.toml")
    cards = (index if again else fresh(folder, tmp_path / "c")).refresh()
    assert [card.title for card in cards] == ([""] if change is Path.unlink else ["Two", ""])


def test_a_file_written_in_the_moment_it_was_read_is_read_again(folder: Path, tmp_path: Path) -> None:
    """Its time stamp may hold two contents, as git's racy entries do."""
    index = fresh(folder, tmp_path / "c")
    index.refresh()
    stamps = {kept.stamp for kept in index._kept[str(folder)].values()}
    assert stamps == {(0, 0, 0, 0)}


def test_the_nearest_of_an_id_wins_and_a_library_has_its_own_cache(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    (other / "a.toml").write_text(TWO)
    (other / "z.toml").write_text(TWO)
    both = Libraries([Library("lib", folder, True), Library("other", other, True)])
    cards = Index(both, tmp_path / "c").refresh()
    assert [(card.id, card.library, card.title) for card in cards] == [
        ("a", "lib", "One"),
        ("bad", "lib", ""),
        ("z", "other", "Two"),
    ]
    turned = Libraries([Library("x", other, True), Library("lib", folder, True)])
    first = Index(turned, tmp_path / "c").refresh()[0]
    assert (first.library, first.title) == ("x", "Two")


@settings(max_examples=40)
@given(st.one_of(st.binary(max_size=60), st.integers(0, 400)))
def test_a_wrong_cache_is_made_anew(folder: Path, tmp_path: Path, wrong: bytes | int) -> None:
    cache = tmp_path / "c"
    right = fresh(folder, cache).refresh()
    (file,) = cache.iterdir()
    file.write_bytes(wrong if isinstance(wrong, bytes) else file.read_bytes()[:wrong])
    assert fresh(folder, cache).refresh() == right


def test_another_workbenchs_cache_and_one_that_cannot_be_written(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled(monkeypatch)
    right = fresh(folder, tmp_path / "c").refresh()
    monkeypatch.setattr(module, "_MADE_BY", "another")
    assert fresh(folder, tmp_path / "c").names()[0].known is False
    (tmp_path / "file").write_text("")
    assert fresh(folder, tmp_path / "file").refresh() == right
    (kept,) = (tmp_path / "c").iterdir()
    kept.unlink()
    kept.mkdir()
    assert fresh(folder, tmp_path / "c").refresh() == right
    assert list((tmp_path / "c").iterdir()) == [kept]


@pytest.mark.parametrize("wrong", [b"\x81\xa1x" + b"\x91" * 100_000, b"\x81\xa1x" + b"\x81\xa1a" * 100_000])
def test_a_cache_that_is_nested_without_end(folder: Path, tmp_path: Path, wrong: bytes) -> None:
    right = fresh(folder, tmp_path / "c").refresh()
    next((tmp_path / "c").iterdir()).write_bytes(wrong)
    assert fresh(folder, tmp_path / "c").refresh() == right


def test_a_name_that_is_no_utf8_does_not_keep_the_others_from_the_cache(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled(monkeypatch)
    with open(os.fsencode(folder) + b"/caf\xe9.toml", "w") as file:
        file.write(ONE)
    right = fresh(folder, tmp_path / "c").refresh()
    again = fresh(folder, tmp_path / "c")
    assert [(card.id, card.known) for card in again.names()] == [("a", True), ("bad", True), ("caf\udce9", False)]
    assert again.refresh() == right


def test_an_error_of_the_disk_is_forgotten_when_it_passes(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled(monkeypatch)

    def failing(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("workbench.library.reader.open", failing, raising=False)
        assert "Input/output error" in fresh(folder, tmp_path / "c").refresh()[0].error
    assert fresh(folder, tmp_path / "c").refresh()[0].title == "One"


def test_a_file_of_the_year_1970_is_kept(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settled(monkeypatch)
    os.utime(folder / "a.toml", ns=(0, 0))
    (folder / "bad.toml").unlink()
    right = fresh(folder, tmp_path / "c").refresh()
    monkeypatch.setattr(module, "read_entry", None)
    assert fresh(folder, tmp_path / "c").refresh() == right


def test_links_that_go_in_circles(folder: Path, tmp_path: Path) -> None:
    (folder / "loop").symlink_to(folder)
    (folder / "self.toml").symlink_to(folder / "self.toml")
    ids = {card.id: card.error for card in fresh(folder, tmp_path / "c").refresh()}
    assert ids["a"] == ""
    assert ids.get("self", "x")
