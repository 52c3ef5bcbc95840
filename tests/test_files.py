"""Atomic writing: old bytes or new ones, mode and links kept, conflicts seen, every failing call survived."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
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


@pytest.mark.parametrize("call", ["open", "write", "fchown", "fchmod", "fsync", "replace"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS])
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


def test_a_short_write_goes_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.write
    monkeypatch.setattr("workbench.files.os.write", lambda handle, data: whole(handle, bytes(data[:3])))
    atomic_write(folder / "x", b"0123456789")
    assert (folder / "x").read_bytes() == b"0123456789"


def test_a_folder_that_cannot_be_synced_is_no_failed_write(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.open

    def fail(path: object, flags: int, *rest: int) -> int:
        if Path(str(path)) == folder:
            raise OSError(errno.EINVAL, "no")
        return whole(str(path), flags, *rest)

    monkeypatch.setattr("workbench.files.os.open", fail)
    atomic_write(folder / "x", b"new")
    assert (folder / "x").read_bytes() == b"new"


def test_a_read_only_file_is_left_alone(folder: Path) -> None:
    path = folder / "x"
    path.write_bytes(b"old")
    path.chmod(0o444)
    with pytest.raises(StorageError, match="read-only"):
        atomic_write(path, b"new")
    assert path.read_bytes() == b"old"


def test_the_longest_name_a_folder_takes(folder: Path) -> None:
    path = folder / ("n" * 250 + ".toml")
    atomic_write(path, b"1", expect="")
    assert path.read_bytes() == b"1"


_KILL = """
import os, signal, sys
from pathlib import Path
import workbench.files as files
name = sys.argv[1]
whole = getattr(os, name)
def die(*arguments, **named):
    if name == "write":
        whole(arguments[0], bytes(arguments[1][:2]))
    os.kill(os.getpid(), signal.SIGKILL)
setattr(os, name, die)
files.atomic_write(Path(sys.argv[2]), b"newer")
"""


@pytest.mark.parametrize("call", ["write", "fchmod", "fsync", "replace"])
def test_killed_at_any_step_the_old_bytes_stand(folder: Path, call: str) -> None:
    path = folder / "x.toml"
    path.write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", _KILL, call, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    assert all(item.name == "x.toml" or item.name.startswith(".") for item in folder.iterdir())
