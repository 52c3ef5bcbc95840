"""Unsaved edits, a file each, so that a kill or a lost line costs a second of typing at most."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from workbench import paths
from workbench.errors import StorageError
from workbench.files import atomic_write, digest

LARGEST = 20_000_000  # bytes of a draft that is still read back


@dataclass(frozen=True)
class Draft:
    """An unsaved edit of the file at `path`: the text as typed, and the bytes (latin-1) that it was made from.

    `time` is when it was last typed in, UTC, ISO 8601.
    """

    path: str
    base: str
    text: str
    time: str

    @property
    def base_bytes(self) -> bytes:
        """What was read before the edit; b"" for a new file."""
        return self.base.encode("latin-1")


class Drafts:
    """The drafts in `folder` (the person's own by default)."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or paths.data_dir() / "drafts"

    def keep(self, path: Path, base: bytes, text: str, time: str) -> None:
        """Keep the edit, in place of an earlier one of that file. Raises StorageError."""
        paths.ensure(self.folder)
        draft = Draft(_real(path), base.decode("latin-1"), text, time)
        # A lone surrogate (a terminal may send one) survives as an escape.
        atomic_write(self._file(path), json.dumps(asdict(draft)).encode())

    def find(self, path: Path) -> Draft | None:
        """The unsaved edit of that file, if there is one."""
        return _load(self._file(path))

    def drop(self, path: Path) -> None:
        """The edit is saved or given up."""
        try:
            self._file(path).unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(f"the draft stays ({error.strerror})", where=str(self._file(path))) from error

    def all(self) -> list[Draft]:
        """Every draft there is, newest first; files that are none are passed over."""
        try:
            names = sorted(os.listdir(self.folder))
        except OSError:
            return []
        found = [_load(self.folder / name) for name in names if name.endswith(".json")]
        return sorted((draft for draft in found if draft), key=lambda draft: draft.time, reverse=True)

    def _file(self, path: Path) -> Path:
        return self.folder / f"{digest(os.fsencode(_real(path)))[:32]}.json"


def _real(path: Path) -> str:
    """The file itself: by a link or straight, it is one draft. The link's own name may be gone, its folder not."""
    return os.path.realpath(path)


def _load(file: Path) -> Draft | None:
    try:
        if file.stat().st_size > LARGEST:
            return None
        data = json.loads(file.read_bytes())
        draft = Draft(**{name: str(data[name]) for name in ("path", "base", "text", "time")})
        draft.base_bytes  # noqa: B018  (it may not be latin-1)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return draft
