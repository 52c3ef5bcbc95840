"""Downloads that are not done, kept from one start to the next: what they are, so that they can go on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workbench import paths
from workbench.errors import StorageError, WorkbenchError
from workbench.files import atomic_write
from workbench.models.hub import RepoFile

MOST = 200  # downloads that are kept
_MAX_BYTES = 4_000_000


@dataclass(frozen=True)
class Pending:
    """A file of a repository, at a commit."""

    repo: str
    commit: str
    file: RepoFile


def load(path: Path | None = None) -> list[Pending]:
    """What was left, oldest first; an entry that cannot be read is none, nor is a file that cannot."""
    try:
        return _entries(_bytes(path or _path()))
    except OSError:
        return []


def add(what: Pending, path: Path | None = None) -> None:
    """Keep it, as the newest. Raises StorageError."""
    _change(lambda left: [*(each for each in left if each != what), what], path or _path())


def drop(what: Pending, path: Path | None = None) -> None:
    """It is done, or given up. Raises StorageError."""
    _change(lambda left: [each for each in left if each != what], path or _path())


def _change(change: Callable[[list[Pending]], list[Pending]], path: Path) -> None:
    """Change the file as it is now: another workbench, or `models pull`, may have written it meanwhile."""
    try:
        paths.ensure(path.parent)
        with _locked(path.parent):
            before = _entries(_bytes(path))
            after = change(before)[-MOST:]
            if after != before:
                atomic_write(path, json.dumps([asdict(each) for each in after], indent=1).encode() + b"\n")
    except (OSError, WorkbenchError) as error:
        raise StorageError("the list of downloads cannot be kept", where=str(path), hint=str(error)) from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock on the folder; where there are no locks, go on without."""
    import fcntl

    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES)
    except FileNotFoundError:
        return b""


def _entries(data: bytes) -> list[Pending]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return []
    entries = [_entry(each) for each in found] if isinstance(found, list) else []
    return [entry for entry in entries if entry is not None]


def _path() -> Path:
    return paths.data_dir() / "downloads.json"


def _entry(data: Any) -> Pending | None:
    try:
        file = data["file"]
        parts = tuple((str(n), int(s), str(h) if h is not None else None) for n, s, h in file["parts"])
        made = RepoFile(str(file["name"]), str(file["quantization"]), int(file["size"]), parts, bool(file["projector"]))
        return Pending(str(data["repo"]), str(data["commit"]), made)
    except (KeyError, TypeError, ValueError):
        return None
