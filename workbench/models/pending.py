"""Downloads that are not done, kept from one start to the next: what they are, so that they can go on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workbench import paths
from workbench.errors import StorageError, WorkbenchError
from workbench.files import atomic_write
from workbench.models.hub import RepoFile

_MAX_BYTES = 1_000_000


@dataclass(frozen=True)
class Pending:
    """A file of a repository, at a commit."""

    repo: str
    commit: str
    file: RepoFile


def load(path: Path | None = None) -> list[Pending]:
    """What was left, oldest first; an entry that cannot be read is none, nor is a file that cannot."""
    try:
        with (path or _path()).open("rb") as file:
            found = json.loads(file.read(_MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return []
    entries = [_entry(each) for each in found] if isinstance(found, list) else []
    return [entry for entry in entries if entry is not None]


def save(left: Sequence[Pending], path: Path | None = None) -> None:
    """Keep these. Raises StorageError."""
    path = path or _path()
    try:
        paths.ensure(path.parent)
        atomic_write(path, json.dumps([asdict(each) for each in left], indent=1).encode() + b"\n")
    except (OSError, WorkbenchError) as error:
        raise StorageError("the list of downloads cannot be kept", where=str(path), hint=str(error)) from error


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
