"""Atomic writing: old bytes or new ones, mode and links kept, conflicts seen, every failing call survived."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from workbench.errors import StorageError
from workbench.files import ConflictError, atomic_write, digest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "folder"
    made.mkdir()
    return made


def test_mode_and_link_are_kept(folder: Path) -> None:
    real = folder / "real.toml"
    real.write_text("old")
    real.chmod(0o640)
    link = folder / "link.toml"
    link.symlink_to(real)
    atomic_write(link, b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    assert real.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in folder.iterdir()) == ["link.toml", "real.toml"]


def test_a_new_file_is_private(folder: Path) -> None:
    atomic_write(folder / "x", b"1", expect="")
    assert (folder / "x").stat().st_mode & 0o777 == 0o600


def test_a_change_meanwhile_is_a_conflict(folder: Path) -> None:
    path = folder / "x"
    path.write_bytes(b"read")
    seen = digest(b"read")
    path.write_bytes(b"theirs")
    with pytest.raises(ConflictError):
        atomic_write(path, b"mine", expect=seen)
    assert path.read_bytes() == b"theirs"
    atomic_write(path, b"mine", expect=digest(b"theirs"))
    path.unlink()
    with pytest.raises(ConflictError):
        atomic_write(path, b"mine", expect=digest(b"mine"))
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("call", ["open", "fdopen", "fchmod", "fsync", "replace"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EACCES])
def test_a_failing_call_leaves_the_old_bytes(
    folder: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    path = folder / "x"
    path.write_bytes(b"old")

    def fail(*arguments: object, **named: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(f"workbench.files.os.{call}", fail)
        with pytest.raises(StorageError, match="the file is as it was"):
            atomic_write(path, b"new")
    assert path.read_bytes() == b"old"
    assert [item.name for item in folder.iterdir()] == ["x"]
